"""A column of phone numbers in any spelling as E.164, and its cells that are no number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from contactkit._frames.coerce import digits_of, float_bits, largest_whole, objects
from contactkit._frames.empty import is_empty_cell
from contactkit._frames.frame import STRING
from contactkit.errors import InvalidInputError
from contactkit.spec.national import check_region, normalise_in
from contactkit.spec.validate import to_python

_TEXT = "must be a phone number as text, or as a whole number that is not rounded"


class PhoneNumbers(NamedTuple):
    """E.164 numbers with the index of their series, and the cells that cannot be read."""

    numbers: pd.Series
    unreadable: pd.DataFrame


def phones(series: pd.Series, *, region: str | None = None) -> PhoneNumbers:
    """Read a column of phone numbers of any spelling as E.164 text.

    National spellings, such as `(202) 555-0123`, `1202…`, `001…` and `tel:`, are read only with a
    `region`, an ISO 3166-1 alpha-2 code such as US. Extensions and second numbers are never joined
    to a number.

    `numbers` is a `string` Series with the index and name of `series`, NA where a cell is empty or
    cannot be read. `unreadable` has one row for each cell of the second kind: `label` (its index
    label), `position` (int64), `raw` and `message` (string). Raises InvalidInputError for an
    unknown region.
    """
    check_region("phones", region)
    if not isinstance(series, pd.Series):
        message = f"must be a Series, not {type(series).__name__}"
        raise InvalidInputError.one("phones", "series", message)
    cells = objects(series)
    numbers, bad = read_numbers(cells, region, float_bits(series))
    unreadable = pd.DataFrame(
        {
            "label": pd.Series([series.index[row] for row in bad], dtype=object),
            "position": pd.Series([*bad], dtype="int64"),
            "raw": pd.Series([cells[row] for row in bad], dtype=object),
            "message": pd.Series([*bad.values()], dtype=STRING),
        }
    )
    return PhoneNumbers(
        pd.Series(numbers, index=series.index, name=series.name, dtype=STRING), unreadable
    )


def read_numbers(
    cells: Iterable[Any], region: str | None, bits: int = 64
) -> tuple[list[str | None], dict[int, str]]:
    """The numbers of these cells, None for a gap, and a message for each row that is unreadable.

    Floats have so many `bits`; in 32 no phone number has room.
    """
    numbers: list[str | None] = []
    bad: dict[int, str] = {}
    for row, cell in enumerate(cells):
        number = None
        try:
            number = None if is_empty_cell(cell) else normalise_in(_text_of(cell, bits), region)
        except ValueError as error:
            bad[row] = str(error)
        numbers.append(number)
    return numbers, bad


def _text_of(cell: Any, bits: int) -> str:
    """A number's text; also where it is a number of pandas, as columns of digits are."""
    value = to_python(cell)
    text = value if isinstance(value, str) else digits_of(value, largest_whole(bits))
    if not text:
        raise ValueError(_TEXT)
    return text
