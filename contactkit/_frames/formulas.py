"""Text that a spreadsheet would run as a formula, in CSV files: a quote before it guards it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# A phone number begins with a plus and is none.
_FORMULA = re.compile(r"'*(?!\+[0-9]+\Z)[=+\-@\t\r]")
_GUARDED = re.compile(r"''*(?!\+[0-9]+\Z)[=+\-@\t\r]")
_ANY_GUARDED = re.compile(rb"'[=+\-@\t\r]")


def guard_formula(value: Any) -> Any:
    """A cell that a spreadsheet does not run: what looks like a formula begins with a quote."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def without_guards(
    content: bytes, columns: Mapping[str, Sequence[str]]
) -> Mapping[str, Sequence[str]]:
    """The columns of a file with this content, without the quotes that guard formulas."""
    if not _ANY_GUARDED.search(content):
        return columns
    return {
        name: [cell[1:] if _GUARDED.match(cell) else cell for cell in cells]
        for name, cells in columns.items()
    }
