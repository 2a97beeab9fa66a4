"""What a simulated provider does for each kind of endpoint, after access control."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from contactkit.errors import (
    ConflictError,
    FieldProblem,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
)
from contactkit.simulator.messages import Request, Response, Row
from contactkit.simulator.rows import new_row
from contactkit.simulator.store import Stored
from contactkit.spec import (
    JSON,
    Checked,
    Endpoint,
    accepted_fields,
    as_object,
    check,
    fields_of,
    writable_fields,
)
from contactkit.spec.validate import wire_of

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine


def carry_out(engine: Engine, request: Request) -> Response:
    """Carry out a request, or simulate it in a dry run; respond in the provider's envelope."""
    endpoint = request.endpoint
    if endpoint.takes_key and endpoint.key_wire:
        sent = as_object(request.body) if endpoint.effect else request.query
        request.key = str(sent.pop(endpoint.key_wire, ""))
    if endpoint.takes_key:
        request.key = engine.rules.read_key(endpoint, request.key)
    _require_confirmation(engine, request)
    dry_run = _take_dry_run_flag(engine, request)
    if dry_run and not engine.rules.dry_run_rolls_back:
        return _mark_dry_run(engine, _sample_response(engine, request))
    if dry_run:
        with engine.contacts.rollback():
            return _mark_dry_run(engine, _execute(engine, request))
    return _execute(engine, request)


def _execute(engine: Engine, request: Request) -> Response:
    endpoint = request.endpoint
    verb = engine.rules.verbs.get(endpoint.verb)
    if verb:
        return verb(engine, request)
    if endpoint.answer == "page":
        return _list(engine, request)
    if endpoint.effect == "create":
        return create(engine, request)
    stored = find_contact(engine, request)
    if endpoint.effect:
        contact = validate_contact(engine, request, request.body, stored.row)
        if endpoint.effect == "delete":
            engine.contacts.delete(stored)
        else:
            update_contact(engine, request, stored, contact)
    return contact_response(engine, request, stored.row)


def find_contact(engine: Engine, request: Request) -> Stored:
    """The contact that the request names, if its sender may see it."""
    stored = engine.contacts.find(request.key)
    if stored is None or not _is_visible(stored, request):
        raise engine.refusal("not_found", NotFoundError, "Contact not found")
    return stored


def _is_visible(stored: Stored, request: Request) -> bool:
    return request.visible_owners is None or stored.owner in request.visible_owners


def _list(engine: Engine, request: Request) -> Response:
    paging, envelope = engine.provider.paging, engine.provider.envelope
    filters = validate_query(engine, request, without=paging.parameters)
    selection = engine.rules.select(filters)
    rows = engine.contacts.select(selection, request.visible_owners)
    if selection.missing and not rows:
        raise selection.missing
    default_size = min(engine.rules.page_size, paging.largest)
    try:
        page, info = paging.cut(rows, request.query, default_size)
    except InvalidInputError as error:
        problem = error.problems[0]
        message = f"{problem.field.replace('_', ' ').capitalize()} {problem.message}"
        raise engine.refusal(
            problem.code, InvalidRequestError, message, fields=error.problems
        ) from None
    body = envelope.put({}, envelope.many, [_to_wire(engine, request, dict(row)) for row in page])
    for place, value in info.items():
        body = envelope.put(body, place, value)
    return engine.success(200, body)


def validate_query(engine: Engine, request: Request, without: Collection[str] = ()) -> Row:
    """The parameters in a query by field name, validated."""
    query = {name: text for name, text in request.query.items() if name not in without}
    return _validate(engine, request, request.endpoint.params.from_query(query), None).values


def validate_contact(
    engine: Engine, request: Request, body: JSON, current: Row | None = None
) -> Checked:
    """A body by field names, validated against the same declaration as the client's."""
    values = _by_field_name(engine, request.endpoint, as_object(body))
    if engine.rules.allows_unchanged and current:
        accepted = accepted_fields(engine.provider, request.endpoint)
        values = {n: v for n, v in values.items() if n in accepted or current.get(n, values) != v}
    _require_body(engine, request, as_object(body))
    return _validate(engine, request, values, current)


def _require_body(engine: Engine, request: Request, body: Mapping[str, JSON]) -> None:
    """Refuse a body that lacks what the page demands: anything at all, or each of its fields."""
    if request.endpoint.required and not request.content:
        raise engine.rules.explain(
            request.endpoint, [FieldProblem(field="", message="a body is required")]
        )
    required = request.endpoint.required if engine.rules.strict else ()
    problems = [
        FieldProblem(field=name, message="is required", code="required")
        for name in required
        if name not in body
    ]
    if problems:
        raise engine.rules.explain(request.endpoint, problems)


def _validate(
    engine: Engine, request: Request, values: Mapping[str, JSON], current: Row | None
) -> Checked:
    checked = check(engine.provider, request.endpoint, values, current, request.flags)
    problems = checked.problems
    if engine.rules.allows_empty_update:
        problems = [problem for problem in problems if problem.code != "empty"]
    if problems:
        raise engine.rules.explain(request.endpoint, problems)
    return checked


def _by_field_name(engine: Engine, endpoint: Endpoint, body: Mapping[str, JSON]) -> Row:
    """A body by field names; the current spelling of a name wins over a deprecated one."""
    accepted = accepted_fields(engine.provider, endpoint)
    fields = {**fields_of(engine.provider.record), **accepted}
    names = {old: name for name, field in fields.items() for old in field.marker.deprecated}
    names |= {field.wire: name for name, field in fields.items()}
    names |= {wire_of(endpoint, field): name for name, field in accepted.items()}
    values: Row = {}
    for wire, value in body.items():
        name = names.get(wire, wire)
        preferred = name in accepted and wire == wire_of(endpoint, accepted[name])
        if (preferred or name not in values) and not (
            value is None and engine.rules.null_is_absent
        ):
            values[name] = value
    return values


def _require_confirmation(engine: Engine, request: Request) -> None:
    for name, flag in request.endpoint.confirm.items():
        if flag not in _flags(request, name):
            message = f"{request.endpoint.verb} needs the header {name}: {flag}"
            raise engine.refusal("confirm", PermissionDeniedError, message)


def _flags(request: Request, header: str) -> list[str]:
    return [flag.strip() for flag in request.headers.get(header.lower(), "").split(",")]


def _take_dry_run_flag(engine: Engine, request: Request) -> bool:
    """Remove the dry-run flag from the body; returns whether it is a dry run."""
    form = engine.provider.dry_run
    if form is None or not request.endpoint.dry_run:
        return False
    if form.headers:
        return all(flag in _flags(request, name) for name, flag in form.headers.items())
    body = as_object(request.body)
    flags = {name: body.pop(name, None) for name in form.body}
    problems = [
        FieldProblem(field=name, message=f"must be like {json.dumps(wanted)}", code="type")
        for name, wanted in form.body.items()
        if flags[name] is not None and type(flags[name]) is not type(wanted)
    ]
    if problems:
        raise engine.rules.explain(request.endpoint, problems)
    return flags == form.body


def _sample_response(engine: Engine, request: Request) -> Response:
    """Validate the request and respond with a sample; nothing is looked up or changed."""
    contact = validate_contact(engine, request, request.body)
    values = _changes(engine, request.endpoint, contact)
    new = request.endpoint.effect == "create"
    if new:
        values = {**engine.given_key(), **values}
    else:
        values = {**engine.sample_row(0), engine.contacts.key: request.key, **contact.values}
    return contact_response(engine, request, new_row(engine, values, request.owner), new=new)


def _mark_dry_run(engine: Engine, response: Response) -> Response:
    form = engine.provider.dry_run
    headers = {form.confirmed: "true"} if form else {}
    return Response(response.status, response.body, {**response.headers, **headers})


def create(engine: Engine, request: Request) -> Response:
    """Add the contact that the body describes."""
    contact = validate_contact(engine, request, request.body)
    stored = create_contact(engine, request, contact)
    return contact_response(engine, request, stored.row, new=True)


def create_contact(engine: Engine, request: Request, contact: Checked) -> Stored:
    """Add one contact, unless its unique values are taken; a deleted one may be restored."""
    changes = _changes(engine, request.endpoint, contact)
    _refuse_duplicate(engine, request.owner, changes, None)
    row = new_row(engine, {**engine.given_key(), **changes}, request.owner)
    deleted = engine.contacts.deleted_holder(request.owner, row)
    if deleted and engine.rules.restores_deleted:
        row[engine.contacts.key] = deleted.row[engine.contacts.key]
    stored = engine.contacts.put(row, request.owner, writes=1)
    engine.rules.after_write(engine, None, row, contact.values)
    return stored


def upsert_contact(
    engine: Engine, request: Request, contact: Checked, stored: Stored | None
) -> Stored:
    """Change the stored contact, or create one if there is none."""
    if stored is None:
        return create_contact(engine, request, contact)
    update_contact(engine, request, stored, contact)
    return stored


def update_contact(engine: Engine, request: Request, stored: Stored, contact: Checked) -> None:
    """Change one contact, unless another one has a new value that is unique."""
    before, changes = stored.row, _changes(engine, request.endpoint, contact)
    _refuse_duplicate(engine, stored.owner, changes, stored)
    if not changes:
        return
    for name, value in changes.items():
        merges = fields_of(engine.provider.record)[name].marker.collection == "merge"
        if merges and value is not None:
            changes[name] = {**as_object(before[name]), **as_object(value)}
    after = {**before, **changes, **engine.change_time()}
    engine.rules.fill_in(after, stored.owner)
    engine.contacts.put(after, stored.owner, writes=1)
    engine.rules.after_write(engine, before, stored.row, contact.values)


def _changes(engine: Engine, endpoint: Endpoint, contact: Checked) -> Row:
    fields = writable_fields(engine.provider, endpoint)
    return {name: value for name, value in contact.values.items() if name in fields}


def _refuse_duplicate(engine: Engine, owner: str, changes: Row, stored: Stored | None) -> None:
    holder = engine.contacts.holder(owner, changes)
    if holder is not None and holder is not stored:
        key = str(holder.row[engine.contacts.key]) if engine.rules.conflict_shows_key else ""
        message = "A contact with these values already exists"
        raise engine.refusal("conflict", ConflictError, message, existing_key=key)


def _to_wire(engine: Engine, request: Request, row: Row) -> Row:
    record = request.endpoint.record or engine.provider.record
    values = {field.wire: row[name] for name, field in fields_of(record).items()}
    first = {name: values[name] for name in engine.rules.first_names if name in values}
    return engine.rules.to_wire(request.endpoint, first | values)


def contact_response(engine: Engine, request: Request, row: Row, *, new: bool = False) -> Response:
    """The response with a row."""
    answer = request.endpoint.answer
    if answer == "nothing":
        return engine.rules.empty_response
    place = () if answer == "whole" else engine.provider.envelope.one
    body = engine.provider.envelope.put({}, place, _to_wire(engine, request, row))
    status = engine.rules.created_status if new else 200
    return engine.success(status, body)


def rows_response(engine: Engine, request: Request, rows: Sequence[Row]) -> Response:
    """The response with several records of the account."""
    wires = [_to_wire(engine, request, row) for row in rows]
    return engine.success(200, engine.provider.envelope.put({}, request.endpoint.rows, wires))
