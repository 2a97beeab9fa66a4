"""`contactkit consent`: who said no where, what would carry it on, and who may be written to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from contactkit._client.client import Client
from contactkit._client.connect import connect
from contactkit._client.people import people as read_people
from contactkit._frames.files import open_file, write_private
from contactkit._people.people import People
from contactkit._people.plans import Plans
from contactkit._plans.load import read_plan, with_client
from contactkit._plans.plan import Plan
from contactkit._plans.preview import MOST_SHOWN, first_cells
from contactkit._plans.tables import text_of
from contactkit._providers import find, names
from contactkit.cli.apply import ask_to_send, show_result, status_of
from contactkit.cli.options import EXISTING, need_parquet, new_table, writing
from contactkit.cli.output import say, show, table_file
from contactkit.errors import ConfigurationError
from contactkit.simulator import Population, Simulator
from contactkit.spec.provider import Provider

app = typer.Typer(no_args_is_help=True, help="Consent over all providers: who said no, and where.")
DENIED, STUCK = 1, 3
_PEOPLE, _LONGEST = 200, 40

Sources = Annotated[
    list[str],
    typer.Argument(
        help="Providers, read with credentials from the environment, or NAME=PATH for a file of "
        f"contacts or an exported folder. Providers: {', '.join(names())}.",
        metavar="SOURCE",
    ),
]
Suppression = Annotated[
    list[Path] | None,
    typer.Option(
        help="A file of addresses not to write to; for more, repeat it.", metavar="FILE", **EXISTING
    ),
]
Region = Annotated[
    str | None, typer.Option(help="Read phone numbers without a country code as of this region.")
]
Simulate = Annotated[
    bool,
    typer.Option(
        "--simulator", help=f"Use simulators of the providers with the same {_PEOPLE} people."
    ),
]


class Channel(StrEnum):
    """What is written to the people: texts or e-mail."""

    text = "text"
    email = "email"


@app.command("show")
def show_people(
    sources: Sources,
    suppression: Suppression = None,
    region: Region = None,
    simulator: Simulate = False,
) -> None:
    """Count people and conflicts, and show how old each source is.

    The exit status is 1 if a provider still sends to somebody who said no at another and the no can
    be written there, and 3 if none of these noes can be written.
    """
    with _people(sources, suppression, region, simulator) as people:
        for name, text in people.facts().items():
            say(f"{name}: {text}")
        raise typer.Exit(_status(people))


@app.command()
def conflicts(
    sources: Sources,
    suppression: Suppression = None,
    region: Region = None,
    simulator: Simulate = False,
) -> None:
    """List what disagrees, worst first.

    The exit status is that of `show`.
    """
    with _people(sources, suppression, region, simulator) as people:
        found = people.conflicts()
        if len(found):
            columns = ["kind", "channel", "person", "denied_by", "allowed_at", "because"]
            show(found.filter(columns).head(MOST_SHOWN), folds=columns[3:])
        _say_rest(len(found), "conflicts")
        raise typer.Exit(_status(people))


@app.command()
def plan(
    sources: Sources,
    out: Annotated[Path, typer.Option(help="Save a plan for each provider in this new folder.")],
    suppression: Suppression = None,
    region: Region = None,
    simulator: Simulate = False,
) -> None:
    """Plan each no where it is missing; nothing is sent.

    Where somebody said no at one provider and another would still send, the plan of the other
    writes the no. `contactkit consent apply` sends the folder's plans. The exit status is that of
    `show`.
    """
    need_parquet()
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise typer.BadParameter(f"{out}: must be a new or an empty folder")
    with _people(sources, suppression, region, simulator) as people:
        plans = people.propagate()
        _show_plans(plans)
        with writing(out):
            out.mkdir(exist_ok=True)
            for name, each in plans.items():
                if len(each):
                    each.to_parquet(out / f"{name}.parquet")
        say(f"saved to {out}")
        raise typer.Exit(_status(people))


@app.command()
def apply(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A folder of `contactkit consent plan --out`.", exists=True, file_okay=False
        ),
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Send to live providers without a question.")
    ] = False,
    simulator: Simulate = False,
) -> None:
    """Apply the plans of a folder at the same time.

    The same command again resumes them. Every contact is read right before its write. Before it
    sends to a live provider it asks on the terminal; without a terminal it needs --yes. The exit
    status is that of `contactkit apply`.
    """
    need_parquet()
    saved = {path.stem: read_plan(path) for path in sorted(folder.glob("*.parquet"))}
    if not saved:
        raise ConfigurationError(f"{folder}: has no plan")
    _check_noes(folder, saved)
    with ExitStack() as stack:
        clients = _clients({name: each.provider for name, each in saved.items()}, simulator)
        bound = {
            name: with_client(each, stack.enter_context(clients[name]))
            for name, each in saved.items()
        }
        plans = Plans(plans=bound, read_at={})
        _show_plans(plans)
        live = any(client.world.real for client in clients.values())
        if live and any(each.requests for each in plans.values()) and not yes:
            ask_to_send()
        result = plans.apply()
    show_result(result)
    raise typer.Exit(status_of(result))


def _check_noes(folder: Path, plans: Mapping[str, Plan]) -> None:
    """ConfigurationError if a plan of the folder has a write that is not a no with its reasons."""
    for name, plan in plans.items():
        if any(not contact.because or contact.given for contact in plan.contacts):
            message = "is not a plan of `contactkit consent plan`; use `contactkit apply` for it"
            raise ConfigurationError(f"{folder / name}.parquet: {message}")


@app.command()
def guard(
    file: Annotated[Path, typer.Argument(help="A campaign: CSV, Parquet or Feather.", **EXISTING)],
    sources: Sources,
    channel: Annotated[Channel, typer.Option(help="What is to be sent.")],
    out: Annotated[
        Path, typer.Option(help="Save the rows that may be written to here.", callback=new_table)
    ],
    field: Annotated[
        str | None, typer.Option(help="The column of addresses, if it is not the only one.")
    ] = None,
    basis: Annotated[
        str | None, typer.Option(help="Count only this as a yes, such as opted_in.")
    ] = None,
    max_age: Annotated[
        str,
        typer.Option(help="How old a source may be, such as 2h; any also for one of unknown age."),
    ] = "1d",
    suppression: Suppression = None,
    region: Region = None,
    simulator: Simulate = False,
) -> None:
    """Keep the rows of a campaign that may be written to.

    What is not certain is left out.
    """
    with _people(sources, suppression, region, simulator) as people:
        opened = open_file(file)
        campaign = pd.DataFrame(opened.columns)
        age = None if max_age == "any" else max_age
        kept = people.guard(campaign, channel.value, field=field, basis=basis, max_age=age)
    with writing(out):
        write_private(out, table_file(kept, out, guards=opened.guarded))
    say(f"{len(kept):,} of {len(campaign):,} rows may be written to: {out}")
    for reason, count in kept.attrs["left_out"].items():
        say(f"left out, {reason}: {count:,}")


@app.command()
def history(
    address: Annotated[str, typer.Argument(help="A phone number or an e-mail address.")],
    sources: Sources,
    suppression: Suppression = None,
    region: Region = None,
    simulator: Simulate = False,
) -> None:
    """Show what a person said, and what was written to their consent."""
    with _people(sources, suppression, region, simulator) as people:
        found = people.history(address)
    if found.empty:
        say("no source has this address")
        return
    shown = found.drop(columns="request_id").astype(object)
    show(shown.where(shown.notna(), None), folds=["because"])


@contextmanager
def _people(
    sources: list[str], suppression: list[Path] | None, region: str | None, simulator: bool
) -> Iterator[People]:
    """The people of these sources, whose clients are open until the end."""
    named = [text.partition("=") for text in sources]
    counts = Counter(name for name, _, _ in named)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise typer.BadParameter(f"{', '.join(twice)}: two sources have this name; choose another")
    providers = {name: find(name) for name, _, path in named if not path}
    with ExitStack() as stack:
        clients = _clients(providers, simulator)
        opened = {name: stack.enter_context(client) for name, client in clients.items()}
        files = {name: path for name, _, path in named if path}
        found: dict[str, Any] = {name: opened.get(name) or files[name] for name, _, _ in named}
        yield read_people(suppression=suppression, region=region, **found)


def _clients(providers: Mapping[str, Provider], simulator: bool) -> dict[str, Client]:
    population = Population(_PEOPLE) if simulator else None
    return {
        name: connect(provider, via=Simulator(people=population) if population else None)
        for name, provider in providers.items()
    }


def _status(people: People) -> int:
    """Whether somebody who said no is sent to elsewhere, and whether that can be written."""
    kinds = set(people.conflicts()["kind"])
    return DENIED if "denied_elsewhere" in kinds else STUCK if "stuck" in kinds else 0


def _show_plans(plans: Plans) -> None:
    show(plans.summary().drop(columns=["provider", "eta", "read_at"]))
    cells = [
        {
            "key": f"{name} {cell['key']}",
            "field": cell["field"],
            "new": text_of(cell["new"], _LONGEST),
            "refused because": cell["refused_because"] or "",
        }
        for name, each in plans.items()
        for cell in first_cells(each, MOST_SHOWN)
    ]
    cells.sort(key=lambda cell: not cell["refused because"])
    if cells:
        show(pd.DataFrame(cells[:MOST_SHOWN]), folds=["key", "refused because"])
    _say_rest(sum(sum(each.cell_counts) for each in plans.values()), "cells")


def _say_rest(count: int, noun: str) -> None:
    if count > MOST_SHOWN:
        say(f"and {count - MOST_SHOWN:,} more {noun}")
