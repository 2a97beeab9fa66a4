"""The edits in a form as values to send, and a review of what they would change.

Only fields that the user changed are part of a draft, so that a value which a control cannot show
exactly is never written by accident.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from contactkit._http.request import build_operation
from contactkit._http.session import Operation, Session
from contactkit._plans.whole import whole_request
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.forms.controls import Raw, value_of
from contactkit.forms.html import RESULT_COLUMNS, frame_table, render, table, text_of
from contactkit.spec import phones
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.merge import merge_patch, value_after
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField
from contactkit.spec.user_input import normalise_phone, validate_edit
from contactkit.spec.validate import accepted_fields, is_phone, json_equal


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Changed values by field name, their problems, and without problems the request.

    `doubts` concern values that may be sent but are probably mistakes; `fields` are those that the
    verb accepts.
    """

    values: dict[str, JSON]
    problems: list[FieldProblem]
    doubts: list[FieldProblem]
    fields: Mapping[str, RecordField]
    operation: Operation | None


def read_draft(
    session: Session,
    endpoint: Endpoint,
    key: str,
    current: Mapping[str, JSON] | None,
    raws: Mapping[str, Raw],
) -> Draft:
    """Read the changed controls, and check their values as the client does."""
    fields = accepted_fields(session.provider, endpoint)
    values: dict[str, JSON] = {}
    problems: list[FieldProblem] = []
    for name, raw in raws.items():
        try:
            _add_value(values, fields[name], raw, current or {})
        except ValueError as error:
            problems.append(FieldProblem(field=name, message=str(error), code="type"))
    operation = None
    try:
        operation = _build(session, endpoint, key, current, values)
    except InvalidInputError as error:
        unread = {problem.field for problem in problems}
        # If a value could not be read, something was changed.
        problems += [
            problem
            for problem in error.problems
            if problem.field not in unread and not (unread and problem.code == "empty")
        ]
    doubts = [] if problems else list(_doubts(fields, values))
    return Draft(
        values=values, problems=problems, doubts=doubts, fields=fields, operation=operation
    )


def changed_fields(before: Mapping[str, Raw], after: Mapping[str, Raw]) -> set[str]:
    """The fields with a changed control; an incomplete entry is None rather than missing."""
    names = before.keys() | after.keys()
    missing = object()
    return {name for name in names if before.get(name, missing) != after.get(name, missing)}


def _add_value(
    values: dict[str, JSON], field: RecordField, raw: Raw, current: Mapping[str, JSON]
) -> None:
    value = merge_patch(field, current.get(field.name), value_of(field, raw))
    unchanged = field.name in current and json_equal(current[field.name], value)
    # The provider decides about options that are not set.
    if not unchanged and (value is not None or field.marker.access != "option"):
        values[field.name] = value


def _build(
    session: Session,
    endpoint: Endpoint,
    key: str,
    current: Mapping[str, JSON] | None,
    values: Mapping[str, JSON],
) -> Operation:
    provider = session.provider
    edit = validate_edit(provider, endpoint, values, current)
    if edit.problems:
        raise InvalidInputError(f"{provider.name} {endpoint.verb}", edit.problems)
    operation = build_operation(session, endpoint, key=key, body=edit.wire)
    if session.whole and endpoint.required and current:
        return replace(operation, request=whole_request(provider, operation.request, current))
    return operation


def _doubts(
    fields: Mapping[str, RecordField], values: Mapping[str, JSON]
) -> Iterator[FieldProblem]:
    """Doubts about phone numbers that are too short and probably incomplete."""
    for name, value in values.items():
        if value and is_phone(fields[name]) and (doubt := phones.doubt(normalise_phone(value))):
            yield FieldProblem(field=name, message=doubt)


def review_html(
    provider: Provider,
    endpoint: Endpoint,
    key: str,
    current: Mapping[str, JSON],
    draft: Draft,
    options: Mapping[str, JSON],
) -> str:
    """Old and new values of changed fields, the request, and the same in Python."""
    rows = [
        (
            draft.fields[name].label,
            text_of(current.get(name)) or "—",
            text_of(value_after(draft.fields[name], current.get(name), value)) or "—",
        )
        for name, value in draft.values.items()
    ]
    return render(
        "review",
        table=table("What would change", ["field", "old", "new"], rows),
        request=_request_text(draft.operation) if draft.operation else "",
        opts_in=bool(options.get("opt_in")),
        code=code_html(provider, endpoint, key, {**draft.values, **options}),
    )


def report_html(
    provider: Provider,
    endpoint: Endpoint,
    key: str,
    values: Mapping[str, JSON],
    result: pd.DataFrame,
) -> str:
    """A result row, and the line of Python that does the same."""
    row = frame_table("Result", result.filter(RESULT_COLUMNS))
    return render("report", table=row, code=code_html(provider, endpoint, key, values))


def _request_text(operation: Operation) -> str:
    """A request as it will be sent, without its headers, which contain credentials."""
    request = operation.request
    first = f"{request.method} {request.url}"
    if request.body is None:
        return first
    return f"{first}\n{json.dumps(request.body, indent=2, ensure_ascii=False)}"


def code_html(provider: Provider, endpoint: Endpoint, key: str, values: Mapping[str, JSON]) -> str:
    """The line of Python that does the same."""
    arguments = [repr(key)] if endpoint.takes_key else []
    arguments += [f"{name}={value!r}" for name, value in values.items()]
    return render("code", code=f"{provider.name}.contacts.{endpoint.verb}({', '.join(arguments)})")
