"""Contact files on disk: CSV and Parquet, read with the declared dtypes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from contactkit._frames.decode import Columns, from_text, read_column
from contactkit._frames.frame import to_frame
from contactkit._frames.paths import check_file, has_file
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import fields_of, key_of

_PASSED_ON = (
    FileNotFoundError,
    IsADirectoryError,
    PermissionError,
    ImportError,
    ConfigurationError,
)


@dataclass(frozen=True, kw_only=True)
class ContactFile:
    """A file's columns by name, each with `rows` cells."""

    path: str | Path
    columns: Mapping[str, Sequence[JSON]]
    rows: int


def open_file(path: str | Path) -> ContactFile:
    """Read a CSV or Parquet file cell by cell; ConfigurationError if it is damaged."""
    try:
        check_file(os.path.expanduser(path))
        columns, rows = _columns_of(path)
    except _PASSED_ON:
        raise
    # The readers of CSV and Parquet raise errors of many kinds for a damaged file.
    except Exception as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigurationError(f"{path}: cannot be read: {why}") from error
    return ContactFile(path=path, columns=columns, rows=rows)


def to_contacts(file: ContactFile, provider: Provider) -> pd.DataFrame:
    """A file's contacts with the declared dtypes; ConfigurationError for an unknown column."""
    declared = fields_of(provider.record)
    unknown = [name for name in file.columns if name not in declared]
    if unknown:
        message = f"{file.path}: {provider.title} has no field {', '.join(unknown)}"
        raise ConfigurationError(f"{message}; allowed: {', '.join(declared)}")
    return _file_frame(provider, file.columns, file.rows)


def write_private(path: str | Path, content: bytes) -> None:
    """Write a file that only its user can read, since it holds people; OSError if it cannot be."""
    has_file(path)
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        if os.name == "posix":
            os.fchmod(file.fileno(), 0o600)
        file.write(content)


def _columns_of(path: str | Path) -> tuple[dict[str, list[JSON]], int]:
    if Path(path).suffix == ".parquet":
        raw = pd.read_parquet(path, dtype_backend="pyarrow")
        raw = raw.reset_index() if any(raw.index.names) else raw
        return {str(name): [_json(value) for value in raw[name]] for name in raw.columns}, len(raw)
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    # The row numbers that to_csv writes first by default.
    raw = raw.drop(columns="Unnamed: 0", errors="ignore")
    if not isinstance(raw.index, pd.RangeIndex):
        raise ConfigurationError(f"{path}: rows have more cells than the header has names")
    return {str(name): list(raw[name]) for name in raw.columns}, len(raw)


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
        # In Parquet every row has all keys, with None if the written mapping lacked it.
        return {name: item for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return value
    if value is None or pd.isna(value):
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    return value
