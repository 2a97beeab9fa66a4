"""Rows of a frame without any value, which a spreadsheet's blank lines become."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.coerce import objects
from contactkit.spec.validate import is_na

INDEX_COLUMN = re.compile(r"index|level_\d+|Unnamed: 0")
"""The names that pandas gives an index in a column."""


def find_empty_rows(columns: Mapping[str, pd.Series], key: str, rows: int) -> Any:
    """Which of the rows have no value in any column; a row of an index alone is empty."""
    empty = np.arange(rows)
    # Almost every row has a key, so that the other columns are hardly looked at.
    for name in sorted(columns, key=lambda name: name != key):
        if len(empty) and not INDEX_COLUMN.fullmatch(name):
            cells = objects(columns[name].iloc[empty])
            empty = empty[[row for row, cell in _suspects(cells) if is_empty_cell(cell)]]
    mask = np.zeros(rows, dtype=bool)
    mask[empty] = True
    return mask


def _suspects(cells: Any) -> Iterable[tuple[int, Any]]:
    """The cells that may be empty, with their positions; none of a column of text is the rule."""
    try:
        return () if all(map(str.strip, cells)) else enumerate(cells)
    except TypeError:
        return enumerate(cells)


def is_empty_cell(cell: Any) -> bool:
    """Whether a cell is NA, None or blank text."""
    return not cell.strip() if isinstance(cell, str) else cell is None or is_na(cell)
