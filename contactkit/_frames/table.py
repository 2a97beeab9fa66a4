"""The cells of a text file or a sheet by heading, as they are written there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contactkit.errors import ConfigurationError
from contactkit.spec.provider import JSON

# pandas writes an index without a heading, and reads that as the second of these.
_UNNAMED = re.compile(r"|Unnamed: \d+")
_ROW_NUMBER = re.compile(r"0|[1-9]\d{0,8}")
_ADDRESS = re.compile(r"\S+@\S+\.\w+|\+?(?:\d[ ().\-]*){9,}")


@dataclass(frozen=True, kw_only=True)
class Table:
    """The cells by heading.

    `short` has the lines of rows with too few cells; `unreadable` has, by heading and row, why a
    cell has no value.
    """

    columns: Mapping[str, Sequence[JSON]]
    rows: int
    short: Sequence[int] = ()
    unreadable: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


def name_columns(
    path: object, headings: Sequence[str], columns: Sequence[Sequence[object]]
) -> dict[str, int]:
    """The place of each column by heading, but of none that is empty or only numbers the rows."""
    names = [heading.strip("\ufeff \t\u00a0\r\n") for heading in headings]
    if any(map(_ADDRESS.fullmatch, names)):
        raise ConfigurationError(f"{path}: its first line has values; it must name the columns")
    named: dict[str, int] = {}
    for place, (name, cells) in enumerate(zip(names, columns, strict=True)):
        if not _UNNAMED.fullmatch(name):
            if name in named:
                raise ConfigurationError(f"{path}: two columns have the name {name}")
            named[name] = place
        elif any(str(cell).strip() for cell in cells) and (named or not _are_row_numbers(cells)):
            raise ConfigurationError(f"{path}: column {place + 1} has values and no name")
    return named


def _are_row_numbers(cells: Sequence[object]) -> bool:
    """Whether cells number rows as pandas does, also those of a sorted or filtered frame."""
    texts = list(map(str, cells))
    return len({*texts}) == len(texts) and all(map(_ROW_NUMBER.fullmatch, texts))
