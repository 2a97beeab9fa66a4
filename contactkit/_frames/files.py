"""Contact files on disk: CSV, Excel, Parquet and Feather, read with the declared dtypes."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from contactkit._frames import excel
from contactkit._frames.csv_file import parse_csv
from contactkit._frames.decode import Columns, from_text, read_column
from contactkit._frames.frame import to_frame
from contactkit._frames.headings import name_fields, rename_columns, unknown_columns
from contactkit._frames.kinds import name_kind
from contactkit._frames.paths import check_file, has_file
from contactkit._frames.phone_column import read_numbers
from contactkit._frames.table import Table
from contactkit.errors import ConfigurationError, warn
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import Kind, fields_of, key_of
from contactkit.spec.validate import is_phone

_MOST_NAMED = 10
_ARROW: Mapping[str, Callable[..., pd.DataFrame]] = {
    ".parquet": pd.read_parquet,
    ".pq": pd.read_parquet,
    ".feather": pd.read_feather,
}
_UNPACK: Mapping[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
_PASSED_ON = (
    FileNotFoundError,
    IsADirectoryError,
    PermissionError,
    ImportError,
    ConfigurationError,
)


@dataclass(frozen=True, kw_only=True)
class ContactFile:
    """A file's columns by name, each with `rows` cells.

    `short` are lines with too few cells; `unreadable` has, by column and row, why a cell is bad;
    `renamed` is what the caller calls the file's own columns.
    """

    path: str | Path
    columns: Mapping[str, Sequence[JSON]]
    rows: int
    short: Sequence[int] = ()
    unreadable: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    renamed: Mapping[str, str | None] = field(default_factory=dict)

    def rename(self, names: Mapping[str, str]) -> ContactFile:
        """The same file with these columns only, under other names."""
        return replace(
            self,
            columns={new: self.columns[old] for old, new in names.items()},
            unreadable={new: self.unreadable.get(old, {}) for old, new in names.items()},
        )


def open_file(
    path: str | Path,
    encoding: str | None = None,
    rename: Mapping[str, str | None] | None = None,
) -> ContactFile:
    """Read a CSV, Excel, Parquet or Feather file cell by cell; ConfigurationError if it is damaged.

    InvalidInputError if a column that `rename` names is not there, or if two get one name.
    """
    place = Path(os.path.expanduser(path))
    try:
        check_file(place)
        file = _read_file(path, place, encoding)
    except _PASSED_ON:
        raise
    # The readers of CSV and Parquet raise errors of many kinds for a damaged file.
    except Exception as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigurationError(f"{path}: cannot be read: {why}") from error
    if file.short:
        warn(f"{path}: too few cells in {_list_lines(file.short)}; the missing ones are empty")
    names = rename_columns(str(path), file.columns, rename or {})
    return replace(file.rename(names), renamed=rename or {})


def to_contacts(file: ContactFile, provider: Provider, region: str | None = None) -> pd.DataFrame:
    """A file's contacts with the declared dtypes; ConfigurationError for an unknown column.

    With a region, phone numbers become E.164, and those of no such form are bad cells.
    """
    try:
        names = name_fields(provider, file.columns)
    except ValueError as error:
        raise ConfigurationError(f"{file.path}: {error}") from None
    if why := unknown_columns(provider, names, file.renamed):
        raise ConfigurationError(f"{file.path}: {why}")
    named = file.rename(dict(zip(file.columns, names, strict=True)))
    return _file_frame(provider, named if region is None else _read_phones(named, provider, region))


def write_private(path: str | Path, content: bytes) -> None:
    """Write a file that only its user can read, since it holds people; OSError if it cannot be."""
    has_file(path)
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        if os.name == "posix":
            os.fchmod(file.fileno(), 0o600)
        file.write(content)


def needs_pyarrow(path: Path) -> bool:
    """Whether a file of this name is Parquet or Feather."""
    return path.suffix.lower() in _ARROW


def _read_file(path: str | Path, place: Path, encoding: str | None) -> ContactFile:
    if needs_pyarrow(place):
        return _read_arrow(path, place)
    if place.suffix.lower() in excel.SUFFIXES:
        return _contact_file(path, excel.parse_excel(path, place))
    return _read_csv(path, place, encoding)


def _read_arrow(path: str | Path, place: Path) -> ContactFile:
    raw = _ARROW[place.suffix.lower()](place, dtype_backend="pyarrow")
    raw = raw.reset_index() if any(raw.index.names) else raw
    columns = {str(name): [_json(value) for value in raw[name]] for name in raw.columns}
    return ContactFile(path=path, columns=columns, rows=len(raw))


def _read_csv(path: str | Path, place: Path, encoding: str | None) -> ContactFile:
    unpack = _UNPACK.get(place.suffix.lower(), open)
    with unpack(place, "rb") as file:
        content = file.read()
    if other := name_kind(content):
        raise ConfigurationError(f"{path}: is {other}, not CSV, Excel, Parquet or Feather")
    return _contact_file(path, parse_csv(path, content, encoding))


def _contact_file(path: str | Path, table: Table) -> ContactFile:
    return ContactFile(
        path=path,
        columns=table.columns,
        rows=table.rows,
        short=table.short,
        unreadable=table.unreadable,
    )


def _list_lines(lines: Sequence[int]) -> str:
    named = ", ".join(map(str, lines[:_MOST_NAMED]))
    more = f" and {len(lines) - _MOST_NAMED:,} more" if len(lines) > _MOST_NAMED else ""
    return f"line{'s' if len(lines) > 1 else ''} {named}{more}"


def _read_phones(file: ContactFile, provider: Provider, region: str) -> ContactFile:
    """The file with E.164 numbers in the fields that can be written."""
    columns, unreadable = dict(file.columns), dict(file.unreadable)
    for name, declared in fields_of(provider.record).items():
        if name in columns and is_phone(declared) and declared.marker.access != "read_only":
            numbers, bad = read_numbers(columns[name], region)
            # The raw text of a bad cell is kept for its problem.
            cells = zip(columns[name], numbers, strict=True)
            columns[name] = [raw if row in bad else n for row, (raw, n) in enumerate(cells)]
            unreadable[name] = {**bad, **unreadable[name]}
    return replace(file, columns=columns, unreadable=unreadable)


def _file_frame(provider: Provider, file: ContactFile) -> pd.DataFrame:
    part = Columns(rows=file.rows, arrays={})
    keys = file.columns.get(key_of(provider.record).name, [""] * file.rows)
    for name, declared in fields_of(provider.record).items():
        raw = file.columns.get(name, [None] * file.rows)
        known_bad = file.unreadable.get(name, {})
        values = [*_parse_cells(declared.kind, raw)]
        for row in known_bad:
            values[row] = None
        # A gap is not a problem, even in a field that is never empty.
        part.arrays[name], bad = read_column(replace(declared, nullable=True), values, frozenset())
        messages = {row: message for row, message in bad if values[row] is not None}
        part.problems += [
            (row, str(keys[row] or ""), name, raw[row], message)
            for row, message in sorted({**messages, **known_bad}.items())
        ]
    return to_frame(provider.record, [part], {"provider": provider.name})


def _parse_cells(kind: Kind, cells: Sequence[JSON]) -> Sequence[JSON]:
    """Cells as JSON, where text is parsed; no two cells share a list or a mapping."""
    if kind in ("string", "date", "datetime") or set(map(type, cells)) != {str}:
        return [from_text(kind, cell) if isinstance(cell, str) else cell for cell in cells]
    # These have few distinct values, which are slow to parse.
    parsed = {text: from_text(kind, text) for text in set(map(str, cells))}
    if kind not in ("list", "dict"):
        return [parsed[str(cell)] for cell in cells]
    packed = {text: pickle.dumps(value) for text, value in parsed.items()}
    return [pickle.loads(packed[str(cell)]) for cell in cells]


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
