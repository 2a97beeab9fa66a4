"""A hash of what a plan writes, which depends on no order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from contactkit._plans.change import PlannedWrite


def digest_of(writes: Iterable[PlannedWrite], lead: Sequence[str]) -> tuple[str, list[int]]:
    """The hash of the lines in `lead` and of all writes, and the row of each in their order."""
    encode = json.JSONEncoder(sort_keys=True).encode
    lines = [
        encode(
            [
                *(write.operation, write.outcome, write.key, write.changes, write.options),
                *([write.watched] if write.watched else []),
            ]
        )
        for write in writes
    ]
    order = sorted(range(len(lines)), key=lines.__getitem__)
    rows = [0] * len(lines)
    for row, position in enumerate(order):
        rows[position] = row
    text = "\n".join([*lead, *(lines[position] for position in order)])
    return hashlib.sha256(text.encode()).hexdigest(), rows
