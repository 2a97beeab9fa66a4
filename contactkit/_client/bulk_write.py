"""The write of many contacts in one request: read where needed, recorded, sent, and its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from contactkit._client.bulk import BulkRows
from contactkit._frames.frame import rows_of
from contactkit._http.flow import send
from contactkit._http.response import unexpected_response
from contactkit._http.results import (
    Row,
    Values,
    build_row,
    deletion_note,
    judge_outcome,
    response_columns,
)
from contactkit._http.session import Flow, Operation, Session
from contactkit._journal.store import Intent
from contactkit._journal.write import intent_of, journaled
from contactkit._plans.listing import read_all, read_contact, read_contacts
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.consent import consent_changes, may_widen
from contactkit.spec.outcome import Outcome
from contactkit.spec.provider import JSON, Endpoint, as_object
from contactkit.spec.record import fields_of, key_of

Before: TypeAlias = Mapping[int, Values]


def write_bulk(
    session: Session, operation: Operation, rows: BulkRows, *, opt_in: bool
) -> Flow[list[Row]]:
    """Write many contacts in one request, unless that opts in one of them against its will."""
    before = yield from _read_before(session, operation.endpoint, rows)
    problems = list(_refusals(session, operation.endpoint, rows, before, opt_in))
    if problems:
        where = f"{session.provider.name} {operation.endpoint.verb}"
        raise InvalidInputError(where, problems)
    intents = [
        _intent(session, operation, row, values, before.get(row), opt_in)
        for row, values in enumerate(rows.values)
    ]
    sending = _send(session, operation, rows, before)
    return (yield from journaled(session, operation, intents, sending))


def _read_before(session: Session, endpoint: Endpoint, rows: BulkRows) -> Flow[Before]:
    """The existing contacts, by row, that must be known before this write, as they are now."""
    if endpoint.effect != "delete":
        return (yield from _read_doubtful(session, endpoint, rows))
    name = key_of(session.provider.record).name
    keys = [str(values[name]) for values in rows.values]
    contacts = yield from read_contacts(session, keys)
    return {row: contacts[key] for row, key in enumerate(keys) if key in contacts}


def _read_doubtful(session: Session, endpoint: Endpoint, rows: BulkRows) -> Flow[Before]:
    """The contacts to which a write may open a channel.

    The provider matches contacts by the fields that every row must have, which need not be a key,
    so a listing finds the keys; each contact is then read by itself, right before the write.
    """
    provider = session.provider
    doubtful = {
        row: values
        for row, values in enumerate(rows.values)
        if may_widen(provider, endpoint, values)
    }
    if not doubtful:
        return {}
    names = [n for n, param in fields_of(endpoint.params).items() if param.marker.required]
    contacts = rows_of(provider.record, (yield from read_all(session)))
    key = key_of(provider.record).name
    keys = {tuple(contact.get(n) for n in names): str(contact[key]) for contact in contacts}
    before: dict[int, Values] = {}
    for row, values in doubtful.items():
        if known := keys.get(tuple(values.get(n) for n in names)):
            before[row] = yield from read_contact(session, known)
    return before


def _refusals(
    session: Session, endpoint: Endpoint, rows: BulkRows, before: Before, opt_in: bool
) -> Iterator[FieldProblem]:
    provider, suppression = session.provider, session.plan_journal.suppression
    for row, values in enumerate(rows.values if endpoint.fields else ()):
        changes = consent_changes(provider, endpoint, values)
        contact = before.get(row, {})
        problems = provider.consent.refusals(changes, shown=None, current=contact, opt_in=opt_in)
        if not opt_in:
            problems += suppression.refusals(provider, {**contact, **values}, values)
        yield from (replace(problem, field=f"[{row}] {problem.field}") for problem in problems)


def _intent(
    session: Session,
    operation: Operation,
    row: int,
    values: Mapping[str, JSON],
    before: Values | None,
    opt_in: bool,
) -> Intent:
    return intent_of(
        session,
        operation,
        key=str(values.get(key_of(session.provider.record).name) or ""),
        changes=values,
        before=before,
        row=row,
        opt_in=opt_in,
    )


def _send(
    session: Session, operation: Operation, rows: BulkRows, before: Before
) -> Flow[list[Row]]:
    """Send a write of many contacts; returns one result row per contact, in the given order."""
    success = yield from send(session, operation)
    record, endpoint = session.provider.record, operation.endpoint
    bulk = endpoint.bulk
    items = bulk and bulk.read(success.response.status, success.body, rows.wire)
    if not items or len(items) != len(rows.wire):
        why = "does not say what happened to each contact"
        raise unexpected_response(session, operation, success.response, why)
    results: list[Row] = []
    for place, (values, (usual, wire, note)) in enumerate(zip(rows.values, items, strict=True)):
        after = record.from_wire(as_object(wire)) if wire else None
        outcome, message = judge_outcome(session, operation, success, values, after, Outcome(usual))
        lost = deletion_note(session.provider, endpoint.effect, before.get(place))
        row = build_row(
            session.provider,
            endpoint.effect,
            outcome,
            key=(after or values).get(key_of(record).name),
            changed=[] if endpoint.effect == "delete" else [*values],
            before=before.get(place),
            after=after,
            message=message or ("" if operation.dry_run else note) or lost or None,
            warning=message,
            **response_columns(operation, success),
        )
        results.append(row)
    return results
