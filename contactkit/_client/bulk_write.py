"""The write of many contacts in one request: read where needed, recorded, sent, and its rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
from contactkit._journal.write import intent_of, journaled
from contactkit._plans.listing import read_all, read_contacts
from contactkit.errors import FieldProblem, InvalidInputError, UnrecordedRequestError
from contactkit.spec.doubts import undocumented, unstated
from contactkit.spec.endpoint import BulkItem, Endpoint
from contactkit.spec.outcome import Outcome
from contactkit.spec.provider import JSON, as_list, as_object
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.widening import consent_changes, may_widen

Before: TypeAlias = Mapping[int, Values]


@dataclass(frozen=True, kw_only=True)
class BulkWrite:
    """The write of many contacts in one request, unless that opts in one of them unasked."""

    session: Session
    operation: Operation
    rows: BulkRows
    opt_in: bool

    def run(self) -> ParallelFlow[list[Row]]:
        """Record the write and send it, after a fresh read of the contacts that need one."""
        known: Before = {}

        def attempt() -> ParallelFlow[list[Row]]:
            nonlocal known
            if self.operation.once:
                # The write need not wait for the rate limit after the reads.
                yield from acquire(self.session, self.operation)
            before = yield from self._read_before()
            self._refuse(before, known)
            known = before
            return (yield from self._record_and_send(before))

        return repeat_when_limited(self.session, attempt) if self.operation.once else attempt()

    def _record_and_send(self, before: Before) -> ParallelFlow[list[Row]]:
        key = key_of(self.session.provider.record).name
        intents = [
            intent_of(
                self.session,
                self.operation,
                key=str(values.get(key) or ""),
                changes=values,
                before=before.get(row),
                row=row,
                opt_in=self.opt_in,
            )
            for row, values in enumerate(self.rows.values)
        ]
        return journaled(self.session, self.operation, intents, self._send(before))

    def _read_before(self) -> ParallelFlow[Before]:
        """The existing contacts, by row, that must be known before this write, as they are now."""
        try:
            keys = yield from self._keys_to_read()
            contacts = yield from read_contacts(self.session, list(keys.values()))
        except UnrecordedRequestError:
            # Recordings of earlier versions have no such reads, and reach nobody.
            return {}
        return {row: contacts[key] for row, key in keys.items() if key in contacts}

    def _keys_to_read(self) -> ParallelFlow[Mapping[int, str]]:
        """The keys, by row, of the contacts that are deleted or may be opted in.

        The provider matches contacts by the fields that every row must have, which need not be a
        key, so a listing finds the keys.
        """
        provider, endpoint = self.session.provider, self.operation.endpoint
        rows, key = dict(enumerate(self.rows.values)), key_of(provider.record).name
        if endpoint.effect == "delete":
            return {row: str(values[key]) for row, values in rows.items()}
        doubtful = {row: v for row, v in rows.items() if may_widen(provider, endpoint, v)}
        if not doubtful:
            return {}
        names = [n for n, param in fields_of(endpoint.params).items() if param.marker.required]
        contacts = rows_of(provider.record, (yield from read_all(self.session)))
        keys = {tuple(contact.get(n) for n in names): str(contact[key]) for contact in contacts}
        matches = {row: keys.get(tuple(v.get(n) for n in names)) for row, v in doubtful.items()}
        return {row: match for row, match in matches.items() if match}

    def _refuse(self, before: Before, known: Before) -> None:
        """Raise InvalidInputError if a row must not be written; `known` is as read earlier."""
        if problems := list(self._refusals(before, known)):
            where = f"{self.session.provider.name} {self.operation.endpoint.verb}"
            raise InvalidInputError(where, problems)

    def _refusals(self, before: Before, known: Before) -> Iterator[FieldProblem]:
        provider, endpoint = self.session.provider, self.operation.endpoint
        suppression, opt_in = self.session.plan_journal.suppression, self.opt_in
        for row, values in enumerate(self.rows.values if endpoint.fields else ()):
            changes = consent_changes(provider, endpoint, values)
            contact = before.get(row, {})
            problems = consent_problems(provider, changes, known.get(row), contact, opt_in=opt_in)
            if not opt_in:
                problems += undocumented(provider, contact) if changes else []
                problems += unstated(provider, contact, changes) if contact else []
                new = [name for name, value in values.items() if value != contact.get(name)]
                new += provider.consent.opened_fields(contact, changes)
                problems += suppression.refusals(provider, {**contact, **values}, new)
            place = self.rows.places[row]
            yield from (replace(each, field=f"[{place}] {each.field}") for each in problems)

    def _send(self, before: Before) -> Flow[list[Row]]:
        """Send the write; returns one result row per contact, in the given order."""
        session, operation = self.session, self.operation
        success = yield from send(session, operation, paced=self.operation.once)
        bulk, wire = operation.endpoint.bulk, self.rows.wire
        sent = _recorded_rows(operation.endpoint, success) or wire
        items = bulk and bulk.read(success.response.status, success.body, sent)
        if not items or len(items) != len(wire):
            why = "does not say what happened to each contact"
            raise unexpected_response(session, operation, success.response, why)
        rows = enumerate(zip(self.rows.values, items, strict=True))
        return [self._row(success, v, item, before.get(row)) for row, (v, item) in rows]

    def _row(
        self, success: Success, values: Mapping[str, JSON], item: BulkItem, before: Values | None
    ) -> Row:
        session, operation, (usual, wire, note) = self.session, self.operation, item
        record, effect = session.provider.record, operation.endpoint.effect
        after = record.from_wire(as_object(wire)) if wire else None
        outcome, message = judge_outcome(session, operation, success, values, after, Outcome(usual))
        lost = deletion_note(session.provider, effect, before)
        return build_row(
            session.provider,
            effect,
            outcome,
            key=(after or values).get(key_of(record).name),
            changed=[] if effect == "delete" else [*values],
            before=before,
            after=after,
            message=message or ("" if operation.dry_run else note) or lost or None,
            warning=message,
            **response_columns(operation, success),
        )


def _recorded_rows(endpoint: Endpoint, success: Success) -> list[JSON]:
    """The rows as the recorded request has them, if a response was recorded for pseudonyms."""
    response, bulk = success.response, endpoint.bulk
    if not (response.pseudonymous and response.recorded_body and bulk):
        return []
    body = json.loads(response.recorded_body)
    return as_list(as_object(body).get(bulk.name, body))
