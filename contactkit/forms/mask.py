"""Personal values so that a reader recognises them and a finder of the file learns nothing."""

from __future__ import annotations

from collections.abc import Mapping

from contactkit.records import RecordField, parse_time
from contactkit.spec import JSON, as_list, as_object

HIDDEN = "•••"


def masked(field: RecordField, value: JSON) -> str:
    """A value of a field as a file may hold it: masked where it is declared as personal."""
    personal = field.marker.personal
    if not personal or value in (None, "", {}, []):
        return shown(field, value)
    if personal == "phone":
        return f"{HIDDEN}{str(value)[-2:]}"
    if personal == "free":
        return HIDDEN
    return f"{str(value)[:1]}{HIDDEN}"


def shown(field: RecordField, value: JSON) -> str:
    """A value of a field as a person reads it; times in UTC."""
    if field.kind == "datetime" and value:
        return f"{parse_time(value):%Y-%m-%d %H:%M:%S} UTC"
    return text_of(value)


def text_of(value: JSON) -> str:
    """A value as a person reads it; "" when there is none."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(text_of, as_list(value)))
        case dict():
            return ", ".join(f"{name}: {text_of(each)}" for name, each in as_object(value).items())
        case _:
            return str(value)


def personal_texts(fields: Mapping[str, RecordField], values: Mapping[str, JSON]) -> list[str]:
    """The texts of all personal values among some, for `redact`; a letter alone tells nothing."""
    told = [text_of(v) for n, v in values.items() if n in fields and fields[n].marker.personal]
    return [text for text in told if len(text) > 1]
