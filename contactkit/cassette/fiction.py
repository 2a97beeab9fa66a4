"""Phone numbers and e-mail domains that are nobody's: what is kept for fiction, by country.

Knows the reserved ranges as E.164 patterns; whose stand-in a number of them becomes, it does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

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
