"""Characters in written text that no reader sees, or that mean a plainer one."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Format characters, joiners and variation selectors; not U+202E, which shows digits in reverse.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202d\u2060-\u2064\u2066-\u2069"
    "\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
# Tabs and line breaks are text.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PLAIN = str.maketrans(
    "\t\u2212\u2043\u02d7\uff0b\uff0e\uff08\uff09\uff0f\u2044\u2215", " ---+.()///"
)


def to_plain(text: str) -> str:
    """Text of digits as a reader sees it: ASCII digits, blanks, dashes and brackets."""
    return text if text.isascii() and text.isprintable() else "".join(map(_plain, text))


@lru_cache(maxsize=1024)
def _plain(character: str) -> str:
    if INVISIBLE.match(character):
        return ""
    match unicodedata.category(character):
        case "Nd":
            return str(unicodedata.digit(character))
        case "Zs":
            return " "
        case "Pd":
            return "-"
        case _:
            return character.translate(_PLAIN)


def name_unusual(text: str) -> str:
    """The first character that is not printable ASCII, as "U+200B (ZERO WIDTH SPACE)"; else ""."""
    return next((_name(c) for c in text if not (c.isascii() and c.isprintable())), "")


def _name(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")
