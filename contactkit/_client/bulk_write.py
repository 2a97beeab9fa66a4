"""The write of many contacts in one request: read where needed, recorded, sent, and its rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from contactkit._client.bulk import BulkRows
from contactkit._client.write import consent_problems, repeat_when_limited
from contactkit._frames.frame import rows_of
from contactkit._http.background import ParallelFlow
from contactkit._http.flow import acquire, send
from contactkit._http.response import unexpected_response
from contactkit._http.results import (
    Row,
    Values,
    build_row,
    deletion_note,
    judge_outcome,
    response_columns,
)
from contactkit._http.session import Flow, Operation, Session, Success
from contactkit._journal.store import Intent
from contactkit._journal.write import intent_of, journaled
from contactkit._plans.listing import read_all, read_contacts
from contactkit.errors import FieldProblem, InvalidInputError, UnrecordedRequestError
from contactkit.spec.consent import undocumented
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.outcome import Outcome
from contactkit.spec.provider import JSON, as_list, as_object
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.widening import consent_changes, may_widen

Before: TypeAlias = Mapping[int, Values]


def write_bulk(
    session: Session, operation: Operation, rows: BulkRows, *, opt_in: bool
) -> ParallelFlow[list[Row]]:
    """Write many contacts in one request, unless that opts in one of them against its will."""
    reads = operation.once or operation.endpoint.effect == "delete"
    known: Before = {}

    def attempt() -> ParallelFlow[list[Row]]:
        nonlocal known
        if reads:
            # The write need not wait for the rate limit after the reads.
            yield from acquire(session, operation)
        before = yield from _read_before(session, operation.endpoint, rows)
        _refuse(session, operation.endpoint, rows, before, known, opt_in)
        known = before
        return (yield from _record_and_send(session, operation, rows, before, opt_in, paced=reads))

    return repeat_when_limited(session, attempt) if reads else attempt()


def _record_and_send(
    session: Session,
    operation: Operation,
    rows: BulkRows,
    before: Before,
    opt_in: bool,
    paced: bool,
) -> ParallelFlow[list[Row]]:
    intents = [
        _intent(session, operation, row, values, before.get(row), opt_in)
        for row, values in enumerate(rows.values)
    ]
    return journaled(session, operation, intents, _send(session, operation, rows, before, paced))


def _read_before(session: Session, endpoint: Endpoint, rows: BulkRows) -> ParallelFlow[Before]:
    """The existing contacts, by row, that must be known before this write, as they are now."""
    try:
        keys = yield from _keys_to_read(session, endpoint, rows)
        contacts = yield from read_contacts(session, list(keys.values()))
    except UnrecordedRequestError:
        # Recordings of earlier versions have no such reads, and reach nobody.
        return {}
    return {row: contacts[key] for row, key in keys.items() if key in contacts}


def _keys_to_read(
    session: Session, endpoint: Endpoint, rows: BulkRows
) -> ParallelFlow[Mapping[int, str]]:
    """The keys, by row, of the contacts that are deleted or may be opted in.

    The provider matches contacts by the fields that every row must have, which need not be a key,
    so a listing finds the keys.
    """
    provider = session.provider
    key = key_of(provider.record).name
    if endpoint.effect == "delete":
        return {row: str(values[key]) for row, values in enumerate(rows.values)}
    doubtful = {n: v for n, v in enumerate(rows.values) if may_widen(provider, endpoint, v)}
    if not doubtful:
        return {}
    names = [n for n, param in fields_of(endpoint.params).items() if param.marker.required]
    contacts = rows_of(provider.record, (yield from read_all(session)))
    keys = {tuple(contact.get(n) for n in names): str(contact[key]) for contact in contacts}
    matches = {row: keys.get(tuple(v.get(n) for n in names)) for row, v in doubtful.items()}
    return {row: match for row, match in matches.items() if match}


def _refuse(
    session: Session,
    endpoint: Endpoint,
    rows: BulkRows,
    before: Before,
    known: Before,
    opt_in: bool,
) -> None:
    """Raise InvalidInputError if a row must not be written; `known` is as read earlier."""
    if problems := list(_refusals(session, endpoint, rows, before, known, opt_in)):
        raise InvalidInputError(f"{session.provider.name} {endpoint.verb}", problems)


def _refusals(
    session: Session,
    endpoint: Endpoint,
    rows: BulkRows,
    before: Before,
    known: Before,
    opt_in: bool,
) -> Iterator[FieldProblem]:
    provider, suppression = session.provider, session.plan_journal.suppression
    for row, values in enumerate(rows.values if endpoint.fields else ()):
        changes = consent_changes(provider, endpoint, values)
        contact = before.get(row, {})
        problems = consent_problems(provider, changes, known.get(row), contact, opt_in=opt_in)
        if not opt_in:
            problems += undocumented(provider, contact) if changes else []
            new = [name for name, value in values.items() if value != contact.get(name)]
            problems += suppression.refusals(provider, {**contact, **values}, new)
        place = rows.places[row]
        yield from (replace(problem, field=f"[{place}] {problem.field}") for problem in problems)


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
    session: Session, operation: Operation, rows: BulkRows, before: Before, paced: bool
) -> Flow[list[Row]]:
    """Send a write of many contacts; returns one result row per contact, in the given order."""
    success = yield from send(session, operation, paced=paced)
    record, endpoint = session.provider.record, operation.endpoint
    bulk = endpoint.bulk
    sent = _recorded_rows(endpoint, success) or rows.wire
    items = bulk and bulk.read(success.response.status, success.body, sent)
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


def _recorded_rows(endpoint: Endpoint, success: Success) -> list[JSON]:
    """The rows as the recorded request has them, if a response was recorded for pseudonyms."""
    response, bulk = success.response, endpoint.bulk
    if not (response.pseudonymous and response.recorded_body and bulk):
        return []
    body = json.loads(response.recorded_body)
    return as_list(as_object(body).get(bulk.name, body))
