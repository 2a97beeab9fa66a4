"""Columns of phone numbers and e-mail addresses, of which many are read at once.

Almost all cells are spelled as they are compared. One regular expression finds the others among
thousands, and only those are read one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.coerce import digits_of, float_bits, largest_whole
from contactkit._people.identifiers import (
    LONGEST_CODE,
    ROLE,
    Kind,
    canonical,
    usual_number,
)
from contactkit.spec.emails import DOMAIN, GMAIL, LOCAL

_AT_ONCE, _SAMPLE = 20_000, 500
_HELD, _GAP, _UNREADABLE = 0, -1, -2


def read_addresses(kind: Kind, cells: Any, region: str | None = None) -> tuple[Any, Any]:
    """A code for each cell, and the canonical address of each code.

    The code is -1 for a gap and -2 for a cell that cannot be read. A phone number is the whole
    number of its digits, which takes less room and time than a text.
    """
    largest = largest_whole(float_bits(cells)) if hasattr(cells, "dtype") else largest_whole(64)
    cells = np.asarray(cells, dtype=object)
    codes = np.empty(len(cells), dtype=np.int32)
    values = np.empty(len(cells), dtype=np.int64 if kind == "phone" else object)
    read = cache(partial(canonical, kind, region=region))
    for start in range(0, len(cells), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        written = cells[part]
        if region and kind == "phone":
            written = _digits_as_text(written, largest)
        codes[part], values[part] = _read_part(kind, written, read)
    held = codes == _HELD
    codes[held], known = pd.factorize(values[held])
    return codes, known


def _digits_as_text(cells: Any, largest: int) -> Any:
    texts = cells.copy()
    for place, cell in enumerate(cells):
        if not isinstance(cell, str):
            texts[place] = digits_of(cell, largest) or cell
    return texts


def _read_part(kind: Kind, cells: Any, read: Callable[[str], str]) -> tuple[Any, Any]:
    """Whether each cell holds an address, and which one; 0 or "" where it does not."""
    is_text = np.array([isinstance(cell, str) for cell in cells.tolist()], dtype=bool)
    codes = np.full(len(cells), _HELD, dtype=np.int32)
    codes[~is_text] = np.where(pd.isna(cells[~is_text]), _GAP, _UNREADABLE)
    texts = cells[is_text].tolist()
    values = np.zeros(len(cells), dtype=np.int64 if kind == "phone" else object)
    values[is_text] = _numbers(texts, read) if kind == "phone" else _emails(texts, read)
    for place in np.flatnonzero(is_text & ~values.astype(bool)):
        codes[place] = _UNREADABLE if cells[place].strip() else _GAP
    return codes, values


def to_texts(kind: Kind, known: Any) -> Any:
    """Canonical addresses as an array of text."""
    if kind == "email":
        return known
    texts = np.empty(len(known), dtype=object)
    texts[:] = list(map("+%d".__mod__, known.tolist()))
    return texts


def from_texts(kind: Kind, texts: Sequence[str]) -> Any:
    """What `read_addresses` has for these canonical addresses."""
    if kind == "email":
        return np.array(texts, dtype=object)
    return np.array([int(text) for text in texts], dtype=np.int64)


def find_roles(addresses: Sequence[str]) -> Any:
    """The places of the canonical e-mail addresses that are a role's, such as support@…."""
    found = [
        number * _AT_ONCE + place
        for number, part in enumerate(_parts(addresses))
        for place in _lines_with(ROLE, part, "\n".join(part))
    ]
    return np.array(found, dtype=np.int64)


def _numbers(texts: Sequence[str], read: Callable[[str], str]) -> Any:
    """Phone numbers as whole numbers; 0 for what cannot be read."""
    if not texts:
        return []
    joined = "\n".join(texts)
    if unusual := _unusual(_unusual_numbers(texts), texts, joined):
        plain = list(texts)
        for place in unusual:
            plain[place] = read(texts[place]) or "0"
        joined = "\n".join(plain)
    return np.fromstring(joined, dtype=np.int64, sep="\n")


def _emails(texts: Sequence[str], read: Callable[[str], str]) -> list[str]:
    """E-mail addresses as they are compared; "" for what cannot be read."""
    joined = "\n".join(texts)
    unusual = _unusual(_unusual_emails(), texts, joined)
    plain = joined.lower().split("\n") if len(unusual) < len(texts) else list(texts)
    for place in unusual:
        plain[place] = read(texts[place])
    return plain


def _unusual(pattern: re.Pattern[str], texts: Sequence[str], joined: str) -> Sequence[int]:
    """The places of the texts to be read one by one: all of them if one has several lines."""
    if joined.count("\n") >= len(texts):
        return range(len(texts))
    return _lines_with(pattern, texts, joined)


def _lines_with(pattern: re.Pattern[str], texts: Sequence[str], joined: str) -> list[int]:
    """The places of the texts that have a match; `joined` has a line for each text."""
    found = [match.start() for match in pattern.finditer(joined)]
    if not found:
        return []
    ends = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 1)
    return np.searchsorted(ends, found, side="right").tolist()


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[start : start + _AT_ONCE] for start in range(0, len(texts), _AT_ONCE))


@lru_cache(maxsize=1)
def _unusual_emails() -> re.Pattern[str]:
    """The lines whose address is compared by more than its lower case."""
    names = "|".join(map(re.escape, GMAIL))
    usual = rf"[{LOCAL}]+@(?!(?i:{names})$){DOMAIN}"
    at_gmail = rf"(?:(?![+.])[{LOCAL}])+@(?i:{re.escape(GMAIL[0])})"
    return re.compile(rf"^(?!(?!')(?:{usual}|{at_gmail})$).*$", re.MULTILINE | re.ASCII)


def _unusual_numbers(texts: Sequence[str]) -> re.Pattern[str]:
    """The lines that are not a number of E.164 without a prefix, in a country of the first ones."""
    starts = {text[: 1 + LONGEST_CODE] for text in texts[:_SAMPLE]}
    usual = {found.pattern for start in starts if (found := usual_number(start))}
    numbers = "|".join(sorted(usual)) or "(?!)"
    return re.compile(rf"^(?!(?:{numbers})$).*$", re.MULTILINE | re.ASCII)
