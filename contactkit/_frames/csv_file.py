"""CSV files as text, cell by cell: no cell is shifted, joined to another or lost unnoticed."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.encodings import decode_text
from contactkit._frames.table import Table, name_columns
from contactkit.errors import ConfigurationError

_DELIMITERS = ",;\t"
# Excel writes this line, so that it finds the delimiter again.
_DELIMITER_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?[,;\t]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_FIRST_LINE = re.compile(r"[^,;\s][^\r\n]*")
_FIRST_RECORD = re.compile(r'(?:"[^"]*"|[^"\r\n])*(\r\n?|\n)')
_RETURN_ALONE = re.compile(r"\r(?![\r\n])")
# Replaces a carriage return in a cell until the rows are read: blank like it, but rare.
_RETURN = "\x1f"


def parse_csv(path: str | Path, content: bytes, encoding: str | None = None) -> Table:
    """Read the rows of a CSV file; ConfigurationError names the line of a malformed one.

    The delimiter is a comma, a semicolon or a tab, or what a first line such as `sep=|` says. Rows
    without any value are left out, and a row with too few cells is filled with empty ones.
    """
    text = decode_text(path, content, encoding)
    found = _DELIMITER_LINE.match(text)
    text = text[found.end() :].lstrip("\ufeff") if found else text
    delimiter = found[1] if found else _delimiter_of(text)
    raw, text = text, _mark_returns(text)
    short: list[int] = []
    columns = _read_regular(text, delimiter)
    if columns is None:
        records = _Records(path, _reader(text, delimiter), 1 if found else 0)
        columns, short = [*zip(*records, strict=True)], records.short
    if not columns or not columns[0]:
        raise ConfigurationError(f"{path}: is empty; its first line must name the columns")
    headings, cells = [column[0] for column in columns], [column[1:] for column in columns]
    cells = cells if text is raw else _restore_returns(cells)
    named = {name: cells[place] for name, place in name_columns(path, headings, cells).items()}
    return Table(columns=named, rows=len(cells[0]), short=short)


def _mark_returns(text: str) -> str:
    """The text with a mark for each carriage return that is part of a cell.

    pandas and others put no quotes around one, so that it is read as the end of a row.
    """
    first = _FIRST_RECORD.match(text)
    ends_lines = first is None or first[1] == "\r" or _RETURN in text
    return text if ends_lines else _RETURN_ALONE.sub(_RETURN, text)


def _restore_returns(columns: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    return [tuple(cell.replace(_RETURN, "\r") for cell in cells) for cells in columns]


def _reader(text: str, delimiter: str) -> Any:
    return csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _read_regular(text: str, delimiter: str) -> list[tuple[str, ...]] | None:
    """The columns of a text whose rows all have the same number of cells; None for any other.

    Python's reader finds every malformed row, and pandas' makes the columns, which is fast.
    """
    text = text.rstrip("\r\n")
    try:
        lengths = Counter(map(len, _reader(text, delimiter)))
    except csv.Error:
        return None
    # pandas reads lines of blanks, a NUL and other delimiters in its own way.
    if len(lengths) != 1 or "\0" in text or delimiter not in _DELIMITERS:
        return None
    frame = _read_frame(text, delimiter)
    columns = [tuple(frame[name].tolist()) for name in frame]
    same = (len(columns), len(frame)) == next(iter(lengths.items()))
    return _without_empty_rows(columns) if same else None


def _read_frame(text: str, delimiter: str) -> pd.DataFrame:
    return pd.read_csv(
        BytesIO(text.encode()),
        sep=delimiter,
        header=None,
        dtype=object,
        na_filter=False,
        low_memory=False,
        index_col=False,
        skip_blank_lines=False,
    )


def _without_empty_rows(columns: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    first = columns[0]
    maybe = [row for row, cell in enumerate(map(str.strip, first)) if not cell]
    empty = [row for row in maybe if not any(column[row].strip() for column in columns)]
    kept = np.delete(np.arange(len(first)), empty).tolist()
    return [tuple(map(column.__getitem__, kept)) for column in columns] if empty else columns


class _Records:
    """The records that have any value, all with the cells of the first, which names the columns.

    `line` is where the present one begins, and `short` has the lines of those with too few cells.
    """

    def __init__(self, path: str | Path, reader: Any, skipped: int) -> None:
        self._path, self._reader, self._skipped = path, reader, skipped
        self.line = skipped + 1
        self.short: list[int] = []

    def __iter__(self) -> Iterator[list[str]]:
        width = 0
        try:
            for record in self._reader:
                if any(map(str.strip, record)):
                    width = width or len(record)
                    yield record if len(record) == width else self._fill(record, width)
                self.line = self._reader.line_num + self._skipped + 1
        except csv.Error as error:
            raise ConfigurationError(f"{self._path}: {self._explain(error)}") from None

    def _fill(self, record: list[str], width: int) -> list[str]:
        """A record with too few cells, filled up; ConfigurationError if it has too many."""
        if len(record) > width:
            columns = "is 1 column" if width == 1 else f"are {width} columns"
            message = f"line {self.line} has {len(record)} cells, but there {columns}"
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
