"""`contactkit plan` and `contactkit apply`: change many contacts with a CSV or Parquet file."""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from contactkit._client.connect import connect
from contactkit._client.plans import INTERRUPTED
from contactkit._client.read import read_contacts
from contactkit._frames.files import write_private
from contactkit._frames.frame import problems
from contactkit._frames.paths import has_file, reason_of
from contactkit._plans.load import read_plan, with_client
from contactkit._plans.plan import MOST_SHOWN, Plan
from contactkit._plans.tables import text_of, when
from contactkit._providers import names
from contactkit.cli.output import say, show
from contactkit.errors import ConfigurationError
from contactkit.spec.outcome import FAILURES

_INTERRUPTED = 130
_LONGEST = 40
_TABLES = (".csv", ".parquet")
# A phone number begins with a plus and is none.
_FORMULA = re.compile(r"(?!\+[0-9]+\Z)[=+\-@\t\r]")


class OnConflict(StrEnum):
    """What to do with a contact that has changed since the plan was made."""

    refuse = "refuse"
    reread = "reread"


def _new_file(path: Path | None) -> Path | None:
    """A path without a file, in an existing folder."""
    try:
        exists = path and (os.path.lexists(path) or has_file(path))
    except OSError as error:
        raise typer.BadParameter(f"{path}: {reason_of(error)}") from None
    if exists:
        raise typer.BadParameter(f"{path}: the file already exists")
    if path and not path.parent.is_dir():
        raise typer.BadParameter(f"{path.parent}: the folder does not exist")
    return path


def _new_table(path: Path | None) -> Path | None:
    if path and path.suffix not in _TABLES:
        raise typer.BadParameter(f"{path}: must end in {' or '.join(_TABLES)}")
    return _new_file(path)


def _failures(text: str) -> float:
    """A number of contacts, or a percentage of them."""
    number = text.removesuffix("%")
    try:
        return float(number) / 100 if number != text else int(number)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a number nor a percentage such as 5%"
        ) from None


_EXISTING: Any = {"exists": True, "dir_okay": False}
BaseUrl = Annotated[
    str | None, typer.Option(help="Send to this address instead of the provider's.", metavar="URL")
]


def plan(
    provider: Annotated[str, typer.Argument(help=f"One of {', '.join(names())}.")],
    edited: Annotated[
        Path, typer.Argument(help="The edited contacts, a .csv or .parquet file.", **_EXISTING)
    ],
    original: Annotated[
        Path | None,
        typer.Option(
            help="The contacts before the edit; without it, they are read from the provider.",
            **_EXISTING,
        ),
    ] = None,
    create: Annotated[bool, typer.Option("--create", help="Create new rows.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete missing contacts.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Save the plan to this file, to apply it later.", callback=_new_file),
    ] = None,
    base_url: BaseUrl = None,
) -> None:
    """Show what a CSV or Parquet file of contacts would change; nothing is sent.

    An empty cell changes nothing. Credentials come from the environment.
    """
    if out:
        _need_parquet()
    wanted = _read(edited, provider)
    before = None if original is None else _read(original, provider)
    with connect(provider, base_url=base_url) as client:
        changes = client.contacts.plan(wanted, before, create=create, delete=delete)
        _show_plan(changes)
    if out:
        with _writing(out):
            changes.to_parquet(out)
        say(f"saved to {out}")


def apply(
    plan: Annotated[
        Path, typer.Argument(help="A file saved by `contactkit plan --out`.", **_EXISTING)
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Have the provider check each write; write nothing.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="The maximum number of contacts to send.", metavar="N")
    ] = None,
    stop_after_failures: Annotated[
        float | None,
        typer.Option(
            parser=_failures, help="Stop after this many failures, or this share.", metavar="N|P%"
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, help="The maximum of requests in flight.", metavar="N"),
    ] = None,
    on_conflict: Annotated[
        OnConflict | None,
        typer.Option(help="Read each contact first, and refuse or recheck it if it has changed."),
    ] = None,
    patience: Annotated[
        float | None,
        typer.Option(min=0, help="The longest wait for a rate limit, in seconds.", metavar="S"),
    ] = None,
    result: Annotated[
        Path | None,
        typer.Option(help="Save one row per contact here: .csv or .parquet.", callback=_new_table),
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Use this journal instead of your own.")
    ] = None,
    base_url: BaseUrl = None,
) -> None:
    """Apply a plan; the same command again resumes it.

    Ctrl-C lets requests in flight finish. The exit status is 1 if a contact was refused, failed or
    is unknown, or if it stopped early, and 130 after Ctrl-C. Credentials come from the environment.
    """
    _need_parquet()
    options = {
        "limit": limit,
        "stop_after_failures": stop_after_failures,
        "concurrency": concurrency,
        "on_conflict": on_conflict and on_conflict.value,
        "patience": patience,
    }
    chosen = {name: value for name, value in options.items() if value is not None}
    saved = read_plan(plan)
    with connect(saved.provider, journal=journal, base_url=base_url) as client:
        frame = with_client(saved, client).apply(dry_run=dry_run, **chosen)
    _show_result(frame)
    if result:
        _save(frame, result)
    raise typer.Exit(_status(frame))


def _need_parquet() -> None:
    try:
        importlib.import_module("pyarrow")
    except ImportError as error:
        needed = 'need their extra: python -m pip install "contactkit[parquet]"'
        raise ConfigurationError(f"plans are Parquet files, which {needed}") from error


def _read(path: Path, provider: str) -> pd.DataFrame:
    """A file of contacts; ConfigurationError if any of it cannot be read."""
    if path.suffix == ".parquet":
        _need_parquet()
    frame = read_contacts(path, provider)
    bad = problems(frame)
    if len(bad):
        bad["row"] += 1
        show(bad.filter(["row", "key", "field", "message"]).head(MOST_SHOWN), folds=["message"])
        count = f"{len(bad):,} {'cell' if len(bad) == 1 else 'cells'}"
        raise ConfigurationError(f"{path}: {count} cannot be read; row 1 is the first contact")
    return frame


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error


def _show_plan(plan: Plan) -> None:
    show(plan.summary())
    first = plan.first(MOST_SHOWN)
    if first:
        show(pd.DataFrame(map(_cell, first)), folds=["old", "new", "refused because"])
    rest = sum(max(1, len(write.changes)) for write in plan.contacts) - len(first)
    if rest:
        say(f"and {rest:,} more cells")
    eta, now = plan.eta, datetime.fromtimestamp(plan.now(), UTC)
    last = "no known rate limit" if eta is None else f"the last is sent {when(eta, now)}"
    say(
        f"requests: {plan.requests:,}, one per contact; {last}"
        if plan.requests
        else "requests: none"
    )
    say(f"digest: {plan.digest[:12]}")


def _cell(cell: dict[str, Any]) -> dict[str, str]:
    return {
        "key": cell["key"] or "",
        "field": cell["field"] or cell["operation"],
        "old": text_of(cell["old"], _LONGEST),
        "new": text_of(cell["new"], _LONGEST),
        "refused because": cell["refused_because"] or "",
    }


def _show_result(result: pd.DataFrame) -> None:
    counts = result["outcome"].value_counts(sort=False)
    rows = counts.rename("contacts").reset_index()
    show(rows.loc[rows["contacts"] > 0])
    wrong = _with_row_numbers(result.loc[result["outcome"].isin(FAILURES)])
    if len(wrong):
        columns = ["key", "operation", "outcome", "message"]
        show(wrong.filter(columns).head(MOST_SHOWN), folds=["message"])
    if len(wrong) > MOST_SHOWN:
        say(f"and {len(wrong) - MOST_SHOWN:,} more")
    if stopped := result.attrs.get("stopped"):
        resume_at = result.attrs.get("resume_at")
        when_again = f", not before {resume_at}" if resume_at else ""
        say(f"stopped: {stopped}; apply the same plan again to resume{when_again}")


def _with_row_numbers(result: pd.DataFrame) -> pd.DataFrame:
    """New contacts have no key yet; if rows are numbered, the row's number takes its place."""
    if not pd.api.types.is_integer_dtype(result.index.dtype):
        return result
    rows = "row " + pd.Series(result.index + 1, index=result.index).astype("string")
    return result.assign(key=result["key"].fillna(rows))


def _status(result: pd.DataFrame) -> int:
    stopped = result.attrs.get("stopped")
    if stopped == INTERRUPTED:
        return _INTERRUPTED
    return int(bool(stopped) or bool(result["outcome"].isin(FAILURES).any()))


def _save(result: pd.DataFrame, path: Path) -> None:
    """Write a result frame, with its lists and mappings as JSON."""
    nested = {name: result[name].map(_json) for name in ("changed", "before", "after")}
    frame = result.assign(**nested)
    is_csv = path.suffix == ".csv"
    content = _csv(frame) if is_csv else frame.to_parquet()
    with _writing(path):
        write_private(path, content)


def _csv(frame: pd.DataFrame) -> bytes:
    """CSV without formulas, neither in cells nor in the caller's index and its names."""
    levels = {n: frame.index.get_level_values(n) for n in range(frame.index.nlevels)}
    index = pd.DataFrame(levels, index=frame.index)
    index.columns = pd.Index(map(_guard_formula, frame.index.names), dtype=object)
    table = pd.concat([index, frame], axis="columns")
    # With these line ends (RFC 4180), a cell with a line break of either kind is quoted.
    return table.map(_guard_formula).to_csv(index=False, lineterminator="\r\n").encode()


def _guard_formula(value: Any) -> Any:
    """A cell that a spreadsheet does not run: what looks like a formula begins with a quote."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
