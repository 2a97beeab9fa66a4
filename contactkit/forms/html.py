"""HTML from templates, and values as readable text.

Every value in a template is escaped unless it is markup made here. Values can be masked for files,
which may be passed on to anyone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from contactkit._frames.moments import time_note
from contactkit._http.world import World
from contactkit.spec.provider import JSON, as_list, as_object
from contactkit.spec.record import RecordField, parse_time
from contactkit.spec.validate import is_na, to_python

HIDDEN = "•••"
RESULT_COLUMNS = tuple("key operation outcome changed http_status code message attempts".split())
"""The columns of a result frame that a table shows."""

_STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_TIME = re.compile(rf"({_STAMP}[+-]\d\d:\d\d \()?({_STAMP}) UTC(?(1)\))")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("contactkit.forms"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: Any) -> Markup:
    """Fill in one of the templates beside this file."""
    return Markup(_environment().get_template(f"{template}.html").render(values))


def working(action: str) -> Markup:
    """A progress bar with a clock, shown while a request is in flight."""
    return render("working", action=action)


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """A table with real headers; the first cell of a row is its header."""
    return render("table", caption=caption, columns=columns, rows=list(rows))


def frame_table(caption: str, frame: pd.DataFrame) -> Markup:
    """A frame as a table; NA is an empty cell."""
    rows = frame.astype(object).itertuples(index=False, name=None)
    return table(caption, list(frame.columns), [[cell_text(cell) for cell in row] for row in rows])


def cell_text(value: Any) -> str:
    """A value of a frame as readable text; "" for NA."""
    if isinstance(value, pd.Timestamp) and value is not pd.NaT:
        return f"{value:%Y-%m-%d %H:%M} UTC" if value.tzinfo else f"{value:%Y-%m-%d}"
    return "" if is_na(value) else text_of(to_python(value))


def value_text(field: RecordField, value: JSON) -> str:
    """A value of a field as readable text; times in UTC."""
    if field.kind == "datetime" and value:
        return f"{parse_time(value):%Y-%m-%d %H:%M:%S} UTC"
    return text_of(value)


def fact_html(field: RecordField, value: JSON, world: World) -> Markup:
    """A read-only value; the front end shows a time in the reader's zone, with UTC beside it."""
    text = value_text(field, value)
    if field.kind != "datetime" or not value:
        return escape(text)
    return time_html(parse_time(value), world)


def time_html(moment: datetime, world: World, *, text: str = "") -> Markup:
    """A time in UTC, marked as simulated unless its `text` says so; see `fact_html`."""
    note = time_note(world.name)
    at, utc = f"{moment:%Y-%m-%dT%H:%M:%SZ}", f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    return render("time", at=at, text=utc, note="" if note in text else note)


def with_times(text: str, world: World) -> Markup:
    """A text whose times, in UTC or in this machine's zone, are in the reader's zone instead."""
    first, *parts = _TIME.split(text)
    return Markup(escape(first)) + Markup("").join(
        time_html(parse_time(f"{utc}+00:00"), world, text=text) + rest
        for utc, rest in zip(parts[1::3], parts[2::3], strict=True)
    )


def text_of(value: JSON) -> str:
    """A value as readable text; "" for None."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(text_of, as_list(value)))
        case dict():
            return ", ".join(f"{name}: {text_of(part)}" for name, part in as_object(value).items())
        case _:
            return str(value)


def mask(field: RecordField, value: JSON) -> str:
    """A value of a field for a file: masked if it is declared as personal."""
    personal = field.marker.personal
    if not personal or value in (None, "", {}, []):
        return value_text(field, value)
    if personal == "phone":
        return f"{HIDDEN}{str(value)[-2:]}"
    if personal == "free":
        return HIDDEN
    return f"{str(value)[:1]}{HIDDEN}"


def personal_texts(fields: Mapping[str, RecordField], values: Mapping[str, JSON]) -> list[str]:
    """The texts of all personal values, for `redact`; single letters are left out."""
    personal = [text_of(v) for n, v in values.items() if n in fields and fields[n].marker.personal]
    return [text for text in personal if len(text) > 1]
