"""HTML from templates, in which every value is escaped unless it is markup that was made here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contactkit.spec.provider import JSON, as_list, as_object
from contactkit.spec.record import RecordField, parse_time
from contactkit.spec.validate import is_na, to_python


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("contactkit.forms"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["text"] = text_of
    return made


def render(template: str, **values: Any) -> Markup:
    """One of the templates beside this file, filled in."""
    return Markup(_environment().get_template(f"{template}.html").render(values))


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """A table with real headers; the first cell of a row is its header."""
    return render("table", caption=caption, columns=columns, rows=list(rows))


def frame_table(caption: str, frame: pd.DataFrame) -> Markup:
    """A frame as such a table; NA is an empty cell."""
    cells = frame.astype(object).itertuples(index=False, name=None)
    return table(
        caption, list(frame.columns), [[cell_text(value) for value in row] for row in cells]
    )


def cell_text(value: Any) -> str:
    """A value of a frame as a person reads it; "" for NA."""
    if isinstance(value, pd.Timestamp) and value is not pd.NaT:
        return f"{value:%Y-%m-%d %H:%M} UTC" if value.tzinfo else f"{value:%Y-%m-%d}"
    return "" if is_na(value) else text_of(to_python(value))


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
