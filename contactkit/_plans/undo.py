"""The plan that takes back what was written of another one, from what the journal has of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.frame import rows_of
from contactkit._http.flow import send
from contactkit._http.response import row_of
from contactkit._http.session import Flow, Session, build_operation
from contactkit._plans.change import PlannedWrite
from contactkit._plans.plan import Plan
from contactkit._plans.resume import entries_of, undoing
from contactkit.errors import FieldProblem, InvalidInputError, NotFoundError
from contactkit.spec.outcome import WRITTEN
from contactkit.spec.provider import JSON, Endpoint, Provider, Undo
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.validate import json_equal, merge_patch, validate_edit, writable_fields

# Past so many contacts a listing costs fewer requests than asking for each.
_MOST_ALONE = 50

Contact = Mapping[str, JSON]
Entry = Mapping[str, Any]


def plan_undo(session: Session, plan: Plan, listed: Callable[[], Flow[pd.DataFrame]]) -> Flow[Plan]:
    """Plan the undoing of what was written of a plan, held against the contacts as they stand."""
    entries = entries_of(session.plan_journal, plan.name, session.account)
    done = [
        (position, entries[row])
        for position, row in enumerate(plan.numbers)
        if row in entries and entries[row]["outcome"] in (*WRITTEN, "unknown", None)
    ]
    keys = [entry["key"] for _, entry in done if entry["key"]]
    current = yield from _current(session, keys, listed)
    back = entries_of(session.plan_journal, undoing(plan.name), session.account)
    doubted = {row for row, entry in back.items() if entry["outcome"] in (None, "unknown")}
    contacts = [
        _taken_back(
            session.provider,
            plan.contacts[position],
            entry,
            current,
            doubted=plan.numbers[position] in doubted,
        )
        for position, entry in done
    ]
    at = [position for position, _ in done]
    return Plan(
        provider=session.provider,
        contacts=tuple(contacts),
        index=plan.index.take(np.array(at, dtype=np.intp)),
        created=datetime.fromtimestamp(session.clock.now(), UTC),
        of=(undoing(plan.name), tuple(plan.numbers[position] for position in at)),
        door=plan.door,
    )


def _current(
    session: Session, keys: Sequence[str], listed: Callable[[], Flow[pd.DataFrame]]
) -> Flow[dict[str, Contact]]:
    """The contacts as they stand, by key, without those that are gone."""
    provider = session.provider
    if len(keys) > _MOST_ALONE:
        rows = rows_of(provider.record, (yield from listed()))
        name = key_of(provider.record).name
        return {str(row[name]): row for row in rows}
    found: dict[str, Contact] = {}
    for key in keys:
        ask = build_operation(session, provider.endpoint("get"), key=key)
        try:
            done = yield from send(session, ask)
        except NotFoundError:
            continue
        found[key] = provider.record.from_wire(row_of(session, ask, done))
    return found


def _taken_back(
    provider: Provider,
    planned: PlannedWrite,
    entry: Entry,
    current: Mapping[str, Contact],
    *,
    doubted: bool,
) -> PlannedWrite:
    """One contact's undoing, or why it cannot be.

    What stands as it did before, where an earlier undoing is `doubted`, nobody changed since.
    """
    key = str(entry["key"] or "")
    stands = current.get(key)
    if entry["outcome"] not in WRITTEN:
        message = "it is not known whether this was written; apply the plan again first"
        return _refused("update", key, stands, message, "unknown")
    match planned.operation:
        case "update":
            return _restored(provider, planned, entry, key, stands, doubted)
        case "create":
            return _removed(provider, planned, entry, key, stands, doubted)
        case _:
            return _made_again(provider, entry["before"] or {}, key, stands, doubted)


def _restored(
    provider: Provider,
    planned: PlannedWrite,
    entry: Entry,
    key: str,
    stands: Contact | None,
    doubted: bool,
) -> PlannedWrite:
    """An update back to what was there before."""
    if stands is None:
        return _refused("update", key, None, "is not there any more", "not_found")
    before: Contact = entry["before"] or {}
    after: Contact = {**(planned.after(provider) or {}), **(entry["after"] or {})}
    declared, problems = fields_of(provider.record), list[FieldProblem]()
    wanted: dict[str, JSON] = {}
    undo = provider.undo(before, planned.changes, planned.options)
    if doubted and all(json_equal(stands.get(n), before.get(n)) for n in planned.changes):
        wanted = {name: before.get(name) for name in planned.changes}
        return _planned("update", key, after, wanted, undo, problems)
    for name in planned.changes:
        if not json_equal(stands.get(name), after.get(name)):
            problems.append(_changed_since(name))
        try:
            wanted[name] = merge_patch(declared[name], stands.get(name), before.get(name))
        except ValueError as error:
            problems.append(FieldProblem(field=name, message=str(error), code="type"))
    wanted = {
        name: value for name, value in wanted.items() if not json_equal(value, stands.get(name))
    }
    problems += _problems(provider, provider.endpoint("update"), {**wanted, **undo.options}, stands)
    return _planned("update", key, stands, wanted, undo, problems)


def _removed(
    provider: Provider,
    planned: PlannedWrite,
    entry: Entry,
    key: str,
    stands: Contact | None,
    doubted: bool,
) -> PlannedWrite:
    """The deletion of what was created."""
    created, after = writable_fields(provider, provider.endpoint("create")), entry["after"] or {}
    if stands is None and doubted:
        return _planned("delete", key, after, {}, Undo(), [])
    if stands is None:
        return _refused("delete", key, None, "is not there any more", "not_found")
    names = [name for name in created if name in after]
    problems = [_changed_since(n) for n in names if not json_equal(stands.get(n), after[n])]
    undo = provider.undo({}, planned.changes, planned.options)
    return _planned("delete", key, stands, {}, undo, problems)


def _made_again(
    provider: Provider, before: Contact, key: str, stands: Contact | None, doubted: bool
) -> PlannedWrite:
    """The creation of what was deleted; never one that would lose an opt-out on the way."""
    endpoint = provider.endpoint("create")
    taken, declared = writable_fields(provider, endpoint), fields_of(provider.record)
    values = {n: v for n, v in before.items() if n in taken and v not in (None, "", [], {})}
    lost = [
        name
        for name, value in before.items()
        if name not in taken and declared[name].marker.access == "writable" and value
    ]
    problems = [
        FieldProblem(field=n, message="cannot be set when a contact is created", code="undo")
        for n in lost
    ]
    if stands and not (doubted and all(json_equal(stands.get(n), v) for n, v in values.items())):
        problems.append(FieldProblem(field="", message="is there again", code="conflict"))
    undo = provider.undo({}, values, {})
    problems += _problems(provider, endpoint, {**values, **undo.options}, None)
    made_by_provider = not key_of(provider.record).marker.required
    stays = "the contact gets a new key" if made_by_provider else ""
    return _planned(
        "create",
        "" if made_by_provider else key,
        None,
        values,
        Undo(options=undo.options, remains=stays),
        problems,
    )


def _planned(
    operation: str,
    key: str,
    before: Contact | None,
    changes: Mapping[str, JSON],
    undo: Undo,
    problems: Sequence[FieldProblem],
) -> PlannedWrite:
    return PlannedWrite(
        operation=operation,
        key=key,
        before=before,
        changes=changes,
        options={} if operation == "delete" else undo.options,
        problems=tuple(problems),
        stays=undo.remains,
    )


def _problems(
    provider: Provider, endpoint: Endpoint, values: Mapping[str, JSON], current: Contact | None
) -> Sequence[FieldProblem]:
    try:
        return validate_edit(provider, endpoint, values, current).problems
    except InvalidInputError as error:
        return error.problems


def _refused(
    operation: str, key: str, before: Contact | None, message: str, code: str
) -> PlannedWrite:
    problem = FieldProblem(field="", message=message, code=code)
    return PlannedWrite(operation=operation, key=key, before=before, problems=(problem,))


def _changed_since(name: str) -> FieldProblem:
    return FieldProblem(field=name, message="was changed since", code="conflict")
