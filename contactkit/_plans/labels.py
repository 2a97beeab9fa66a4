"""The caller's labels of rows: in texts, without what looks like an address, and in files."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from contactkit.spec.validate import is_na, to_python

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
    rest = f" and {more:,} more row{'s' * (more > 1)}" if more else ""
    return ", ".join(name_row(index, row) for row in named) + rest


def encode_labels(index: pd.Index) -> tuple[pd.Index, list[int]]:
    """An index that Parquet can hold, with the numbers of its levels that became JSON text.

    The levels have names of their own, since the caller's may be those of columns.
    """
    encoded: list[int] = []
    levels: list[pd.Index] = []
    for number in range(index.nlevels):
        level = index.get_level_values(number)
        if not _fits_parquet(level):
            encoded.append(number)
            level = pd.Index([json.dumps(_to_json(label)) for label in level], dtype=object)
        levels.append(level.rename(f"index {number}"))
    return (levels[0] if len(levels) == 1 else pd.MultiIndex.from_arrays(levels)), encoded


def _fits_parquet(level: pd.Index) -> bool:
    """Whether labels come back from a file as they are."""
    if isinstance(level.dtype, pd.IntervalDtype):
        return False
    if level.dtype != object:
        # pandas reads numbers with gaps back as floats.
        return isinstance(level.dtype, np.dtype) or level.dtype.kind not in "iufb"
    return all(isinstance(label, str) and _is_encodable(label) for label in level)


def _is_encodable(text: str) -> bool:
    """Whether UTF-8 can encode a text, which may have half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def decode_labels(index: pd.Index, encoded: Sequence[int]) -> pd.Index:
    """The index whose levels with these numbers became JSON text."""
    if not encoded:
        return index
    levels: list[Any] = [index.get_level_values(number) for number in range(index.nlevels)]
    for number in encoded:
        labels = [_from_json(json.loads(text)) for text in levels[number]]
        levels[number] = pd.Index(labels, dtype=object, tupleize_cols=False)
    return levels[0] if len(levels) == 1 else pd.MultiIndex.from_arrays(levels)


def _to_json(label: Any) -> Any:
    """A label as JSON, with the kind of what JSON does not have; any other object is its text."""
    label = to_python(label)
    match label:
        case tuple():
            return {"tuple": [*map(_to_json, label)]}
        case bytes():
            return {"bytes": label.hex()}
        case datetime() if not pd.isna(label):
            return {"time": label.isoformat()}
        case date() if not pd.isna(label):
            return {"date": label.isoformat()}
        case str() | bool() | int() | None:
            return label
        case float() if label == label:
            return label
        case _:
            return {"na": str(label)} if is_na(label) else str(label)


def _from_json(label: Any) -> Any:
    if not isinstance(label, dict):
        return label
    ((kind, value),) = label.items()
    match kind:
        case "tuple":
            return tuple(map(_from_json, value))
        case "bytes":
            return bytes.fromhex(value)
        case "time":
            return pd.Timestamp(value)
        case "date":
            return date.fromisoformat(value)
        case _:
            return {"nan": float("nan"), "NaT": pd.NaT}.get(value, pd.NA)
