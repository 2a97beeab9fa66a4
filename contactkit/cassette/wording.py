"""Invented names, addresses and texts, each of a form that nobody's own has.

From `noise`, the bytes of a keyed hash, they make a stand-in; that it can be known again is why
to make one of it a second time changes nothing.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from contactkit.cassette.spelling import pour

_ONSETS = "b d f g h j k l m n p r s t v w z br dr gr kr st th tr".split()
_VOWELS = "aeiou"
ENDINGS = {
    "first": "bel dan dor len lin mar nor ric rin ton vin wen wyn xa xen zor".split(),
    "last": "berg bury dahl field ford gard ham holm land ley man mere sen son wick wood".split(),
}
_SYLLABLES = rf"(?:(?:{'|'.join(sorted(_ONSETS, key=len, reverse=True))})[{_VOWELS}]){{3}}"
NAMES = {
    kind: re.compile(rf"({_SYLLABLES})({'|'.join(ends)})", re.IGNORECASE)
    for kind, ends in ENDINGS.items()
}
# No word of any language that a contact is likely to be written in has these letters alone.
_LETTERS = "qxzjvkw"
_OURS = re.compile(rf"(?=.*[{_LETTERS}])[\x00-/:-@\[-`{{-\x7f0{_LETTERS}]*", re.IGNORECASE | re.S)
_NUMERIC = re.compile(r"[^0-9]*0[^0-9]*0[^0-9]*0[^0-9]*[0-9][^0-9]*[0-9].*", re.S)
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})((?:[T ]\d{2}:\d{2}[\d:.]*(?:Z|[+-]\d{2}:?\d{2})?)?)", re.ASCII
)
_FIRST_DAY = date(1800, 1, 1)
_DAYS = (date(1900, 1, 1) - _FIRST_DAY).days


def syllables(noise: bytes) -> str:
    """Three syllables, as "tavilo"."""
    rest, found = int.from_bytes(noise[:8], "big"), ""
    for _ in range(3):
        rest, onset = divmod(rest, len(_ONSETS))
        rest, vowel = divmod(rest, len(_VOWELS))
        found += _ONSETS[onset] + _VOWELS[vowel]
    return found


def email(noise: bytes) -> str:
    """An address at example.com."""
    return f"{syllables(noise)}.{noise[8:12].hex()}@example.com"


def is_shaped(text: str) -> bool:
    """Whether a text is one that `shaped` makes, or has nothing in it to hide."""
    if not any(each.isalnum() or not each.isascii() for each in text):
        return True
    if _OURS.fullmatch(text) or (text.startswith("18") and _ISO.fullmatch(text)):
        return True
    return _is_numeric(text) and _NUMERIC.fullmatch(text) is not None


def shaped(text: str, noise: bytes, longer: int) -> str:
    """Text of the same shape, `longer` by that much: a date stays one, and so does a number."""
    number = int.from_bytes(noise[:16], "big")
    dated = _ISO.fullmatch(text)
    if dated and not longer:
        # Nobody alive was born then, and pandas can hold it.
        return f"{_FIRST_DAY + timedelta(days=number % _DAYS)}{dated[2]}"
    if _is_numeric(text):
        return _numeric(text, number, longer)
    letters = "".join(_letter(each, noise[n % 32]) for n, each in enumerate(text))
    more = (_LETTERS[each % len(_LETTERS)] for each in noise[16 : 16 + longer])
    return letters + "".join(more)


def _is_numeric(text: str) -> bool:
    return text.isascii() and not any(each.isalpha() for each in text)


def _letter(given: str, choice: int) -> str:
    if given.isascii() and not given.isalnum():
        return given
    if given.isascii() and given.isdigit():
        return "0"
    letter = _LETTERS[choice % len(_LETTERS)]
    return letter.upper() if given.isupper() else letter


def _numeric(text: str, number: int, longer: int) -> str:
    """Three zeros first, which no postcode and no account has."""
    free = max(sum(each.isdigit() for each in text) - 3, 2) + longer
    return pour(text, f"000{number % 10**free:0{free}d}")
