"""Records to DataFrames and back, with declared columns and dtypes whatever the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.decode import Columns, pack
from contactkit._frames.nested import CONTACT
from contactkit.errors import warn
from contactkit.spec.outcome import Outcome
from contactkit.spec.provider import JSON
from contactkit.spec.record import Record, RecordField, fields_of, parse_date
from contactkit.spec.validate import is_na, to_python

# Python storage wherever pyarrow happens to be installed, so that frames are the same everywhere.
STRING = pd.StringDtype("python")
DATE = np.dtype("datetime64[s]")  # midnight without a zone: pandas has no dates
TIME = pd.DatetimeTZDtype("us", "UTC")
PROBLEM_COLUMNS = ("row", "key", "field", "raw", "message")

_OPERATIONS = ["create", "update", "delete"]
# What matters is first, and what is widest is last.
RESULT_COLUMNS: dict[str, Any] = {
    "outcome": pd.CategoricalDtype([outcome.value for outcome in Outcome]),
    "key": STRING,
    "message": STRING,
    "changed": object,
    "operation": pd.CategoricalDtype(_OPERATIONS),
    "provider": STRING,
    "field": STRING,
    "code": STRING,
    "http_status": pd.Int64Dtype(),
    "attempts": pd.Int64Dtype(),
    "elapsed_ms": pd.Int64Dtype(),
    "at": TIME,
    "request_id": STRING,
    "idempotency_key": STRING,
    "before": CONTACT,
    "after": CONTACT,
}


def dtype_of(declared: RecordField) -> Any:
    """The pandas dtype of one declared field."""
    match declared.kind:
        case "string":
            return STRING
        case "category":
            return _category_of(declared.choices)
        case "boolean":
            return pd.BooleanDtype()
        case "Int64":
            return pd.Int64Dtype()
        case "date":
            return DATE
        case "datetime":
            return TIME
        case _:
            return np.dtype(object)


@cache
def _category_of(choices: tuple[str, ...]) -> pd.CategoricalDtype:
    return pd.CategoricalDtype(list(choices))


def to_frame(
    record: type[Record], parts: Sequence[Columns], attrs: Mapping[str, JSON] | None = None
) -> pd.DataFrame:
    """One typed frame of decoded rows, with the fields that all parts have.

    One warning counts bad cells, another names new fields.
    """
    series = {
        name: _join(declared, [part.arrays[name] for part in parts])
        for name, declared in fields_of(record).items()
        if all(name in part.arrays for part in parts)
    }
    new_fields = dict.fromkeys(name for part in parts for name in part.extras)
    for name in new_fields:
        values = [part.extras.get(name) or [None] * part.rows for part in parts]
        series[name] = pd.Series([v for part in values for v in part], dtype=object)
    frame = pd.DataFrame(series, copy=False)
    problems = Problems(_number_rows(parts))
    frame.attrs.update(attrs or {}, problems=problems)
    if new_fields:
        warn(f"new fields, kept unchanged: {', '.join(new_fields)}")
    if problems:
        names = ", ".join(sorted({problem[2] for problem in problems.rows} - {""})) or "whole rows"
        warn(
            f"{problems} cell{'s are' if problems > 1 else ' is'} not as documented "
            f"and became NA ({names}); "
            "see contactkit.problems(frame)"
        )
    return frame


class Problems(int):
    """The number of bad cells; `rows` has them with their raw values.

    A raw value may be personal, and pandas writes `attrs` into files, so a file or a pickle keeps
    only the count.
    """

    rows: tuple[tuple[int, str, str, JSON, str], ...] = ()

    def __new__(cls, rows: Sequence[tuple[int, str, str, JSON, str]] = ()) -> Problems:
        count = super().__new__(cls, len(rows))
        count.rows = tuple(rows)
        return count

    def __eq__(self, other: object) -> bool:
        # pandas keeps the `attrs` of joined frames only if they are equal.
        same = not isinstance(other, Problems) or self.rows == other.rows
        return same and int(self) == other

    def __hash__(self) -> int:
        return hash(int(self))

    def __deepcopy__(self, memo: object) -> Problems:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return int, (int(self),)


def concat_arrays(declared: RecordField, arrays: Sequence[Any]) -> Any:
    """The arrays of a field's parts as one, as `pack` makes it."""
    if len(arrays) == 1:
        return arrays[0]
    if declared.kind == "Int64" and arrays:
        return pd.concat([pd.Series(array) for array in arrays], ignore_index=True).array
    return np.concatenate(arrays) if arrays else pack(declared, [])


def _join(declared: RecordField, arrays: Sequence[Any]) -> Any:
    """The column of a frame from the arrays of its parts."""
    whole = concat_arrays(declared, arrays)
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


def _number_rows(parts: Sequence[Columns]) -> list[tuple[int, str, str, JSON, str]]:
    """The problems of all parts, with rows counted from the first row of the first part."""
    rows: list[tuple[int, str, str, JSON, str]] = []
    start = 0
    for part in parts:
        rows += [(start + row, key, name, raw, text) for row, key, name, raw, text in part.problems]
        start += part.rows
    return rows


def problems(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells of a contact frame that were not as documented, with their raw values.

    Columns: `row` (Int64, the position when it was read), `key`, `field`, `message` (string) and
    `raw` (object). A row that is not an object has an empty `field`. A derived frame has the
    problems of the frame it comes from. A frame that was read back from a file has only their
    count; unless that is 0, this raises LookupError.
    """
    count = frame.attrs.get("problems", 0)
    if count and not isinstance(count, Problems):
        raise LookupError(f"{count} problems were counted, but the file did not keep them")
    rows = count.rows if isinstance(count, Problems) else ()
    kinds: list[Any] = [pd.Int64Dtype(), STRING, STRING, object, STRING]
    columns = zip(*rows, strict=True) if rows else [[]] * len(PROBLEM_COLUMNS)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=kind)
            for name, values, kind in zip(PROBLEM_COLUMNS, columns, kinds, strict=True)
        }
    )


def rows_of(record: type[Record], frame: pd.DataFrame) -> list[dict[str, JSON]]:
    """The rows of a contact frame as JSON by field name; NA is None."""
    declared = {n: field for n, field in fields_of(record).items() if n in frame.columns}
    columns = [[cell_to_json(field, v) for v in frame[name]] for name, field in declared.items()]
    rows = zip(*columns, strict=True) if columns else [()] * len(frame)
    return [dict(zip(declared, values, strict=True)) for values in rows]


def cell_to_json(declared: RecordField, value: Any) -> JSON:
    """A cell of a contact frame as JSON, unchecked; NA is None."""
    value = to_python(value)
    if value is None or is_na(value):
        return None
    if declared.kind == "date" and declared.accepts(value):
        return parse_date(value).isoformat()
    # User edits are refused by `check`, not here.
    return declared.adapter.dump_python(value, mode="json", warnings=False, fallback=_foreign)


def _foreign(value: Any) -> JSON:
    plain = to_python(value)
    return str(value) if plain is value else plain


def result_frame(
    rows: Sequence[Mapping[str, Any]],
    index: pd.Index | None = None,
    attrs: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Result rows as the typed frame that every write returns, with the given index.

    `attrs` has only the world and its notice, so that joined frames keep them.
    """
    frame = declared_frame(RESULT_COLUMNS, rows, index)
    frame.attrs.update(attrs or {})
    return frame


def declared_frame(
    dtypes: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], index: pd.Index | None = None
) -> pd.DataFrame:
    """Rows as a frame with these columns and dtypes; missing values are NA."""
    columns = {
        name: pd.Series([row.get(name) for row in rows], dtype=dtype, index=index)
        for name, dtype in dtypes.items()
    }
    return pd.DataFrame(columns)
