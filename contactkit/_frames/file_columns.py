"""The columns of a contact file decoded by the declaration, with its bad cells and empty rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.arrow import EXTRAS
from contactkit._frames.arrow_columns import ArrowColumn
from contactkit._frames.decode import Columns
from contactkit._frames.texts import from_text, read_cells
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, key_of

_Bad = list[tuple[int, JSON, str]]


def decode_columns(
    path: str | Path,
    provider: Provider,
    columns: Mapping[str, Sequence[JSON]],
    rows: int,
    unreadable: Mapping[str, Mapping[int, str]],
    fields: Mapping[str, RecordField],
) -> Columns:
    """The columns of these fields, one of which is the key.

    `unreadable` has, by column and row, why a cell has no value.
    ConfigurationError if the column of extra fields is not as `to_arrow` makes it.
    """
    part, bad = Columns(rows=rows, arrays={}), dict[str, _Bad]()
    for name, declared in fields.items():
        raw, known = columns.get(name, [None] * rows), unreadable.get(name, {})
        if isinstance(raw, ArrowColumn) and not known:
            part.arrays[name], bad[name] = raw.read(declared)
        else:
            part.arrays[name], bad[name] = _read(declared, [*raw], known)
    key = key_of(provider.record).name
    bad_keys = {row: str(raw) for row, raw, _ in bad[key]}
    part.problems = [
        (row, bad_keys.get(row) or part.arrays[key][row] or "", name, raw, message)
        for name, cells in bad.items()
        for row, raw, message in cells
    ]
    part.extras = _decode_extras(path, columns.get(EXTRAS, ()))
    return _without_empty_rows(key, fields, part)


def _read(declared: RecordField, raw: Sequence[JSON], known: Mapping[int, str]) -> tuple[Any, _Bad]:
    cells = [None if row in known else cell for row, cell in enumerate(raw)] if known else raw
    array, bad = read_cells(declared, cells)
    return array, [(row, raw[row], why) for row, why in sorted([*bad, *known.items()])]


def _decode_extras(path: str | Path, cells: Sequence[JSON]) -> dict[str, list[JSON]]:
    """The columns that `to_arrow` keeps as one of JSON text."""
    rows = [from_text("dict", cell) if isinstance(cell, str) else cell for cell in cells]
    if not all(row is None or isinstance(row, dict) for row in rows):
        message = "must have JSON text of mappings, as to_arrow makes it"
        raise ConfigurationError(f"{path}: the column {EXTRAS} {message}")
    names = dict.fromkeys(name for row in rows for name in row or ())
    return {name: [(row or {}).get(name) for row in rows] for name in names}


def _without_empty_rows(key: str, fields: Mapping[str, RecordField], part: Columns) -> Columns:
    """The part without the rows that have no value in any column."""
    empty = np.ones(part.rows, dtype=bool)
    # Almost every row has a key, so that the other columns are hardly looked at.
    for name in (key, *fields):
        if not empty.any():
            return part
        empty[empty] = _gaps(fields[name], part.arrays[name][empty])
    for values in part.extras.values():
        empty &= np.array([value is None for value in values], dtype=bool)
    empty[[problem[0] for problem in part.problems]] = False
    return _take(part, ~empty) if empty.any() else part


def _gaps(declared: RecordField, values: Any) -> Any:
    return values < 0 if declared.kind in ("boolean", "category") else pd.isna(values)


def _take(part: Columns, kept: Any) -> Columns:
    """The part with these rows only."""
    places = np.cumsum(kept) - 1
    return Columns(
        rows=int(kept.sum()),
        arrays={name: array[kept] for name, array in part.arrays.items()},
        extras={
            name: [value for value, keep in zip(values, kept, strict=True) if keep]
            for name, values in part.extras.items()
        },
        problems=[(int(places[problem[0]]), *problem[1:]) for problem in part.problems],
    )
