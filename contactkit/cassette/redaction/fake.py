"""Made-up values: names, addresses and texts of a plain form, and numbers reserved for fiction.

They follow from `noise`, the bytes of a keyed digest. `tries` says how many such values were taken
already, and makes the next one longer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Literal

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

from contactkit.cassette.redaction import phones

_NOUNS = {"first": "Name", "last": "Surname", "free": "Text"}
WORDS = frozenset({"person", *_NOUNS.values(), *map(str.upper, _NOUNS.values())})
"""The words of made-up values, which are no personal values themselves."""

# The noun alone is what a made-up value becomes when it is split at its space.
_MADE_UP = re.compile(rf"(?:{'|'.join(_NOUNS.values())})(?: (?:[0-9][a-z])+)?", re.IGNORECASE)
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})((?:[T ]\d{2}:\d{2}[\d:.]*(?:Z|[+-]\d{2}:?\d{2})?)?)", re.ASCII
)
_FIRST_DAY = date(1800, 1, 1)
# Of so many tags hardly any two values have one, in whichever recordings they are.
_TAG_PAIRS = 4
_DAYS = (date(1900, 1, 1) - _FIRST_DAY).days


def email(noise: bytes, tries: int) -> str:
    """An address, such as person-1a2b3c4d@example.com."""
    return f"person-{_tag(noise, tries)}@example.com"


def text(kind: Literal["first", "last", "free"], value: str, noise: bytes, tries: int) -> str:
    """A name or another text, such as `Name 1a2b3c4d`; of a date in free text another date."""
    moment = _ISO.fullmatch(value) if kind == "free" and tries < 99 else None
    if moment:
        # No one alive was born then, and pandas can hold it.
        days = int.from_bytes(noise[:8], "big") % _DAYS
        return f"{_FIRST_DAY + timedelta(days)}{moment[2]}"
    return value.replace(value.strip(), f"{_NOUNS[kind]} {_tag(noise, tries)}", 1)


def is_made_up(value: str) -> bool:
    """Whether a text has the form of those that `text` makes."""
    if _MADE_UP.fullmatch(value.strip()):
        return True
    return value.startswith("18") and _ISO.fullmatch(value) is not None


def _tag(noise: bytes, tries: int) -> str:
    """Digits and letters in turn, so that it is no word and no number."""
    rest, tag = int.from_bytes(noise, "big"), ""
    for _ in range(_TAG_PAIRS + tries):
        rest, choice = divmod(rest, 260)
        tag += f"{choice // 26}{chr(ord('a') + choice % 26)}"
    return tag


# By calling code, the national numbers reserved for drama: by NANPA (in any area), Ofcom, ACMA,
# ARCEP, the Bundesnetzagentur and ComReg.
# https://nationalnanpa.com/number_resource_info/555_numbers.html
_RESERVED: Mapping[int, Sequence[str]] = {
    1: ["xxx55501xx"],
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
_FICTIONAL = re.compile(
    r"\+(?:{})".format(
        "|".join(f"{code}{shape}" for code, shapes in _RESERVED.items() for shape in shapes)
    ).replace("x", "[0-9]")
)
_DOMAIN = re.compile(r"(?:.+\.)?(?:example\.(?:com|org|net)|[\w-]+\.example)", re.IGNORECASE)


def is_example(address: str) -> bool:
    """Whether an e-mail address has a domain reserved for examples (RFC 2606)."""
    return _DOMAIN.fullmatch(address.rpartition("@")[2]) is not None


def is_reserved(number: str) -> bool:
    """Whether an E.164 number is in a range reserved for fiction."""
    return _FICTIONAL.fullmatch(number) is not None


def is_reserved_at_home(digits: str) -> bool:
    """Whether digits are such a number as it is dialled within its country, after a 0."""
    codes = _RESERVED.keys() - {1} if digits.startswith("0") else ()
    return any(is_reserved(f"+{code}{digits[1:]}") for code in codes)


def reserved(number: PhoneNumber, choice: int) -> str:
    """The reserved number that `choice` picks in the same country; "" where there is no range."""
    code, national = number.country_code or 0, phonenumbers.national_significant_number(number)
    shapes = [shape for shape in _RESERVED.get(code, ()) if len(shape) == len(national)]
    if code == 1:
        region = phonenumbers.region_code_for_number(number) or "US"
        shapes = [f"{area}55501xx" for area in _areas().get(region) or [national[:3]]]
    if not shapes:
        return ""
    choice, place = divmod(choice, len(shapes))
    free = shapes[place].count("x")
    return f"+{code}{shapes[place][:-free]}{choice % 10**free:0{free}d}"


@cache
def _areas() -> Mapping[str, list[str]]:
    """The geographic area codes of North America, by region."""
    areas: dict[str, list[str]] = {}
    for area in range(200, 1000):
        number = phonenumbers.parse(f"+1{area}5550100", None)
        if phonenumbers.number_type(number) == PhoneNumberType.FIXED_LINE_OR_MOBILE:
            region = phonenumbers.region_code_for_number(number) or ""
            areas.setdefault(region, []).append(str(area))
    return areas


def unassigned(number: PhoneNumber, choice: int, longer: int) -> str:
    """A number of the same country that its plan has not, or "" where `choice` picks another.

    It can be dialled, unless `number` cannot.
    """
    length = len(phonenumbers.national_significant_number(number)) + longer
    lowest = 10 ** (max(length, 4) - 1)
    candidate = f"+{number.country_code}{lowest + choice % (9 * lowest)}"
    parsed = phones.parse(candidate)
    if parsed is None or phones.e164(parsed) != candidate or phonenumbers.is_valid_number(parsed):
        return ""
    possible = phonenumbers.is_possible_number
    return candidate if possible(parsed) or not possible(number) else ""
