"""What a person typed, as values that can be sent: read from the controls and checked.

Only what was changed on the screen is ever in it, so that what a control cannot show exactly is
never written by accident.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from contactkit._http.session import Operation, Session, build_operation
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.forms.controls import Raw, value_of
from contactkit.forms.fields import label_of
from contactkit.forms.html import render, table, text_of
from contactkit.spec import phones
from contactkit.spec.provider import JSON, Endpoint, Provider
from contactkit.spec.record import RecordField
from contactkit.spec.validate import (
    accepted_fields,
    is_phone,
    json_equal,
    merge_patch,
    normalise_phone,
    validate_edit,
    value_after,
)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Changed values by field name, what is wrong with them, and the request if nothing is.

    `doubts` are about values that may be sent and are hardly meant; `fields` are those that the
    verb takes.
    """

    values: dict[str, JSON]
    problems: list[FieldProblem]
    doubts: list[FieldProblem]
    fields: Mapping[str, RecordField]
    ask: Operation | None


def read_draft(
    session: Session,
    endpoint: Endpoint,
    key: str,
    current: Mapping[str, JSON] | None,
    raws: Mapping[str, Raw],
) -> Draft:
    """Read what stands in the changed controls, and check it as the client does."""
    fields = accepted_fields(session.provider, endpoint)
    values: dict[str, JSON] = {}
    problems: list[FieldProblem] = []
    for name, raw in raws.items():
        try:
            _take(fields[name], raw, current or {}, values)
        except ValueError as error:
            problems.append(FieldProblem(field=name, message=str(error), code="type"))
    ask = None
    try:
        ask = _checked(session, endpoint, key, current, values)
    except InvalidInputError as error:
        unread = {each.field for each in problems}
        # That nothing was changed is not so where something could not be read.
        problems += [
            each
            for each in error.problems
            if each.field not in unread and not (unread and each.code == "empty")
        ]
    doubts = [] if problems else list(_doubts(fields, values))
    return Draft(values=values, problems=problems, doubts=doubts, fields=fields, ask=ask)


def _doubts(
    fields: Mapping[str, RecordField], values: Mapping[str, JSON]
) -> Iterator[FieldProblem]:
    """A number that is too short is what is left when somebody stops halfway."""
    for name, value in values.items():
        if value and is_phone(fields[name]) and (why := phones.doubt(normalise_phone(value))):
            yield FieldProblem(field=name, message=why)


def _take(
    field: RecordField, raw: Raw, current: Mapping[str, JSON], values: dict[str, JSON]
) -> None:
    value = merge_patch(field, current.get(field.name), value_of(field, raw))
    unchanged = field.name in current and json_equal(current[field.name], value)
    # An option that is not set is left to the provider.
    if not unchanged and (value is not None or field.marker.access != "option"):
        values[field.name] = value


def _checked(
    session: Session,
    endpoint: Endpoint,
    key: str,
    current: Mapping[str, JSON] | None,
    values: Mapping[str, JSON],
) -> Operation:
    provider = session.provider
    found = validate_edit(provider, endpoint, values, current)
    if found.problems:
        raise InvalidInputError(f"{provider.name} {endpoint.verb}", found.problems)
    return build_operation(session, endpoint, key=key, body=found.wire)


def review_of(
    provider: Provider, endpoint: Endpoint, key: str, current: Mapping[str, JSON], draft: Draft
) -> str:
    """HTML: old and new of each field that differs, and the request."""
    rows = [
        (
            label_of(name),
            text_of(current.get(name)) or "—",
            text_of(value_after(draft.fields[name], current.get(name), value)) or "—",
        )
        for name, value in draft.values.items()
    ]
    return render(
        "review",
        table=table("What would change", ["field", "old", "new"], rows),
        request=request_of(draft.ask) if draft.ask else "",
        code=code_of(provider, endpoint, key, draft.values),
    )


def request_of(ask: Operation) -> str:
    """A request as it will be sent, without its headers: they hold what nobody should read."""
    first = f"{ask.request.method} {ask.request.url}"
    if ask.request.body is None:
        return first
    return f"{first}\n{json.dumps(ask.request.body, indent=2, ensure_ascii=False)}"


def code_of(provider: Provider, endpoint: Endpoint, key: str, values: Mapping[str, JSON]) -> str:
    """The line of Python that does the same."""
    arguments = [repr(key)] if endpoint.takes_key else []
    arguments += [f"{name}={value!r}" for name, value in values.items()]
    return render("code", code=f"{provider.name}.contacts.{endpoint.verb}({', '.join(arguments)})")
