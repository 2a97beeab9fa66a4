"""A contact frame of any dtypes as decoded columns, to be written into a file or a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.coerce import coerce_column, objects
from contactkit._frames.decode import Columns
from contactkit._frames.empty import INDEX_COLUMN
from contactkit._frames.headings import name_fields
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of
from contactkit.spec.validate import expected, is_na, to_python

BLOCK = 100_000
"""The rows that are packed at once."""
_MOST_NAMED = 10


def pack_frame(provider: Provider, frame: pd.DataFrame) -> Iterator[Columns]:
    """The frame's rows, block by block; a declared column that is missing has only gaps.

    InvalidInputError names the cells that are not of their field's kind, or are CLEAR.
    """
    columns = _columns(provider, frame)
    for start in range(0, max(len(frame), 1), BLOCK):
        block = {name: column.iloc[start : start + BLOCK] for name, column in columns.items()}
        yield _pack_block(provider, block, min(BLOCK, len(frame) - start), start)


def _columns(provider: Provider, frame: pd.DataFrame) -> dict[str, pd.Series]:
    """A frame's columns by field name, with the levels of its index that are fields."""
    try:
        names = name_fields(provider, frame.columns)
    except ValueError as error:
        raise InvalidInputError.one(provider.name, "frame", str(error)) from None
    columns = {name: frame.iloc[:, place] for place, name in enumerate(names)}
    for level in frame.index.names:
        if level in fields_of(provider.record) and level not in columns:
            columns[level] = pd.Series(frame.index.get_level_values(level), index=frame.index)
    return columns


def _pack_block(
    provider: Provider, block: Mapping[str, pd.Series], rows: int, start: int
) -> Columns:
    part, wrong = Columns(rows=rows, arrays={}), list[FieldProblem]()
    declared = fields_of(provider.record)
    for name, field in declared.items():
        column = block.get(name, pd.Series(pd.NA, index=range(rows), dtype=object))
        part.arrays[name], bad = _pack_column(field, column)
        wrong += [
            FieldProblem(field=f"frame[{start + row}] {name}", message=message)
            for row, message in bad
        ]
    if wrong:
        more = len(wrong) - _MOST_NAMED
        text = f"and {more:,} more cell{'s' * (more > 1)}"
        rest = [FieldProblem(field="", message=text)] if more > 0 else []
        raise InvalidInputError(provider.name, [*wrong[:_MOST_NAMED], *rest])
    for name, column in block.items():
        if name not in declared and not INDEX_COLUMN.fullmatch(name):
            part.extras[name] = list(map(_to_json, objects(column)))
    return part


def _pack_column(declared: RecordField, column: pd.Series) -> tuple[Any, list[tuple[int, str]]]:
    """The array of a column, and (row, message) for each cell that cannot be packed."""
    read = coerce_column(declared, column)
    bad = np.flatnonzero(read.unreadable | read.cleared).tolist()
    allowed = f"must be {expected(declared)}, or empty"
    return _with_gaps(declared, read.values, ~read.present), [(row, allowed) for row in bad]


def _with_gaps(declared: RecordField, values: Any, gaps: Any) -> Any:
    match declared.kind:
        case "boolean" | "category":
            return np.where(gaps, -1, values).astype(np.int8)
        case "Int64":
            return pd.arrays.IntegerArray(values.astype(np.int64), gaps)
        case _:
            # An empty text counts as a gap, but it stays one.
            return values


def _to_json(cell: Any) -> JSON:
    value = to_python(cell)
    if value is None or is_na(value):
        return None
    return value.isoformat() if isinstance(value, date) else value
