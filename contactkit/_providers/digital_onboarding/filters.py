"""How Digital Onboarding's lists are filtered and sorted: `where` and `sort`.

https://do-api-docs.pages.dev/guides/pagination/ describes both, but not which of a contact's fields
can be used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast

from pydantic import BeforeValidator

from contactkit._providers.digital_onboarding.record import Contact
from contactkit.spec import (
    Kind,
    Record,
    RecordField,
    fields_of,
    nearest,
    normalise_phone,
    option,
    parse_date,
    parse_time,
    to_python,
)

_SAME = ("eq", "neq", "in", "nin", "present", "missing")
_ORDERED = (*_SAME, "lt", "lte", "gt", "gte")
_TEXT = (*_ORDERED, "contains", "starts_with", "ends_with")
OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    "string": _TEXT,
    "category": _TEXT,
    "boolean": _SAME,
    "date": _ORDERED,
    "datetime": _ORDERED,
    "list": ("contains", "present", "missing"),
    "dict": ("present", "missing"),
}
FIELDS = fields_of(Contact)
_SORTABLE = [name for name, field in FIELDS.items() if field.kind not in ("list", "dict")]
_FILTER = re.compile(r"filter\[(\w+)\](?:\[(\w+)\])?", re.ASCII)
_WHERE = (
    "Conditions by field, all of which must hold: a value, or operators with values, such as "
    '{"email": {"ends_with": "@example.com"}}. in and nin take a list, present and missing True. '
    f"Operators: {', '.join(_TEXT)}. Which fields can be filtered is not documented."
)


def _normalise(where: Any) -> Any:
    """Conditions with operators and Python values; a plain value means `eq`."""
    if not isinstance(where, dict):
        return where
    conditions = cast("dict[Any, Any]", where).items()
    return {name: _condition(FIELDS.get(name), value) for name, value in conditions}


def _condition(field: RecordField | None, value: Any) -> dict[Any, Any]:
    operands = cast("dict[Any, Any]", value) if isinstance(value, dict) else {"eq": value}
    return {name: _operand(field, name, to_python(operand)) for name, operand in operands.items()}


def _operand(field: RecordField | None, operator: Any, value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return [_operand(field, operator, to_python(item)) for item in cast("list[Any]", value)]
    if field and field.kind == "date" and field.accepts(value) and value is not None:
        return parse_date(value).isoformat()
    # Only a complete number becomes E.164; a part of one, as for contains, does not.
    whole = operator in ("eq", "neq", "in", "nin")
    return normalise_phone(value) if field and field.marker.personal == "phone" and whole else value


def _check_where(where: Any) -> Any:
    problems = [
        problem
        for name, condition in _normalise(where).items()
        for problem in _problems(name, condition)
    ]
    if problems:
        raise ValueError("; ".join(problems))
    return where


def _problems(name: str, condition: Mapping[Any, Any]) -> Iterator[str]:
    """The problems of a condition; an unknown name is not repeated, since it may be personal."""
    field = FIELDS.get(name)
    if field is None:
        yield f"a contact has no such field; {nearest(name, FIELDS)}"
        return
    allowed = OPERATORS[field.kind]
    if not condition:
        yield f"{name} needs an operator; allowed: {', '.join(allowed)}"
    for operator, value in condition.items():
        if operator not in allowed:
            yield f"{name} takes no such operator; {nearest(str(operator), allowed)}"
            continue
        try:
            _query_text(field, operator, value)
        except ValueError as error:
            yield f"{name} {operator} {error}"


def _query_text(field: RecordField, operator: str, value: Any) -> str:
    """The text of a condition's value in a query; ValueError for a value of the wrong type."""
    if operator in ("present", "missing"):
        if value is not True:
            raise ValueError("must be True")
        return "true"
    if operator not in ("in", "nin"):
        return _text(field, value)
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list that is not empty")
    texts = [_text(field, item) for item in cast("list[Any]", value)]
    if any("," in text for text in texts):
        raise ValueError("must not contain commas: they separate the values")
    return ",".join(texts)


def _text(field: RecordField, value: Any) -> str:
    match field.kind:
        case "boolean":
            if not isinstance(value, bool):
                raise ValueError("must be True or False")
            return str(value).lower()
        case "date":
            return parse_date(value).isoformat()
        case "datetime":
            return parse_time(value).isoformat().replace("+00:00", "Z")
        case _:
            if not isinstance(value, str):
                raise ValueError("must be text; use missing for fields without a value")
            return value


def _parse(name: str, operator: str, text: str) -> Any:
    """The value of a query's condition; an invalid value stays text."""
    kind = FIELDS[name].kind if name in FIELDS else "string"
    if operator in ("in", "nin"):
        return [_parse(name, "eq", item) for item in text.split(",")]
    if kind == "boolean" or operator in ("present", "missing"):
        return {"true": True, "false": False}.get(text, text)
    return text


def order_of(sort: str) -> list[tuple[str, bool]]:
    """The fields to sort by, and whether descending; ValueError for an invalid field."""
    order: list[tuple[str, bool]] = []
    for term in map(str.strip, sort.split(",")):
        name = term.removeprefix("-")
        if name not in _SORTABLE:
            raise ValueError(f"has no such field to sort by; {nearest(name, _SORTABLE)}")
        order.append((name, name != term))
    return order


class ListContacts(Record):
    """https://do-api-docs.pages.dev/guides/pagination/"""

    where: Annotated[
        Annotated[dict[str, Any], BeforeValidator(_normalise)] | None,
        option(_WHERE, personal="free", check=_check_where, evidence="inferred"),
    ] = None
    sort: Annotated[
        str | None,
        option(
            "Fields to sort by, separated by commas, with - before those in descending order; "
            "newest first by default. Which fields can be sorted by is not documented.",
            check=order_of,
            orders=True,
            evidence="inferred",
        ),
    ] = None

    @classmethod
    def to_query(cls, values: Mapping[str, Any]) -> dict[str, str]:
        """`where` as filter[field]=value and filter[field][operator]=value."""
        query = {"sort": values["sort"].replace(" ", "")} if values.get("sort") else {}
        for name, condition in _normalise(values.get("where") or {}).items():
            for operator, value in condition.items():
                wire = f"filter[{name}]" + (f"[{operator}]" if operator != "eq" else "")
                query[wire] = _query_text(FIELDS[name], operator, value)
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        where: dict[str, dict[str, Any]] = {}
        for wire, text in query.items():
            match = _FILTER.fullmatch(wire)
            if match is None:
                values[wire] = text
                continue
            name, operator = match[1], match[2] or "eq"
            where.setdefault(name, {})[operator] = _parse(name, operator, text)
        return values | ({"where": where} if where else {})
