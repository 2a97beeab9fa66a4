"""A page of contacts as HTML: a table to read, or a grid to type into, with its buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contactkit._http.session import Session
from contactkit.forms.contact_list import PAGE_SIZE, WHO, ContactList, filled_columns, refusals
from contactkit.forms.grid import Grid
from contactkit.forms.html import render, value_text
from contactkit.forms.who import short_key, who_of
from contactkit.spec.provider import JSON
from contactkit.spec.record import RecordField, key_of


class ContactTable:
    """Which page of the contacts is shown, and whether as a grid."""

    def __init__(self, session: Session, people: ContactList, title: str) -> None:
        self.people = people
        self.grid = Grid(session)
        self.is_grid = False
        self.start = 0
        self._provider = session.provider
        self._key = key_of(session.provider.record)
        self._title = title

    def regions(self, start: int | None, *, has_more: bool, selected: str) -> Mapping[str, str]:
        """The page that begins there, or the same page again, with its place and its buttons."""
        count = len(self.people.shown)
        if start is not None and (start < count or start == 0):
            self.start = max(start, 0)
        rows = self._page()
        reads_on = has_more and not self.people.text
        after = reads_on or self.start + PAGE_SIZE < count
        pages = {"before": self.start > 0, "after": after, "more": has_more and not reads_on}
        place = self._place(has_more)
        return {
            "status": self._status(len(rows), has_more),
            "table": self._html(rows, selected),
            "pages": render("browser_pages", **pages, place=place if rows else ""),
            "mode": self._mode(),
        }

    def _page(self) -> list[dict[str, JSON]]:
        return self.people.rows(self.start, self.start + PAGE_SIZE)

    def _mode(self) -> str:
        grid = self.grid
        return render(
            "browser_mode",
            can_edit=bool(grid.fields),
            editing=self.is_grid,
            count=grid.count,
            wrong=len(grid.wrong),
        )

    def _status(self, rows: int, has_more: bool) -> str:
        text, count = self.people.text, len(self.people.shown)
        if text:
            more = "; there may be more to read" if has_more else ""
            has = "has" if count == 1 else "have"
            return f"{count:,} of the {self.people.count:,} contacts read {has} “{text}”{more}."
        if not rows:
            return "No contacts."
        more = "; there may be more" if has_more else f" of {count:,}"
        return f"Contacts {self.start + 1:,} to {self.start + rows:,}{more}."

    def _place(self, has_more: bool) -> str:
        pages = -(-len(self.people.shown) // PAGE_SIZE)
        last = f"{pages:,} or more" if has_more else f"{pages:,}"
        return f"Page {self.start // PAGE_SIZE + 1:,} of {last}"

    def _html(self, rows: Sequence[Mapping[str, JSON]], selected: str) -> str:
        if self.is_grid:
            return self.grid.html(self._title, rows)
        fields = filled_columns(self._provider, rows)
        names = [(WHO, "Who"), *((field.name, field.label) for field in fields)]
        return render(
            "contact_table",
            caption=self._title,
            columns=[(name, label, self._order(name)) for name, label in names],
            rows=[self._row(row, fields) for row in rows],
            selected=selected,
        )

    def _order(self, name: str) -> str:
        by, upwards = self.people.sort
        return ("ascending" if upwards else "descending") if name == by else ""

    def _row(self, row: Mapping[str, JSON], fields: Sequence[RecordField]) -> Mapping[str, Any]:
        key = str(row[self._key.name])
        texts = [(field, value_text(field, row.get(field.name))) for field in fields]
        return {
            "key": key,
            "who": who_of(self._provider, row) or short_key(key),
            "refusals": refusals(self._provider, row),
            "cells": [(short_key(t) if f.name == self._key.name else t, t) for f, t in texts],
        }

    def type(self, cells: Mapping[str, Any]) -> Mapping[str, str]:
        """Type or paste lines of cells, from one cell on; returns the regions that change."""
        lines = [[str(text) for text in line] for line in cells["lines"]]
        first = self.people.place(str(cells["key"]))
        rows = self.people.rows(first, first + len(lines))
        regions, fixed = self.grid.paste(rows, str(cells["name"]), lines)
        lost = len(lines) - len(rows)
        notes = [f"{lost:,} of the {len(lines):,} lines had no contact."] if lost else []
        notes += (
            [f"{fixed:,} of the cells cannot be changed and stay as they are."] if fixed else []
        )
        status = {"status": " ".join(notes)} if notes else {}
        return {**regions, **status, "mode": self._mode()}

    def write(self, key: str, row: Mapping[str, JSON]) -> None:
        """Show a contact as it was written; what was typed for it is no edit any more."""
        self.grid.discard(key)
        self.people.write({**self.people.row(key), **row})
