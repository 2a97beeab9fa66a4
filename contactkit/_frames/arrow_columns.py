"""Columns of Arrow, of whatever type, decoded by their fields' declaration.

A column is read as a column; only a cell that is not as declared becomes a Python object by itself,
to be checked as a cell of a frame is.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
import pandas as pd

from contactkit._frames.arrow import import_pyarrow
from contactkit._frames.coerce import coerce_cell
from contactkit._frames.decode import from_text, parse_cells, read_column
from contactkit._frames.frame import concat_arrays
from contactkit._frames.mappings import without_empty
from contactkit.spec.provider import JSON
from contactkit.spec.record import RecordField

if TYPE_CHECKING:
    import pyarrow as pa

_SAMPLE = 1_000
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
        return (_cell(scalar) for scalar in self._load())

    def read(self, declared: RecordField) -> tuple[Any, list[tuple[int, JSON, str]]]:
        """The array of the column, and (row, raw value, message) for each bad cell."""
        nullable, start = replace(declared, nullable=True), 0
        arrays: list[Any] = []
        bad: list[tuple[int, JSON, str]] = []
        for chunk in self._load().chunks:
            array, unread = _read_chunk(nullable, chunk)
            if len(unread):
                cells = [_cell(chunk[int(row)]) for row in unread]
                array[unread], wrong = _read_cells(nullable, cells)
                bad += [(start + int(unread[n]), cells[n], message) for n, message in wrong]
            arrays.append(array)
            start += len(chunk)
        return concat_arrays(declared, arrays), bad


def _read_cells(declared: RecordField, cells: Sequence[JSON]) -> tuple[Any, list[tuple[int, str]]]:
    values = [None if cell is None else coerce_cell(declared, cell) for cell in cells]
    return read_column(declared, values, frozenset())


def _cell(scalar: pa.Scalar) -> JSON:
    """One cell as JSON."""
    try:
        value = scalar.as_py()
    except (ValueError, OverflowError):
        # Python has no such time.
        return str(scalar.value)
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def _read_chunk(declared: RecordField, chunk: pa.Array) -> _Chunk:
    """The values of a chunk; what its type does not decide is not read yet."""
    types, kind = import_pyarrow().types, chunk.type
    chunk = _usual(chunk)
    match declared.kind:
        case "string" if _is_text(kind):
            return _read_text(chunk), ()
        case "category" | "boolean" if _is_text(kind):
            return _read_words(declared, chunk)
        case "boolean" if types.is_boolean(kind):
            return chunk.cast("int8").fill_null(-1).to_numpy(), ()
        case "Int64" if types.is_integer(kind) and str(kind) != "uint64":
            return pd.arrays.IntegerArray(
                np.array(chunk.cast("int64").fill_null(0)), np.array(_gaps(chunk))
            ), ()
        case "date" if types.is_date(kind) or types.is_timestamp(kind):
            return _read_days(chunk)
        case "datetime" if types.is_timestamp(kind) and kind.tz:
            return _read_times(chunk)
        case "list" if types.is_nested(kind) and _is_text(getattr(kind, "value_type", kind)):
            return _read_lists(chunk)
        case "dict" if types.is_struct(kind) or types.is_map(kind):
            return _read_values(declared, [without_empty(value) for value in _to_python(chunk)])
        case _ if _is_text(kind):
            return _read_values(declared, parse_cells(declared.kind, _read_text(chunk)))
        case _:
            gaps = read_column(declared, [None] * len(chunk), frozenset())[0]
            return gaps, np.flatnonzero(~_gaps(chunk)).tolist()


def _is_text(kind: pa.DataType) -> bool:
    types = import_pyarrow().types
    kind = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _usual(chunk: pa.Array) -> pa.Array:
    """The chunk in a type that all of Arrow's functions take."""
    pa = import_pyarrow()
    return chunk.cast(pa.large_string()) if pa.types.is_string_view(chunk.type) else chunk


def _gaps(chunk: pa.Array) -> Any:
    return chunk.is_null().to_numpy(zero_copy_only=False)


def _read_text(chunk: pa.Array) -> Any:
    """Texts as an array of objects; a blank one is None."""
    pa = import_pyarrow()
    if pa.types.is_dictionary(chunk.type) or _repeats(chunk):
        words, places = _split_words(chunk)
        return _objects(None if word is None or word.isspace() else word or None for word in words)[
            places
        ]
    texts = np.array(chunk.to_numpy(zero_copy_only=False), dtype=object)
    blank = pa.compute.or_(pa.compute.utf8_is_space(chunk), pa.compute.equal(chunk, ""))
    if pa.compute.any(blank).as_py():
        texts[blank.fill_null(False).to_numpy(zero_copy_only=False)] = None
    return texts


def _repeats(chunk: pa.Array) -> bool:
    """Whether most texts are there several times."""
    sample = chunk.slice(0, _SAMPLE)
    return import_pyarrow().compute.count_distinct(sample).as_py() * 2 < len(sample)


def _split_words(chunk: pa.Array) -> tuple[list[str | None], Any]:
    """The different texts, with None as the last, and the place of each cell's text among them."""
    pa = import_pyarrow()
    encoded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
    places = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    words = encoded.dictionary.to_pylist()
    # Equal texts of all chunks are one object.
    shared = len(words) * 2 < len(chunk)
    return [*(sys.intern(word) if word and shared else word for word in words), None], places


def _objects(values: Iterable[Any]) -> Any:
    return np.array([*values], dtype=object)


def _read_words(declared: RecordField, chunk: pa.Array) -> _Chunk:
    words, places = _split_words(chunk)
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
    items = _usual(chunk.flatten())
    words, places = _split_words(items)
    lists = _cut(_objects(words)[places].tolist(), chunk)
    array = np.full(len(chunk), pd.NA, dtype=object)
    for row, texts in enumerate(lists):
        if texts is not None:
            array[row] = texts
    broken = [row for row, texts in enumerate(lists) if texts and None in texts]
    return array, broken if items.null_count else ()


def _cut(items: Sequence[JSON], chunk: pa.Array) -> list[list[JSON] | None]:
    """A list for each cell of a chunk of lists, whose items these are; None for a gap."""
    lengths = import_pyarrow().compute.list_value_length(chunk).to_pylist()
    ends = list(accumulate(length or 0 for length in lengths))
    return [
        None if length is None else list(items[end - length : end])
        for length, end in zip(lengths, ends, strict=True)
    ]


def _read_values(declared: RecordField, values: Sequence[JSON]) -> _Chunk:
    array, wrong = read_column(declared, values, frozenset())
    return array, [row for row, _ in wrong]


def _to_python(chunk: pa.Array) -> list[JSON]:
    """Nested cells as Python values; faster than Arrow's own, and exact unlike pandas'."""
    types = import_pyarrow().types
    if types.is_struct(chunk.type):
        names = [field.name for field in chunk.type]
        columns = [_to_python(column) for column in chunk.flatten()]
        rows = zip(*columns, strict=True) if columns else [()] * len(chunk)
        gaps = _gaps(chunk)
        return [
            None if gap else dict(zip(names, row, strict=True))
            for gap, row in zip(gaps, rows, strict=True)
        ]
    if types.is_map(chunk.type):
        return [None if pairs is None else dict(pairs) for pairs in chunk.to_pylist()]
    if (
        hasattr(chunk, "flatten")
        and hasattr(chunk.type, "value_type")
        and types.is_nested(chunk.type)
    ):
        return _cut(_to_python(chunk.flatten()), chunk)
    return chunk.to_pylist()
