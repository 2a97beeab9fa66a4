"""Arrow arrays as Python values: text as objects, nested cells as lists and mappings, exactly."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from contactkit._frames.arrow import import_pyarrow
from contactkit.spec.provider import JSON

if TYPE_CHECKING:
    import pyarrow as pa

_SAMPLE = 1_000


def is_text(kind: pa.DataType) -> bool:
    types = import_pyarrow().types
    kind = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def usual(chunk: pa.Array) -> pa.Array:
    """The chunk in a type that all of Arrow's functions take."""
    pa = import_pyarrow()
    return chunk.cast(pa.large_string()) if pa.types.is_string_view(chunk.type) else chunk


def gaps_of(chunk: pa.Array) -> Any:
    return chunk.is_null().to_numpy(zero_copy_only=False)


def to_texts(chunk: pa.Array, *, blank: bool = True) -> Any:
    """Texts as an array of objects; without `blank`, a blank one is None."""
    pa = import_pyarrow()
    if pa.types.is_dictionary(chunk.type) or _repeats(chunk):
        words, places = split_words(chunk)
        kept = words if blank else [word if word and not word.isspace() else None for word in words]
        return to_objects(kept)[places]
    texts = np.array(chunk.to_numpy(zero_copy_only=False), dtype=object)
    if not blank:
        masks = pa.compute.utf8_is_space(chunk), pa.compute.equal(chunk, "")
        texts[pa.compute.or_(*masks).fill_null(False).to_numpy(zero_copy_only=False)] = None
    return texts


def _repeats(chunk: pa.Array) -> bool:
    """Whether most texts are there several times."""
    sample = chunk.slice(0, _SAMPLE)
    return import_pyarrow().compute.count_distinct(sample).as_py() * 2 < len(sample)


def split_words(chunk: pa.Array) -> tuple[list[str | None], Any]:
    """The different texts, with None as the last, and the place of each cell's text among them."""
    pa = import_pyarrow()
    encoded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
    places = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    words = encoded.dictionary.to_pylist()
    # Equal texts of all chunks are one object.
    shared = len(words) * 2 < len(chunk)
    return [*(sys.intern(word) if word and shared else word for word in words), None], places


def to_objects(values: Iterable[Any]) -> Any:
    return np.array([*values], dtype=object)


def to_cell(scalar: pa.Scalar) -> JSON:
    """One cell as JSON."""
    try:
        value = scalar.as_py()
    except (ValueError, OverflowError):
        # Python has no such time.
        return str(scalar.value)
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def to_python(chunk: pa.Array) -> list[JSON]:
    """Nested cells as Python values; faster than Arrow's own, and exact unlike pandas'."""
    types = import_pyarrow().types
    if types.is_struct(chunk.type):
        names = [field.name for field in chunk.type]
        columns = [to_python(column) for column in chunk.flatten()]
        rows = zip(*columns, strict=True) if columns else [()] * len(chunk)
        return [
            None if gap else dict(zip(names, row, strict=True))
            for gap, row in zip(gaps_of(chunk), rows, strict=True)
        ]
    if types.is_map(chunk.type):
        return [None if pairs is None else dict(pairs) for pairs in chunk.to_pylist()]
    if (
        hasattr(chunk, "flatten")
        and hasattr(chunk.type, "value_type")
        and types.is_nested(chunk.type)
    ):
        return cut(to_python(chunk.flatten()), chunk)
    return chunk.to_pylist()


def cut(items: Sequence[JSON], chunk: pa.Array) -> list[list[JSON] | None]:
    """A list for each cell of a chunk of lists, whose items these are; None for a gap."""
    lengths = import_pyarrow().compute.list_value_length(chunk).to_pylist()
    ends = list(accumulate(length or 0 for length in lengths))
    return [
        None if length is None else list(items[end - length : end])
        for length, end in zip(lengths, ends, strict=True)
    ]
