"""Rows as a provider sent them, read column by column into checked arrays.

One look at the types of a whole column says that it is good; only a column that is not is read
value by value. Nothing is inferred, and a bad cell never costs its row or its page.
"""

from __future__ import annotations

import ast
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from types import NoneType
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from contactkit.spec.provider import JSON
from contactkit.spec.record import (
    Kind,
    Record,
    RecordField,
    fields_of,
    key_of,
    parse_date,
    parse_time,
)


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
        found.arrays[name], bad = read_column(declared[name], values, absent)
        found.problems += [
            (row, _key(keys[row]), name, deepcopy(values[row]), message)
            for row, message in bad
            if isinstance(rows[row], dict)
        ]
    found.problems += [
        (row, "", "", deepcopy(value), "must be an object")
        for row, value in enumerate(() if exact else rows)
        if not isinstance(value, dict)
    ]
    found.problems.sort(key=itemgetter(0))
    return found


def _key(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def _transposed(
    declared: Mapping[str, RecordField], rows: Sequence[JSON]
) -> tuple[dict[str, Sequence[JSON]], dict[str, frozenset[int]]]:
    """Columns by field name, and for each which rows do not have it at all."""
    try:
        return {name: list(map(itemgetter(each.wire), rows)) for name, each in declared.items()}, {}
    except (KeyError, TypeError):
        pass
    columns: dict[str, Sequence[JSON]] = {}
    missing: dict[str, frozenset[int]] = {}
    for name, each in declared.items():
        columns[name] = [_first(row, each.spellings) for row in rows]
        missing[name] = frozenset(
            i
            for i, row in enumerate(rows)
            if not isinstance(row, dict) or not any(wire in row for wire in each.spellings)
        )
    return columns, missing


def _first(row: JSON, spellings: Iterable[str]) -> JSON:
    if not isinstance(row, dict):
        return None
    return next((row[wire] for wire in spellings if wire in row), None)


def _extras(declared: Mapping[str, RecordField], rows: Sequence[JSON]) -> dict[str, list[JSON]]:
    # A field's own name too: a stranger must never take a declared column's place.
    known = {*declared} | {name for each in declared.values() for name in each.spellings}
    objects = [row for row in rows if isinstance(row, dict)]
    strangers = dict.fromkeys(name for row in objects for name in row if name not in known)
    return {
        name: [deepcopy(row.get(name)) if isinstance(row, dict) else None for row in rows]
        for name in strangers
    }


def from_text(kind: Kind, text: str) -> JSON:
    """A cell of text, as of a CSV file, as JSON; "" is None, and what cannot be read stays text."""
    if kind in ("string", "category", "date", "datetime"):
        return (text.removesuffix("T00:00:00") if kind == "date" else text) or None
    if kind == "boolean":
        return {"": None, "true": True, "false": False}.get(text.lower(), text)
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text) if text else None
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


def read_column(
    declared: RecordField, values: Sequence[JSON], absent: frozenset[int]
) -> tuple[Any, list[tuple[int, str]]]:
    """The array of one column, and (row, message) for each cell that is not what was promised.

    `absent` rows do not have the field at all.
    """
    promised = {_TYPES[declared.kind]} | ({NoneType} if declared.nullable else set())
    try:
        if not absent and promised.issuperset(map(type, values)):
            return ARRAYS[declared.kind](declared, values), []
    except (ValueError, TypeError, KeyError, OverflowError):
        pass
    bad: list[tuple[int, str]] = []
    good = list(values)
    for row, value in enumerate(values):
        message = _wrong(declared, value, row in absent)
        if message:
            bad.append((row, message))
            good[row] = None
    return ARRAYS[declared.kind](declared, good), bad


def _wrong(declared: RecordField, value: JSON, absent: bool) -> str:
    if absent:
        return "is missing" if declared.promised else ""
    try:
        declared.adapter.validate_python(value)
    except ValidationError as error:
        return error.errors(include_input=False, include_url=False)[0]["msg"]
    large = declared.kind == "Int64" and value is not None and not -(2**63) <= value < 2**63
    return "must fit into 64 bits" if large else ""


def _strings(declared: RecordField, values: Sequence[JSON]) -> Any:
    return np.array(values, dtype=object)


def _codes(declared: RecordField, values: Sequence[JSON]) -> Any:
    codes: dict[JSON, int] = {choice: code for code, choice in enumerate(declared.choices)}
    codes[None] = -1
    return np.fromiter(map(codes.__getitem__, values), dtype=np.int8, count=len(values))


def _booleans(declared: RecordField, values: Sequence[JSON]) -> Any:
    try:
        return np.array(values, dtype=np.int8)
    except TypeError:
        return np.array([-1 if value is None else value for value in values], dtype=np.int8)


def _integers(declared: RecordField, values: Sequence[JSON]) -> Any:
    return pd.array(list(values), dtype="Int64")


def _times(declared: RecordField, values: Sequence[JSON]) -> Any:
    given = [value for value in values if value is not None]
    try:
        moments = np.array(_clipped(given), dtype="datetime64[us]")
    except (ValueError, TypeError):
        naive = [parse_time(value).replace(tzinfo=None).isoformat() for value in given]
        moments = np.array(naive, dtype="datetime64[us]")
    if len(given) == len(values):
        return moments
    whole = np.full(len(values), np.datetime64("NaT"), dtype="datetime64[us]")
    whole[[value is not None for value in values]] = moments
    return whole


def _dates(declared: RecordField, values: Sequence[JSON]) -> Any:
    days = [None if value is None else parse_date(value) for value in values]
    return np.array(days, dtype="datetime64[s]")


_END, _JOINTS = itemgetter(slice(-6, None)), itemgetter(slice(10, 20, 9))


def _clipped(texts: Sequence[str]) -> list[str]:
    """Times that are all in UTC already, without their offset and with six digits at most."""
    deque(map(datetime.fromisoformat, texts), maxlen=0)
    ends = set(map(_END, texts))
    offset = 6 if ends <= {"+00:00"} else 1
    usual = {"T.", "T+"} if offset == 6 else {"T.", "TZ"}
    # numpy reads other spellings differently, or not at all.
    if not set(map(_JOINTS, texts)) <= usual or (
        offset == 1 and {end[-1] for end in ends} != {"Z"}
    ):
        raise ValueError
    lengths = set(map(len, texts))
    if len(lengths) != 1:
        return [text[:-offset][:26] for text in texts]
    return list(map(itemgetter(slice(min(lengths.pop() - offset, 26))), texts))


def _objects(declared: RecordField, values: Sequence[JSON]) -> Any:
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = pd.NA if value is None else declared.adapter.validate_python(value)
    return array


_TYPES: dict[Kind, type] = {
    "string": str,
    "category": str,
    "boolean": bool,
    "Int64": int,
    "date": str,
    "datetime": str,
    "list": list,
    "dict": dict,
}

ARRAYS: dict[Kind, Callable[[RecordField, Sequence[JSON]], Any]] = {
    "string": _strings,
    "category": _codes,
    "boolean": _booleans,
    "Int64": _integers,
    "date": _dates,
    "datetime": _times,
    "list": _objects,
    "dict": _objects,
}
