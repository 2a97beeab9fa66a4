"""`contactkit plan`: what a file of contacts would change."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from contactkit._client.connect import connect, has_credentials, offline_session
from contactkit._client.read import read_contacts
from contactkit._frames.arrow_files import is_arrow
from contactkit._frames.frame import problems
from contactkit._plans.build import build_plan
from contactkit._plans.plan import Plan
from contactkit._plans.preview import MOST_SHOWN, first_cells
from contactkit._plans.tables import text_of
from contactkit.cli.options import (
    EXISTING,
    BaseUrl,
    Contacts,
    Create,
    Delete,
    Encoding,
    OptIn,
    OriginalEncoding,
    ProviderName,
    Region,
    Rename,
    Whole,
    need_parquet,
    new_file,
    simulated,
    writing,
)
from contactkit.cli.output import say, show
from contactkit.errors import ConfigurationError

_LONGEST = 40


class OnMoved(StrEnum):
    """What to do with a contact that has changed since the edited file was read."""

    overwrite = "overwrite"


def plan(
    provider: ProviderName,
    edited: Annotated[
        Path,
        typer.Argument(help="The edited contacts: CSV, Excel, Parquet or Feather.", **EXISTING),
    ],
    original: Annotated[
        Path | None,
        typer.Option(
            help="The contacts before the edit; without it, they are read from the provider.",
            **EXISTING,
        ),
    ] = None,
    create: Create = False,
    delete: Delete = False,
    opt_in: OptIn = False,
    on_conflict: Annotated[
        OnMoved | None,
        typer.Option(help="Without --original, also edit contacts that have changed since."),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(help="Match rows on this unique field, not on the key.", metavar="FIELD"),
    ] = None,
    encoding: Encoding = None,
    original_encoding: OriginalEncoding = None,
    region: Region = None,
    rename: Rename = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Save the plan to this file, to apply it later.", callback=new_file),
    ] = None,
    whole: Whole = False,
    simulator: Contacts = None,
    base_url: BaseUrl = None,
) -> None:
    """Show what a file of contacts would change; nothing is sent.

    An empty cell changes nothing. Credentials come from the environment; with --original none are
    needed.
    """
    if out:
        need_parquet()
    wanted = _read(edited, provider, encoding=encoding, region=region, rename=rename)
    # Row 1 is the first contact, as in the message about cells that cannot be read.
    wanted.index = pd.RangeIndex(1, len(wanted) + 1, name="row")
    before = original and _read(original, provider, encoding=original_encoding, region=region)
    moved = on_conflict and "overwrite"
    options: dict[str, Any] = {
        "create": create,
        "delete": delete,
        "opt_in": opt_in,
        "on_conflict": moved,
        "on": on,
    }
    if before is not None and simulator is None and not has_credentials(provider):
        changes = build_plan(offline_session(provider, base_url), wanted, before, **options)
        _show_plan(changes)
    else:
        with connect(provider, via=simulated(simulator), base_url=base_url, whole=whole) as client:
            changes = client.contacts.plan(wanted, before, **options)
            _show_plan(changes)
    if out:
        with writing(out):
            changes.to_parquet(out)
        say(f"saved to {out}")


def _read(path: Path, provider: str, **options: Any) -> pd.DataFrame:
    """A file of contacts; ConfigurationError if any of it cannot be read."""
    try:
        if is_arrow(path):
            need_parquet()
        frame = read_contacts(path, provider, **options)
    except ImportError as error:
        raise ConfigurationError(str(error)) from error
    bad = problems(frame)
    if len(bad):
        bad["row"] += 1
        show(bad.filter(["row", "key", "field", "message"]).head(MOST_SHOWN), folds=["message"])
        count = f"{len(bad):,} {'cell' if len(bad) == 1 else 'cells'}"
        raise ConfigurationError(f"{path}: {count} cannot be read; row 1 is the first contact")
    return frame


def _show_plan(plan: Plan) -> None:
    facts = plan.facts()
    for name in ("opts in", "consent"):
        if name in facts:
            say(f"{name}: {facts[name]}")
    show(plan.summary())
    first = first_cells(plan, MOST_SHOWN)
    if first:
        show(pd.DataFrame(map(_cell, first)), folds=["old", "new", "refused because"])
    rest = sum(plan.cell_counts) - len(first)
    if rest:
        say(f"and {rest:,} more cells")
    for name in ("requests", "home", "note", "digest"):
        if name in facts:
            say(f"{name}: {facts[name]}")


def _cell(cell: dict[str, Any]) -> dict[str, str]:
    return {
        "key": cell["key"] or "",
        "field": cell["field"] or cell["operation"],
        "old": text_of(cell["old"], _LONGEST),
        "new": text_of(cell["new"], _LONGEST),
        "refused because": cell["refused_because"] or "",
    }
