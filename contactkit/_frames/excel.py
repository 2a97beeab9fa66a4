"""The first sheet of an Excel workbook, cell by cell: a value is read as it is shown, or refused.

openpyxl is in the extra `excel`, and is imported when it is first used.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from contactkit._frames.kinds import name_kind
from contactkit._frames.table import Table, name_columns
from contactkit._frames.texts import EXCEL_LONGEST
from contactkit.errors import ConfigurationError

SUFFIXES = (".xlsx", ".xlsm")
# A sheet of a million contacts is smaller, and text is packed less.
_LARGEST, _MOST_PACKED = 2**30, 200
_MOST_ROWS = 2**20
_BLOCK = 2**20
_FORMULA = re.compile(rb"<f[ >/]")
# Excel keeps 15 digits of a number, and shows 0 for further ones.
_EXACT = 10**15
_ZEROS = re.compile("0+")
_LONG = "has more digits than Excel keeps in a number; it must be text"
_CUT = "has as many characters as Excel keeps in a cell, so that its end may be missing"
_ERROR = "is an error value of Excel"
_NO_VALUE = "is a formula without a saved value; open the file in Excel and save it"


def parse_excel(path: str | Path, place: Path) -> Table:
    """Read the first visible sheet of a workbook; its first row with values names the columns.

    Rows without any value are left out. Numbers become text of the digits that Excel shows; dates,
    times and booleans stay such. Errors, numbers with more digits and texts with as many characters
    as Excel keeps, and formulas without a saved value are unreadable. ConfigurationError for what
    is no workbook, or too large.
    """
    formulas = _formula_cells(path, place) if _inspect(path, place) else frozenset()
    rows: list[list[Any]] = []
    bad: list[dict[int, str]] = []
    for number, cells in _cells_of(path, place, data_only=True):
        read = [_read(cell, (number, c) in formulas) for c, cell in enumerate(cells)]
        if any(str(value).strip() for value, _ in read):
            bad.append({c: message for c, (_, message) in enumerate(read) if message})
            rows.append([value for value, _ in read])
    if not rows:
        raise ConfigurationError(f"{path}: is empty; its first row must name the columns")
    headings, *columns = zip(*zip_longest(*rows, fillvalue=""), strict=True)
    columns = [*zip(*columns, strict=True)] or [()] * len(headings)
    named = name_columns(path, [*map(str, headings)], columns)
    unreadable = {
        name: {row: cells[c] for row, cells in enumerate(bad[1:]) if c in cells}
        for name, c in named.items()
    }
    return Table(
        columns={name: columns[c] for name, c in named.items()},
        rows=len(rows) - 1,
        unreadable=unreadable,
    )


def import_openpyxl() -> Any:
    """The module openpyxl; ImportError names the extra that has it."""
    try:
        import openpyxl
    except ImportError as error:
        needed = 'it is an extra: python -m pip install "contactkit[excel]"'
        raise ImportError(f"Excel workbooks need openpyxl; {needed}") from error
    return openpyxl


def _inspect(path: str | Path, place: Path) -> bool:
    """Whether a workbook has formulas; ConfigurationError unless it is one that can be read."""
    if not zipfile.is_zipfile(place):
        raise ConfigurationError(f"{path}: is {_name_other(place)}")
    with zipfile.ZipFile(place) as archive:
        names, files = archive.namelist(), archive.infolist()
        if "xl/workbook.bin" in names:
            raise ConfigurationError(f"{path}: is a binary workbook (.xlsb); save it as .xlsx")
        if "[Content_Types].xml" not in names:
            raise ConfigurationError(f"{path}: is a ZIP archive, not an Excel workbook")
        size, packed = sum(f.file_size for f in files), sum(f.compress_size for f in files)
        if size > _LARGEST or size > max(_BLOCK, packed) * _MOST_PACKED:
            raise ConfigurationError(f"{path}: would unpack to {size:,} bytes, which is too much")
        sheets = [name for name in names if name.startswith("xl/worksheets/")]
        return any(_has_formulas(archive, name) for name in sheets)


def _name_other(place: Path) -> str:
    with open(place, "rb") as file:
        start = file.read(64)
    if start.startswith(b"PK"):
        return "a damaged Excel workbook (.xlsx)"
    return f"no Excel workbook (.xlsx), but {name_kind(start) or 'text or something else'}"


def _has_formulas(archive: zipfile.ZipFile, name: str) -> bool:
    with archive.open(name) as file:
        end = b""
        while block := file.read(_BLOCK):
            if _FORMULA.search(end + block):
                return True
            end = block[-3:]
    return False


def _formula_cells(path: str | Path, place: Path) -> frozenset[tuple[int, int]]:
    """Row and column of the cells with formulas, whose saved values are read apart from them."""
    return frozenset(
        (number, column)
        for number, cells in _cells_of(path, place, data_only=False)
        for column, cell in enumerate(cells)
        if cell.data_type == "f"
    )


def _cells_of(path: str | Path, place: Path, *, data_only: bool) -> Iterator[tuple[int, Any]]:
    """The number of each row, and its cells."""
    openpyxl = import_openpyxl()
    # It warns of what no cell depends on, such as lost validations, and leaves a damaged file open.
    with warnings.catch_warnings(action="ignore", category=UserWarning), open(place, "rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=data_only, keep_links=False)
        with closing(book):
            visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            if not visible:
                raise ConfigurationError(f"{path}: has no sheet that is visible")
            # A workbook's own statement of its size may be wrong.
            visible[0].reset_dimensions()
            rows = visible[0].iter_rows()
            yield from enumerate(islice(rows, _MOST_ROWS), 1)
            if next(rows, None) is not None:
                raise ConfigurationError(f"{path}: has a row beyond {_MOST_ROWS:,}, the last one")


def _read(cell: Any, is_formula: bool) -> tuple[Any, str]:
    """A cell's value, "" if it has none, and why it cannot be read."""
    value = cell.value
    if value is None:
        # A saved empty text is another data type.
        return ("=", _NO_VALUE) if is_formula and cell.data_type == "n" else ("", "")
    if cell.data_type == "e":
        return value, _ERROR
    if isinstance(value, str):
        return _unescape(value), _CUT if len(value) == EXCEL_LONGEST else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value, ""
    if abs(value) >= _EXACT:
        return str(value), _LONG
    if value != int(value):
        return format(value, ".15g"), ""
    zeros = _ZEROS.fullmatch(cell.number_format)
    return str(int(value)).zfill(len(zeros[0]) if zeros else 0), ""


def _unescape(text: str) -> str:
    """Text without the escapes of characters that XML cannot have, such as _x000D_."""
    return import_openpyxl().utils.escape.unescape(text) if "_x" in text else text
