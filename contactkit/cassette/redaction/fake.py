"""Made-up names, e-mail addresses and texts of a plain form; `phones` has the made-up numbers.

They follow from `noise`, the bytes of a keyed digest. `tries` is the number of candidates that were
already taken; it makes the next one longer.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Literal

_NOUNS = {"first": "Name", "last": "Surname", "free": "Text"}
WORDS = frozenset({"person", *_NOUNS.values(), *map(str.upper, _NOUNS.values())})
"""The words of made-up values, which are no personal values themselves."""

# A made-up value that is split at its space leaves the noun alone.
_MADE_UP = re.compile(rf"(?:{'|'.join(_NOUNS.values())})(?: (?:[0-9][a-z])+)?", re.IGNORECASE)
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})((?:[T ]\d{2}:\d{2}[\d:.]*(?:Z|[+-]\d{2}:?\d{2})?)?)", re.ASCII
)
_FIRST_DAY = date(1800, 1, 1)
# Enough tags that two values rarely share one, even across recordings.
_TAG_PAIRS = 4
_DAYS = (date(1900, 1, 1) - _FIRST_DAY).days


def email(noise: bytes, tries: int) -> str:
    """An e-mail address, such as person-1a2b3c4d@example.com."""
    return f"person-{_tag(noise, tries)}@example.com"


def text(kind: Literal["first", "last", "free"], value: str, noise: bytes, tries: int) -> str:
    """A name or another text, such as `Name 1a2b3c4d`; for a date in free text, another date."""
    moment = _ISO.fullmatch(value) if kind == "free" and tries < 99 else None
    if moment:
        # No living person was born then, and pandas can represent it.
        days = int.from_bytes(noise[:8], "big") % _DAYS
        return f"{_FIRST_DAY + timedelta(days)}{moment[2]}"
    return value.replace(value.strip(), f"{_NOUNS[kind]} {_tag(noise, tries)}", 1)


def is_made_up(value: str) -> bool:
    """Whether a text looks like one that `text` makes."""
    if _MADE_UP.fullmatch(value.strip()):
        return True
    return value.startswith("18") and _ISO.fullmatch(value) is not None


def _tag(noise: bytes, tries: int) -> str:
    """Alternating digits and letters, so that it is neither a word nor a number."""
    rest, tag = int.from_bytes(noise, "big"), ""
    for _ in range(_TAG_PAIRS + tries):
        rest, choice = divmod(rest, 260)
        tag += f"{choice // 26}{chr(ord('a') + choice % 26)}"
    return tag


_DOMAIN = re.compile(r"(?:.+\.)?(?:example\.(?:com|org|net)|[\w-]+\.example)", re.IGNORECASE)


def is_example(address: str) -> bool:
    """Whether an e-mail address has a domain reserved for examples (RFC 2606)."""
    return _DOMAIN.fullmatch(address.rpartition("@")[2]) is not None
