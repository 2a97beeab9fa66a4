"""Rows as a provider sent them, decoded column by column into checked arrays.

A column whose values all have the promised type is taken as a whole; any other is checked value by
value. Nothing is inferred, and a bad cell never costs its row or its page.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
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

JSON_TYPES: dict[Kind, type] = {
    "string": str,
    "category": str,
    "boolean": bool,
    "Int64": int,
    "date": str,
    "datetime": str,
    "list": list,
    "dict": dict,
}


_SAMPLE = 16


@dataclass
class Columns:
    """Decoded rows: one array per field, undeclared fields, and the bad cells."""

    rows: int
    arrays: dict[str, Any]
    extras: dict[str, list[JSON]] = field(default_factory=dict)
    problems: list[tuple[int, str, str, JSON, str]] = field(default_factory=list)


def read_rows(record: type[Record], rows: Sequence[JSON]) -> Columns:
    """Check and convert the rows of a response; a bad cell becomes NA and a problem."""
    declared = fields_of(record)
    columns, missing = _transpose(declared, rows)
    # All declared names are in every row, so rows with that many names have no others.
    exact = not missing and set(map(len, rows)) <= {len(declared)}
    extras = {} if exact else _extras(declared, rows)
    decoded = Columns(rows=len(rows), arrays={}, extras=extras)
    keys = columns[key_of(record).name]
    for name, values in columns.items():
        absent = missing.get(name, frozenset())
        decoded.arrays[name], bad = read_column(declared[name], values, absent)
        decoded.problems += [
            (row, _key(keys[row]), name, deepcopy(values[row]), message)
            for row, message in bad
            if isinstance(rows[row], dict)
        ]
    decoded.problems += [
        (row, "", "", deepcopy(value), "must be an object")
        for row, value in enumerate(() if exact else rows)
        if not isinstance(value, dict)
    ]
    decoded.problems.sort(key=itemgetter(0))
    return decoded


def _key(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def _transpose(
    declared: Mapping[str, RecordField], rows: Sequence[JSON]
) -> tuple[dict[str, Sequence[JSON]], dict[str, frozenset[int]]]:
    """Columns by field name, and the rows without a field by its name."""
    wires = {name: field.spellings for name, field in declared.items()}
    try:
        return {name: list(map(itemgetter(first), rows)) for name, (first, *_) in wires.items()}, {}
    except (KeyError, TypeError):
        pass
    columns: dict[str, Sequence[JSON]] = {}
    missing: dict[str, frozenset[int]] = {}
    for name, spellings in wires.items():
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
    # Also the field's own name, so that no other field replaces a declared column.
    known = {*declared} | {name for field in declared.values() for name in field.spellings}
    objects = [row for row in rows if isinstance(row, dict)]
    others = dict.fromkeys(name for row in objects for name in row if name not in known)
    return {
        name: [deepcopy(row.get(name)) if isinstance(row, dict) else None for row in rows]
        for name in others
    }


def read_column(
    declared: RecordField, values: Sequence[JSON], absent: frozenset[int]
) -> tuple[Any, list[tuple[int, str]]]:
    """The array of one column, and (row, message) for each bad cell.

    `absent` are the rows that do not have the field at all.
    """
    promised = {JSON_TYPES[declared.kind]} | ({NoneType} if declared.nullable else set())
    try:
        if not absent and promised.issuperset(map(type, values)):
            return pack(declared, values), []
    except (ValueError, TypeError, KeyError, OverflowError):
        pass
    bad: list[tuple[int, str]] = []
    good = list(values)
    for row, value in enumerate(values):
        message = _cell_problem(declared, value, row in absent)
        if message:
            bad.append((row, message))
            good[row] = None
    return pack(declared, good), bad


def _cell_problem(declared: RecordField, value: JSON, absent: bool) -> str:
    if absent:
        return "is missing" if declared.promised else ""
    try:
        declared.adapter.validate_python(value)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)[0]
        return found["msg"].removeprefix("Value error, ")
    large = declared.kind == "Int64" and value is not None and not -(2**63) <= value < 2**63
    return "must fit in 64 bits" if large else ""


def pack(declared: RecordField, values: Sequence[JSON]) -> Any:
    """A column's checked values as an array; None is a gap."""
    match declared.kind:
        case "string":
            return np.array(_share_texts(values), dtype=object)
        case "category":
            return _pack_codes(declared.choices, values)
        case "boolean":
            return _pack_booleans(values)
        case "Int64":
            return pd.array(list(values), dtype="Int64")
        case "date":
            return _pack_dates(values)
        case "datetime":
            return _pack_times(values)
        case "list" | "dict":
            return _pack_objects(declared, values)


def _share_texts(values: Sequence[JSON]) -> Sequence[JSON]:
    """The texts; where most of them repeat, equal ones are one object, which saves memory."""
    sample = values[:_SAMPLE]
    if len(sample) < _SAMPLE or len({*sample}) * 2 > len(sample):
        return values
    return [value and sys.intern(value) for value in values]


def _pack_codes(choices: Sequence[str], values: Sequence[JSON]) -> Any:
    codes: dict[JSON, int] = {choice: code for code, choice in enumerate(choices)}
    codes[None] = -1
    return np.fromiter(map(codes.__getitem__, values), dtype=np.int8, count=len(values))


def _pack_booleans(values: Sequence[JSON]) -> Any:
    try:
        return np.array(values, dtype=np.int8)
    except TypeError:
        return np.array([-1 if value is None else value for value in values], dtype=np.int8)


def _pack_times(values: Sequence[JSON]) -> Any:
    texts = [value for value in values if value is not None]
    try:
        times = np.array(_without_offset(texts), dtype="datetime64[us]")
    except (ValueError, TypeError):
        naive = [parse_time(value).replace(tzinfo=None).isoformat() for value in texts]
        times = np.array(naive, dtype="datetime64[us]")
    if len(texts) == len(values):
        return times
    whole = np.full(len(values), np.datetime64("NaT", "us"), dtype="datetime64[us]")
    whole[[value is not None for value in values]] = times
    return whole


def _pack_dates(values: Sequence[JSON]) -> Any:
    days = ["NaT" if value is None else parse_date(value).isoformat() for value in values]
    return np.array(days, dtype="datetime64[D]").astype("datetime64[s]")


_END, _SEPARATORS = itemgetter(slice(-6, None)), itemgetter(slice(10, 20, 9))


def _without_offset(texts: Sequence[str]) -> list[str]:
    """Times without their offset and with at most six digits; ValueError unless all are in UTC."""
    deque(map(datetime.fromisoformat, texts), maxlen=0)
    ends = set(map(_END, texts))
    offset = 6 if ends <= {"+00:00"} else 1
    # pandas writes a blank before the time.
    usual = {"T.", "T+", " .", " +"} if offset == 6 else {"T.", "TZ", " .", " Z"}
    # numpy reads other spellings differently, or not at all.
    if not set(map(_SEPARATORS, texts)) <= usual or (
        offset == 1 and {end[-1] for end in ends} != {"Z"}
    ):
        raise ValueError
    lengths = set(map(len, texts))
    if len(lengths) != 1:
        return [text[:-offset][:26] for text in texts]
    return list(map(itemgetter(slice(min(lengths.pop() - offset, 26))), texts))


def _pack_objects(declared: RecordField, values: Sequence[JSON]) -> Any:
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = pd.NA if value is None else declared.adapter.validate_python(value)
    return array
