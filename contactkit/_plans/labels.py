"""The caller's labels of rows, in texts; one that looks like an address is left out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

MOST_NAMED = 10
_LONGEST = 40
_ADDRESS = re.compile(r"@|^\W*\d[\d ().\-/]{7,}\d\W*$", re.ASCII)


def name_row(index: pd.Index, row: int) -> str:
    """A row of an edited frame by its label, or by its position if the label may be personal."""
    label = index[row]
    parts = label if isinstance(label, tuple) else (label,)
    if any(_ADDRESS.search(str(part)) for part in parts):
        return f"edited[{row}]"
    text = str(label)
    return f"row {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}"


def name_rows(index: pd.Index, rows: Sequence[int], besides: int | None = None) -> str:
    """The first of these rows (besides one) by their labels, and how many more there are."""
    named = [row for row in rows[: MOST_NAMED + 1] if row != besides][:MOST_NAMED]
    more = len(rows) - len(named) - (besides is not None)
    rest = f" and {more:,} more rows" if more else ""
    return ", ".join(name_row(index, row) for row in named) + rest
