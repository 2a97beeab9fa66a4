"""What a simulated provider does for each kind of endpoint, once a request has come in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from contactkit.checks import Checked, check, settable
from contactkit.errors import ConflictError, FieldProblem, InvalidRequestError, NotFoundError
from contactkit.record import RecordField, fields_of
from contactkit.simulator.messages import Answer, Request, Row
from contactkit.simulator.store import Stored
from contactkit.spec import JSON, Endpoint

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_BLANKS: dict[str, JSON] = {"boolean": False, "Int64": 0, "string": ""}


def carry_out(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """Do what an endpoint does and answer in the provider's envelope."""
    if endpoint.takes_key:
        engine.rules.check_key(endpoint, request.key)
    if endpoint.answer == "page":
        return _list(engine, request, endpoint)
    if endpoint.effect == "create":
        return _create(engine, request, endpoint)
    if _dry(engine, request, endpoint):
        return _rehearsed(engine, request, endpoint)
    stored = engine.contacts.find(request.key)
    if stored is None or (request.sees is not None and stored.owner not in request.sees):
        raise engine.refusal("not_found", NotFoundError, "Contact not found")
    if endpoint.verb in engine.rules.verbs:
        if endpoint.effect:
            request.body = _checked(engine, request, endpoint, stored.row).values
        before = dict(stored.row)
        row = engine.rules.verbs[endpoint.verb](engine, request, stored.row)
        stored.writes += stored.row != before
        return _answer(engine, endpoint, row)
    if endpoint.effect == "delete":
        _checked(engine, request, endpoint, stored.row)
        engine.contacts.delete(stored)
    elif endpoint.effect:
        _update(engine, request, endpoint, stored)
    return _answer(engine, endpoint, stored.row)


def _list(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    paging, envelope = engine.provider.paging, engine.provider.envelope
    usual = min(engine.rules.page_size, paging.largest)
    number = _whole(engine, request.query.pop(paging.page, "1"), paging.page, None)
    asked = request.query.pop(paging.size, str(usual))
    size = _whole(engine, asked, paging.size, paging.largest)
    wires = {each.wire: each for each in fields_of(endpoint.params).values()}
    request.body = {n: _typed(wires[n], v) if n in wires else v for n, v in request.query.items()}
    filters = _checked(engine, request, endpoint, None).values
    rows = [
        stored.row
        for stored in engine.contacts
        if not stored.deleted and (request.sees is None or stored.owner in request.sees)
    ]
    chosen = engine.rules.select(rows, filters) if filters else rows
    page = chosen[(number - 1) * size : number * size]
    body: dict[str, JSON] = {}
    envelope.put(body, envelope.many, [_wire(engine, endpoint, row) for row in page])
    envelope.put(body, envelope.page, paging.info(number, size, len(chosen)))
    return engine.sealed(200, body)


def _whole(engine: Engine, text: str, name: str, most: int | None) -> int:
    value = int(text) if _WHOLE.fullmatch(text) else 0
    if value < 1 or (most is not None and value > most):
        message = f"must be between 1 and {most}" if most else "must be greater than 0"
        problem = FieldProblem(field=name, message=message)
        told = f"{name.replace('_', ' ').capitalize()} {message}"
        raise engine.refusal("page", InvalidRequestError, told, fields=[problem])
    return value


def _typed(field: RecordField, text: str) -> JSON:
    if field.kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return int(text) if field.kind == "Int64" and _WHOLE.fullmatch(text) else text


def _checked(engine: Engine, request: Request, endpoint: Endpoint, current: Row | None) -> Checked:
    """The body by field names, held against the same declaration as the client's."""
    declared = {**settable(engine.provider, endpoint), **fields_of(endpoint.params)}
    names = {each.wire: name for name, each in declared.items()}
    known = fields_of(engine.provider.record)
    names |= {each.wire: name for name, each in known.items() if each.wire not in names}
    values = {
        names.get(wire, wire): value
        for wire, value in request.body.items()
        if value is not None or not engine.rules.null_is_absent
    }
    found = check(engine.provider, endpoint, values, current)
    problems = [p for p in found.problems if p.code != "empty" or not engine.rules.empty_update]
    if problems:
        raise engine.rules.explain(endpoint, problems)
    return found


def _dry(engine: Engine, request: Request, endpoint: Endpoint) -> bool:
    """Take the dry-run mark out of the body; whether it asked for one."""
    form = engine.provider.dry_run
    if form is None or not endpoint.dry_run:
        return False
    marks = {name: request.body.pop(name, None) for name in form.body}
    wrong = [
        FieldProblem(field=name, message=f"must be like {json.dumps(wanted)}", code="type")
        for name, wanted in form.body.items()
        if marks[name] is not None and type(marks[name]) is not type(wanted)
    ]
    if wrong:
        raise engine.rules.explain(endpoint, wrong)
    return marks == form.body


def _rehearsed(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """Check, look nothing up, change nothing, and answer with a sample."""
    found = _checked(engine, request, endpoint, None)
    sample = fresh(
        engine,
        {**engine.sample(0), engine.contacts.key: request.key, **found.values},
        request.owner,
    )
    return _confirmed(engine, _answer(engine, endpoint, sample))


def _confirmed(engine: Engine, answer: Answer) -> Answer:
    form = engine.provider.dry_run
    told = {form.confirmed: "true"} if form else {}
    return Answer(answer.status, answer.body, {**answer.headers, **told})


def _create(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    dry = _dry(engine, request, endpoint)
    found = _checked(engine, request, endpoint, None)
    changes = _changes(engine, endpoint, found)
    row = fresh(engine, changes, request.owner)
    if dry:
        return _confirmed(engine, _answer(engine, endpoint, row))
    _refuse_taken(engine, request.owner, changes, None)
    departed = engine.contacts.departed(request.owner, row) if engine.rules.restores else None
    if departed:
        row[engine.contacts.key] = departed.row[engine.contacts.key]
    engine.contacts.put(row, request.owner, writes=1)
    engine.rules.changed(engine, None, row, found.values)
    return _answer(engine, endpoint, row)


def _update(engine: Engine, request: Request, endpoint: Endpoint, stored: Stored) -> None:
    before = stored.row
    found = _checked(engine, request, endpoint, before)
    changes = _changes(engine, endpoint, found)
    _refuse_taken(engine, stored.owner, changes, stored)
    if changes:
        touched = {"updated_at": engine.rules.stamp(engine.now)} if "updated_at" in before else {}
        after = {**before, **changes, **touched}
        engine.rules.complete(after, stored.owner)
        engine.contacts.put(after, stored.owner, writes=1)
        engine.rules.changed(engine, before, stored.row, found.values)


def _changes(engine: Engine, endpoint: Endpoint, found: Checked) -> Row:
    fields = settable(engine.provider, endpoint)
    return {name: value for name, value in found.values.items() if name in fields}


def _refuse_taken(engine: Engine, owner: str, changes: Row, own: Stored | None) -> None:
    holder = engine.contacts.holder(owner, changes)
    if holder is not None and holder is not own:
        key = str(holder.row[engine.contacts.key]) if engine.rules.names_existing else ""
        message = "A contact with these values exists already"
        raise engine.refusal("conflict", ConflictError, message, existing_key=key)


def fresh(engine: Engine, given: Mapping[str, JSON], owner: str) -> Row:
    """A new contact: what was given, what the provider fills in, and blanks for the rest."""
    declared = fields_of(engine.provider.record)
    row = {name: _blank(engine, each) for name, each in declared.items()}
    row[engine.contacts.key] = engine.rules.new_key(engine.rng)
    row |= {**engine.rules.defaults, **given}
    engine.rules.complete(row, owner)
    return row


def _blank(engine: Engine, field: RecordField) -> JSON:
    if field.nullable:
        return None
    match field.kind:
        case "category":
            return field.choices[0]
        case "datetime":
            return engine.rules.stamp(engine.now)
        case "list":
            return []
        case "dict":
            return {}
        case kind:
            return _BLANKS[kind]


def _wire(engine: Engine, endpoint: Endpoint, row: Row) -> Row:
    record = endpoint.record or engine.provider.record
    return {each.wire: row[name] for name, each in fields_of(record).items()}


def _answer(engine: Engine, endpoint: Endpoint, row: Row) -> Answer:
    if endpoint.answer == "nothing":
        return Answer(204)
    body: dict[str, JSON] = {}
    engine.provider.envelope.put(body, engine.provider.envelope.one, _wire(engine, endpoint, row))
    return engine.sealed(201 if endpoint.effect == "create" else 200, body)
