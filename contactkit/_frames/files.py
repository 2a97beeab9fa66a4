"""Contact files on disk: CSV, Excel, Parquet and Feather, read with the declared dtypes."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from contactkit._frames import excel
from contactkit._frames.arrow import EXTRAS
from contactkit._frames.arrow_columns import ArrowColumn
from contactkit._frames.arrow_files import files_in, is_arrow, open_arrow, partitions_of
from contactkit._frames.csv_file import parse_csv
from contactkit._frames.decode import Columns
from contactkit._frames.file_columns import decode_columns
from contactkit._frames.formulas import without_guards
from contactkit._frames.frame import to_frame
from contactkit._frames.headings import field_names, name_fields, rename_columns, unknown_columns
from contactkit._frames.kinds import name_kind
from contactkit._frames.noted import attrs_of_all
from contactkit._frames.paths import check_file, has_file, is_folder
from contactkit._frames.phone_column import read_numbers
from contactkit._frames.table import Table
from contactkit.errors import ConfigurationError, warn
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of
from contactkit.spec.validate import is_phone

_MOST_NAMED = 10
_UNPACK: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
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
    `renamed` is what the caller calls the file's own columns; `partitions` are the values that the
    folders of the file give to all of its rows; `attrs` is what the file says of its contacts.
    `guarded` files of CSV had quotes before what a spreadsheet would run as a formula.
    """

    path: str | Path
    columns: Mapping[str, Sequence[JSON]]
    rows: int
    short: Sequence[int] = ()
    unreadable: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    renamed: Mapping[str, str | None] = field(default_factory=dict)
    partitions: Mapping[str, str | None] = field(default_factory=dict)
    attrs: Mapping[str, str] = field(default_factory=dict)
    guarded: bool = False

    def rename(self, names: Mapping[str, str]) -> ContactFile:
        """The same file with these columns only, under other names."""
        return replace(
            self,
            columns={new: self.columns[old] for old, new in names.items()},
            unreadable={new: self.unreadable.get(old, {}) for old, new in names.items()},
        )


def open_files(
    path: str | Path, encoding: str | None = None, rename: Mapping[str, str | None] | None = None
) -> list[ContactFile]:
    """The file at a path, or the Parquet and Feather files in the folder there."""
    if path == "":
        # It would be the current folder.
        raise ConfigurationError("the path is empty; name a file or a folder of contacts")
    folder = Path(os.path.expanduser(path))
    with _damage_named(path):
        one_file = not is_folder(folder)
    if one_file:
        return [open_file(path, encoding, rename)]
    return [
        replace(open_file(file, encoding, rename), partitions=partitions_of(folder, file))
        for file in files_in(folder)
    ]


def open_file(
    path: str | Path, encoding: str | None = None, rename: Mapping[str, str | None] | None = None
) -> ContactFile:
    """Read a CSV, Excel, Parquet or Feather file cell by cell; ConfigurationError if it is damaged.

    InvalidInputError if a column that `rename` names is not there, or if two get one name.
    """
    place = Path(os.path.expanduser(path))
    with _damage_named(path):
        check_file(place)
        file = _read_file(path, place, encoding)
    if file.short:
        warn(f"{path}: too few cells in {_list_lines(file.short)}; the missing ones are empty")
    names = rename_columns(str(path), file.columns, rename or {})
    return replace(file.rename(names), renamed=rename or {})


def to_contacts(
    files: Sequence[ContactFile], provider: Provider, region: str | None = None
) -> pd.DataFrame:
    """The files' contacts with the declared dtypes; ConfigurationError for an unknown column.

    With a region, phone numbers become E.164, and those of no such form are bad cells.
    """
    named = [_name_columns(file, provider) for file in files]
    for file in named:
        others = [name for name in file.columns if name != EXTRAS]
        if why := unknown_columns(provider, others, file.renamed):
            raise ConfigurationError(f"{file.path}: {why}")
    read = named if region is None else (_read_phones(file, provider, region) for file in named)
    parts = [_decode(file, provider, fields_of(provider.record)) for file in read]
    return to_frame(provider.record, parts, _attrs_of(files, provider))


def select_columns(
    files: Sequence[ContactFile], provider: Provider, names: Iterable[str]
) -> pd.DataFrame:
    """Some fields of the files' contacts, as far as every file has them; no other is read."""
    named = [_name_columns(file, provider) for file in files]
    there = [name for name in names if all(name in file.columns for file in named)]
    fields = {name: fields_of(provider.record)[name] for name in there}
    chosen = (replace(file, columns={n: file.columns[n] for n in there}) for file in named)
    parts = [_decode(file, provider, fields) for file in chosen]
    return to_frame(provider.record, parts, _attrs_of(files, provider))


def _attrs_of(files: Sequence[ContactFile], provider: Provider) -> dict[str, JSON]:
    return {**attrs_of_all([file.attrs for file in files]), "provider": provider.name}


def _decode(file: ContactFile, provider: Provider, fields: Mapping[str, RecordField]) -> Columns:
    with _damage_named(file.path):
        return decode_columns(file.path, provider, file.columns, file.rows, file.unreadable, fields)


def _name_columns(file: ContactFile, provider: Provider) -> ContactFile:
    """The file with its columns under the fields' names, and those that its folders give."""
    try:
        names = name_fields(provider, file.columns)
    except ValueError as error:
        raise ConfigurationError(f"{file.path}: {error}") from None
    return _with_partitions(file.rename(dict(zip(file.columns, names, strict=True))), provider)


def _with_partitions(file: ContactFile, provider: Provider) -> ContactFile:
    """The file with the fields that its folders give to all rows."""
    names = field_names(provider.record, file.partitions)
    given = {
        name: [value] * file.rows
        for name, value in zip(names, file.partitions.values(), strict=True)
        if name in fields_of(provider.record)
    }
    return replace(file, columns={**given, **file.columns})


@contextmanager
def _damage_named(path: str | Path) -> Iterator[None]:
    """Turn the errors of the readers for a damaged file, which are of many kinds, into one."""
    try:
        yield
    except _PASSED_ON:
        raise
    except Exception as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigurationError(f"{path}: cannot be read: {why}") from error


def write_private(path: str | Path, content: bytes) -> None:
    """Write a file that only its user can read, since it holds people; OSError if it cannot be.

    It is written beside and then renamed, so that nobody sees a part of it.
    """
    has_file(path)
    place = os.path.realpath(path)
    opened, beside = tempfile.mkstemp(dir=os.path.dirname(place), prefix=".contactkit-")
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, place)
    except BaseException:
        os.unlink(beside)
        raise


def _read_file(path: str | Path, place: Path, encoding: str | None) -> ContactFile:
    if is_arrow(place):
        return _read_arrow(path, place)
    if place.suffix.lower() in excel.SUFFIXES:
        return _contact_file(path, excel.parse_excel(path, place))
    return _read_csv(path, place, encoding)


def _read_arrow(path: str | Path, place: Path) -> ContactFile:
    columns, rows, attrs = open_arrow(place)
    return ContactFile(path=path, columns=columns, rows=rows, attrs=attrs)


def _read_csv(path: str | Path, place: Path, encoding: str | None) -> ContactFile:
    unpack = _UNPACK.get(place.suffix.lower(), open)
    with unpack(place, "rb") as file:
        content = file.read()
    if other := name_kind(content):
        raise ConfigurationError(f"{path}: is {other}, not CSV, Excel, Parquet or Feather")
    table = parse_csv(path, content, encoding)
    columns = without_guards(content, table.columns)
    file = _contact_file(path, replace(table, columns=columns))
    return replace(file, guarded=columns is not table.columns)


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


def _float_bits(column: Sequence[JSON]) -> int:
    return column.float_bits if isinstance(column, ArrowColumn) else 64


def _read_phones(file: ContactFile, provider: Provider, region: str) -> ContactFile:
    """The file with E.164 numbers in the fields that can be written."""
    columns, unreadable = dict(file.columns), dict(file.unreadable)
    for name, declared in fields_of(provider.record).items():
        if name in columns and is_phone(declared) and declared.marker.access != "read_only":
            numbers, bad = read_numbers(columns[name], region, _float_bits(columns[name]))
            # The raw text of a bad cell is kept for its problem.
            cells = zip(columns[name], numbers, strict=True)
            columns[name] = [raw if row in bad else n for row, (raw, n) in enumerate(cells)]
            unreadable[name] = {**bad, **unreadable[name]}
    return replace(file, columns=columns, unreadable=unreadable)
