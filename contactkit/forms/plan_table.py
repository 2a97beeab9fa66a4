"""The table of a plan's cells, or after an apply of its result, one page at a time.

It knows which rows are selected and which page is shown; `plan_rows` has their texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contactkit._plans.plan import Plan
from contactkit.forms.html import RESULT_COLUMNS, render
from contactkit.forms.plan_rows import CELL_COLUMNS, Row, cell_rows, region_of, result_rows
from contactkit.spec.outcome import FAILURES, OPEN, WRITTEN, Outcome
from contactkit.spec.provider import JSON

PAGE_SIZE = 25
TITLES = {"cells": "Cells that differ", "result": "Result"}
ORDER = (*FAILURES, *WRITTEN, Outcome.PLANNED, Outcome.SKIPPED, Outcome.UNCHANGED)
"""Outcomes in the order of the table: what needs attention comes first, then what was written.

Before them come the cells of contacts who opted out and are opted in.
"""


class PageIndex:
    """The rows of contacts in the order of their outcomes; `sizes` is the number of rows of each.

    Contacts that are `first` come before all others. `counts` has the number of contacts by
    outcome, in the order of the outcomes.
    """

    def __init__(
        self, outcomes: Sequence[str], sizes: Sequence[int], first: Sequence[bool] = ()
    ) -> None:
        rank: dict[str, int] = {outcome: number for number, outcome in enumerate(ORDER)}
        ranks = np.array([rank[outcome] for outcome in outcomes], dtype=np.intp)
        later = ~np.array(first, dtype=np.bool_) if first else np.zeros(len(ranks))
        order = np.lexsort((ranks, later))
        numbers = np.bincount(ranks, minlength=len(ORDER)).tolist()
        self.counts: Mapping[str, int] = {
            outcome: count for outcome, count in zip(ORDER, numbers, strict=True) if count
        }
        self._sizes = np.array(sizes, dtype=np.intp)
        self._contacts = {"": order} | {o: order[ranks[order] == rank[o]] for o in self.counts}

    def rows(self, outcome: str = "") -> int:
        """The number of rows of contacts with this outcome, or of all."""
        return int(self._sizes[self._contacts[outcome]].sum())

    def pages(self, outcome: str = "") -> int:
        """The number of pages for these rows."""
        return -(-self.rows(outcome) // PAGE_SIZE)

    def page(self, number: int, outcome: str = "") -> list[Row]:
        """The rows of a page: the numbers of the contact and of the row within the contact."""
        contacts = self._contacts[outcome]
        ends = np.cumsum(self._sizes[contacts])
        end = min((number + 1) * PAGE_SIZE, ends[-1:].sum())
        rows: NDArray[np.intp] = np.arange(number * PAGE_SIZE, end)
        indices = np.searchsorted(ends, rows, side="right")
        within = rows - ends[indices] + self._sizes[contacts[indices]]
        return list(zip(contacts[indices].tolist(), within.tolist(), strict=True))


def apply_label(count: int, to: str, *, is_resumed: bool) -> str:
    """What the button says that it does."""
    if not count:
        return "Nothing to apply"
    changes = "1 change" if count == 1 else f"{count:,} changes"
    return f"{'Resume: apply' if is_resumed else 'Apply'} {changes} to {to}"


class PlanTable:
    """Which rows and which page are shown, and the known outcomes of contacts."""

    def __init__(self, plan: Plan) -> None:
        self.outcomes: list[str] = [contact.outcome for contact in plan.contacts]
        self._plan = plan
        self._result: pd.DataFrame | None = None
        self._sizes = plan.cell_counts
        self._opts_in = [contact.opts_in(plan.provider) for contact in plan.contacts]
        self._indexes = {"cells": PageIndex(self.outcomes, self._sizes, self._opts_in)}
        self._rows, self._outcome, self._number = "cells", "", 0
        self._page: list[Row] = []
        self._drawn = {"rows": "cells", "outcome": ""}

    @property
    def index(self) -> PageIndex:
        """The pages of the rows that are shown."""
        return self._indexes[self._rows]

    @property
    def opts_in(self) -> int:
        """How many contacts who opted out another apply would opt in."""
        pairs = zip(self._opts_in, self.outcomes, strict=True)
        return sum(opts_in and outcome in OPEN for opts_in, outcome in pairs)

    @property
    def deletes(self) -> int:
        """How many contacts another apply would delete."""
        pairs = zip(self._plan.contacts, self.outcomes, strict=True)
        return sum(contact.operation == "delete" and outcome in OPEN for contact, outcome in pairs)

    def show_result(self, result: pd.DataFrame) -> None:
        """Show a result frame, from its first page."""
        self._result = result
        self.outcomes = result["outcome"].astype(str).tolist()
        self._indexes = {
            "cells": PageIndex(self.outcomes, self._sizes, self._opts_in),
            "result": PageIndex(self.outcomes, [1] * len(self.outcomes)),
        }
        self._rows, self._outcome, self._number = "result", "", 0

    def note(self, news: Mapping[int, str]) -> Mapping[str, str]:
        """Note outcomes by position: the regions of those on the page, where all rows stay."""
        for contact, outcome in news.items():
            self.outcomes[contact] = outcome
        shown = dict.fromkeys(contact for contact, _ in self._page)
        return {region_of(contact): news[contact] for contact in shown if contact in news}

    def select(self, changed: Mapping[str, JSON]) -> None:
        """Show other rows, or those of one outcome, from their first page."""
        choice = {**self._drawn, **changed}
        rows = str(choice["rows"]) if choice["rows"] in self._indexes else self._rows
        outcome = str(choice["outcome"]) if choice["outcome"] in self.index.counts else ""
        if (rows, outcome) != (self._rows, self._outcome):
            self._rows, self._outcome, self._number = rows, outcome, 0

    def turn_page(self, where: str) -> None:
        """Show another page: first, previous, next or last."""
        last = max(0, self.index.pages(self._outcome) - 1)
        to = {"first": 0, "previous": self._number - 1, "next": self._number + 1, "last": last}
        self._number = min(max(to.get(where, self._number), 0), last)

    def choices(self, prefix: str) -> str:
        """HTML of the selection controls; the ids in it begin with `prefix`."""
        self._drawn = {"rows": self._rows, "outcome": self._outcome}
        counts = self.index.counts
        rows = [(name, TITLES[name]) for name in self._indexes]
        outcomes = [(outcome, f"{outcome} ({count:,})") for outcome, count in counts.items()]
        everyone = ("", f"all ({sum(counts.values()):,})")
        choices = [
            ("rows", "Show", self._rows, rows if len(rows) > 1 else []),
            ("outcome", "Contacts", self._outcome, [everyone, *outcomes]),
        ]
        useful = [choice for choice in choices if choice[-1]]
        return render("choices", choices=useful, prefix=prefix)

    def regions(self) -> Mapping[str, str]:
        """HTML of the page, of the buttons to other pages, and of the page's position."""
        self._page = page = self.index.page(self._number, self._outcome)
        total, last = self.index.rows(self._outcome), self.index.pages(self._outcome) - 1
        buttons = [
            ("first", "First", self._number == 0),
            ("previous", "Previous", self._number == 0),
            ("next", "Next", self._number == last),
            ("last", "Last", self._number == last),
        ]
        start = self._number * PAGE_SIZE
        noun = "contacts" if self._rows == "result" else "cells"
        place = f"{start + 1:,} to {start + len(page):,} of {total:,} {noun}"
        return {
            "table": self._html(page),
            "pages": render("plan_pages", buttons=buttons if last > 0 else []),
            "where": place if total else "Nothing differs." if not self.outcomes else "",
        }

    def _html(self, page: Sequence[Row]) -> str:
        if self._result is not None and self._rows == "result":
            columns, rows = ("who", *RESULT_COLUMNS), result_rows(self._plan, self._result, page)
        else:
            columns, rows = CELL_COLUMNS, cell_rows(self._plan, page, self.outcomes)
        return render("rows", caption=TITLES[self._rows], columns=columns, rows=rows)
