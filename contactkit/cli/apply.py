"""`contactkit apply`: send a saved plan, and show and save the result."""

from __future__ import annotations

import json
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from contactkit._client import plans
from contactkit._client.connect import connect
from contactkit._frames.files import write_private
from contactkit._frames.formulas import guard_formula
from contactkit._plans.change import VERBS
from contactkit._plans.home import check_home, home_of
from contactkit._plans.load import read_plan, with_client
from contactkit._plans.plan import Plan
from contactkit._plans.preview import MOST_SHOWN
from contactkit._plans.tables import count_people
from contactkit.cli.options import (
    EXISTING,
    INTERRUPTED,
    BaseUrl,
    Contacts,
    Whole,
    need_parquet,
    new_table,
    simulated,
    writing,
)
from contactkit.cli.output import ask, has_terminal, say, show, table_file
from contactkit.spec.outcome import FAILURES


class OnConflict(StrEnum):
    """What to do with a contact that has changed since the plan was made."""

    refuse = "refuse"
    reread = "reread"


def _failures(text: str) -> float:
    """A number of contacts, or a percentage of them."""
    number = text.removesuffix("%")
    try:
        return float(number) / 100 if number != text else int(number)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a number nor a percentage such as 5%"
        ) from None


def apply(
    plan: Annotated[
        Path, typer.Argument(help="A file saved by `contactkit plan --out`.", **EXISTING)
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
        int | None, typer.Option(min=1, help="The maximum of requests in flight.", metavar="N")
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
        typer.Option(help="Save one row per contact here: .csv or .parquet.", callback=new_table),
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Use this journal instead of your own.")
    ] = None,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway", help="Apply it even at another address or account than it was made for."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Send to a live provider without a question.")
    ] = False,
    whole: Whole = False,
    simulator: Contacts = None,
    base_url: BaseUrl = None,
) -> None:
    """Apply a plan; the same command again resumes it.

    It first says what is sent where. Before it sends to a live provider it asks on the terminal;
    without a terminal it needs --yes. Before it opts in people who had opted out, it asks on the
    terminal even with --yes.

    Ctrl-C lets requests in flight finish. The exit status is 1 if a contact was refused, failed or
    is unknown, or if it stopped early, and 130 after Ctrl-C. Credentials come from the environment.
    """
    need_parquet()
    options = {
        "limit": limit,
        "stop_after_failures": stop_after_failures,
        "concurrency": concurrency,
        "on_conflict": on_conflict and on_conflict.value,
        "patience": patience,
    }
    chosen = {name: value for name, value in options.items() if value is not None}
    saved = read_plan(plan)
    world = simulated(simulator)
    with connect(
        saved.provider, via=world, journal=journal, base_url=base_url, whole=whole
    ) as client:
        bound = with_client(saved, client)
        _announce(bound, dry_run=dry_run, anyway=anyway)
        if bound.requests and client.world.real and not (yes or dry_run):
            ask_to_send()
        confirm_opt_in(0 if dry_run else bound.opts_in)
        frame = bound.apply(dry_run=dry_run, anyway=anyway, **chosen)
    show_result(frame)
    if result:
        _save(frame, result)
    raise typer.Exit(status_of(frame))


def _announce(plan: Plan, *, dry_run: bool, anyway: bool) -> None:
    """Say what is sent where; ConfigurationError if the plan has another home."""
    assert plan.runner
    session = plan.runner.session
    if not anyway:
        check_home(plan, session)
    counts = Counter(write.operation for write in plan.contacts if not write.problems)
    writes = [_counted(counts[verb], verb) for verb in VERBS if counts[verb]]
    what = ", ".join(writes) or "nothing"
    say(f"{'dry run: ' * dry_run}{what} to {plan.provider.title} at {home_of(session).place}")


def _counted(count: int, verb: str) -> str:
    return f"{count:,} {verb}" if count == 1 else f"{count:,} {verb}s"


def ask_to_send() -> None:
    """Ask before a live provider gets anything; exit if the answer is no."""
    if not has_terminal():
        raise typer.BadParameter("without a terminal, sending to a live provider needs --yes")
    _confirm("Send them?")


def confirm_opt_in(count: int) -> None:
    """Ask before people are opted in, since --yes does not answer for them."""
    if count and has_terminal():
        _confirm(f"Opt in {count_people(count)} who had opted out?")


def _confirm(question: str) -> None:
    """Ask a question on the terminal; exit if the answer is no."""
    if not ask(question):
        say("nothing was sent")
        raise typer.Exit(1)


def show_result(result: pd.DataFrame) -> None:
    """Print how many contacts have each outcome, and what went wrong."""
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
    rows = "row " + pd.Series(result.index, index=result.index).astype("string")
    return result.assign(key=result["key"].fillna(rows))


def status_of(result: pd.DataFrame) -> int:
    """The exit status after an apply."""
    stopped = result.attrs.get("stopped")
    if stopped == plans.INTERRUPTED:
        return INTERRUPTED
    return int(bool(stopped) or bool(result["outcome"].isin(FAILURES).any()))


def _save(result: pd.DataFrame, path: Path) -> None:
    """Write a result frame, with its lists and mappings as JSON."""
    nested = {name: result[name].map(_json) for name in ("changed", "before", "after")}
    frame = result.assign(**nested)
    table = _with_index(frame) if path.suffix == ".csv" else frame
    with writing(path):
        write_private(path, table_file(table, path, guards=True))


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the caller's index as columns, whose names are no formulas."""
    levels = {n: frame.index.get_level_values(n) for n in range(frame.index.nlevels)}
    index = pd.DataFrame(levels, index=frame.index)
    index.columns = pd.Index(map(guard_formula, frame.index.names), dtype=object)
    return pd.concat([index, frame], axis="columns")


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
