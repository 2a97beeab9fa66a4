"""A column of any dtype, read by the declared one, so that cells compare by value.

What a person's edits make of a column (objects, text, floats for whole numbers, categories with
other levels) is no difference; a cell that cannot be read is kept as it is, for `checks` to refuse.
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

from contactkit._frames.decode import from_text, read_column
from contactkit.spec.provider import JSON
from contactkit.spec.record import Kind, RecordField, parse_date, parse_time
from contactkit.spec.validate import to_python


class Clear(Enum):
    """Its one member says in a frame: clear this cell."""

    CLEAR = "clear"

    def __repr__(self) -> str:
        return "CLEAR"

    __str__ = __repr__


CLEAR = Clear.CLEAR

_WRITTEN: dict[Kind, type] = {"boolean": bool, "Int64": int, "list": list, "dict": dict}


@dataclass(frozen=True)
class CoercedColumn:
    """A column's values as an array to compare, and what each of its cells is.

    A cell is `there`, or to be `cleared`, or `unread`, or nothing is said in it.
    """

    values: Any
    there: Any
    cleared: Any
    unread: Any

    def take(self, rows: Any) -> CoercedColumn:
        """The cells of these rows, in their order."""
        parts = (self.values, self.there, self.cleared, self.unread)
        return CoercedColumn(*(each[rows] for each in parts))


def read(declared: RecordField, column: pd.Series) -> CoercedColumn:
    """Read a column of whatever dtype by the declared one."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _levelled(declared, column)
    if column.dtype == object and pd.api.types.infer_dtype(column) == "datetime":
        column = column.infer_objects()
    quick = _QUICK.get((declared.kind, column.dtype.kind))
    found = quick(column) if quick else None
    return _sound(*found) if found else _judged(declared, objects(column))


def objects(column: pd.Series) -> Any:
    """A column as an array of Python's objects."""
    return column.to_numpy(dtype=object, na_value=pd.NA)


def _levelled(declared: RecordField, column: pd.Series) -> CoercedColumn:
    """Categories are read once each; the last place is for cells without one."""
    levels = np.empty(len(column.cat.categories) + 1, dtype=object)
    levels[:-1] = column.cat.categories.to_numpy(dtype=object)
    return _judged(declared, levels).take(column.cat.codes.to_numpy())


def _sound(values: Any, there: Any) -> CoercedColumn:
    none = np.zeros(len(values), dtype=bool)
    return CoercedColumn(values, there, none, none)


def _judged(declared: RecordField, cells: Any) -> CoercedColumn:
    cleared = np.fromiter((cell is CLEAR for cell in cells), dtype=bool, count=len(cells))
    gaps = pd.isna(cells) | cleared
    values = np.where(gaps, None, cells)
    if not set(map(type, values)) <= {_WRITTEN.get(declared.kind, str), NoneType}:
        values = [
            None if gap else value_of(declared, v) for v, gap in zip(cells, gaps, strict=True)
        ]
    # A gap may be in a column that never has one, and says nothing all the same.
    array, bad = read_column(replace(declared, nullable=True), list(values), frozenset())
    said = np.fromiter((value is not None for value in values), dtype=bool, count=len(cells))
    unread = np.zeros(len(cells), dtype=bool)
    unread[[row for row, _ in bad]] = True
    return CoercedColumn(_comparable(array), said & ~unread, cleared, said & unread)


def _comparable(array: Any) -> Any:
    known = isinstance(array, pd.api.extensions.ExtensionArray)
    return array.to_numpy(dtype="int64", na_value=0) if known else array


def value_of(declared: RecordField, cell: Any) -> JSON:
    """A cell as JSON by its declared kind; what cannot be read stays as it is."""
    value = to_python(cell)
    try:
        if isinstance(value, str) and declared.kind != "datetime":
            return value if declared.kind == "string" else from_text(declared.kind, value)
        return _AS_JSON.get(declared.kind, _as_it_is)(value)
    except ValueError:
        return value


def _as_it_is(value: Any) -> JSON:
    return value


def _flag(value: Any) -> JSON:
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else value


def _whole(value: Any) -> JSON:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _moment(value: Any) -> JSON:
    """As pydantic writes a time, so that the same moment is the same text."""
    if not isinstance(value, datetime | str):
        return value
    # Text may be empty, as in a CSV file.
    return None if value == "" else parse_time(value).isoformat().replace("+00:00", "Z")


def _day(value: Any) -> JSON:
    return parse_date(value).isoformat()


_AS_JSON: dict[Kind, Callable[[Any], JSON]] = {
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
    there, days = column.notna(), column.dt.normalize()
    if not (days[there] == column[there]).all():
        return None
    return days.dt.as_unit("s").to_numpy(), there.to_numpy()


# By declared kind and the kind of the column's dtype: no look at single cells is needed.
_QUICK: dict[tuple[Kind, str], Callable[[pd.Series], Any]] = {
    ("string", "O"): _texts,
    ("boolean", "b"): _flags,
    ("Int64", "i"): _numbers,
    ("datetime", "M"): _moments,
    ("date", "M"): _days,
}
