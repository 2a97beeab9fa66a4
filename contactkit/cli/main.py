"""The command line: `contactkit demo`, `lab`, `describe`, `plan`, `apply`, `serve`, `cassette`."""

from __future__ import annotations

import sys
import warnings
from io import TextIOWrapper
from typing import Annotated

try:
    import typer

    from contactkit.cli.output import complain, show
except ImportError:
    sys.exit('The command line needs its extra: python -m pip install "contactkit[demo]"')

from contactkit._client.describe import describe as described
from contactkit._providers import find, names
from contactkit.cli import cassette, plan
from contactkit.cli.demo import STORIES, tell
from contactkit.errors import ContactKitError

app = typer.Typer(
    help="Explore and change contacts at messaging and marketing providers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cassette.app, name="cassette")


@app.command()
def demo() -> None:
    """List, change, refuse and read back contacts of every provider, on the simulator."""
    for provider in STORIES:
        tell(provider)


@app.command()
def describe(
    provider: Annotated[str, typer.Argument(help=f"One of {', '.join(names())}.")],
) -> None:
    """Show every field of a provider's contact: its type, who may write it, and what it means."""
    told = described(provider)
    inferred = told["help"] + " (Inferred.)"
    told["help"] = told["help"].where(told["evidence"] == "documented", inferred)
    owned = told["of"] + ": " + told["field"]
    told["field"] = told["field"].where(told["of"].isin(["contact", "verb"]), owned)
    verbs = told["of"] == "verb"
    fields = told.loc[~verbs, ["field", "type", "access", "choices", "help"]]
    show(fields, folds=["choices", "help"])
    asked = told.loc[verbs, ["field", "type", "help"]]
    show(asked.set_axis(["verb", "request", "help"], axis="columns"), folds=["help"])


app.command()(plan.plan)
app.command()(plan.apply)


@app.command()
def serve(
    provider: Annotated[str, typer.Argument(help=f"One of {', '.join(names())}.")],
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 is any free one.")] = 0,
    contacts: Annotated[int, typer.Option(help="How many contacts to start with.")] = 50,
    seed: Annotated[int, typer.Option(help="The same seed makes the same contacts.")] = 0,
    control: Annotated[bool, typer.Option("--control", help="Add routes that steer it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say all of it in one line.")] = False,
) -> None:
    """Serve a provider's simulator over HTTP until Ctrl-C."""
    # Only this command needs what the server needs.
    from contactkit.simulator.serve.app import Served, run
    from contactkit.simulator.serve.banner import facts, welcome

    served = Served(find(provider), contacts, seed, controlled=control)
    told = facts if as_json else welcome
    run(served, host, port, lambda address: print(told(served, address), flush=True))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    dashboard: Annotated[bool, typer.Option("--dashboard", help="Serve it with Voila.")] = False,
) -> None:
    """Open the notebooks in JupyterLab, or serve the dashboard; further options go on to these."""
    # Only this command needs what the notebooks need.
    from contactkit.cli.lab import open_lab, serve_dashboard

    (serve_dashboard if dashboard else open_lab)(context.args)


def main() -> None:
    """Run the command line; what contactkit raises is told without a traceback, status 1."""
    # A terminal that cannot show a character shows another one, and no traceback.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    warnings.showwarning = _warned
    try:
        app()
    except ContactKitError as error:
        complain(f"{type(error).__name__}: {error}", "red")
        sys.exit(1)


def _warned(message: Warning | str, category: type[Warning], *_: object) -> None:
    """Tell a warning without the line of code that is to blame, for the user wrote none."""
    complain(f"{category.__name__}: {message}", "yellow")
