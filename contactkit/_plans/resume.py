"""Resuming a plan: which of its writes are still pending, by the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from contactkit._http.results import Row, problem_columns
from contactkit._http.session import Session
from contactkit._journal.lease import Lease
from contactkit._journal.store import Journal
from contactkit._plans.change import PlannedWrite
from contactkit._plans.plan import Plan
from contactkit._plans.steps import Entry, PendingWrite, unsent_row
from contactkit.spec.outcome import DONE, Outcome

Entries: TypeAlias = Mapping[int, Entry]

_UNDO = "undo:"
# Instead of an outcome that no longer matters.
_PAST = "past"
_COPIED = "http_status code field attempts request_id idempotency_key".split()


def undo_name(name: str) -> str:
    """The journal's name for the plan that undoes another one."""
    return f"{_UNDO}{name}"


def last_entries(journal: Journal, name: str, account: str) -> Entries:
    """The last entry of each row of a plan; an entry that was undone since is past."""
    entries = journal.last(name, account)
    for other in (undo_name(name), name.removeprefix(_UNDO)):
        later = journal.last(other, account) if other != name else {}
        for row, entry in later.items():
            if row in entries and entry["outcome"] in DONE and entry["id"] > entries[row]["id"]:
                entries[row] = {**entries[row], "outcome": _PAST}
    return entries


def pending_writes(
    plan: Plan, session: Session, account: str, journal: Journal, lease: Lease | None
) -> Iterator[PendingWrite | Row]:
    """All contacts of a plan: pending writes, and result rows of those that are settled.

    With a lease, writes that a killed process left open are taken over; without one, as in a dry
    run, the journal is only read.
    """
    entries = last_entries(journal, plan.name, account)
    open_ids = [entry["id"] for entry in entries.values() if entry["outcome"] is None]
    ours = journal.take(open_ids, lease) if lease and open_ids else {*open_ids}
    for planned, row in zip(plan.contacts, plan.numbers, strict=True):
        if planned.problems:
            columns = problem_columns(planned.problems)
            yield unsent_row(session, planned, Outcome.REFUSED, columns["message"]) | columns
        elif row in entries:
            yield _resume(session, plan, planned, row, entries[row], ours)
        else:
            yield PendingWrite(planned=planned, row=row)


def _resume(
    session: Session, plan: Plan, planned: PlannedWrite, row: int, entry: Entry, ours: set[int]
) -> PendingWrite | Row:
    """What is still to be done after an earlier attempt."""
    id = entry["id"]
    outcome = _PAST if _is_past(plan, planned, entry) else entry["outcome"]
    match outcome:
        case Outcome.FAILED | Outcome.UNKNOWN:
            in_doubt = outcome == Outcome.UNKNOWN
            return PendingWrite(planned=planned, row=row, seen=id, earlier=entry, in_doubt=in_doubt)
        case None if id in ours:
            return PendingWrite(
                planned=planned, row=row, seen=id, earlier=entry, in_doubt=True, open=True
            )
        case None:
            return unsent_row(session, planned, Outcome.SKIPPED, "another process is applying it")
        case Outcome.REFUSED:
            return _settled_row(session, planned, Outcome.REFUSED, entry, entry["message"])
        case _ if outcome in DONE:
            message = f"already {outcome} at {entry['at']:%Y-%m-%d %H:%M:%S} UTC"
            return _settled_row(session, planned, Outcome.SKIPPED, entry, message)
        case _:
            return PendingWrite(planned=planned, row=row, seen=id)


def _is_past(plan: Plan, planned: PlannedWrite, entry: Entry) -> bool:
    """Whether an entry no longer matters.

    A contact that was read after the entry and still differs was changed back since, or never
    written. A creation without a key cannot be found among the contacts that were read.
    """
    at = entry["at"]
    if plan.again and entry["outcome"] == Outcome.REFUSED:
        return True
    return bool(planned.key and plan.read and at and at < plan.read)


def _settled_row(
    session: Session, planned: PlannedWrite, outcome: Outcome, entry: Entry, message: str | None
) -> Row:
    """The result row of a contact that an earlier apply wrote, or that the provider refused."""
    row = unsent_row(session, planned, outcome, message or "")
    copied = {name: entry[name] for name in (*_COPIED, "after", "at")}
    return row | copied | {"key": entry["key"] or row["key"]}
