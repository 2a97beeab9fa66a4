"""The record of a plan view as plain HTML in an output of its own.

It stays in the saved notebook and in every export, and may go anywhere the file goes: personal
values are masked, and no secret comes here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from contactkit.calls import World
from contactkit.forms.kept import Kept
from contactkit.forms.leaves import Leaves
from contactkit.forms.markup import render, table
from contactkit.forms.plan_rows import KEPT_COLUMNS, kept_rows
from contactkit.plan import MOST_SHOWN, Plan


class PlanRecord:
    """What a plan is about, and what was done with it."""

    def __init__(self, title: str, world: World, plan: Plan, leaves: Leaves) -> None:
        first = leaves.page(0)[:MOST_SHOWN]
        self._title = title
        self._world = world
        self._facts = table("Plan", ["fact", "value"], plan.facts().items())
        self._cells = table("Its first cells", KEPT_COLUMNS, kept_rows(plan, first))
        self._actions: list[tuple[str, ...]] = []
        self._kept = Kept(self.html)

    def open(self) -> None:
        """Show it as an output of the running cell."""
        self._kept.open()

    def begun(self, what: str) -> None:
        """Take down that something was begun; should its end never be told, this stays."""
        self._actions.append((_now(), what, "", "was begun; contactkit.journal() has what became"))
        self._kept.update()

    def ended(self, counts: Mapping[str, int], message: str) -> None:
        """Take down what became of what was begun last."""
        outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
        self._actions[-1] = (*self._actions[-1][:2], outcomes, message)
        self._kept.update()

    def html(self) -> str:
        """The whole record."""
        columns = ["when", "what", "outcomes", "message"]
        return render(
            "record",
            title=self._title,
            world=self._world,
            about="",
            seen="The plan",
            shown=render("report", table=self._facts, code=self._cells),
            actions=table("What was done", columns, self._actions) if self._actions else "",
        )


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
