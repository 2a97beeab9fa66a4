"""Tables of other libraries as frames: polars, DuckDB, Arrow and whatever else has a stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import pandas as pd

from contactkit._frames.arrow import EXTRAS, PROVIDER_METADATA, import_pyarrow
from contactkit._frames.arrow_files import LABELS
from contactkit._frames.arrow_values import is_text, to_cell, to_python, to_texts, usual
from contactkit._frames.frame import STRING
from contactkit._frames.mappings import without_empty
from contactkit.spec.validate import is_na

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowStream(Protocol):
    """A table of any library that Arrow can read: of polars, DuckDB, pyarrow and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table's capsule, as Arrow's PyCapsule interface has it."""
        ...


Tabular: TypeAlias = pd.DataFrame | ArrowStream
"""What holds contacts, one in a row."""

# How other libraries make a table of what is not read yet.
_LAZY = ("toPandas", "collect", "compute", "to_table")


def as_frame(value: Any) -> Any:
    """A table of any library as a DataFrame, with extra columns as columns of their own.

    Anything else is unchanged. ImportError without pyarrow, which reads such tables.
    """
    if isinstance(value, pd.DataFrame):
        return _spread_extras(value)
    if isinstance(value, pd.Series) or not hasattr(value, "__arrow_c_stream__"):
        return value
    try:
        table = import_pyarrow().table(value)
    except (TypeError, ValueError):
        # A column has a stream too.
        return value
    return _spread_extras(_to_frame(table))


def name_type(value: Any) -> str:
    """The type of a value that is no table, with what makes it one."""
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    name = kind.__name__ if library == "builtins" else f"{library}'s {kind.__name__}"
    call = next((call for call in _LAZY if hasattr(value, call)), "")
    return f"{name}; call .{call}() first" if call else name


def _to_frame(table: pa.Table) -> pd.DataFrame:
    named = zip(table.schema.names, table.columns, strict=True)
    kept = [(name, column) for name, column in named if not name.startswith(LABELS)]
    columns = {place: _to_series(column) for place, (_, column) in enumerate(kept)}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(table)))
    frame.columns = pd.Index([name for name, _ in kept], dtype=object)
    provider = (table.schema.metadata or {}).get(PROVIDER_METADATA)
    frame.attrs.update({"provider": provider.decode()} if provider else {})
    return frame


def _to_series(column: pa.ChunkedArray) -> pd.Series:
    """A column with the dtypes of contact frames, as far as its type decides them."""
    types, kind = import_pyarrow().types, column.type
    if is_text(kind):
        texts = [to_texts(usual(chunk)) for chunk in column.chunks]
        return pd.Series(np.concatenate([*texts, np.array([], dtype=object)]), dtype=STRING)
    if types.is_nested(kind):
        cells = [cell for chunk in column.chunks for cell in to_python(chunk)]
        drop = types.is_struct(kind)
        return pd.Series([without_empty(cell) if drop else cell for cell in cells], dtype=object)
    if types.is_integer(kind) or types.is_boolean(kind):
        dtype = pd.Int64Dtype() if types.is_integer(kind) else pd.BooleanDtype()
        return column.to_pandas(types_mapper={kind: dtype}.get)
    if types.is_timestamp(kind):
        return column.to_pandas()
    return pd.Series([to_cell(scalar) for scalar in column], dtype=object)


def _spread_extras(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with the columns that `to_arrow` has put into one; another frame is unchanged."""
    if EXTRAS not in frame.columns or not frame.columns.is_unique:
        return frame
    rows = [_mapping(cell) for cell in frame[EXTRAS].astype(object)]
    if None in rows:
        return frame
    names = dict.fromkeys(name for row in rows for name in row or ())
    others = frame.drop(columns=EXTRAS)
    new = {
        name: pd.Series([row.get(name) for row in rows if row is not None], frame.index, object)
        for name in names
        if name not in others
    }
    return others.assign(**new)


def _mapping(cell: Any) -> dict[str, Any] | None:
    """A cell of extra columns; None if it is not one."""
    if cell is None or is_na(cell):
        return {}
    try:
        value = json.loads(cell) if isinstance(cell, str) else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
