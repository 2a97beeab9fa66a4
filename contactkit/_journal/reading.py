"""What a journal held when contacts were read: it orders entries and readings without a clock."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TEXT = re.compile(r"([0-9a-f]{16}):(\d{1,18}):((?:\d{1,18}(?:,\d{1,18})*)?)", re.ASCII)


@dataclass(frozen=True)
class Reading:
    """The journal's id, the id of its last entry, and the plans' entries that were open."""

    journal: str
    last: int
    open: frozenset[int] = frozenset()

    def shows(self, journal: str, id: int) -> bool:
        """Whether an entry of a journal was closed before the contacts were read.

        Their values then show what it did. An entry that a power failure reopened since counts as
        closed.
        """
        return journal == self.journal and id <= self.last and id not in self.open

    def __str__(self) -> str:
        return f"{self.journal}:{self.last}:{','.join(map(str, sorted(self.open)))}"


def parse_reading(text: object) -> Reading | None:
    """The reading that a text describes; None for anything else."""
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    journal, last, open = match.groups()
    return Reading(journal, int(last), frozenset(map(int, filter(None, open.split(",")))))
