"""What of a plan is still to be written, by what the journal knows of it: that is the resume."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contactkit._http.session import Session
from contactkit._journal.sqlite import Lease
from contactkit._journal.store import Journal
from contactkit._plans.change import PlannedWrite
from contactkit._plans.plan import Plan
from contactkit._plans.steps import PendingWrite, Row, told
from contactkit.spec.outcome import DONE

_UNDO = "undo:"
# What became of a contact that says nothing of what is to be done now.
_PAST = "past"
_SAME = "http_status code field attempts request_id idempotency_key".split()

Entries = Mapping[int, Mapping[str, Any]]


def undoing(name: str) -> str:
    """What the journal knows the undoing of a plan by."""
    return f"{_UNDO}{name}"


def entries_of(journal: Journal, name: str, account: str) -> Entries:
    """The last entry of each row of a plan, without those that were undone since."""
    found = journal.last(name, account)
    for other in (undoing(name), name.removeprefix(_UNDO)):
        later = journal.last(other, account) if other != name else {}
        for row, entry in later.items():
            if row in found and entry["outcome"] in DONE and entry["id"] > found[row]["id"]:
                found[row] = {**found[row], "outcome": _PAST}
    return found


def jobs_of(
    plan: Plan, session: Session, journal: Journal, claim: Lease | None
) -> Iterator[PendingWrite | Row]:
    """Each contact of a plan: a job to do, or the result row of what is settled already.

    Without a claim nothing is taken over of what a killed process left open, and nothing written.
    """
    entries = entries_of(journal, plan.name, session.account)
    still = [entry["id"] for entry in entries.values() if entry["outcome"] is None]
    mine = journal.take(still, claim) if claim and still else {*still}
    for planned, row in zip(plan.contacts, plan.numbers, strict=True):
        if planned.problems:
            yield _refused(session, planned)
        elif row in entries:
            entry = entries[row]
            entry = {**entry, "outcome": _PAST} if _is_past(plan, planned, entry) else entry
            yield _known(session, planned, row, entry, mine)
        else:
            yield PendingWrite(planned=planned, row=row)


def _is_past(plan: Plan, planned: PlannedWrite, entry: Mapping[str, Any]) -> bool:
    """Whether what became of a contact says nothing of what is to be done now.

    What still differed when it was read later was changed back meanwhile, or never written. Who is
    created without a key cannot be looked for among those that were read.
    """
    at = entry["at"]
    if plan.again and entry["outcome"] == "refused":
        return True
    return bool(planned.key and plan.read and at and at < plan.read)


def _refused(session: Session, planned: PlannedWrite) -> Row:
    problems = planned.problems
    return told(session, planned, "refused", "; ".join(map(str, problems))) | {
        "code": next((each.code for each in problems if each.code), None),
        "field": ", ".join(each.field for each in problems if each.field) or None,
    }


def _known(
    session: Session, planned: PlannedWrite, row: int, entry: Mapping[str, Any], mine: set[int]
) -> PendingWrite | Row:
    """What an earlier attempt leaves to be done."""
    outcome, id = entry["outcome"], entry["id"]
    match outcome:
        case "failed" | "unknown":
            doubted = outcome == "unknown"
            return PendingWrite(planned=planned, row=row, seen=id, earlier=entry, doubted=doubted)
        case None if id in mine:
            return PendingWrite(
                planned=planned, row=row, seen=id, earlier=entry, doubted=True, open=True
            )
        case None:
            return told(session, planned, "skipped", "another process is at it")
        case "refused":
            return _again(session, planned, "refused", entry, entry["message"])
        case _ if outcome in DONE:
            message = f"{outcome} already, at {entry['at']:%Y-%m-%d %H:%M:%S} UTC"
            return _again(session, planned, "skipped", entry, message)
        case _:
            return PendingWrite(planned=planned, row=row, seen=id)


def _again(
    session: Session,
    planned: PlannedWrite,
    outcome: str,
    entry: Mapping[str, Any],
    message: str | None,
) -> Row:
    """The result row of what was written, or refused, by an earlier apply."""
    row = told(session, planned, outcome, message or "")
    row |= {name: entry[name] for name in _SAME}
    return row | {"key": entry["key"] or row["key"], "after": entry["after"], "at": entry["at"]}
