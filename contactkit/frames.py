"""Records to DataFrames and back, with declared columns and dtypes whatever the data holds.

A page is read column by column: one look at the types of a whole column says that it is good, and
only a column that is not is read value by value. Nothing is inferred.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from contactkit.checks import is_na, plain
from contactkit.errors import ConfigurationError, ContactKitWarning
from contactkit.providers import find, names
from contactkit.record import Kind, Record, RecordField, fields_of, key_of, parse_time
from contactkit.spec import JSON, Provider

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


@dataclass
class Columns:
    """Some rows, read: one array a field, the fields nobody declared, and the bad cells."""

    rows: int
    arrays: dict[str, Any]
    extras: dict[str, list[JSON]] = field(default_factory=dict)
    problems: list[tuple[int, str, str, JSON, str]] = field(default_factory=list)


def read_rows(record: type[Record], rows: Sequence[JSON]) -> Columns:
    """Check and convert rows as a provider sent them; a bad cell becomes NA and a problem."""
    declared = fields_of(record)
    columns, missing = _transposed(declared, rows)
    # Every declared name is in every row, so rows of just that many names hold no stranger.
    exact = not missing and set(map(len, rows)) <= {len(declared)}
    extras = {} if exact else _extras(declared, rows)
    found = Columns(rows=len(rows), arrays={}, extras=extras)
    keys = columns[key_of(record).name]
    for name, values in columns.items():
        absent = missing.get(name, frozenset())
        found.arrays[name], bad = _column(declared[name], values, absent)
        found.problems += [
            (row, keys[row] if isinstance(keys[row], str) else "", name, values[row], message)
            for row, message in bad
        ]
    found.problems += [
        (row, "", "", value, "must be an object")
        for row, value in enumerate(rows)
        if not isinstance(value, dict)
    ]
    found.problems.sort(key=itemgetter(0))
    return found


def _transposed(
    declared: Mapping[str, RecordField], rows: Sequence[JSON]
) -> tuple[dict[str, Sequence[JSON]], dict[str, frozenset[int]]]:
    """Columns by field name, and for each which rows do not have it at all."""
    try:
        taken = list(map(itemgetter(*(each.wire for each in declared.values())), rows))
        if taken:
            return dict(zip(declared, zip(*taken, strict=True), strict=True)), {}
    except (KeyError, TypeError):
        pass
    columns: dict[str, Sequence[JSON]] = {}
    missing: dict[str, frozenset[int]] = {}
    for name, each in declared.items():
        spellings = (each.wire, *each.marker.deprecated)
        columns[name] = [_first(row, spellings) for row in rows]
        missing[name] = frozenset(
            i
            for i, row in enumerate(rows)
            if not isinstance(row, dict) or not any(wire in row for wire in spellings)
        )
    return columns, missing


def _first(row: JSON, spellings: Iterable[str]) -> JSON:
    if not isinstance(row, dict):
        return None
    return next((row[wire] for wire in spellings if wire in row), None)


def _extras(declared: Mapping[str, RecordField], rows: Sequence[JSON]) -> dict[str, list[JSON]]:
    known = {name for each in declared.values() for name in (each.wire, *each.marker.deprecated)}
    objects = [row for row in rows if isinstance(row, dict)]
    strangers = dict.fromkeys(name for row in objects for name in row if name not in known)
    return {
        name: [row.get(name) if isinstance(row, dict) else None for row in rows]
        for name in strangers
    }


def _column(
    declared: RecordField, values: Sequence[JSON], absent: frozenset[int]
) -> tuple[Any, list[tuple[int, str]]]:
    """The array of one column, and (row, message) for each cell that is not what was promised."""
    try:
        if not absent and (declared.nullable or None not in values):
            return _ARRAYS[declared.kind](declared, values), []
    except (ValueError, TypeError, KeyError):
        pass
    bad: list[tuple[int, str]] = []
    good = list(values)
    for row, value in enumerate(values):
        message = _wrong(declared, value, row in absent)
        if message:
            bad.append((row, message))
            good[row] = None
    return _ARRAYS[declared.kind](declared, good), bad


def _wrong(declared: RecordField, value: JSON, absent: bool) -> str:
    if absent:
        return "is missing" if declared.promised else ""
    try:
        declared.adapter.validate_python(value)
    except ValidationError as error:
        return error.errors(include_input=False, include_url=False)[0]["msg"]
    return ""


def _strings(declared: RecordField, values: Sequence[JSON]) -> Any:
    if not set(map(type, values)) <= {str, type(None)}:
        raise TypeError
    return np.array(values, dtype=object)


def _codes(declared: RecordField, values: Sequence[JSON]) -> Any:
    codes: dict[JSON, int] = {choice: code for code, choice in enumerate(declared.choices)}
    codes[None] = -1
    return np.fromiter(map(codes.__getitem__, values), dtype=np.int8, count=len(values))


def _booleans(declared: RecordField, values: Sequence[JSON]) -> Any:
    if not set(map(type, values)) <= {bool, type(None)}:
        raise TypeError
    return np.array([-1 if value is None else value for value in values], dtype=np.int8)


def _integers(declared: RecordField, values: Sequence[JSON]) -> Any:
    if not set(map(type, values)) <= {int, type(None)}:
        raise TypeError
    return pd.array(list(values), dtype="Int64")


def _times(declared: RecordField, values: Sequence[JSON]) -> Any:
    try:
        return np.array([_clipped(value) for value in values], dtype="datetime64[us]")
    except ValueError:
        parsed = [None if value is None else parse_time(value) for value in values]
        naive = [moment and moment.replace(tzinfo=None).isoformat() for moment in parsed]
        return np.array(naive, dtype="datetime64[us]")


def _clipped(value: JSON) -> str | None:
    """The text of a time that is in UTC already, without offset and with six digits at most."""
    if value is None:
        return None
    datetime.fromisoformat(value)
    offset = 1 if value[-1:] == "Z" else 6 if value[-6:] == "+00:00" else 0
    if not offset or value[10:11] != "T":
        raise ValueError
    return value[:-offset][:26]


def _objects(declared: RecordField, values: Sequence[JSON]) -> Any:
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = None if value is None else declared.adapter.validate_python(value)
    return array


_ARRAYS: dict[Kind, Callable[[RecordField, Sequence[JSON]], Any]] = {
    "string": _strings,
    "category": _codes,
    "boolean": _booleans,
    "Int64": _integers,
    "datetime": _times,
    "list": _objects,
    "dict": _objects,
}


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
        _warn(f"new fields, kept as they came: {', '.join(strangers)}")
    if frame.attrs["problems"]:
        count, names = len(frame.attrs["problems"]), {p[2] for p in frame.attrs["problems"]}
        listed = ", ".join(sorted(filter(None, names))) or "whole rows"
        _warn(
            f"{count} cells are not what is documented and became NA ({listed}); "
            "see contactkit.problems(frame)"
        )
    return frame


def _joined(declared: RecordField, arrays: list[Any]) -> Any:
    empty = _ARRAYS[declared.kind](declared, [])
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


def _warn(message: str) -> None:
    warnings.warn(message, ContactKitWarning, stacklevel=2)


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
    return [dict(zip(declared, values, strict=True)) for values in zip(*columns, strict=True)]


def _dumped(declared: RecordField, value: Any) -> JSON:
    value = plain(value)
    if value is None or is_na(value):
        return None
    return declared.adapter.dump_python(value, mode="json")


def result_frame(rows: Sequence[Mapping[str, Any]], index: pd.Index | None = None) -> pd.DataFrame:
    """Result rows as the one typed frame that every write answers with."""
    frame = pd.DataFrame(
        {
            name: pd.Series([row.get(name) for row in rows], dtype=dtype)
            for name, dtype in RESULT_COLUMNS.items()
        }
    )
    return frame if index is None else frame.set_axis(index)


def read_contacts(path: str | Path, provider: str | Provider | None = None) -> pd.DataFrame:
    """Read a CSV or Parquet file of contacts by the declared dtypes, inferring nothing.

    In a CSV file an empty cell is NA, and lists and mappings are JSON or Python literals. Declared
    columns that the file lacks are NA throughout. Without `provider` it is the one whose fields
    the columns are; ConfigurationError when that is none or several, or a column is unknown.
    """
    if Path(path).suffix == ".parquet":
        raw = pd.read_parquet(path)
        columns = {str(name): [_json(value) for value in raw[name]] for name in raw.columns}
    else:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False)
        columns = {str(name): list(raw[name]) for name in raw.columns}
    found = find(provider) if provider is not None else _owner(path, columns)
    declared = fields_of(found.record)
    unknown = [name for name in columns if name not in declared]
    if unknown:
        message = f"{path}: {found.title} has no field {', '.join(unknown)}"
        raise ConfigurationError(f"{message}; allowed: {', '.join(declared)}")
    read = {n: [_cell(declared[n].kind, v) for v in values] for n, values in columns.items()}
    return _file_frame(found, read, len(raw))


def _owner(path: str | Path, columns: Iterable[str]) -> Provider:
    fitting = [each for each in map(find, names()) if set(columns) <= fields_of(each.record).keys()]
    if len(fitting) != 1:
        which = ", ".join(each.name for each in fitting) or "none"
        raise ConfigurationError(
            f"{path}: its columns fit these providers: {which}; say which one with provider="
        )
    return fitting[0]


def _file_frame(provider: Provider, read: Mapping[str, list[JSON]], rows: int) -> pd.DataFrame:
    part = Columns(rows=rows, arrays={})
    for name, declared in fields_of(provider.record).items():
        values = read.get(name, [None] * rows)
        gaps = frozenset(row for row, value in enumerate(values) if value is None)
        part.arrays[name], bad = _column(replace(declared, promised=False), values, gaps)
        part.problems += [(row, "", name, values[row], message) for row, message in bad]
    return to_frame(provider.record, [part], {"provider": provider.name})


def _json(value: Any) -> JSON:
    """A cell of a Parquet file as JSON."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | dict):
        return value
    if value is None or pd.isna(value):
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value


def _cell(kind: Kind, value: JSON) -> JSON:
    """A cell of a CSV file as JSON; what cannot be read stays text and so becomes a problem."""
    if not isinstance(value, str) or kind in ("string", "category", "datetime"):
        return None if value == "" else value
    words = {"": None, "true": True, "false": False}
    if kind == "boolean":
        return words.get(value.lower(), value)
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(value) if value else None
        except (ValueError, SyntaxError):
            continue
    return value
