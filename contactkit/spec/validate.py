"""What may be written, and its effect: the same check for client, simulator and form.

It reads a declaration and returns problems; the caller raises, or responds with a 4xx.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from contactkit.errors import FieldProblem
from contactkit.spec import phones, uuids
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.flags import NO_FLAGS
from contactkit.spec.provider import JSON, Provider, as_list, as_object
from contactkit.spec.record import RecordField, fields_of
from contactkit.spec.text import CONTROL, name_unusual

_EXPECTED = {
    "string": "text",
    "boolean": "True or False",
    "Int64": "a whole number",
    "date": "a date, such as 1990-05-04",
    "datetime": "a time with its offset from UTC, such as 2026-03-01T12:00:00+00:00",
    "list": "a list of text",
    "dict": "a flat mapping of text to text, numbers, True, False or None",
}


@dataclass
class Checked:
    """The accepted values as JSON, by field name and by wire name, and what was refused."""

    values: dict[str, JSON] = field(default_factory=dict[str, JSON])
    wire: dict[str, JSON] = field(default_factory=dict[str, JSON])
    problems: list[FieldProblem] = field(default_factory=list[FieldProblem])


def json_equal(one: JSON, other: JSON) -> bool:
    """Whether two values are the same JSON. In Python True equals 1; in JSON it does not."""
    return one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def is_phone(field: RecordField) -> bool:
    """Whether a field contains a phone number."""
    return field.marker.personal == "phone" or field.marker.check is phones.check


def is_uuid(field: RecordField) -> bool:
    """Whether a field contains a UUID, in which capitals make no difference."""
    return field.marker.check is uuids.check


def is_na(value: object) -> bool:
    """Whether a value is NA, NaT or NaN of pandas or numpy. None is not: it clears a field."""
    kind = type(value).__name__
    may_be_nan = isinstance(value, float) or kind in ("float16", "float32", "datetime64")
    return kind in ("NAType", "NaTType") or (may_be_nan and value != value)


def to_python(value: JSON) -> JSON:
    """The value as a Python object, if it is a numpy or pandas scalar."""
    if type(value).__name__ == "datetime64":
        # With nanoseconds it would become a number.
        return value.astype("datetime64[us]").tolist()
    foreign = type(value).__module__.partition(".")[0] in ("numpy", "pandas")
    return value.tolist() if foreign and hasattr(value, "tolist") else value


def key_text(field: RecordField, key: JSON) -> str:
    """A contact's key as it is sent, a phone number as E.164; ValueError says what is allowed."""
    if field.marker.personal == "phone":
        return phones.normalise(str(key))
    return uuids.normalise(str(key)) if is_uuid(field) else str(key)


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known name, and all names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}allowed: {', '.join(names) or 'none'}"


@lru_cache(maxsize=256)
def writable_fields(provider: Provider, endpoint: Endpoint) -> Mapping[str, RecordField]:
    """The record fields that an endpoint's body may contain, in declared order."""
    creates = endpoint.effect == "create"
    access = {"writable", "write_once", "create_only" if creates else ""}
    if not endpoint.fields:
        return {}
    return {
        name: field
        for name, field in fields_of(provider.record).items()
        if (field.marker.access in access or (creates and field.marker.required))
        and name not in endpoint.omits
    }


def wire_of(endpoint: Endpoint, field: RecordField) -> str:
    """The provider's name for a field in this endpoint's body."""
    is_key = field.marker.access == "key"
    return endpoint.key_wire if is_key and endpoint.key_wire else field.wire


@lru_cache(maxsize=256)
def accepted_fields(provider: Provider, endpoint: Endpoint) -> Mapping[str, RecordField]:
    """Everything that a verb takes by name: record fields, then its own parameters."""
    return {**writable_fields(provider, endpoint), **fields_of(endpoint.params)}


def check(
    provider: Provider,
    endpoint: Endpoint,
    values: Mapping[str, JSON],
    current: Mapping[str, JSON] | None = None,
    flags: Mapping[str, JSON] = NO_FLAGS,
) -> Checked:
    """Check `values` against the declaration; None clears a field.

    `current` is the contact before the write; None if it is not known or is being created. `flags`
    of the request may let odd formats pass.
    """
    checked = Checked()
    allowed, own = accepted_fields(provider, endpoint), writable_fields(provider, endpoint)
    for name, value in values.items():
        if name not in allowed:
            checked.problems.append(_unknown_problem(provider, endpoint, name, allowed, value))
            continue
        problem = _value_problem(allowed[name], value, current, endpoint)
        waived = problem and problem.code == "format" and provider.waives(allowed[name], flags)
        if problem and not waived:
            checked.problems.append(problem)
            continue
        adapter = allowed[name].adapter
        dumped = adapter.dump_python(adapter.validate_python(value), mode="json")
        checked.values[name] = checked.wire[wire_of(endpoint, allowed[name])] = dumped
    checked.problems += _missing_problems(endpoint, allowed, own, values, checked)
    changes = {name: value for name, value in checked.values.items() if name in own}
    known = endpoint.effect == "create" or current is not None
    ruled = endpoint.fields or endpoint.effect == "delete"
    if not checked.problems and ruled and known:
        checked.problems += provider.rules(current, changes)
    return checked


def _unknown_problem(
    provider: Provider, endpoint: Endpoint, name: str, allowed: Iterable[str], value: JSON
) -> FieldProblem:
    declared = fields_of(provider.record).get(name) if endpoint.fields else None
    if declared is None:
        message = f"{endpoint.verb} takes no such field; {nearest(name, allowed)}"
        return FieldProblem(field=name, message=message, code="unknown")
    reason = {
        "key": "the key cannot be written",
        "create_only": "can be set only when the contact is created",
        "read_only": "is read-only",
    }.get(declared.marker.access, f"cannot be set by {endpoint.verb}")
    if declared.kind == "datetime" and _lacks_offset(value):
        reason = f"has no offset from UTC, so it cannot be compared, and {reason}"
    message = f"{reason}; {endpoint.verb} takes: {', '.join(allowed)}"
    return FieldProblem(field=name, message=message, code="read_only")


def _lacks_offset(value: JSON) -> bool:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return False
    return isinstance(moment, datetime) and moment.tzinfo is None


def _value_problem(
    field: RecordField, value: JSON, current: Mapping[str, JSON] | None, endpoint: Endpoint
) -> FieldProblem | None:
    if value is not None and not field.accepts(value):
        return _wrong_type(field, value)
    if field.marker.access == "write_once" and endpoint.effect == "update":
        before = (current or {}).get(field.name)
        if value is None:
            return _problem(field, "cannot be cleared; it can be set only once", "write_once")
        if before and before != value:
            return _problem(field, "already has a value and can be set only once", "write_once")
    if value is None:
        # A flag or an enumeration may be unknown, but cannot be cleared.
        fixed = field.kind in ("boolean", "category") and field.marker.access != "option"
        if field.nullable and not fixed:
            return None
        return _problem(field, f"cannot be cleared; it must be {expected(field)}", "clear")
    return _format_problem(field, value, (current or {}).get(field.name))


def _wrong_type(field: RecordField, value: JSON) -> FieldProblem:
    is_number = field.kind == "string" and isinstance(value, int | float)
    hint = ", not a number" if is_number and not isinstance(value, bool) else ""
    return _problem(
        field, f"must be {expected(field)}{hint}", "choice" if field.choices else "type"
    )


def _format_problem(field: RecordField, value: JSON, before: JSON) -> FieldProblem | None:
    if not _is_sendable(value):
        message = "must have only text that UTF-8 can encode and numbers of normal length"
        return _problem(field, message, "type")
    if control := _new_control(value, before):
        return _problem(field, f"must have no control character, but has {control}", "format")
    # The address that a contact has already may be odd; it is not what changes.
    unchanged = field.marker.personal in ("email", "phone") and value == before
    try:
        if field.marker.check and not unchanged:
            field.marker.check(value)
    except ValueError as error:
        return _problem(field, str(error), "format")
    return None


def _problem(field: RecordField, message: str, code: str) -> FieldProblem:
    return FieldProblem(field=field.name, message=message, code=code)


def _is_sendable(value: JSON) -> bool:
    """Whether a body can contain a value: no lone surrogates and no endless numbers."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except ValueError:
        return False
    return True


def _new_control(value: JSON, before: JSON) -> str:
    """A control character, by its code point, in the texts that are not there `before`; else ""."""
    found = (CONTROL.search(text) for text in set(_texts(value)) - set(_texts(before)))
    return next((name_unusual(each[0]) for each in found if each), "")


def _texts(value: JSON) -> Iterator[str]:
    """All texts in a value, with the names in mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in as_list(value):
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in as_object(value).items():
            yield from _texts(name)
            yield from _texts(item)


def expected(field: RecordField) -> str:
    """What a field accepts, in words."""
    if field.kind == "dict":
        flat = _EXPECTED["dict"] if field.accepts({"": 0}) else "a mapping of text to text"
        return "a mapping of text to values" if field.accepts({"": {"": []}}) else flat
    return f"one of {', '.join(field.choices)}" if field.choices else _EXPECTED[field.kind]


def _missing_problems(
    endpoint: Endpoint,
    allowed: Mapping[str, RecordField],
    own: Mapping[str, RecordField],
    values: Mapping[str, JSON],
    checked: Checked,
) -> list[FieldProblem]:
    needed = allowed if endpoint.effect == "create" else fields_of(endpoint.params)
    required = [name for name, field in needed.items() if field.marker.required]
    if endpoint.effect == "create" or required:
        absent = [name for name in required if values.get(name) == "" or name not in values]
        return [FieldProblem(field=name, message="is required", code="required") for name in absent]
    if endpoint.fields and not checked.problems and not checked.values.keys() & own:
        message = f"nothing to change; pass at least one of: {', '.join(own)}"
        return [FieldProblem(field="", message=message, code="empty")]
    return []
