"""Contacts as the bytes of a file: Parquet, Feather, CSV or Excel, which read back as they are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contactkit._frames.arrow import EXTRAS, encode_extras, to_json, to_table
from contactkit._frames.arrow_files import FEATHER, PARQUET
from contactkit._frames.decode import Columns
from contactkit._frames.excel import import_openpyxl
from contactkit._frames.formulas import guard_formula
from contactkit._frames.noted import note_attrs
from contactkit._frames.texts import EXCEL_LONGEST
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_ROWS = 2**20
# What XML cannot have, and what looks like its escape.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def write_file(
    ending: str, provider: Provider, parts: Iterable[Columns], attrs: Mapping[Any, Any]
) -> bytes:
    """The content of a file with one of the `ENDINGS`.

    Parquet and Feather keep what the `attrs` of a frame say of when and where it was read.
    """
    if write := _ARROW.get(ending):
        return write(note_attrs(to_table(provider, parts), provider.name, attrs))
    return _TEXT[ending](provider, parts)


def write_parquet(table: pa.Table) -> bytes:
    """A Parquet file of a table."""
    from pyarrow import parquet

    content: Any = io.BytesIO()
    parquet.write_table(table, content, compression="zstd")
    return content.getvalue()


def write_feather(table: pa.Table) -> bytes:
    """A Feather file of a table."""
    from pyarrow import feather

    content: Any = io.BytesIO()
    feather.write_feather(table, content)
    return content.getvalue()


def write_csv(provider: Provider, parts: Iterable[Columns]) -> bytes:
    """A CSV file in UTF-8; a quote guards what a spreadsheet would run as a formula."""
    content = io.StringIO(newline="")
    # With these line ends (RFC 4180), a cell with a line break of either kind is quoted.
    writer = csv.writer(content, lineterminator="\r\n")
    for row in _rows(provider, parts):
        cells = (str(cell).lower() if isinstance(cell, bool) else cell for cell in row)
        writer.writerow(map(guard_formula, cells))
    return content.getvalue().encode("utf-8", "replace")


def write_excel(provider: Provider, parts: Iterable[Columns]) -> bytes:
    """An Excel workbook of one sheet whose text is marked as text, so that nothing is a formula.

    ConfigurationError for more rows, or longer text, than Excel can have.
    """
    openpyxl = import_openpyxl()
    rows = [*_rows(provider, parts)]
    _check_excel(rows)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(provider.title)
    for row in rows:
        sheet.append([_excel_cell(openpyxl, sheet, cell) for cell in row])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _check_excel(rows: Sequence[Sequence[JSON]]) -> None:
    if len(rows) > _MOST_ROWS:
        raise ConfigurationError(f"Excel has no row beyond {_MOST_ROWS:,}; write Parquet or CSV")
    for number, row in enumerate(rows, 1):
        if any(isinstance(cell, str) and len(_escape(cell)) > EXCEL_LONGEST for cell in row):
            longest = f"a text in row {number} is longer than Excel's {EXCEL_LONGEST:,} characters"
            raise ConfigurationError(f"{longest}; write Parquet or CSV")


def _escape(text: str) -> str:
    return _UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def _excel_cell(openpyxl: Any, sheet: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    cell = openpyxl.cell.WriteOnlyCell(sheet, "")
    # As a value of a cell it could become a formula or an error.
    cell._value, cell.data_type = _escape(value), "s"
    cell.quotePrefix = guard_formula(value) != value
    return cell


_ARROW: Mapping[str, Callable[[Any], bytes]] = {
    **dict.fromkeys(PARQUET, write_parquet),
    **dict.fromkeys(FEATHER, write_feather),
}
_TEXT: Mapping[str, Callable[[Provider, Iterable[Columns]], bytes]] = {
    ".csv": write_csv,
    ".xlsx": write_excel,
}
ENDINGS = (*_ARROW, *_TEXT)


def _rows(provider: Provider, parts: Iterable[Columns]) -> Iterator[Sequence[str | bool | None]]:
    """The names of the columns, then the cells of each row as text, or as True or False."""
    declared = fields_of(provider.record)
    kept = [*parts]
    has_extras = any(part.extras for part in kept)
    yield [*declared, *([EXTRAS] if has_extras else [])]
    for part in kept:
        columns = [_cells(field, part.arrays[name]) for name, field in declared.items()]
        columns += [encode_extras(part.extras, part.rows)] if has_extras else []
        yield from zip(*columns, strict=True)


def _cells(declared: RecordField, values: Any) -> Sequence[JSON]:
    match declared.kind:
        case "category":
            return [None if code < 0 else declared.choices[code] for code in values.tolist()]
        case "boolean":
            return [None if code < 0 else code == 1 for code in values.tolist()]
        case "Int64":
            return [None if value is pd.NA else str(value) for value in values]
        case "date":
            return _times(values, "D", "")
        case "datetime":
            return _times(values, "us", "+00:00")
        case "list" | "dict":
            return [None if value is pd.NA else to_json(value) for value in values]
        case _:
            return values


def _times(values: Any, unit: Any, offset: str) -> list[str | None]:
    texts = np.datetime_as_string(values, unit=unit)
    return [None if text == "NaT" else f"{text}{offset}" for text in texts.tolist()]
