"""How Digital Onboarding's lists are asked for: `where` and `sort`.

https://do-api-docs.pages.dev/guides/pagination/ says how; which of a contact's fields can be
filtered and sorted by it does not say.
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
_SORTABLE = [name for name, each in FIELDS.items() if each.kind not in ("list", "dict")]
_FILTER = re.compile(r"filter\[(\w+)\](?:\[(\w+)\])?", re.ASCII)
_WHERE = (
    "Conditions by field, all of which must hold: a value, or operators and values, as "
    '{"email": {"ends_with": "@example.com"}}. in and nin take a list, present and missing True. '
    f"Operators: {', '.join(_TEXT)}. Which fields can be asked for is not stated."
)


def _plainly(where: Any) -> Any:
    """Without pandas' and numpy's own values; a bare value is what the field must equal."""
    if not isinstance(where, dict):
        return where
    given = cast("dict[Any, Any]", where).items()
    return {name: _condition(FIELDS.get(name), each) for name, each in given}


def _condition(field: RecordField | None, given: Any) -> dict[Any, Any]:
    held = cast("dict[Any, Any]", given) if isinstance(given, dict) else {"eq": given}
    return {name: _members(field, name, to_python(value)) for name, value in held.items()}


def _members(field: RecordField | None, operator: Any, value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return [_members(field, operator, to_python(each)) for each in cast("list[Any]", value)]
    if field and field.kind == "date" and field.accepts(value) and value is not None:
        return parse_date(value).isoformat()
    # Whole numbers are kept as they are written; parts of one are no numbers.
    whole = operator in ("eq", "neq", "in", "nin")
    return normalise_phone(value) if field and field.marker.personal == "phone" and whole else value


def _check_where(where: Any) -> Any:
    wrong = [text for name, each in _plainly(where).items() for text in _wrong(name, each)]
    if wrong:
        raise ValueError("; ".join(wrong))
    return where


def _wrong(name: str, condition: Mapping[Any, Any]) -> Iterator[str]:
    """What is wrong, without a name that was given: it may be somebody's."""
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
            _written(field, operator, value)
        except ValueError as error:
            yield f"{name} {operator} {error}"


def _written(field: RecordField, operator: str, value: Any) -> str:
    """What a condition compares with, as a query holds it; ValueError when it cannot."""
    if operator in ("present", "missing"):
        if value is not True:
            raise ValueError("must be True")
        return "true"
    if operator not in ("in", "nin"):
        return _text(field, value)
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list, and not empty")
    texts = [_text(field, each) for each in cast("list[Any]", value)]
    if any("," in text for text in texts):
        raise ValueError("must hold no commas: they part the list")
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
                raise ValueError("must be text; for fields without a value there is missing")
            return value


def _read(name: str, operator: str, text: str) -> Any:
    """What a query's condition compares with; what cannot be it stays text."""
    kind = FIELDS[name].kind if name in FIELDS else "string"
    if operator in ("in", "nin"):
        return [_read(name, "eq", each) for each in text.split(",")]
    if kind == "boolean" or operator in ("present", "missing"):
        return {"true": True, "false": False}.get(text, text)
    return text


def order_of(sort: str) -> list[tuple[str, bool]]:
    """What to sort by, and whether downwards; ValueError for what is no field to sort by."""
    found: list[tuple[str, bool]] = []
    for each in map(str.strip, sort.split(",")):
        name = each.removeprefix("-")
        if name not in _SORTABLE:
            raise ValueError(f"has no such field to sort by; {nearest(name, _SORTABLE)}")
        found.append((name, name != each))
    return found


class ListContacts(Record):
    """https://do-api-docs.pages.dev/guides/pagination/"""

    where: Annotated[
        Annotated[dict[str, Any], BeforeValidator(_plainly)] | None,
        option(
            _WHERE,
            personal="free",
            check=_check_where,
            evidence="inferred",
        ),
    ] = None
    sort: Annotated[
        str | None,
        option(
            "Fields to sort by, with commas between and - before those that go downwards; the "
            "newest come first by default. Which fields can be is not stated.",
            check=order_of,
            evidence="inferred",
        ),
    ] = None

    @classmethod
    def to_query(cls, values: Mapping[str, Any]) -> dict[str, str]:
        """`where` as filter[field]=value and filter[field][operator]=value."""
        query = {"sort": values["sort"].replace(" ", "")} if values.get("sort") else {}
        for name, condition in _plainly(values.get("where") or {}).items():
            for operator, value in condition.items():
                wire = f"filter[{name}]" + (f"[{operator}]" if operator != "eq" else "")
                query[wire] = _written(FIELDS[name], operator, value)
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        where: dict[str, dict[str, Any]] = {}
        for wire, text in query.items():
            found = _FILTER.fullmatch(wire)
            if found is None:
                values[wire] = text
                continue
            name, operator = found[1], found[2] or "eq"
            where.setdefault(name, {})[operator] = _read(name, operator, text)
        return values | ({"where": where} if where else {})
