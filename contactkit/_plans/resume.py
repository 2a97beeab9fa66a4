"""Resuming a plan: which of its writes are still pending, by the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from contactkit._http.results import Row, problem_columns
from contactkit._http.session import Session
from contactkit._journal.lease import Lease
from contactkit._journal.store import Journal
from contactkit._plans.change import PlannedWrite
from contactkit._plans.consent import find_suppressed
from contactkit._plans.plan import Plan
from contactkit._plans.steps import TAKEN, Entry, PendingWrite, unsent_row
from contactkit.spec.outcome import DONE, Outcome
from contactkit.spec.provider import Provider
from contactkit.spec.record import last_change_of, parse_time

Entries: TypeAlias = Mapping[int, Entry]

_UNDO = "undo:"
# Instead of an outcome that no longer matters.
_PAST = "past"
_COPIED = "http_status code field attempts request_id idempotency_key".split()


def undo_name(name: str) -> str:
    """The journal's name for the plan that undoes another one."""
    return f"{_UNDO}{name}"


def undone_name(name: str) -> str:
    """The journal's name for the plan that a plan of this name undoes."""
    return name.removeprefix(_UNDO)


def is_undo_name(name: str) -> bool:
    """Whether it is the journal's name for a plan that undoes another one."""
    return name.startswith(_UNDO)


def last_entries(journal: Journal, name: str, account: str) -> Entries:
    """The last entry of each row of a plan; an entry that was undone since is past."""
    entries = journal.last(name, account)
    for other in (undo_name(name), undone_name(name)):
        later = journal.last(other, account) if other != name else {}
        for row, entry in later.items():
            if row in entries and entry["outcome"] in DONE and entry["id"] > entries[row]["id"]:
                entries[row] = {**entries[row], "outcome": _PAST}
    return entries


def pending_writes(
    plan: Plan, session: Session, account: str, journal: Journal, lease: Lease | None
) -> Iterator[PendingWrite | Row]:
    """All contacts of a plan: pending writes, and result rows of those that are settled.

    With a lease, writes that a killed process left open are closed as unknown; without one, as in a
    dry run, the journal is only read.
    """
    entries = last_entries(journal, plan.name, account)
    open_ids = [entry["id"] for entry in entries.values() if entry["outcome"] is None]
    now = session.clock.now()
    ended = journal.close_ended(open_ids, now) if lease and open_ids else {*open_ids}
    suppressed = find_suppressed(plan, journal)
    id = journal.id
    for position, (planned, row) in enumerate(zip(plan.contacts, plan.numbers, strict=True)):
        pending: PendingWrite | Row = PendingWrite(planned=planned, row=row)
        if row in entries and not planned.problems:
            entry = entries[row]
            if _is_past(plan, planned, entry, id):
                entry = {**entry, "outcome": _PAST}
            pending = _resume(session, planned, row, entry, ended)
        problems = planned.problems or suppressed.get(position, ())
        if problems and isinstance(pending, PendingWrite):
            columns = problem_columns(problems)
            yield unsent_row(session, planned, Outcome.REFUSED, columns["message"]) | columns
        else:
            yield pending


def _resume(
    session: Session, planned: PlannedWrite, row: int, entry: Entry, ended: set[int]
) -> PendingWrite | Row:
    """What is still to be done after an earlier attempt; an entry with an `ended` id is unknown."""
    write = PendingWrite(planned=planned, row=row, seen=entry["id"], keys=entry["keys"])
    match outcome := entry["outcome"]:
        case None if entry["id"] not in ended:
            return unsent_row(session, planned, Outcome.SKIPPED, TAKEN)
        case None | Outcome.UNKNOWN:
            return replace(write, earlier=entry, in_doubt=True)
        case Outcome.FAILED:
            return replace(write, earlier=entry)
        case Outcome.REFUSED:
            return _settled_row(session, planned, Outcome.REFUSED, entry, entry["message"])
        case _ if outcome in DONE:
            message = f"already {outcome} at {entry['at']:%Y-%m-%d %H:%M:%S} UTC"
            return _settled_row(session, planned, Outcome.SKIPPED, entry, message)
        case _:
            return write


def _is_past(plan: Plan, planned: PlannedWrite, entry: Entry, journal: str) -> bool:
    """Whether an entry of the journal with this id no longer matters.

    A contact that was read after the entry and still differs was changed back since, or never
    written, unless the provider says that it has not changed since. A creation without a key cannot
    be found among the contacts that were read.
    """
    if plan.again and entry["outcome"] == Outcome.REFUSED:
        return True
    shown = planned.key and plan.read and plan.read.shows(journal, entry["id"])
    return bool(shown) and not _is_as_written(plan.provider, planned, entry)


def _is_as_written(provider: Provider, planned: PlannedWrite, entry: Entry) -> bool:
    """Whether a contact that was read has not changed since the response that an entry has."""
    field = last_change_of(provider.record)
    if field is None:
        return False
    images: tuple[Any, ...] = (planned.before, entry["after"])
    try:
        read, written = (parse_time(image[field.name]) for image in images)
    except (KeyError, TypeError, ValueError):
        return False
    return read == written


def _settled_row(
    session: Session, planned: PlannedWrite, outcome: Outcome, entry: Entry, message: str | None
) -> Row:
    """The result row of a contact that an earlier apply wrote, or that the provider refused."""
    row = unsent_row(session, planned, outcome, message or "")
    copied = {name: entry[name] for name in (*_COPIED, "after", "at")}
    return row | copied | {"key": entry["key"] or row["key"]}
