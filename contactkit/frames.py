"""Records to DataFrames and back, with declared columns and dtypes whatever the data holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from contactkit.checks import is_na, plain
from contactkit.columns import ARRAYS, Columns
from contactkit.errors import warn
from contactkit.record import Record, RecordField, fields_of
from contactkit.spec import JSON

# Python storage wherever pyarrow happens to be installed, so that frames are the same everywhere.
STRING = pd.StringDtype("python", na_value=pd.NA)
TIME = pd.DatetimeTZDtype("us", "UTC")
OUTCOMES = "created updated unchanged deleted planned refused failed unknown skipped".split()
PROBLEM_COLUMNS = ("row", "key", "field", "raw", "message")

_OPERATIONS = ["create", "update", "delete"]
RESULT_COLUMNS: dict[str, Any] = {
    "provider": STRING,
    "key": STRING,
    "operation": pd.CategoricalDtype(_OPERATIONS),
    "outcome": pd.CategoricalDtype(OUTCOMES),
    "changed": object,
    "before": object,
    "after": object,
    "http_status": pd.Int64Dtype(),
    "code": STRING,
    "message": STRING,
    "field": STRING,
    "attempts": pd.Int64Dtype(),
    "request_id": STRING,
    "idempotency_key": STRING,
    "elapsed_ms": pd.Int64Dtype(),
    "at": TIME,
}


def dtype_of(declared: RecordField) -> Any:
    """The pandas dtype of one declared field."""
    match declared.kind:
        case "string":
            return STRING
        case "category":
            return pd.CategoricalDtype(list(declared.choices))
        case "boolean":
            return pd.BooleanDtype()
        case "Int64":
            return pd.Int64Dtype()
        case "datetime":
            return TIME
        case _:
            return np.dtype(object)


def to_frame(
    record: type[Record], parts: Sequence[Columns], attrs: Mapping[str, JSON] | None = None
) -> pd.DataFrame:
    """One typed frame from what was read; one warning counts bad cells, one names new fields."""
    series = {
        name: _joined(declared, [part.arrays[name] for part in parts])
        for name, declared in fields_of(record).items()
    }
    frame = pd.DataFrame(series, copy=False)
    strangers = dict.fromkeys(name for part in parts for name in part.extras)
    for name in strangers:
        values = [part.extras.get(name) or [None] * part.rows for part in parts]
        frame[name] = pd.Series([v for part in values for v in part], dtype=object)
    frame.attrs.update(attrs or {}, problems=_numbered(parts))
    if strangers:
        warn(f"new fields, kept as they came: {', '.join(strangers)}")
    if frame.attrs["problems"]:
        count, names = len(frame.attrs["problems"]), {p[2] for p in frame.attrs["problems"]}
        listed = ", ".join(sorted(filter(None, names))) or "whole rows"
        warn(
            f"{count} cells are not what is documented and became NA ({listed}); "
            "see contactkit.problems(frame)"
        )
    return frame


def _joined(declared: RecordField, arrays: list[Any]) -> Any:
    empty = ARRAYS[declared.kind](declared, [])
    if declared.kind == "Int64":
        return pd.concat([pd.Series(each) for each in arrays or [empty]], ignore_index=True).array
    whole = np.concatenate(arrays or [empty]) if len(arrays) != 1 else arrays[0]
    match declared.kind:
        case "string":
            return pd.array(whole, dtype=STRING)
        case "category":
            return pd.Categorical.from_codes(whole, dtype=dtype_of(declared))
        case "boolean":
            return pd.arrays.BooleanArray(whole == 1, whole == -1)
        case "datetime":
            return pd.DatetimeIndex(whole).tz_localize("UTC").array
        case _:
            return whole


def _numbered(parts: Sequence[Columns]) -> list[tuple[int, str, str, JSON, str]]:
    found: list[tuple[int, str, str, JSON, str]] = []
    start = 0
    for part in parts:
        found += [(start + row, *rest) for row, *rest in part.problems]  # type: ignore[misc]
        start += part.rows
    return found


def problems(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells of a contact frame that were not what is documented, with what came instead.

    Columns `row` (Int64, position when it was read), `key`, `field`, `message` (string) and `raw`
    (object). A row that is no object at all has an empty `field`.
    """
    found = frame.attrs.get("problems", [])
    kinds: list[Any] = [pd.Int64Dtype(), STRING, STRING, object, STRING]
    columns = zip(*found, strict=True) if found else [[]] * len(PROBLEM_COLUMNS)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=kind)
            for name, values, kind in zip(PROBLEM_COLUMNS, columns, kinds, strict=True)
        }
    )


def rows_of(record: type[Record], frame: pd.DataFrame) -> list[dict[str, JSON]]:
    """The rows of a contact frame as JSON by field name; NA is None."""
    declared = {n: each for n, each in fields_of(record).items() if n in frame.columns}
    columns = [[_dumped(each, v) for v in frame[name]] for name, each in declared.items()]
    rows = zip(*columns, strict=True) if columns else [()] * len(frame)
    return [dict(zip(declared, values, strict=True)) for values in rows]


def _dumped(declared: RecordField, value: Any) -> JSON:
    value = plain(value)
    if value is None or is_na(value):
        return None
    # What a person put into a cell is judged by `checks`, not here.
    return declared.adapter.dump_python(value, mode="json", warnings=False, fallback=plain)


def result_frame(rows: Sequence[Mapping[str, Any]], index: pd.Index | None = None) -> pd.DataFrame:
    """Result rows as the one typed frame that every write answers with."""
    frame = pd.DataFrame(
        {
            name: pd.Series([row.get(name) for row in rows], dtype=dtype)
            for name, dtype in RESULT_COLUMNS.items()
        }
    )
    return frame if index is None else frame.set_axis(index)
