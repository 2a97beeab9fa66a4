"""A page of contacts as cells to type into: what was typed, what is wrong with it, and its plan.

Typed values are here and in messages, never in the widget's state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from contactkit._frames.coerce import CLEAR
from contactkit._http.session import Session
from contactkit.forms.controls import Raw, control_of, raw_of
from contactkit.forms.draft import Draft, read_draft
from contactkit.forms.fields import offered_choices, refusal_reason
from contactkit.forms.html import render, value_text
from contactkit.forms.messages import place
from contactkit.forms.who import short_key, who_of
from contactkit.spec.provider import JSON
from contactkit.spec.record import RecordField, key_of
from contactkit.spec.validate import writable_fields

Contact = Mapping[str, JSON]

_CONTROLS = ("text", "number", "choice", "flag", "date")
_FLAGS = {"yes": "yes", "true": "yes", "1": "yes", "no": "no", "false": "no", "0": "no"}


def region_of(key: str, name: str) -> str:
    """The region of a cell."""
    return f"cell:{key}:{name}"


class Grid:
    """The edits of contacts by key and field, which stay when other contacts are shown."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._provider = session.provider
        self._endpoint = session.provider.endpoint("update")
        self._contacts: dict[str, Contact] = {}
        self._typed: dict[str, dict[str, Raw]] = {}
        self._drafts: dict[str, Draft] = {}
        fields = writable_fields(self._provider, self._endpoint).values()
        self.fields = [field for field in fields if control_of(field) in _CONTROLS]

    @property
    def count(self) -> int:
        """How many cells would be written."""
        return sum(len(draft.values) for draft in self._drafts.values())

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """The key and the field of each cell that cannot be written as it was typed."""
        return [
            (key, name)
            for key, draft in self._drafts.items()
            for name in dict.fromkeys(problem.field for problem in draft.problems)
            if name in self._typed[key]
        ]

    def html(self, caption: str, rows: Sequence[Contact]) -> str:
        """The grid of these contacts."""
        return render(
            "grid",
            caption=caption,
            prefix=f"grid-{id(self):x}",
            fields=[(field, control_of(field)) for field in self.fields],
            rows=[self._row(row) for row in rows],
        )

    def _row(self, row: Contact) -> Mapping[str, Any]:
        key = str(row[key_of(self._provider.record).name])
        who = who_of(self._provider, row) or short_key(key)
        return {"key": key, "who": who, "cells": [self._cell(row, f) for f in self.fields]}

    def _cell(self, row: Contact, field: RecordField) -> Mapping[str, Any]:
        key = str(row[key_of(self._provider.record).name])
        choices = offered_choices(self._provider, self._endpoint, field, row)
        return {
            "field": field,
            "region": region_of(key, field.name),
            "choices": [*_FLAGS_SHOWN] if field.kind == "boolean" else [*choices],
            "type": "date" if field.kind == "date" else "text",
            "reason": refusal_reason(self._provider, self._endpoint, field, row),
            "content": self._content(key, field, row),
        }

    def _content(self, key: str, field: RecordField, row: Contact) -> str:
        """What is in a cell: the typed value, or else the contact's, and what is wrong with it."""
        typed = self._typed.get(key, {})
        draft = self._drafts.get(key)
        is_typed = field.name in typed and draft is not None
        raw = typed[field.name] if is_typed else raw_of(field, row.get(field.name))
        wrong = [p for p in draft.problems if p.field == field.name] if is_typed and draft else []
        placed = place(self._provider, self._endpoint, wrong).beside
        return render(
            "grid_cell",
            raw=raw,
            text=raw if is_typed else value_text(field, row.get(field.name)),
            was=value_text(field, row.get(field.name)) or "empty",
            changed=is_typed,
            problem="; ".join(placed.get(field.name, [])),
        )

    def fixed(self, row: Contact, names: Iterable[str]) -> set[str]:
        """Those of these fields that cannot be written to a contact."""
        fields = self._named(names)
        return {f.name for f in fields if refusal_reason(self._provider, self._endpoint, f, row)}

    def type(self, row: Contact, texts: Mapping[str, str]) -> Mapping[str, str]:
        """Type into cells of a contact; returns the regions of all its cells that were typed."""
        key = str(row[key_of(self._provider.record).name])
        typed = self._typed.setdefault(key, {})
        self._contacts[key] = row
        typed |= {field.name: _raw(field, texts[field.name]) for field in self._named(texts)}
        names = {*typed}
        for field in self._named(typed):
            if typed[field.name] == raw_of(field, row.get(field.name)):
                del typed[field.name]
        self._drafts.pop(key, None)
        if typed:
            draft = read_draft(self._session, self._endpoint, key, row, typed)
            # What is the same in another form of writing is no edit.
            same = typed.keys() - draft.values.keys() - {p.field for p in draft.problems}
            for name in same:
                del typed[name]
            self._drafts[key] = draft
        if not typed:
            self.discard(key)
        return {region_of(key, f.name): self._content(key, f, row) for f in self._named(names)}

    def _named(self, names: Iterable[str]) -> list[RecordField]:
        return [field for field in self.fields if field.name in names]

    def paste(
        self, rows: Sequence[Contact], name: str, lines: Sequence[Sequence[str]]
    ) -> tuple[dict[str, str], int]:
        """Type lines of a table into contacts, from this field on.

        Returns the regions of the cells, and how many cannot be written and stay as they are.
        """
        names = [field.name for field in self.fields]
        names = names[names.index(name) :] if name in names else []
        regions: dict[str, str] = {}
        count = 0
        for row, line in zip(rows, lines, strict=False):
            texts = dict(zip(names, line, strict=False))
            fixed = self.fixed(row, texts)
            count += len(fixed)
            regions |= self.type(row, {n: text for n, text in texts.items() if n not in fixed})
        return regions, count

    def discard(self, key: str) -> None:
        """Forget the edits of a contact."""
        for part in (self._typed, self._drafts, self._contacts):
            part.pop(key, None)

    def clear(self) -> None:
        """Forget all edits."""
        for key in [*self._typed]:
            self.discard(key)

    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The edited contacts as they should be, and as they were read."""
        rows = [self._contacts[key] for key in self._drafts]
        edits = [draft.values for draft in self._drafts.values()]
        original = pd.DataFrame([dict(row) for row in rows], dtype=object)
        edited = pd.DataFrame(
            [
                {**row, **{n: CLEAR if v is None else v for n, v in values.items()}}
                for row, values in zip(rows, edits, strict=True)
            ],
            dtype=object,
        )
        return edited, original


_FLAGS_SHOWN = ("yes", "no")


def _raw(field: RecordField, text: str) -> Raw:
    """What was typed or pasted as the content of the field's control."""
    text = text.strip()
    if field.kind == "boolean":
        return _FLAGS.get(text.casefold(), text)
    same = (choice for choice in field.choices if choice.casefold() == text.casefold())
    return next(same, text)
