"""Contact files on disk: CSV and Parquet, read by the declared dtypes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from contactkit.columns import Columns, from_text, read_column
from contactkit.declarations import find, names
from contactkit.errors import ConfigurationError
from contactkit.frames import to_frame
from contactkit.records import fields_of, key_of
from contactkit.spec import JSON, Provider


def read_contacts(path: str | Path, provider: str | Provider | None = None) -> pd.DataFrame:
    """Read a CSV or Parquet file of contacts by the declared dtypes, inferring nothing.

    In a CSV file an empty cell is NA, and lists and mappings are JSON or Python literals. In a
    Parquet file a mapping's empty entries are left out. Declared columns that the file lacks are
    NA throughout. Without `provider` it is the one whose fields the columns are;
    ConfigurationError when that is none or several, a column is unknown, or the file is damaged.
    """
    try:
        columns, rows = _columns_of(path)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (ValueError, TypeError, OSError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {type(error).__name__}") from error
    found = find(provider) if provider is not None else _owner(path, columns)
    declared = fields_of(found.record)
    unknown = [name for name in columns if name not in declared]
    if unknown:
        message = f"{path}: {found.title} has no field {', '.join(unknown)}"
        raise ConfigurationError(f"{message}; allowed: {', '.join(declared)}")
    return _file_frame(found, columns, rows)


def _columns_of(path: str | Path) -> tuple[dict[str, list[JSON]], int]:
    if Path(path).suffix == ".parquet":
        raw = pd.read_parquet(path, dtype_backend="pyarrow")
        raw = raw.reset_index() if any(raw.index.names) else raw
        return {str(name): [_json(value) for value in raw[name]] for name in raw.columns}, len(raw)
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    # The row numbers that to_csv writes first unless it is told not to.
    raw = raw.drop(columns="Unnamed: 0", errors="ignore")
    if not isinstance(raw.index, pd.RangeIndex):
        raise ConfigurationError(f"{path}: its rows have more cells than its header has names")
    return {str(name): list(raw[name]) for name in raw.columns}, len(raw)


def _owner(path: str | Path, columns: Iterable[str]) -> Provider:
    fitting = [each for each in map(find, names()) if set(columns) <= fields_of(each.record).keys()]
    if len(fitting) != 1:
        which = ", ".join(each.name for each in fitting) or "none"
        raise ConfigurationError(
            f"{path}: its columns fit these providers: {which}; say which one with provider="
        )
    return fitting[0]


def _file_frame(
    provider: Provider, columns: Mapping[str, Sequence[JSON]], rows: int
) -> pd.DataFrame:
    part = Columns(rows=rows, arrays={})
    keys = columns.get(key_of(provider.record).name, [""] * rows)
    for name, declared in fields_of(provider.record).items():
        raw = columns.get(name, [None] * rows)
        values = [from_text(declared.kind, v) if isinstance(v, str) else v for v in raw]
        gaps = frozenset(row for row, value in enumerate(values) if value is None)
        part.arrays[name], bad = read_column(replace(declared, promised=False), values, gaps)
        part.problems += [
            (row, str(keys[row] or ""), name, raw[row], message) for row, message in bad
        ]
    return to_frame(provider.record, [part], {"provider": provider.name})


def _json(value: Any) -> JSON:
    """A cell of a Parquet file as JSON."""
    if isinstance(value, dict):
        # Every row has every key there, and None where the mapping that was written had none.
        return {name: each for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return value
    if value is None or pd.isna(value):
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    return value
