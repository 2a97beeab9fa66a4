"""The texts in the tables of a plan: one page of its cells or of its result.

A text is on one line, with unprintable characters escaped. If it is long, it is cut, and the rest
can be unfolded as far as a page has room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import pandas as pd
from markupsafe import escape

from contactkit._plans.change import PlannedWrite
from contactkit._plans.labels import name_row
from contactkit._plans.plan import Plan
from contactkit._plans.preview import cell_lines
from contactkit._plans.tables import escape_unprintable
from contactkit._redact import redact
from contactkit.forms.html import (
    HIDDEN,
    RESULT_COLUMNS,
    cell_text,
    mask,
    personal_texts,
    text_of,
    value_text,
)
from contactkit.forms.who import short_key, who_of
from contactkit.spec.provider import JSON
from contactkit.spec.record import RecordField, fields_of, key_of

CELL_COLUMNS = ("who", "key", "operation", "outcome", "field", "old", "new", "refused because")
MASKED_COLUMNS = ("key", "operation", "field", "old", "new", "refused because")

_LONGEST = 80
# Bytes of markup for one text, so that no page is too large for a front end.
_ROOM = 1200

Row: TypeAlias = tuple[int, int]
"""The number of a contact in the plan, and of a row within the contact."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One text: its `start`, and the rest as far as there is `room`.

    `more` is the number of characters that are left out, `title` the whole text of a short form.
    A cell that changes while the plan is applied is a `region`.
    """

    start: str
    room: str = ""
    more: int = 0
    title: str = ""
    region: str = ""


def cell(text: str) -> Cell:
    """A text as a table shows it."""
    fitting = _fitting(text)
    escaped = escape_unprintable(text[:fitting])
    if fitting == len(text) and len(escaped) <= _LONGEST:
        return Cell(start=escaped)
    return Cell(start=f"{escaped[:_LONGEST]}…", room=escaped, more=len(text) - fitting)


def _fitting(text: str) -> int:
    """How many characters of a text there is room for."""
    room = _ROOM
    for index, char in enumerate(text):
        room -= len(escape(escape_unprintable(char)).encode())
        if room < 0:
            return index
    return len(text)


def cell_rows(plan: Plan, page: Sequence[Row], outcomes: Sequence[str]) -> list[list[Cell]]:
    """The rows of a page of the cells that differ; `outcomes` has one for every contact."""
    return [
        [
            cell(_who(plan, planned) if values["key"] else "—"),
            _key(values["key"] or "—"),
            cell(_operation(plan, planned)),
            _outcome(contact, outcomes[contact]),
            *_change(plan, planned, values),
            cell(values["refused_because"] or ""),
        ]
        for contact, planned, values in _cells(plan, page)
    ]


def region_of(contact: int) -> str:
    """The region of a contact's outcome."""
    return f"outcome:{contact}"


def _outcome(contact: int, outcome: str) -> Cell:
    return Cell(start=outcome, region=region_of(contact))


def _who(plan: Plan, planned: PlannedWrite) -> str:
    return who_of(plan.provider, planned.before or planned.changes) or "—"


def _key(key: str) -> Cell:
    """A key, cut in its middle; the label of a new row is no key."""
    short = short_key(key)
    if key.startswith("row ") or short == key:
        return cell(key)
    return replace(cell(short), title=escape_unprintable(key))


def _change(plan: Plan, planned: PlannedWrite, values: Mapping[str, Any]) -> list[Cell]:
    """The field with its old and new value; what a refusal keeps back is folded."""
    names = str(values["field"] or "").split(", ")
    if len(names) == 1:
        texts = (_value_text(plan, values["field"], values[which]) for which in ("old", "new"))
        return [cell(values["field"] or "—"), *map(cell, texts)]
    before, after = planned.before or {}, planned.after(plan.provider) or {}
    kept = "; ".join(
        f"{name}: {_value_text(plan, name, before.get(name))}"
        f" → {_value_text(plan, name, after.get(name))}"
        for name in names
    )
    whole = cell(kept)
    folded = replace(whole, start=f"{len(names)} kept back", room=whole.room or whole.start)
    return [folded, cell(""), cell("")]


def result_rows(plan: Plan, result: pd.DataFrame, page: Sequence[Row]) -> list[list[Cell]]:
    """The rows of a page of a result frame."""
    contacts = [contact for contact, _ in page]
    frame = result[[*RESULT_COLUMNS]].iloc[contacts].astype(object)
    rows = [[*map(cell_text, row)] for row in frame.itertuples(index=False, name=None)]
    return [
        [
            cell(_who(plan, plan.contacts[contact])),
            _key(key or name_row(plan.index, contact)),
            cell(operation),
            _outcome(contact, outcome),
            *map(cell, rest),
        ]
        for contact, (key, operation, outcome, *rest) in zip(contacts, rows, strict=True)
    ]


def masked_rows(plan: Plan, page: Sequence[Row]) -> list[list[str]]:
    """The rows of a page for a file: personal values are masked."""
    declared = fields_of(plan.provider.record)
    key = key_of(plan.provider.record)
    return [
        [
            _start(
                mask(key, planned.key) if planned.key and values["key"] else values["key"] or "—"
            ),
            _operation(plan, planned),
            _start(values["field"] or "—"),
            _start(_masked_text(declared.get(values["field"]), values["old"])),
            _start(_masked_text(declared.get(values["field"]), values["new"])),
            _start(redact(values["refused_because"] or "", _personal(declared, planned))),
        ]
        for contact, planned, values in _cells(plan, page)
    ]


def _cells(plan: Plan, page: Sequence[Row]) -> Iterator[tuple[int, PlannedWrite, dict[str, Any]]]:
    """The number of the contact, its write, and one of its cells, for each row of a page."""
    lines = {contact: cell_lines(plan, contact) for contact, _ in page}
    for contact, row in page:
        yield contact, plan.contacts[contact], lines[contact][row]


def _operation(plan: Plan, planned: PlannedWrite) -> str:
    return f"{planned.operation}{', opts in' if planned.opts_in(plan.provider) else ''}"


def _value_text(plan: Plan, name: str | None, value: JSON) -> str:
    field = fields_of(plan.provider.record).get(name or "")
    # A refused value may not be valid for its field.
    text = value_text(field, value) if field and field.accepts(value) else text_of(value)
    return text or "—"


def _masked_text(field: RecordField | None, value: JSON) -> str:
    if value in (None, "", [], {}):
        return "—"
    return mask(field, value) if field and field.accepts(value) else HIDDEN


def _personal(declared: Mapping[str, RecordField], planned: PlannedWrite) -> list[str]:
    """The personal texts of a contact, and those of undeclared fields, which may be personal."""
    undeclared = [text_of(v) for name, v in planned.changes.items() if name not in declared]
    return [
        *(text for text in undeclared if len(text) > 1),
        *personal_texts(declared, planned.before or {}),
        *personal_texts(declared, planned.changes),
    ]


def _start(text: str) -> str:
    return cell(text).start
