"""The record of a form as plain HTML in an output of its own.

Widgets die with their kernel; this output stays in the saved notebook and in every export. It may
go anywhere the file goes: personal values are masked, and no secret comes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from contactkit.calls import World
from contactkit.errors import redact
from contactkit.forms.fields import label_of
from contactkit.forms.kept import Kept
from contactkit.forms.markup import render, table
from contactkit.forms.mask import masked, personal_texts
from contactkit.records import Record, RecordField, fields_of, key_of
from contactkit.spec import JSON


class Transcript:
    """What was shown last, what was sent and what came back."""

    def __init__(self, title: str, world: World, record: type[Record]) -> None:
        self._title = title
        self._world = world
        self._declared = fields_of(record)
        self._key = key_of(record)
        self._contact: Mapping[str, JSON] = {}
        self._actions: list[tuple[str, ...]] = []
        self._kept = Kept(self.html)

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
