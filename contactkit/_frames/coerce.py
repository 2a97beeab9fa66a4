"""Columns of any dtype, read by their field's declaration, so that cells compare by value.

User edits may turn a column into objects, text, floats for whole numbers or categories with other
levels, which alone is not a difference. A cell that cannot be read stays unchanged, so that `check`
refuses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.decode import JSON_TYPES, read_column
from contactkit._frames.mappings import is_pairs
from contactkit._frames.texts import from_text
from contactkit.spec.provider import JSON
from contactkit.spec.record import Kind, RecordField, parse_date, parse_time
from contactkit.spec.validate import to_python


class Clear(Enum):
    """The type of `CLEAR`, which in a cell of an edited frame clears the field."""

    CLEAR = "clear"

    def __repr__(self) -> str:
        return "CLEAR"

    __str__ = __repr__


CLEAR = Clear.CLEAR


@dataclass(frozen=True)
class CoercedColumn:
    """A column's values as an array to compare, and masks of its cells.

    A cell is `present`, `cleared` (by CLEAR), `unreadable`, or a gap, which is none of these. An
    empty text is a gap: a spreadsheet has no other.
    """

    values: Any
    present: Any
    cleared: Any
    unreadable: Any

    def take(self, rows: Any) -> CoercedColumn:
        """The cells of these rows, in their order."""
        parts = (self.values, self.present, self.cleared, self.unreadable)
        return CoercedColumn(*(part[rows] for part in parts))


def coerce_column(declared: RecordField, column: pd.Series) -> CoercedColumn:
    """Read a column of any dtype by its field's declaration."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _coerce_levels(declared, column)
    if column.dtype == object and pd.api.types.infer_dtype(column) == "datetime":
        column = column.infer_objects()
    values, is_text = _convert(declared.kind, column), declared.kind == "string"
    if values is None:
        cells = column.to_numpy() if column.dtype == object else objects(column)
        return _coerce_cells(declared, cells)
    none = np.zeros(len(values), dtype=bool)
    # Neither NA, which is None there, nor empty text is a value.
    present = values.astype(bool) if is_text else column.notna().to_numpy()
    return CoercedColumn(values, present, none, none)


def _convert(kind: Kind, column: pd.Series) -> Any:
    """The values of a column if its dtype fits the kind of its field; otherwise None."""
    match kind, column.dtype.kind:
        case "string", "O" if isinstance(column.dtype, pd.StringDtype):
            return column.to_numpy(dtype=object, na_value=None)
        case "boolean", "b":
            return column.fillna(False).to_numpy(dtype=np.int8)
        case "Int64", "i":
            return column.fillna(0).to_numpy(dtype=np.int64)
        case "datetime", "M" if isinstance(column.dtype, pd.DatetimeTZDtype):
            naive = column.dt.tz_convert("UTC").dt.tz_localize(None)
            return naive.dt.as_unit("us").to_numpy()
        case "date", "M" if isinstance(column.dtype, np.dtype):
            present, days = column.notna(), column.dt.normalize()
            midnight = (days[present] == column[present]).all()
            return days.dt.as_unit("s").to_numpy() if midnight else None
        case _:
            return None


def objects(column: pd.Series) -> Any:
    """A column as an array of Python objects."""
    return column.to_numpy(dtype=object, na_value=pd.NA)


def largest_whole(bits: int) -> int:
    """Up to where a float of so many bits has every whole number, and rounds none."""
    return {16: 2**11, 32: 2**24}.get(bits, 2**53)


def digits_in(column: pd.Series) -> list[str]:
    """The digits of each whole number; "" for other cells, and for what its dtype may round."""
    largest = largest_whole(float_bits(column))
    return [digits_of(cell, largest) for cell in objects(column)]


def float_bits(column: pd.Series) -> int:
    """The bits of a column of floats; 64 for any other."""
    kind: Any = column.dtype
    return kind.itemsize * 8 if kind.kind == "f" else 64


def digits_of(cell: Any, largest: int) -> str:
    """A whole number that is not negative as text, if a float up to the largest; else ""."""
    value = to_python(cell)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and 0 <= value <= largest else ""
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return str(value) if whole else ""


def _coerce_levels(declared: RecordField, column: pd.Series) -> CoercedColumn:
    """Read each category once; the last place is for cells without a category."""
    levels = np.empty(len(column.cat.categories) + 1, dtype=object)
    levels[:-1] = column.cat.categories.to_numpy(dtype=object)
    return _coerce_cells(declared, levels).take(column.cat.codes.to_numpy())


def _coerce_cells(declared: RecordField, cells: Any) -> CoercedColumn:
    cleared, gaps, kinds = _find_gaps(cells)
    values, filled = np.where(gaps, None, cells) if gaps.any() else cells, ~gaps
    # The text of a date may have its midnight.
    if declared.kind == "date" or not kinds <= {JSON_TYPES[declared.kind]}:
        values = [
            None if gap else coerce_cell(declared, v) for v, gap in zip(cells, gaps, strict=True)
        ]
        filled = np.fromiter((value is not None for value in values), dtype=bool, count=len(cells))
    # A gap is not a problem, even in a field that is never empty.
    array, bad = read_column(declared.with_gaps, list(values), frozenset())
    unreadable = np.zeros(len(cells), dtype=bool)
    unreadable[[row for row, _ in bad]] = True
    return CoercedColumn(_comparable(array), filled & ~unreadable, cleared, filled & unreadable)


def _find_gaps(cells: Any) -> tuple[Any, Any, set[type]]:
    """Which cells are CLEAR, which have no value, and the types of the others.

    CLEAR, missing cells and empty texts are no values.
    """
    gaps = pd.isna(cells)
    some = cells[~gaps] if gaps.any() else cells
    kinds, cleared = set(map(type, some)), np.zeros(len(cells), dtype=bool)
    if type(CLEAR) in kinds:
        cleared[~gaps] = [cell is CLEAR for cell in some]
    if kinds == {str}:
        gaps[~gaps] = ~some.astype(bool)
    elif any(issubclass(kind, str) for kind in kinds):
        gaps[~gaps] = [isinstance(cell, str) and not cell for cell in some]
    return cleared, gaps | cleared, kinds - {type(CLEAR)}


def _comparable(array: Any) -> Any:
    masked = isinstance(array, pd.api.extensions.ExtensionArray)
    return array.to_numpy(dtype="int64", na_value=0) if masked else array


def coerce_cell(declared: RecordField, cell: Any) -> JSON:
    """A cell as JSON of its declared kind; unchanged if it cannot be read."""
    value = to_python(cell)
    try:
        if isinstance(value, str) and declared.kind not in ("string", "datetime"):
            return from_text(declared.kind, value)
        match declared.kind:
            case "dict" if is_pairs(value):
                return dict(value)
            case "list" if isinstance(value, tuple):
                return list(value)
            case "boolean" if isinstance(value, int | float) and value in (0, 1):
                return bool(value)
            case "Int64" if isinstance(value, float) and value.is_integer():
                return int(value)
            case "date":
                if isinstance(value, datetime) and value.utcoffset() == timedelta():
                    value = value.replace(tzinfo=None)
                return parse_date(value).isoformat()
            case "datetime" if isinstance(value, datetime | str):
                # As pydantic writes it, so that equal times are equal text.
                return parse_time(value).isoformat().replace("+00:00", "Z")
            case _:
                return value
    except ValueError:
        return value
