"""Values with their names in CSV: the cells under each heading."""

from __future__ import annotations

import re
from collections.abc import Iterator

from contactkit._redact.spans import Span

_HEADING = re.compile(r"[^\W\d][\w .()/#-]{0,60}")
_BLOCK = re.compile(r"(?:[^\r\n]+(?:\r\n|\r|\n|\Z))+")
_DELIMITERS = ",;\t|"
Cell = tuple[int, int]


def find_in_tables(text: str, media: str = "") -> Iterator[Span]:
    """The heading and the place of each cell below it, in the tables between empty lines.

    A table of one column is one only by its media type.
    """
    for block in _BLOCK.finditer(text):
        headings, rows = _read(block[0], media)
        for row in rows:
            for heading, (start, end) in zip(headings, row, strict=False):
                if end > start:
                    yield heading, block.start() + start, block.start() + end


def has_headings(text: str, media: str) -> bool:
    """Whether the first row of a table of this media type consists of headings."""
    return bool(_read(text, media)[0])


def _read(text: str, media: str) -> tuple[list[str], list[list[Cell]]]:
    first = text.lstrip("\ufeff\r\n").partition("\n")[0].rstrip("\r")
    delimiter = max(_DELIMITERS, key=first.count)
    is_table = "csv" in media or "tab-separated" in media
    if not is_table and first.count(delimiter) == 0:
        return [], []
    start = text.index(first) if first else 0
    rows = list(_rows(text, start, delimiter))
    if not rows:
        return [], []
    headings = [text[i:j].strip() for i, j in rows[0]]
    if not all(map(_HEADING.fullmatch, headings)):
        return [], []
    # Prose with commas has lines of different lengths.
    if is_table or (len(rows) > 1 and len(rows[1]) == len(headings)):
        return headings, rows[1:]
    return [], []


def _rows(text: str, index: int, delimiter: str) -> Iterator[list[Cell]]:
    """The places of the cells of each row, without their quotes."""
    sign = re.escape(delimiter)
    pattern = re.compile(
        rf" *\"(?P<quoted>(?:[^\"]|\"\"){{0,9999}})\" *(?P<after>{sign}|[\r\n]+|\Z)"
        rf"|(?P<plain>[^{sign}\r\n]*)(?P<end>{sign}|[\r\n]+|\Z)"
    )
    row: list[Cell] = []
    while match := pattern.match(text, index):
        row.append(match.span("plain" if match["quoted"] is None else "quoted"))
        end = match["end"] if match["quoted"] is None else match["after"]
        if end != delimiter:
            yield row
            row = []
            if match.end() == len(text):
                return
        index = match.end()
