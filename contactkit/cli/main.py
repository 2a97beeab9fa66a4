"""The command line: `contactkit demo`, `describe`, `plan`, `apply`, `export` and the others."""

from __future__ import annotations

import re
import sys
import warnings
from io import TextIOWrapper
from typing import Annotated, Any

try:
    import typer

    from contactkit.cli.output import print_error, say, show
except ImportError:
    sys.exit('The command line needs its extra: python -m pip install "contactkit[demo]"')

import contactkit
from contactkit._client.describe import describe as describe_provider
from contactkit._client.describe import providers
from contactkit._providers import find, names
from contactkit.cli import apply, cassette, consent, export, fleet, plan
from contactkit.cli.demo import show_demo
from contactkit.cli.options import ProviderName, SimulatorCommand
from contactkit.errors import ContactKitError
from contactkit.simulator import Population

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(cassette.app, name="cassette")
app.add_typer(consent.app, name="consent")
app.add_typer(fleet.app, name="fleet")


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"contactkit {contactkit.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Explore and change contacts at messaging and marketing providers."""


@app.command()
def demo() -> None:
    """Show frames, a plan, a recording and consent, on simulators."""
    show_demo()


@app.command("providers")
def list_providers() -> None:
    """List the providers with their verbs, authentication and limits."""
    columns = ["name", "verbs", "authentication", "limits"]
    show(providers().filter(columns), folds=["verbs", "authentication", "limits"])


@app.command()
def describe(
    provider: Annotated[
        str | None, typer.Argument(help=f"One of {', '.join(names())}; all are listed without it.")
    ] = None,
) -> None:
    """Show the fields of a provider's contact, and its verbs."""
    if provider is None:
        list_providers()
        return
    rows = describe_provider(provider)
    consent = rows["help"] + " Consent to " + rows["consent"] + "."
    rows["help"] = rows["help"].where(rows["consent"] == "", consent)
    unique = rows["help"] + " Unique: plans match --on it."
    rows["help"] = rows["help"].where(~rows["unique"], unique)
    inferred = rows["help"] + " (Inferred.)"
    rows["help"] = rows["help"].where(rows["evidence"] == "documented", inferred)
    qualified = rows["of"] + ": " + rows["field"]
    rows["field"] = rows["field"].where(rows["of"].isin(["contact", "verb"]), qualified)
    is_verb = rows["of"] == "verb"
    fields = rows.loc[~is_verb, ["field", "type", "access", "choices", "help"]]
    show(fields, folds=["choices", "help"])
    verbs = rows.loc[is_verb, ["field", "type", "help"]]
    show(verbs.set_axis(["verb", "request", "help"], axis="columns"), folds=["help"])


app.command(cls=SimulatorCommand)(plan.plan)
app.command(cls=SimulatorCommand)(apply.apply)
app.command(cls=SimulatorCommand)(export.export)


@app.command()
def serve(
    provider: ProviderName,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="0 takes any free port.", metavar="N")
    ] = 0,
    contacts: Annotated[
        str | None,
        typer.Option(
            help="How many contacts to start with, 50 by default, or a file of them as "
            "`contactkit plan` reads.",
            metavar="N|FILE",
        ),
    ] = None,
    people: Annotated[
        int | None,
        typer.Option(
            help="Start with the contacts of a population of so many people. Other providers that "
            "are served with the same number and seed know the same people.",
            metavar="N",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="The same seed makes the same contacts.", metavar="N")
    ] = 0,
    strict: Annotated[
        bool | None,
        typer.Option(
            "--strict/--no-strict",
            help="Whether to take the provider's page of an update to the letter: Privy's about "
            "suppressed contacts, Digital Onboarding's about required fields.",
        ),
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(
            help="The time at which its clock stands still, such as 2026-03-11T21:50:50.182552Z; "
            "with --control it can be moved on. Without it, it has the real time.",
            metavar="TIME",
        ),
    ] = None,
    response_time: Annotated[
        float,
        typer.Option(
            min=0,
            help="By how much a response is dated after the change that it reports.",
            metavar="SECONDS",
        ),
    ] = 0.0,
    ids: Annotated[
        list[str] | None,
        typer.Option(
            "--id",
            help="The key of the next contact that is created; for more, repeat it.",
            metavar="KEY",
        ),
    ] = None,
    request_ids: Annotated[
        list[str] | None,
        typer.Option(
            "--request-id", help="The id of the next request; for more, repeat it.", metavar="ID"
        ),
    ] = None,
    control: Annotated[
        bool, typer.Option("--control", help="Add routes that control the simulator.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print address and credentials as one line of JSON.")
    ] = False,
) -> None:
    """Serve a provider's simulator over HTTP until Ctrl-C.

    Contacts, ids and the time may be set, so that a test knows each answer to the last digit.
    """
    # Only this command needs the server's packages.
    from contactkit.simulator.serve.app import SimulatorApp, run
    from contactkit.simulator.serve.banner import banner_json, banner_text

    served = SimulatorApp(
        find(provider),
        **_start(contacts, people, seed),
        strict=strict,
        clock=clock,
        response_time=response_time,
        ids=ids or (),
        request_ids=request_ids or (),
        controlled=control,
    )
    banner = banner_json if as_json else banner_text
    run(served, host, port, lambda address: print(banner(served, address), flush=True))


def _start(contacts: str | None, people: int | None, seed: int) -> dict[str, Any]:
    """What a served simulator starts with."""
    if people is None:
        number = contacts is not None and re.fullmatch(r"-?\d+", contacts)
        return {"contacts": int(contacts or "") if number else contacts, "seed": seed}
    if contacts is not None:
        raise typer.BadParameter("--people decides who the contacts are: leave out --contacts")
    return {"people": Population(people, seed)}


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Serve the dashboard with Voila.")
    ] = False,
) -> None:
    """Open the notebooks in JupyterLab, or serve the dashboard.

    Options that are not listed below are passed on to JupyterLab or Voila.
    """
    # Only this command needs the notebooks' packages.
    from contactkit.cli.lab import open_lab, serve_dashboard

    (serve_dashboard if dashboard else open_lab)(context.args)


def main() -> None:
    """Run the command line; a contactkit error ends it with status 1 and no traceback."""
    # If a terminal lacks a character it shows another one instead of a traceback.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    warnings.showwarning = _print_warning
    try:
        app()
    except ContactKitError as error:
        notes = getattr(error, "__notes__", ())
        print_error("\n".join([f"{type(error).__name__}: {error}", *notes]), "red")
        sys.exit(1)


def _print_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    """Print a warning without a line of code, since the user wrote none."""
    print_error(f"{category.__name__}: {message}", "yellow")
