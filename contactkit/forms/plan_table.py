"""One table over a plan's cells, and once it was applied over its result: a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contactkit._plans.plan import Plan
from contactkit.forms.html import render
from contactkit.forms.plan_rows import CELL_COLUMNS, RESULT_COLUMNS, Row, cell_rows, result_rows
from contactkit.spec.outcome import DONE, FAILURES, Outcome
from contactkit.spec.provider import JSON

TITLES = {"cells": "Cells that differ", "result": "Result"}


class PlanTable:
    """Which page of which rows is shown, and what became of each contact, as far as is known."""

    def __init__(self, plan: Plan) -> None:
        self.outcomes: Sequence[str] = [each.outcome for each in plan.contacts]
        self._plan = plan
        self._result: pd.DataFrame | None = None
        self._sizes = [max(1, len(each.changes)) for each in plan.contacts]
        self._leaves = {"cells": PageIndex(self.outcomes, self._sizes)}
        self._rows, self._outcome, self._number = "cells", "", 0
        self._drawn = {"rows": "cells", "outcome": ""}

    @property
    def leaves(self) -> PageIndex:
        """The pages of what is shown."""
        return self._leaves[self._rows]

    def became(self, result: pd.DataFrame) -> None:
        """Show a result frame, from its beginning."""
        self._result = result
        self.outcomes = result["outcome"].astype(str).tolist()
        ones = [1] * len(self.outcomes)
        self._leaves = {
            "cells": PageIndex(self.outcomes, self._sizes),
            "result": PageIndex(self.outcomes, ones),
        }
        self._rows, self._outcome, self._number = "result", "", 0

    def choose(self, changed: Mapping[str, JSON]) -> None:
        """Show other rows, or those of one outcome, from their beginning."""
        chosen = {**self._drawn, **changed}
        rows = str(chosen["rows"]) if chosen["rows"] in self._leaves else self._rows
        outcome = str(chosen["outcome"]) if chosen["outcome"] in self.leaves.counts else ""
        if (rows, outcome) != (self._rows, self._outcome):
            self._rows, self._outcome, self._number = rows, outcome, 0

    def turn(self, where: str) -> None:
        """Show another page: first, previous, next or last."""
        last = max(0, self.leaves.pages(self._outcome) - 1)
        to = {"first": 0, "previous": self._number - 1, "next": self._number + 1, "last": last}
        self._number = min(max(to.get(where, self._number), 0), last)

    def choices(self, prefix: str) -> str:
        """HTML of what may be chosen; ids in it begin with `prefix`."""
        self._drawn = {"rows": self._rows, "outcome": self._outcome}
        counts = self.leaves.counts
        rows = [(each, TITLES[each]) for each in self._leaves]
        outcomes = [(each, f"{each} ({count:,})") for each, count in counts.items()]
        everybody = ("", f"all ({sum(counts.values()):,})")
        choices = [
            ("rows", "Show", self._rows, rows if len(rows) > 1 else []),
            ("outcome", "Contacts", self._outcome, [everybody, *outcomes]),
        ]
        return render("choices", choices=[each for each in choices if each[-1]], prefix=prefix)

    def regions(self) -> Mapping[str, str]:
        """HTML of the page, of what leafs through it, and which page it is."""
        page = self.leaves.page(self._number, self._outcome)
        total, last = self.leaves.rows(self._outcome), self.leaves.pages(self._outcome) - 1
        turns = [
            ("first", "First", self._number == 0),
            ("previous", "Previous", self._number == 0),
            ("next", "Next", self._number == last),
            ("last", "Last", self._number == last),
        ]
        start = self._number * PAGE
        noun = "contacts" if self._rows == "result" else "cells"
        told = f"{start + 1:,} to {start + len(page):,} of {total:,} {noun}"
        return {
            "table": self._page(page),
            "leaves": render("turn", turns=turns if last > 0 else []),
            "where": told if total else "Nothing differs." if not self.outcomes else "",
        }

    def _page(self, page: Sequence[Row]) -> str:
        if self._result is not None and self._rows == "result":
            columns, rows = RESULT_COLUMNS, result_rows(self._plan, self._result, page)
        else:
            columns, rows = CELL_COLUMNS, cell_rows(self._plan, page, self.outcomes)
        return render("rows", caption=TITLES[self._rows], columns=columns, rows=rows)


PAGE = 25
ORDER = (*FAILURES, Outcome.PLANNED, Outcome.SKIPPED, *DONE)


class PageIndex:
    """The rows of contacts, `sizes` of them each, those that somebody must look at first.

    `counts` has the contacts of each outcome, in the order in which they stand.
    """

    def __init__(self, outcomes: Sequence[str], sizes: Sequence[int]) -> None:
        rank: dict[str, int] = {outcome: number for number, outcome in enumerate(ORDER)}
        ranks = np.array([rank[each] for each in outcomes], dtype=np.intp)
        order = np.argsort(ranks, kind="stable")
        numbers = np.bincount(ranks, minlength=len(ORDER)).tolist()
        self.counts: Mapping[str, int] = {
            outcome: count for outcome, count in zip(ORDER, numbers, strict=True) if count
        }
        self._sizes = np.array(sizes, dtype=np.intp)
        self._of = {"": order} | {each: order[ranks[order] == rank[each]] for each in self.counts}

    def rows(self, outcome: str = "") -> int:
        """How many rows there are, of contacts with this outcome or of all."""
        return int(self._sizes[self._of[outcome]].sum())

    def pages(self, outcome: str = "") -> int:
        """How many pages they take."""
        return -(-self.rows(outcome) // PAGE)

    def page(self, number: int, outcome: str = "") -> list[tuple[int, int]]:
        """The rows of a page, counted from 0: whose each is, and which of theirs."""
        contacts = self._of[outcome]
        ends = np.cumsum(self._sizes[contacts])
        rows: NDArray[np.intp] = np.arange(number * PAGE, min((number + 1) * PAGE, ends[-1:].sum()))
        at = np.searchsorted(ends, rows, side="right")
        which = rows - ends[at] + self._sizes[contacts[at]]
        return list(zip(contacts[at].tolist(), which.tolist(), strict=True))
