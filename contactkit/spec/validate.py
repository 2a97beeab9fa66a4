"""What may be written: the one check that client, simulator and form all ask.

It reads a declaration and returns problems; raising, or answering 4xx, is the caller's part.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contactkit.errors import FieldProblem, InvalidInputError, warn
from contactkit.spec import phones
from contactkit.spec.provider import JSON, Endpoint, Provider, as_object
from contactkit.spec.record import Record, RecordField, fields_of, key_of

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


def normalise_input(
    provider: Provider, endpoint: Endpoint, values: Mapping[str, JSON]
) -> dict[str, JSON]:
    """What a person typed, as `check` takes it; warns of deprecated names at the caller's line.

    pandas and numpy scalars become Python's, NA and NaN are left out ("leave alone"), phone
    numbers become E.164 where they can.
    """
    renamed: dict[str, JSON] = {}
    allowed = accepted_fields(provider, endpoint)
    current = {old: name for name, each in allowed.items() for old in each.marker.deprecated}
    for given, value in values.items():
        name = current.get(given, given)
        if name != given:
            message = f"{provider.title}: use {name}= instead of {given}="
            warn(message, DeprecationWarning)
        if name in renamed:
            problem = FieldProblem(field=given, message=f"is {name}, given twice", code="unknown")
            raise InvalidInputError(f"{provider.name} {endpoint.verb}", [problem])
        renamed[name] = value if is_na(value) else to_python(value)
    optional = fields_of(endpoint.params)
    defaults = {n: each.default for n, each in optional.items() if each.default is not None}
    unsaid = {name for name, value in renamed.items() if value is None or is_na(value)}
    for name in defaults.keys() & unsaid:
        message = f"must be {expected(allowed[name])}; NA and None say neither"
        problem = FieldProblem(field=name, message=message, code="type")
        raise InvalidInputError(f"{provider.name} {endpoint.verb}", [problem])
    return defaults | {
        name: phone(value) if name in allowed and is_phone(allowed[name]) else value
        for name, value in renamed.items()
        if not is_na(value) and not (value is None and name in optional)
    }


def json_equal(one: JSON, other: JSON) -> bool:
    """Whether two values are the same JSON: to Python True is 1, which it is not on the wire."""
    return one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def is_phone(field: RecordField) -> bool:
    """Whether a field holds a phone number."""
    return field.marker.personal == "phone" or field.marker.check is phones.check


def is_na(value: object) -> bool:
    """Whether a value is NA, NaT or NaN, of pandas or numpy: nothing said, which is not None."""
    kind = type(value).__name__
    may_be_nan = isinstance(value, float) or kind in ("float16", "float32", "datetime64")
    return kind in ("NAType", "NaTType") or (may_be_nan and value != value)


def to_python(value: JSON) -> JSON:
    """A numpy or pandas value as Python's own."""
    if type(value).__name__ == "datetime64":
        # Nanoseconds would become a number.
        return value.astype("datetime64[us]").tolist()
    foreign = type(value).__module__.partition(".")[0] in ("numpy", "pandas")
    return value.tolist() if foreign and hasattr(value, "tolist") else value


def phone(value: JSON) -> JSON:
    """A phone number as E.164; what is none stays as it is, for `check` to refuse."""
    try:
        return phones.normalise(value) if isinstance(value, str) else value
    except ValueError:
        return value


def key_text(provider: Provider, given: JSON) -> str:
    """A contact's key as text: a phone number as E.164, or ValueError with what is allowed."""
    key = str(given)
    return phones.normalise(key) if key_of(provider.record).marker.personal == "phone" else key


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known name, and what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}allowed: {', '.join(names) or 'none'}"


def writable_fields(provider: Provider, endpoint: Endpoint) -> dict[str, RecordField]:
    """The record fields that an endpoint's body may hold, in declared order."""
    creates = endpoint.effect == "create"
    access = {"writable", "write_once", "create_only" if creates else ""}
    if not endpoint.fields:
        return {}
    declared = fields_of(provider.record).items()
    return {
        name: each
        for name, each in declared
        if (each.marker.access in access or (creates and each.marker.required))
        and name not in endpoint.omits
    }


def wire_of(endpoint: Endpoint, field: RecordField) -> str:
    """The provider's name for a field in this endpoint's body."""
    is_key = field.marker.access == "key"
    return endpoint.key_wire if is_key and endpoint.key_wire else field.wire


def accepted_fields(provider: Provider, endpoint: Endpoint) -> dict[str, RecordField]:
    """Everything that a verb takes by name: record fields, then its own parameters."""
    return {**writable_fields(provider, endpoint), **fields_of(endpoint.params)}


def check(
    provider: Provider,
    endpoint: Endpoint,
    values: Mapping[str, JSON],
    current: Mapping[str, JSON] | None = None,
) -> Checked:
    """Hold `values` against the declaration; None clears a field.

    `current` is the contact as it stands, None where it is not known (or, on create, not there).
    """
    found = Checked()
    allowed, own = accepted_fields(provider, endpoint), writable_fields(provider, endpoint)
    for name, value in values.items():
        if name not in allowed:
            found.problems.append(_unknown(provider, endpoint, name, allowed))
            continue
        problem = _refused(allowed[name], value, current, endpoint)
        if problem:
            found.problems.append(problem)
            continue
        adapter = allowed[name].adapter
        sent = adapter.dump_python(adapter.validate_python(value), mode="json")
        found.values[name] = found.wire[wire_of(endpoint, allowed[name])] = sent
    found.problems += _missing(endpoint, allowed, own, values, found)
    changes = {name: value for name, value in found.values.items() if name in own}
    known = endpoint.effect == "create" or current is not None
    if not found.problems and endpoint.fields and known:
        found.problems += provider.rules(current, changes)
    return found


def _unknown(
    provider: Provider, endpoint: Endpoint, name: str, allowed: Iterable[str]
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
    message = f"{reason}; {endpoint.verb} takes: {', '.join(allowed)}"
    return FieldProblem(field=name, message=message, code="read_only")


def _refused(
    field: RecordField, value: JSON, current: Mapping[str, JSON] | None, endpoint: Endpoint
) -> FieldProblem | None:
    if field.marker.access == "write_once" and endpoint.effect == "update":
        held = (current or {}).get(field.name)
        if value is None:
            message = "cannot be cleared; it is set once"
            return FieldProblem(field=field.name, message=message, code="write_once")
        if held and held != value:
            message = "has a value already and is set once"
            return FieldProblem(field=field.name, message=message, code="write_once")
    if value is None:
        # A contact's flag or choice may be unknown, but cannot be made so.
        fixed = field.kind in ("boolean", "category") and field.marker.access != "option"
        if field.nullable and not fixed:
            return None
        message = f"cannot be cleared; it must be {expected(field)}"
        return FieldProblem(field=field.name, message=message, code="clear")
    return _mistyped(field, value)


def _mistyped(field: RecordField, value: JSON) -> FieldProblem | None:
    if not field.accepts(value):
        message, code = f"must be {expected(field)}", "choice" if field.choices else "type"
        return FieldProblem(field=field.name, message=message, code=code)
    if not _sendable(value):
        message = "must be text that UTF-8 can hold, and numbers of a usual length"
        return FieldProblem(field=field.name, message=message, code="type")
    try:
        if field.marker.check:
            field.marker.check(value)
    except ValueError as error:
        return FieldProblem(field=field.name, message=str(error), code="format")
    return None


def _sendable(value: JSON) -> bool:
    """Whether a value can stand in a body: no half of a surrogate pair, no endless number."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except ValueError:
        return False
    return True


def expected(field: RecordField) -> str:
    """What a field takes, in words."""
    if field.kind == "dict":
        flat = _EXPECTED["dict"] if field.accepts({"": 0}) else "a mapping of text to text"
        return "a mapping of text to values" if field.accepts({"": {"": []}}) else flat
    return f"one of {', '.join(field.choices)}" if field.choices else _EXPECTED[field.kind]


def _missing(
    endpoint: Endpoint,
    allowed: Mapping[str, RecordField],
    own: Mapping[str, RecordField],
    values: Mapping[str, JSON],
    found: Checked,
) -> list[FieldProblem]:
    if endpoint.effect == "create":
        needed = [n for n, f in allowed.items() if f.marker.required]
        absent = [n for n in needed if values.get(n) == "" or n not in values]
        message = "is needed"
        return [FieldProblem(field=n, message=message, code="required") for n in absent]
    if endpoint.fields and not found.problems and not found.values.keys() & own:
        message = f"nothing to change; give at least one of: {', '.join(own)}"
        return [FieldProblem(field="", message=message, code="empty")]
    return []


def is_complete(record: type[Record], row: Mapping[str, JSON]) -> bool:
    """Whether a row has all that a contact has, so that what is missing is truly not there."""
    declared = fields_of(record).items()
    return all(n in row and (row[n] is not None or each.nullable) for n, each in declared)


def validate_edit(
    provider: Provider,
    endpoint: Endpoint,
    values: Mapping[str, JSON],
    current: Mapping[str, JSON] | None,
) -> Checked:
    """`check` of what a person gave; a contact that is known in part only is not judged by."""
    known = current if current and is_complete(provider.record, current) else None
    return check(provider, endpoint, normalise_input(provider, endpoint, values), known)


def merge_patch(field: RecordField, held: JSON, wanted: JSON) -> JSON:
    """What makes a field that holds one value hold the other; ValueError when nothing does.

    That is the value itself, but for a collection that the provider merges with what it holds.
    """
    if field.marker.collection != "merge" or not isinstance(wanted, dict):
        return wanted
    there, value = as_object(held), as_object(wanted)
    gone = [name for name in there if name not in value]
    if gone and value:
        message = f"cannot lose {', '.join(gone)} alone: what is sent is merged with what is there"
        raise ValueError(f"{message}; remove all to clear it")
    new = {n: v for n, v in value.items() if n not in there or not json_equal(there[n], v)}
    return new or (None if gone else dict(value))


def value_after(field: RecordField, held: JSON, sent: JSON) -> JSON:
    """What a field holds once a value was sent."""
    merges = field.marker.collection == "merge" and bool(sent)
    return {**as_object(held), **as_object(sent)} if merges else sent
