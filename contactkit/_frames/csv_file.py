"""CSV files as text, cell by cell: no cell is shifted, joined to another or lost unnoticed."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import StringIO
from itertools import islice
from pathlib import Path

from contactkit._frames.encodings import decode_text
from contactkit._frames.table import Table, name_columns
from contactkit.errors import ConfigurationError

_DELIMITERS = ",;\t"
# Excel writes this line, so that it finds the delimiter again.
_DELIMITER_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?[,;\t]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_FIRST_LINE = re.compile(r"[^,;\s][^\r\n]*")
_BLOCK = 4096


def parse_csv(path: str | Path, content: bytes, encoding: str | None = None) -> Table:
    """Read the rows of a CSV file; ConfigurationError names the line of a malformed one.

    The delimiter is a comma, a semicolon or a tab, or what a first line such as `sep=|` says. Rows
    without any value are left out, and a row with too few cells is filled with empty ones.
    """
    records = _Records(path, decode_text(path, content, encoding))
    rows = iter(records)
    headings = next(rows, None)
    if headings is None:
        raise ConfigurationError(f"{path}: is empty; its first line must name the columns")
    columns: list[list[str]] = [[] for _ in headings]
    whole = (row if len(row) == len(headings) else records.fill(row, len(headings)) for row in rows)
    while block := list(islice(whole, _BLOCK)):
        for column, cells in zip(columns, zip(*block, strict=True), strict=True):
            column.extend(cells)
    places = name_columns(path, headings, columns)
    named = {name: columns[place] for name, place in places.items()}
    return Table(columns=named, rows=len(columns[0]), short=records.short)


class _Records:
    """The records of a CSV text that have any value; `line` is where the present one begins."""

    def __init__(self, path: str | Path, text: str) -> None:
        found = _DELIMITER_LINE.match(text)
        self._path, self._skipped = path, 1 if found else 0
        text = text[found.end() :] if found else text
        delimiter = found[1] if found else _delimiter_of(text)
        self._reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
        self.line = self._skipped + 1
        self.short: list[int] = []

    def __iter__(self) -> Iterator[list[str]]:
        try:
            for record in self._reader:
                if any(map(str.strip, record)):
                    yield record
                self.line = self._reader.line_num + self._skipped + 1
        except csv.Error as error:
            raise ConfigurationError(f"{self._path}: {self._explain(error)}") from None

    def fill(self, record: list[str], width: int) -> list[str]:
        """A record with too few cells, filled up; ConfigurationError if it has too many."""
        if len(record) > width:
            message = f"line {self.line} has {len(record)} cells, but there are {width} columns"
            raise ConfigurationError(
                f"{self._path}: {message}; a cell with a delimiter in it needs quotes"
            )
        self.short.append(self.line)
        return record + [""] * (width - len(record))

    def _explain(self, error: csv.Error) -> str:
        last = self._reader.line_num + self._skipped
        where = f"line {self.line}" if last <= self.line else f"lines {self.line} to {last}"
        if "unexpected end" in str(error):
            return f'{where}: a cell begins with " and no " ends it'
        if "expected after" in str(error):
            return f'{where}: text follows the " that ends a cell; a " inside a cell is written ""'
        if "field limit" in str(error):
            most = f"{csv.field_size_limit():,}"
            return f'{where}: a cell has more than {most} characters, or no " ends it'
        return f"{where}: {error}"


def _delimiter_of(text: str) -> str:
    """The delimiter that divides the first line into the most cells; a comma if none does."""
    found = _FIRST_LINE.search(text)
    lines = [found[0] if found else ""]
    return max(_DELIMITERS, key=lambda mark: len(next(csv.reader(lines, delimiter=mark))))
