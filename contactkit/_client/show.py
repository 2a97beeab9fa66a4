"""`show`: a frame as a table to read, in a cell, in a saved notebook and in a terminal.

It is HTML without a script, so it needs neither a kernel nor a trusted notebook, and a page of it
is a native disclosure: opening one closes the other.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, time
from html import escape
from typing import Any

import pandas as pd

from contactkit._frames.moments import time_note, time_text
from contactkit._frames.tabular import as_frame, name_type
from contactkit._plans.tables import AS_IT_IS, LEFT, badge_html, escape_unprintable
from contactkit._providers import find, names
from contactkit.errors import InvalidInputError
from contactkit.spec.provider import Provider
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.validate import is_na, to_python

PAGE = 20
MOST_PAGES = 10

_LONGEST = 200
_WHO = ("name", "phone", "email")
# What a write changed is in `changed`; a contact as a whole is no cell to read.
_WHOLE = frozenset({"before", "after"})
_RESULT = {"outcome", "key", "operation", *_WHOLE}


def show(frame: Any) -> Shown:
    """Picture a frame as a table to read; a cell shows it as its last expression.

    A contact frame begins with who and with consent, and ends with its key; a result frame begins
    with outcome, key and message. NA is empty, a column without a value is left out, and times are
    in this machine's zone. A long frame has pages of 20 rows, 10 at most, which a saved notebook
    keeps. Raises InvalidInputError for anything but a frame.
    """
    table = as_frame(frame)
    if not isinstance(table, pd.DataFrame):
        message = f"must be a frame, not {name_type(frame)}"
        raise InvalidInputError.one("show", "frame", message)
    return Shown(table)


class Shown:
    """The picture of a frame; it keeps no reference to a client."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._world = str(frame.attrs.get("world", ""))
        self._notes = [*_notes(frame)]
        self._rows = len(frame)
        shown = frame.iloc[: PAGE * MOST_PAGES]
        places = _places(frame, _provider_of(frame))
        cells = [[*map(_cell_text, shown.iloc[:, place].astype(object))] for place in places]
        titles = [_title(frame.columns[place]) for place in places]
        if not isinstance(frame.index, pd.RangeIndex) or frame.index.step != 1:
            titles.insert(0, _title(frame.index.name or ""))
            cells.insert(0, [*map(_cell_text, shown.index)])
        self._titles = titles
        self._cells = [*zip(*cells, strict=True)] if cells else []
        left_out = [name for place, name in enumerate(frame.columns) if place not in {*places}]
        if left_out:
            self._notes.append(f"Left out: {', '.join(map(_title, left_out))}.")
        if self._rows > len(shown):
            self._notes.append(
                f"Rows 1 to {len(shown):,} of {self._rows:,}; "
                f"show(frame[{len(shown)}:]) has those after."
            )

    @property
    def _title(self) -> str:
        return "1 row" if self._rows == 1 else f"{self._rows:,} rows"

    def __repr__(self) -> str:
        head = f"{self._title} ({self._world})" if self._world else self._title
        table = [self._titles, *self._cells[:PAGE]]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
        if len(self._cells) > PAGE:
            lines.append(f"and {self._rows - PAGE:,} more rows")
        return "\n".join([head, *lines, *self._notes])

    def _repr_html_(self) -> str:
        notes = "".join(f"<p{LEFT}>{escape(note)}</p>" for note in self._notes)
        head = f"<p{LEFT}><strong>{self._title}</strong> {badge_html(self._world)}</p>"
        return f"<div{AS_IT_IS}>{head}{''.join(self._pages())}{notes}</div>"

    def _pages(self) -> Iterable[str]:
        """The tables; with several, each opens alone."""
        group = uuid.uuid4().hex[:8]
        starts = range(0, max(1, len(self._cells)), PAGE)
        for start in starts:
            rows = self._cells[start : start + PAGE]
            table = _table_html(self._titles, rows)
            if len(starts) == 1:
                yield table
                continue
            state = "" if start else " open"
            summary = f"<summary>Rows {start + 1} to {start + len(rows)}</summary>"
            yield f'<details name="ck-{group}"{state}>{summary}{table}</details>'


def _provider_of(frame: pd.DataFrame) -> Provider | None:
    """The provider of a contact frame; None for any other frame."""
    name = frame.attrs.get("provider")
    provider = find(name) if name in names() else None
    return provider if provider and key_of(provider.record).name in frame.columns else None


def _places(frame: pd.DataFrame, provider: Provider | None) -> list[int]:
    """The places of the columns that are shown, in their order."""
    places = [place for place in range(frame.shape[1]) if not frame.iloc[:, place].isna().all()]
    places = places if len(frame) else [*range(frame.shape[1])]
    if {*frame.columns} >= _RESULT:
        places = [place for place in places if frame.columns[place] not in _WHOLE]
    if provider is None:
        return places
    return sorted(places, key=lambda place: _rank(provider, frame.columns[place]))


def _rank(provider: Provider, name: object) -> int:
    """Where a column of contacts comes: who, consent, the rest, the key."""
    field = fields_of(provider.record).get(str(name))
    if field is None:
        return len(_WHO) + 1
    if field.marker.access == "key" and not field.marker.personal:
        return len(_WHO) + 2
    if field.marker.personal in _WHO and field.marker.access != "read_only":
        return _WHO.index(field.marker.personal)
    return len(_WHO) + (field.name not in provider.consent.fields)


def _notes(frame: pd.DataFrame) -> Iterable[str]:
    """What must be known of all rows: the notice of their world, and what their times are."""
    if notice := frame.attrs.get("notice"):
        yield str(notice)
    world = str(frame.attrs.get("world", ""))
    has_times = any(isinstance(dtype, pd.DatetimeTZDtype) for dtype in frame.dtypes)
    if has_times and (note := time_note(world)):
        yield f"{note.capitalize()}, not this machine's."


def _table_html(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col"{LEFT}>{escape(title)}</th>' for title in titles)
    lines = ("".join(f"<td{LEFT}>{escape(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _title(name: object) -> str:
    return _cell_text(" ".join(map(str, name)) if isinstance(name, tuple) else name)


def _cell_text(value: Any) -> str:
    """A cell on one line, cut if it is long; "" for NA."""
    if isinstance(value, datetime):
        # NaT is one.
        plain = "" if is_na(value) else _moment_text(value)
    else:
        plain = "" if is_na(value) else _text(to_python(value))
    text = escape_unprintable(plain)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _moment_text(moment: datetime) -> str:
    if isinstance(moment, pd.Timestamp):
        moment = moment.to_pydatetime(warn=False)
    if moment.tzinfo:
        return time_text(moment)
    return moment.isoformat(" ", "minutes") if moment.time() != time() else f"{moment:%Y-%m-%d}"


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple() | set() | frozenset():
            return ", ".join(map(_text, value))
        case dict():
            return ", ".join(f"{name}: {_text(part)}" for name, part in value.items())
        case _:
            return str(value)
