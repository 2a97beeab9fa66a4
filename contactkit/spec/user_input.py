"""What a user enters: other spellings of the same value are accepted, and then it is checked."""

from __future__ import annotations

from collections.abc import Mapping

from contactkit.errors import InvalidInputError, warn
from contactkit.spec import phones
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.flags import NO_FLAGS
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import Record, RecordField, fields_of
from contactkit.spec.validate import (
    Checked,
    accepted_fields,
    check,
    expected,
    is_na,
    is_phone,
    to_python,
)


def validate_edit(
    provider: Provider,
    endpoint: Endpoint,
    values: Mapping[str, JSON],
    current: Mapping[str, JSON] | None,
    flags: Mapping[str, JSON] = NO_FLAGS,
) -> Checked:
    """`check` of user input; it is compared with the `current` contact only if that is complete."""
    known = current if current and is_complete(provider.record, current) else None
    return check(provider, endpoint, normalise_input(provider, endpoint, values), known, flags)


def normalise_input(
    provider: Provider, endpoint: Endpoint, values: Mapping[str, JSON]
) -> dict[str, JSON]:
    """User input in the form that `check` takes; warns of deprecated names at the caller's line.

    pandas and numpy scalars become Python values, NA and NaN are left out ("leave unchanged"), and
    phone numbers become E.164 if possible.
    """
    allowed, where = accepted_fields(provider, endpoint), f"{provider.name} {endpoint.verb}"
    renamed = _rename_deprecated(provider, allowed, values, where)
    optional = fields_of(endpoint.params)
    defaults = {n: field.default for n, field in optional.items() if field.default is not None}
    empty = {name for name, value in renamed.items() if value is None or is_na(value)}
    for name in defaults.keys() & empty:
        message = f"must be {expected(allowed[name])}, not NA or None"
        raise InvalidInputError.one(where, name, message, "type")
    return defaults | {
        name: normalise_phone(value) if name in allowed and is_phone(allowed[name]) else value
        for name, value in renamed.items()
        if not is_na(value) and not (value is None and name in optional)
    }


def _rename_deprecated(
    provider: Provider, allowed: Mapping[str, RecordField], values: Mapping[str, JSON], where: str
) -> dict[str, JSON]:
    current = {old: name for name, field in allowed.items() for old in field.marker.deprecated}
    renamed: dict[str, JSON] = {}
    for typed, value in values.items():
        name = current.get(typed, typed)
        if name != typed:
            warn(f"{provider.title}: use {name}= instead of {typed}=", DeprecationWarning)
        if name in renamed:
            raise InvalidInputError.one(where, typed, f"is {name}, which is given twice", "unknown")
        renamed[name] = value if is_na(value) else to_python(value)
    return renamed


def normalise_phone(value: JSON) -> JSON:
    """A phone number as E.164; any other text as it is seen, and `check` may refuse it."""
    if not isinstance(value, str):
        return value
    try:
        return phones.normalise(value)
    except ValueError:
        return phones.to_written(value)


def is_complete(record: type[Record], row: Mapping[str, JSON]) -> bool:
    """Whether a row has every field of a contact, so that an empty one is really empty."""
    return all(
        name in row and (row[name] is not None or field.nullable)
        for name, field in fields_of(record).items()
    )
