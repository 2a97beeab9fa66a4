"""Columns of Arrow, of whatever type, decoded by their fields' declaration.

A column is read as a column; only a cell that is not as declared becomes a Python object by itself,
to be checked as a cell of a frame is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
import pandas as pd

from contactkit._frames.arrow import import_pyarrow
from contactkit._frames.arrow_values import (
    cut,
    gaps_of,
    is_text,
    split_words,
    to_cell,
    to_objects,
    to_python,
    to_texts,
    usual,
)
from contactkit._frames.coerce import coerce_cell
from contactkit._frames.decode import read_column
from contactkit._frames.frame import concat_arrays
from contactkit._frames.mappings import without_empty
from contactkit._frames.texts import from_text, read_cells
from contactkit.spec.provider import JSON
from contactkit.spec.record import RecordField

if TYPE_CHECKING:
    import pyarrow as pa

_FIRST, _LAST = np.datetime64("0001-01-01", "s"), np.datetime64("9999-12-31T23:59:59", "s")
_Chunk: TypeAlias = tuple[Any, Sequence[int]]
"""A chunk's values, and the rows that are not read yet."""


class ArrowColumn(Sequence[JSON]):
    """The cells of a column as JSON, which is loaded whenever they are looked at."""

    def __init__(self, load: Callable[[], pa.ChunkedArray], rows: int) -> None:
        self._load = load
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, index: int) -> JSON: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[JSON]: ...
    def __getitem__(self, index: int | slice) -> JSON:
        return [*self][index]

    def __iter__(self) -> Iterator[JSON]:
        return (to_cell(scalar) for scalar in self._load())

    @property
    def float_bits(self) -> int:
        """The bits of a column of floats; 64 for any other."""
        kind = self._load().type
        return kind.bit_width if import_pyarrow().types.is_floating(kind) else 64

    def read(self, declared: RecordField) -> tuple[Any, list[tuple[int, JSON, str]]]:
        """The array of the column, and (row, raw value, message) for each bad cell."""
        nullable, start = replace(declared, nullable=True), 0
        arrays: list[Any] = []
        bad: list[tuple[int, JSON, str]] = []
        for chunk in self._load().chunks:
            array, unread = _read_chunk(nullable, chunk)
            if len(unread):
                cells = [to_cell(chunk[int(row)]) for row in unread]
                array[unread], wrong = _read_cells(nullable, cells)
                bad += [(start + int(unread[n]), cells[n], message) for n, message in wrong]
            arrays.append(array)
            start += len(chunk)
        return concat_arrays(declared, arrays), bad


def _read_cells(declared: RecordField, cells: Sequence[JSON]) -> tuple[Any, list[tuple[int, str]]]:
    values = [None if cell is None else coerce_cell(declared, cell) for cell in cells]
    return read_column(declared, values, frozenset())


def _read_chunk(declared: RecordField, chunk: pa.Array) -> _Chunk:
    """The values of a chunk; what its type does not decide is not read yet."""
    types, kind = import_pyarrow().types, chunk.type
    chunk = usual(chunk)
    match declared.kind:
        case "string" if is_text(kind):
            return to_texts(chunk, blank=False), ()
        case "category" | "boolean" if is_text(kind):
            return _read_words(declared, chunk)
        case "boolean" if types.is_boolean(kind):
            return chunk.cast("int8").fill_null(-1).to_numpy(), ()
        case "Int64" if types.is_integer(kind) and str(kind) != "uint64":
            return pd.arrays.IntegerArray(
                np.array(chunk.cast("int64").fill_null(0)), np.array(gaps_of(chunk))
            ), ()
        case "date" if types.is_date(kind) or types.is_timestamp(kind):
            return _read_days(chunk)
        case "datetime" if types.is_timestamp(kind) and kind.tz:
            return _read_times(chunk)
        case "list" if types.is_nested(kind) and is_text(getattr(kind, "value_type", kind)):
            return _read_lists(chunk)
        case "dict" if types.is_struct(kind) or types.is_map(kind):
            return _read_values(declared, [without_empty(value) for value in to_python(chunk)])
        case _ if is_text(kind):
            array, wrong = read_cells(declared, to_texts(chunk, blank=False))
            return array, [row for row, _ in wrong]
        case _:
            gaps = read_column(declared, [None] * len(chunk), frozenset())[0]
            return gaps, np.flatnonzero(~gaps_of(chunk)).tolist()


def _read_words(declared: RecordField, chunk: pa.Array) -> _Chunk:
    words, places = split_words(chunk)
    values = [None if word is None else from_text(declared.kind, word) for word in words]
    codes, wrong = read_column(declared, values, frozenset())
    return codes[places], np.flatnonzero(np.isin(places, [row for row, _ in wrong])).tolist()


def _read_days(chunk: pa.Array) -> _Chunk:
    days = chunk.to_numpy(zero_copy_only=False)
    whole = days.astype("datetime64[D]")
    # A day elsewhere is not that day in UTC.
    elsewhere = getattr(chunk.type, "tz", None) not in (None, "UTC")
    unread = np.flatnonzero((elsewhere | (whole != days) | _is_too_far(days)) & ~np.isnat(days))
    whole[unread] = np.datetime64("NaT", "D")
    return whole.astype("datetime64[s]"), unread.tolist()


def _read_times(chunk: pa.Array) -> _Chunk:
    times = np.array(chunk.to_numpy(zero_copy_only=False))
    unread = np.flatnonzero(_is_too_far(times))
    times[unread] = np.datetime64("NaT", "us")
    return times.astype("datetime64[us]"), unread.tolist()


def _is_too_far(times: Any) -> Any:
    seconds = times.astype("datetime64[s]")
    return (seconds < _FIRST) | (seconds > _LAST)


def _read_lists(chunk: pa.Array) -> _Chunk:
    items = usual(chunk.flatten())
    words, places = split_words(items)
    lists = cut(to_objects(words)[places].tolist(), chunk)
    array = np.full(len(chunk), pd.NA, dtype=object)
    for row, texts in enumerate(lists):
        if texts is not None:
            array[row] = texts
    broken = [row for row, texts in enumerate(lists) if texts and None in texts]
    return array, broken if items.null_count else ()


def _read_values(declared: RecordField, values: Sequence[JSON]) -> _Chunk:
    array, wrong = read_column(declared, values, frozenset())
    return array, [row for row, _ in wrong]
