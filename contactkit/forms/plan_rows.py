"""What stands in the tables of a plan: one page of its cells or of its result, as texts.

A text says exactly what is there: on one line, with what does not print spelt out, and it is cut
where it is long, with the whole behind it as far as a page has room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import escape

from contactkit._plans.change import PlannedWrite
from contactkit._plans.plan import Plan
from contactkit._plans.tables import cells_of
from contactkit._redact import redact
from contactkit.forms.html import HIDDEN, cell_text, masked, personal_texts, shown, text_of
from contactkit.spec.provider import JSON
from contactkit.spec.record import RecordField, fields_of, key_of

CELL_COLUMNS = ("key", "operation", "outcome", "field", "old", "new", "refused because")
RESULT_COLUMNS = tuple("key operation outcome changed http_status code message attempts".split())
KEPT_COLUMNS = ("key", "operation", "field", "old", "new", "refused because")

_LONGEST = 80
# Bytes of markup for one text, so that no page is ever larger than a front end should be sent.
_ROOM = 1200

Row = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell: its `start`, and where that is not all, as much as there is `room` for."""

    start: str
    room: str = ""
    more: int = 0


def text(value: str) -> Cell:
    """A text as a cell shows it."""
    fits = _fitting(value)
    whole = exact(value[:fits])
    if fits == len(value) and len(whole) <= _LONGEST:
        return Cell(start=whole)
    return Cell(start=f"{whole[:_LONGEST]}…", room=whole, more=len(value) - fits)


def exact(value: str) -> str:
    """A text on one line, with whatever does not print spelt out."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in value)


def _fitting(value: str) -> int:
    """How many of its characters there is room for."""
    room = _ROOM
    for number, each in enumerate(value):
        room -= len(escape(exact(each)).encode())
        if room < 0:
            return number
    return len(value)


def cell_rows(plan: Plan, page: Sequence[Row], outcomes: Sequence[str]) -> list[list[Cell]]:
    """The rows of a page of the cells that differ; `outcomes` is every contact's."""
    return [
        [
            text(each)
            for each in (
                cell["key"] or _unnamed(plan, at),
                cell["operation"],
                outcomes[at],
                cell["field"] or "—",
                _told(plan, cell["field"], cell["old"]),
                _told(plan, cell["field"], cell["new"]),
                cell["refused_because"] or "",
            )
        ]
        for at, _, cell in _cells(plan, page)
    ]


def result_rows(plan: Plan, result: pd.DataFrame, page: Sequence[Row]) -> list[list[Cell]]:
    """The rows of a page of a result frame."""
    at = [contact for contact, _ in page]
    rows = result[[*RESULT_COLUMNS]].iloc[at].astype(object).itertuples(index=False, name=None)
    found = [[*map(cell_text, row)] for row in rows]
    return [
        [text(key or _unnamed(plan, contact)), *map(text, rest)]
        for contact, (key, *rest) in zip(at, found, strict=True)
    ]


def kept_rows(plan: Plan, page: Sequence[Row]) -> list[list[str]]:
    """The rows of a page as a file may hold them: personal values are masked."""
    declared = fields_of(plan.provider.record)
    key = key_of(plan.provider.record)
    return [
        [
            _start(masked(key, cell["key"]) or _unnamed(plan, at)),
            cell["operation"],
            _start(cell["field"] or "—"),
            _start(_kept(declared.get(cell["field"]), cell["old"])),
            _start(_kept(declared.get(cell["field"]), cell["new"])),
            _start(redact(cell["refused_because"] or "", _personal(declared, planned))),
        ]
        for at, planned, cell in _cells(plan, page)
    ]


def _cells(plan: Plan, page: Sequence[Row]) -> Iterator[tuple[int, PlannedWrite, dict[str, Any]]]:
    found = {at: [*cells_of(plan.provider, plan.contacts[at])] for at, _ in page}
    for at, row in page:
        yield at, plan.contacts[at], found[at][row]


def _unnamed(plan: Plan, at: int) -> str:
    """A new contact, whose key the provider makes, by its label in the caller's frame."""
    return f"new, in row {plan.index[at]}"


def _told(plan: Plan, name: str | None, value: JSON) -> str:
    field = fields_of(plan.provider.record).get(name or "")
    # What is refused may be no value of its field at all.
    told = shown(field, value) if field and field.accepts(value) else text_of(value)
    return told or "—"


def _kept(field: RecordField | None, value: JSON) -> str:
    if value in (None, "", [], {}):
        return "—"
    return masked(field, value) if field and field.accepts(value) else HIDDEN


def _personal(declared: Mapping[str, RecordField], planned: PlannedWrite) -> list[str]:
    """The personal texts of a contact, and those of which nobody knows what they are."""
    unknown = [text_of(each) for name, each in planned.changes.items() if name not in declared]
    held = [personal_texts(declared, each) for each in (planned.before or {}, planned.changes)]
    return [*(each for each in unknown if len(each) > 1), *held[0], *held[1]]


def _start(value: str) -> str:
    return text(value).start
