"""The record of a form as plain HTML in an output of its own.

Widgets die with their kernel; this output stays in the saved notebook and in every export. It may
go anywhere the file goes: personal values are masked, and no secret comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

import pandas as pd
from IPython.display import HTML, DisplayHandle, display

from contactkit._http.world import World
from contactkit._plans.plan import MOST_SHOWN, Plan
from contactkit._redact import redact
from contactkit.forms.fields import label_of
from contactkit.forms.html import masked, personal_texts, render, table
from contactkit.forms.plan_rows import KEPT_COLUMNS, kept_rows
from contactkit.forms.plan_table import PageIndex
from contactkit.spec.provider import JSON
from contactkit.spec.record import Record, RecordField, fields_of, key_of


class Transcript:
    """What was shown last, what was sent and what came back."""

    def __init__(self, title: str, world: World, record: type[Record]) -> None:
        self._title = title
        self._world = world
        self._declared = fields_of(record)
        self._key = key_of(record)
        self._contact: Mapping[str, JSON] = {}
        self._actions: list[tuple[str, ...]] = []
        self._kept = PersistentOutput(self.html)

    def open(self) -> None:
        """Show it as an output of the running cell."""
        self._kept.open()

    def shown(self, contact: Mapping[str, JSON]) -> None:
        """Take down a contact as it is on the screen now."""
        self._contact = contact
        self._kept.update()

    def done(
        self,
        what: str,
        result: pd.DataFrame,
        sent: Mapping[str, JSON],
        fields: Mapping[str, RecordField],
        secrets: Iterable[str],
    ) -> None:
        """Take down what was sent and what became of it."""
        row = result.iloc[0]
        before = row["before"] or {}
        personal = personal_texts(fields, sent) + personal_texts(self._declared, self._contact)
        message = "" if pd.isna(row["message"]) else row["message"]
        changes = [
            f"{label_of(name)}: {masked(fields[name], before.get(name)) or '—'}"
            f" → {masked(fields[name], value) or '—'}"
            for name, value in sent.items()
        ]
        self._actions.append(
            (
                f"{row['at']:%Y-%m-%d %H:%M} UTC",
                what,
                row["outcome"],
                "; ".join(changes),
                redact(message, [*secrets, *personal]),
            )
        )
        self._kept.update()

    def html(self) -> str:
        """The whole record."""
        shown = [
            (label_of(name), masked(self._declared[name], value))
            for name, value in self._contact.items()
        ]
        key = masked(self._key, self._contact.get(self._key.name))
        columns = ["when", "what", "outcome", "values", "message"]
        return render(
            "record",
            title=self._title,
            world=self._world,
            about=f"contact {key}" if key else "",
            seen="Contact, as it was shown last",
            shown=table("Contact", ["field", "value"], shown) if shown else "",
            actions=table("What was done", columns, self._actions) if self._actions else "",
        )


class PersistentOutput:
    """What `html` makes, wherever it was opened, as it was when it was updated last."""

    def __init__(self, html: Callable[[], str]) -> None:
        self._html = html
        self._handles: list[DisplayHandle] = []

    def open(self) -> None:
        """Show it as an output of the running cell."""
        handle = display(HTML(self._html()), display_id=True)
        if handle:
            self._handles.append(handle)

    def update(self) -> None:
        """Make it anew."""
        for handle in self._handles:
            handle.update(HTML(self._html()))


class PlanRecord:
    """What a plan is about, and what was done with it."""

    def __init__(self, title: str, world: World, plan: Plan, leaves: PageIndex) -> None:
        first = leaves.page(0)[:MOST_SHOWN]
        self._title = title
        self._world = world
        self._facts = table("Plan", ["fact", "value"], plan.facts().items())
        self._cells = table("Its first cells", KEPT_COLUMNS, kept_rows(plan, first))
        self._actions: list[tuple[str, ...]] = []
        self._kept = PersistentOutput(self.html)

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
