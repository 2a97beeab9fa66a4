"""A column of any dtype, read by its field's declaration, so that cells compare by value.

User edits may turn a column into objects, text, floats for whole numbers or categories with other
levels; that alone is no difference. A cell that cannot be read stays unchanged, for `check` to
refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from types import NoneType
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.decode import JSON_TYPES, from_text, read_column
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

    A cell is `present`, `cleared` (by CLEAR), `unreadable`, or none of these: a gap.
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
    convert = _CONVERSIONS.get((declared.kind, column.dtype.kind))
    converted = convert(column) if convert else None
    return _whole_column(*converted) if converted else _coerce_cells(declared, objects(column))


def objects(column: pd.Series) -> Any:
    """A column as an array of Python's objects."""
    return column.to_numpy(dtype=object, na_value=pd.NA)


def _coerce_levels(declared: RecordField, column: pd.Series) -> CoercedColumn:
    """Read each category once; the last place is for cells without one."""
    levels = np.empty(len(column.cat.categories) + 1, dtype=object)
    levels[:-1] = column.cat.categories.to_numpy(dtype=object)
    return _coerce_cells(declared, levels).take(column.cat.codes.to_numpy())


def _whole_column(values: Any, present: Any) -> CoercedColumn:
    none = np.zeros(len(values), dtype=bool)
    return CoercedColumn(values, present, none, none)


def _coerce_cells(declared: RecordField, cells: Any) -> CoercedColumn:
    cleared = np.fromiter((cell is CLEAR for cell in cells), dtype=bool, count=len(cells))
    gaps = pd.isna(cells) | cleared
    values = np.where(gaps, None, cells)
    if not set(map(type, values)) <= {JSON_TYPES[declared.kind], NoneType}:
        values = [
            None if gap else coerce_cell(declared, v) for v, gap in zip(cells, gaps, strict=True)
        ]
    # A gap is no problem, not even in a field that is never empty.
    array, bad = read_column(replace(declared, nullable=True), list(values), frozenset())
    filled = np.fromiter((value is not None for value in values), dtype=bool, count=len(cells))
    unreadable = np.zeros(len(cells), dtype=bool)
    unreadable[[row for row, _ in bad]] = True
    return CoercedColumn(_comparable(array), filled & ~unreadable, cleared, filled & unreadable)


def _comparable(array: Any) -> Any:
    masked = isinstance(array, pd.api.extensions.ExtensionArray)
    return array.to_numpy(dtype="int64", na_value=0) if masked else array


def coerce_cell(declared: RecordField, cell: Any) -> JSON:
    """A cell as JSON of its declared kind; unchanged where it cannot be read."""
    value = to_python(cell)
    try:
        if isinstance(value, str) and declared.kind != "datetime":
            return value if declared.kind == "string" else from_text(declared.kind, value)
        to_json = _TO_JSON.get(declared.kind)
        return to_json(value) if to_json else value
    except ValueError:
        return value


def _flag(value: Any) -> JSON:
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else value


def _whole(value: Any) -> JSON:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _moment(value: Any) -> JSON:
    """A time as pydantic writes it, so that equal times are equal text."""
    if not isinstance(value, datetime | str):
        return value
    # Text may be empty, as it is in a CSV file.
    return None if value == "" else parse_time(value).isoformat().replace("+00:00", "Z")


def _day(value: Any) -> JSON:
    return parse_date(value).isoformat()


_TO_JSON: dict[Kind, Callable[[Any], JSON]] = {
    "boolean": _flag,
    "Int64": _whole,
    "datetime": _moment,
    "date": _day,
}


def _texts(column: pd.Series) -> Any:
    """None where not every cell is text."""
    if not isinstance(column.dtype, pd.StringDtype):
        return None
    return column.to_numpy(dtype=object, na_value=None), column.notna().to_numpy()


def _flags(column: pd.Series) -> Any:
    return column.fillna(False).to_numpy(dtype=np.int8), column.notna().to_numpy()


def _numbers(column: pd.Series) -> Any:
    return column.fillna(0).to_numpy(dtype=np.int64), column.notna().to_numpy()


def _moments(column: pd.Series) -> Any:
    """None where the times have no zone."""
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        return None
    naive = column.dt.tz_convert("UTC").dt.tz_localize(None)
    return naive.dt.as_unit("us").to_numpy(), column.notna().to_numpy()


def _days(column: pd.Series) -> Any:
    """None where the times have a zone, or are not all at midnight."""
    if not isinstance(column.dtype, np.dtype):
        return None
    present, days = column.notna(), column.dt.normalize()
    if not (days[present] == column[present]).all():
        return None
    return days.dt.as_unit("s").to_numpy(), present.to_numpy()


# By declared kind and the kind of the column's dtype, for columns converted as a whole.
_CONVERSIONS: dict[tuple[Kind, str], Callable[[pd.Series], Any]] = {
    ("string", "O"): _texts,
    ("boolean", "b"): _flags,
    ("Int64", "i"): _numbers,
    ("datetime", "M"): _moments,
    ("date", "M"): _days,
}
