"""HTML from templates, in which every value is escaped unless it is markup that was made here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contactkit.checks import is_na, plain
from contactkit.forms.mask import text_of


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
    return "" if is_na(value) else text_of(plain(value))
