"""The transcript of a form or a plan view: plain HTML in a separate output.

Widgets end with their kernel; this output stays in the saved notebook and in every export, which
may be passed on to anyone. So personal values are masked, and it contains no secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from IPython.display import HTML, DisplayHandle, display

from contactkit._frames.moments import time_note
from contactkit._http.world import World
from contactkit._plans.plan import Plan
from contactkit._plans.preview import MOST_SHOWN
from contactkit._redact import redact
from contactkit.forms.cells import explains_records
from contactkit.forms.draft import Draft
from contactkit.forms.html import mask, personal_texts, render, table
from contactkit.forms.plan_rows import MASKED_COLUMNS, masked_rows
from contactkit.forms.plan_table import PageIndex
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import JSON
from contactkit.spec.record import Record, fields_of, key_of

CONTACT_COLUMNS = ("when", "action", "outcome", "values", "message")
PLAN_COLUMNS = ("when", "action", "outcome", "message")
_NOTES = {"opt_in": "opt in", "dry_run": "dry run"}


class Transcript:
    """A summary of what was shown, and a table of actions."""

    def __init__(self, title: str, world: World, columns: Sequence[str]) -> None:
        self._title = title
        self._world = world
        self._columns = columns
        self._shown = {"subject": "", "summary": "", "content": ""}
        self._actions: list[dict[str, str]] = []
        self._explains = True
        self._outputs: list[DisplayHandle] = []

    def open(self) -> None:
        """Show the transcript as an output of the running cell."""
        self._explains = explains_records()
        output = display(HTML(self.html()), display_id=True)
        if output:
            self._outputs.append(output)

    def show(self, summary: str, content: str, subject: str = "") -> None:
        """Replace the summary."""
        self._shown = {"subject": subject, "summary": summary, "content": content}
        self._update()

    def add(self, **cells: str) -> None:
        """Add an action, by column."""
        self._actions.append(cells)
        self._update()

    def finish(self, **cells: str) -> None:
        """Replace cells of the last action."""
        self._actions[-1] |= cells
        self._update()

    def html(self) -> str:
        """The whole transcript."""
        rows = [[action.get(name, "") for name in self._columns] for action in self._actions]
        return render(
            "transcript",
            title=self._title,
            world=self._world,
            clock=time_note(self._world.name),
            explains=self._explains,
            actions=table("What was done", self._columns, rows) if rows else "",
            **self._shown,
        )

    def _update(self) -> None:
        for output in self._outputs:
            output.update(HTML(self.html()))


def show_contact(transcript: Transcript, record: type[Record], contact: Mapping[str, JSON]) -> None:
    """Add a contact as it is on the screen now."""
    declared, key_field = fields_of(record), key_of(record)
    values = [
        (declared[name].label, mask(declared[name], value)) for name, value in contact.items()
    ]
    key = mask(key_field, contact.get(key_field.name))
    transcript.show(
        "The contact as last shown",
        table("Contact", ["field", "value"], values) if values else "",
        f"contact {key}" if key else "",
    )


def add_write(
    transcript: Transcript,
    endpoint: Endpoint,
    options: Mapping[str, JSON],
    result: pd.DataFrame,
    draft: Draft,
    secrets: Iterable[str],
) -> None:
    """Add a write and its outcome."""
    row = result.iloc[0]
    notes = [label for name, label in _NOTES.items() if name in options]
    before = row["before"] or {}
    message = "" if pd.isna(row["message"]) else row["message"]
    changes = [
        f"{draft.fields[name].label}: {mask(draft.fields[name], before.get(name)) or '—'}"
        f" → {mask(draft.fields[name], value) or '—'}"
        for name, value in draft.values.items()
    ]
    transcript.add(
        when=f"{row['at']:%Y-%m-%d %H:%M} UTC",
        action=f"{endpoint.verb} ({', '.join(notes)})" if notes else endpoint.verb,
        outcome=row["outcome"],
        values="; ".join(changes),
        message=redact(message, [*secrets, *personal_texts(draft.fields, draft.values)]),
    )


def show_plan(
    transcript: Transcript, plan: Plan, facts: Mapping[str, str], pages: PageIndex
) -> None:
    """Add the facts of a plan and its first cells."""
    shown = table("Plan", ["fact", "value"], facts.items())
    cells = table("First cells", MASKED_COLUMNS, masked_rows(plan, pages.page(0)[:MOST_SHOWN]))
    transcript.show("The plan", shown + cells)
