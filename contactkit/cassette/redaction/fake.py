"""Invented names, addresses and texts, each of a form that nobody's own has.

From `noise`, the bytes of a keyed hash, they make a stand-in; that it can be known again is why
to make one of it a second time changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

from contactkit.cassette.redaction.phones import pour

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


# https://nationalnanpa.com/number_resource_info/555_numbers.html
_NORTH_AMERICA = "xxx55501xx"
# By calling code, the national numbers kept for drama: Ofcom, ACMA, ARCEP, the Bundesnetzagentur
# and ComReg.
_RESERVED: Mapping[int, Sequence[str]] = {
    44: (
        "1134960xxx 1144960xxx 1154960xxx 1164960xxx 1174960xxx 1184960xxx 1214960xxx 1314960xxx "
        "1414960xxx 1514960xxx 1614960xxx 1914980xxx 1632960xxx 2079460xxx 2896496xxx 2920180xxx "
        "7700900xxx"
    ).split(),
    61: "25550xxxx 35550xxxx 75550xxxx 85550xxxx 27010xxxx 37010xxxx 77010xxxx 87010xxxx".split(),
    33: "19900xxxx 26191xxxx 35301xxxx 46571xxxx 53649xxxx 63998xxxx".split(),
    49: "3023125xxx 6990009xxx 4066969xxx 2214710xxx 8999998xxx".split(),
    353: ["2091xxxxx"],
}


def _pattern() -> re.Pattern[str]:
    every = [f"1{_NORTH_AMERICA}"]
    every += [f"{code}{each}" for code, ranges in _RESERVED.items() for each in ranges]
    return re.compile(rf"\+(?:{'|'.join(every)})".replace("x", r"[0-9]"))


_FICTIONAL = _pattern()
_DOMAIN = re.compile(r"(?:.+\.)?(?:example\.(?:com|org|net)|[\w-]+\.example)", re.IGNORECASE)


def is_reserved(number: str) -> bool:
    """Whether an E.164 number lies in a range kept for fiction."""
    return _FICTIONAL.fullmatch(number) is not None


def is_reserved_abroad(digits: str) -> bool:
    """Whether digits are such a number as it is dialled within its country."""
    codes = _RESERVED if digits.startswith("0") else ()
    return any(is_reserved(f"+{code}{digits[1:]}") for code in codes)


def is_example(address: str) -> bool:
    """Whether an e-mail address has a domain kept for examples (RFC 2606)."""
    return _DOMAIN.fullmatch(address.rpartition("@")[2]) is not None


def reserved(number: PhoneNumber, choice: int) -> str:
    """The reserved number that `choice` picks in the same country; "" where there is no range."""
    code, length = number.country_code or 0, len(phonenumbers.national_significant_number(number))
    if code == 1:
        areas = _areas_like(number)
        choice, place = divmod(choice, len(areas))
        shape = f"{areas[place]}{_NORTH_AMERICA[3:]}"
    else:
        shapes = [each for each in _RESERVED.get(code, ()) if len(each) == length]
        if not shapes:
            return ""
        choice, place = divmod(choice, len(shapes))
        shape = shapes[place]
    free = shape.count("x")
    return f"+{code}{shape[:-free]}{choice % 10**free:0{free}d}"


def _areas_like(number: PhoneNumber) -> list[str]:
    region = phonenumbers.region_code_for_number(number) or "US"
    own = phonenumbers.national_significant_number(number)[:3]
    return _areas().get(region) or [own]


@cache
def _areas() -> Mapping[str, list[str]]:
    """The geographic area codes of North America, by region."""
    found: dict[str, list[str]] = {}
    for area in range(200, 1000):
        number = phonenumbers.parse(f"+1{area}5550100", None)
        if phonenumbers.number_type(number) == PhoneNumberType.FIXED_LINE_OR_MOBILE:
            region = phonenumbers.region_code_for_number(number) or ""
            found.setdefault(region, []).append(str(area))
    return found
