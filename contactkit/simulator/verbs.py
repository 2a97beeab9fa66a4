"""What a simulated provider does for each kind of endpoint, once a request has come in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from contactkit.errors import (
    ConflictError,
    FieldProblem,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
)
from contactkit.simulator.messages import Answer, Request, Row
from contactkit.simulator.store import Stored
from contactkit.spec.provider import JSON, Endpoint, as_object
from contactkit.spec.record import RecordField, fields_of
from contactkit.spec.validate import Checked, accepted_fields, check, wire_of, writable_fields

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

_BLANKS: dict[str, JSON] = {"boolean": False, "Int64": 0, "string": ""}


def carry_out(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """Do what an endpoint does and answer in the provider's envelope."""
    if endpoint.takes_key and endpoint.key_wire:
        request.key = str(as_object(request.body).pop(endpoint.key_wire, ""))
    if endpoint.takes_key:
        engine.rules.check_key(endpoint, request.key)
    _confirmed(engine, request, endpoint)
    dry = _dry(engine, request, endpoint)
    if dry and not engine.rules.rehearses:
        return _told(engine, _sampled(engine, request, endpoint))
    if dry:
        with engine.contacts.undone():
            return _told(engine, _carried_out(engine, request, endpoint))
    return _carried_out(engine, request, endpoint)


def _carried_out(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    special = engine.rules.verbs.get(endpoint.verb)
    if special:
        return special(engine, request, endpoint)
    if endpoint.answer == "page":
        return _list(engine, request, endpoint)
    if endpoint.effect == "create":
        return create(engine, request, endpoint)
    stored = found(engine, request)
    if endpoint.effect == "delete":
        judged(engine, request, endpoint, stored.row)
        engine.contacts.delete(stored)
    elif endpoint.effect:
        updated(engine, endpoint, stored, judged(engine, request, endpoint, stored.row))
    return answered(engine, endpoint, stored.row)


def found(engine: Engine, request: Request) -> Stored:
    """The contact that the request names, if its sender may see it."""
    stored = engine.contacts.find(request.key)
    if stored is None or (request.sees is not None and stored.owner not in request.sees):
        raise engine.refusal("not_found", NotFoundError, "Contact not found")
    return stored


def _list(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    paging, envelope = engine.provider.paging, engine.provider.envelope
    given = {name: text for name, text in request.query.items() if name not in paging.parameters}
    filters = _checked(engine, endpoint, endpoint.params.from_query(given), None).values
    rows = [
        stored.row
        for stored in engine.contacts
        if not stored.deleted and (request.sees is None or stored.owner in request.sees)
    ]
    usual = min(engine.rules.page_size, paging.largest)
    try:
        page, told = paging.cut(engine.rules.select(rows, filters), request.query, usual)
    except InvalidInputError as error:
        problem = error.problems[0]
        message = f"{problem.field.replace('_', ' ').capitalize()} {problem.message}"
        raise engine.refusal(
            problem.code, InvalidRequestError, message, fields=error.problems
        ) from None
    body = envelope.put({}, envelope.many, [_wire(engine, endpoint, dict(row)) for row in page])
    for place, value in told.items():
        body = envelope.put(body, place, value)
    return engine.sealed(200, body)


def judged(engine: Engine, request: Request, endpoint: Endpoint, current: Row | None) -> Checked:
    """The body by field names, held against the same declaration as the client's."""
    return checked(engine, endpoint, as_object(request.body), current)


def checked(
    engine: Engine, endpoint: Endpoint, body: Mapping[str, JSON], current: Row | None
) -> Checked:
    """One contact of a body, as `judged`."""
    values = _values(engine, endpoint, body)
    if engine.rules.echoes and current:
        taken = accepted_fields(engine.provider, endpoint)
        values = {n: v for n, v in values.items() if n in taken or current.get(n, values) != v}
    return _checked(engine, endpoint, values, current)


def _checked(
    engine: Engine, endpoint: Endpoint, values: Mapping[str, JSON], current: Row | None
) -> Checked:
    found = check(engine.provider, endpoint, values, current)
    problems = [p for p in found.problems if p.code != "empty" or not engine.rules.empty_update]
    if problems:
        raise engine.rules.explain(endpoint, problems)
    return found


def _values(engine: Engine, endpoint: Endpoint, body: Mapping[str, JSON]) -> Row:
    """A body by field names: the preferred spelling of a name goes before a deprecated one."""
    taken = accepted_fields(engine.provider, endpoint)
    known = {**fields_of(engine.provider.record), **taken}
    names = {old: name for name, each in known.items() for old in each.marker.deprecated}
    names |= {each.wire: name for name, each in known.items()}
    names |= {wire_of(endpoint, each): name for name, each in taken.items()}
    values: Row = {}
    for wire, value in body.items():
        name = names.get(wire, wire)
        preferred = name in taken and wire == wire_of(endpoint, taken[name])
        if (preferred or name not in values) and not (
            value is None and engine.rules.null_is_absent
        ):
            values[name] = value
    return values


def _confirmed(engine: Engine, request: Request, endpoint: Endpoint) -> None:
    """Refuse what the caller must ask for and did not."""
    for name, flag in endpoint.confirm.items():
        if flag not in _flags(request, name):
            message = f"{endpoint.verb} needs the header {name}: {flag}"
            raise engine.refusal("confirm", PermissionDeniedError, message)


def _flags(request: Request, header: str) -> list[str]:
    return [flag.strip() for flag in request.headers.get(header.lower(), "").split(",")]


def _dry(engine: Engine, request: Request, endpoint: Endpoint) -> bool:
    """Take the dry-run mark out of the body; whether the request asked for one."""
    form = engine.provider.dry_run
    if form is None or not endpoint.dry_run:
        return False
    if form.headers:
        return all(flag in _flags(request, name) for name, flag in form.headers.items())
    body = as_object(request.body)
    marks = {name: body.pop(name, None) for name in form.body}
    wrong = [
        FieldProblem(field=name, message=f"must be like {json.dumps(wanted)}", code="type")
        for name, wanted in form.body.items()
        if marks[name] is not None and type(marks[name]) is not type(wanted)
    ]
    if wrong:
        raise engine.rules.explain(endpoint, wrong)
    return marks == form.body


def _sampled(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """Check, look nothing up, change nothing, and answer with a sample."""
    found = judged(engine, request, endpoint, None)
    given = _changes(engine, endpoint, found)
    if endpoint.effect != "create":
        given = {**engine.sample(0), engine.contacts.key: request.key, **found.values}
    new = endpoint.effect == "create"
    return answered(engine, endpoint, fresh(engine, given, request.owner), new=new)


def _told(engine: Engine, answer: Answer) -> Answer:
    form = engine.provider.dry_run
    told = {form.confirmed: "true"} if form else {}
    return Answer(answer.status, answer.body, {**answer.headers, **told})


def create(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """Add the contact that the body describes."""
    found = judged(engine, request, endpoint, None)
    return answered(engine, endpoint, created(engine, request, endpoint, found).row, new=True)


def created(engine: Engine, request: Request, endpoint: Endpoint, found: Checked) -> Stored:
    """Add one contact, unless its unique values are taken; a deleted one may be restored."""
    changes = _changes(engine, endpoint, found)
    row = fresh(engine, changes, request.owner)
    _refuse_taken(engine, request.owner, changes, None)
    departed = engine.contacts.departed(request.owner, row) if engine.rules.restores else None
    if departed:
        row[engine.contacts.key] = departed.row[engine.contacts.key]
    stored = engine.contacts.put(row, request.owner, writes=1)
    engine.rules.changed(engine, None, row, found.values)
    return stored


def updated(engine: Engine, endpoint: Endpoint, stored: Stored, found: Checked) -> None:
    """Change one contact, unless a new value is another's."""
    before, changes = stored.row, _changes(engine, endpoint, found)
    _refuse_taken(engine, stored.owner, changes, stored)
    if not changes:
        return
    for name, value in changes.items():
        merges = fields_of(engine.provider.record)[name].marker.collection == "merge"
        if merges and value is not None:
            changes[name] = {**as_object(before[name]), **as_object(value)}
    touched = {"updated_at": engine.rules.stamp(engine.now)} if "updated_at" in before else {}
    after = {**before, **changes, **touched}
    engine.rules.complete(after, stored.owner)
    engine.contacts.put(after, stored.owner, writes=1)
    engine.rules.changed(engine, before, stored.row, found.values)


def _changes(engine: Engine, endpoint: Endpoint, found: Checked) -> Row:
    fields = writable_fields(engine.provider, endpoint)
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
    born = {"created_at": engine.rules.stamp(engine.now)} if "created_at" in row else {}
    row |= {**born, **engine.rules.defaults, **given}
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
    wired = {each.wire: row[name] for name, each in fields_of(record).items()}
    return engine.rules.wire(endpoint, wired)


def answered(engine: Engine, endpoint: Endpoint, row: Row, *, new: bool = False) -> Answer:
    """A row as the provider answers with it."""
    if endpoint.answer == "nothing":
        return engine.rules.nothing
    place = () if endpoint.answer == "whole" else engine.provider.envelope.one
    body = engine.provider.envelope.put({}, place, _wire(engine, endpoint, row))
    status = engine.rules.created_status if new else 200
    return engine.sealed(status, body)
