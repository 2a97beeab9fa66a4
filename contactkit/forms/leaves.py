"""Which rows stand on which page of a table: counted, never made, so that any number may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

PAGE = 25
OPEN = ("planned", "failed", "unknown")
"""Outcomes after which there is still something to do."""
ORDER = tuple("refused failed unknown planned skipped created updated deleted unchanged".split())


class Leaves:
    """The rows of contacts, `sizes` of them each, those that somebody must look at first.

    `counts` has the contacts of each outcome, in the order in which they stand.
    """

    def __init__(self, outcomes: Sequence[str], sizes: Sequence[int]) -> None:
        rank = {outcome: number for number, outcome in enumerate(ORDER)}
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
