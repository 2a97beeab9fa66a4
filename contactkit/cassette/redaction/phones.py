"""Phone numbers in text: found in any format, parsed, and replaced by one that has no owner.

Such a number is reserved for fiction, or in no country's plan. E-mail addresses are found with
them, since the digits of an address are no number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

_GAP = r"[ ().\-/\u00a0\u2000-\u200b\u2010-\u2015\u202f\u205f\u2060]"
# What may follow a number: an extension too.
_END = r"(?=[xX#;]\.?\d|(?i:ext)|(?!\w))"
EMAIL = r"(?<![\w.+%'-])[\w.+%'-]+(?:@|%40|&#64;|&#x40;|&commat;)[\w-]+(?:\.[\w-]+)+"
# A form encodes the space before a date or an id as a +.
_NO_DATE = r"(?!\d{4}-\d\d-\d\d(?!\d))"
_NO_ID = r"(?![0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-|[0-9a-fA-F]{32}(?!\w))"
_INTERNATIONAL = (
    rf"(?<![^\W_])(?<!\+)(?:tel:)?(?:\+|%2[Bb]){_NO_DATE}{_NO_ID}"
    rf"[1-9](?:{_GAP}{{0,3}}\d){{6,14}}(?!\d)"
)
_AREA = r"(?:\([2-9]\d{2}\)[ ]?|[2-9]\d{2}[ .-])"
_NATIONAL = rf"(?<![\w.+-])(?:1[ .-])?{_AREA}[2-9]\d{{2}}[ .-]\d{{4}}(?!-){_END}"
_DIGITS = rf"(?<![\w.+-])\(?\d(?:{_GAP}{{0,3}}\d){{6,14}}(?!\d){_END}"
_INSIDE = r"(?<=[A-Za-z_])\d{10,15}(?!\d)"
PERSONAL = re.compile(
    f"(?P<email>{EMAIL})|(?P<phone>{_INTERNATIONAL}|{_NATIONAL})|(?P<digits>{_DIGITS})"
    f"|(?P<inside>{_INSIDE})"
)
"""E-mail addresses, phone numbers, and digits that may be one, alone or inside a word."""

_NARROW_GAP = _GAP.replace("/", "").replace(" ", "")
NARROW = (
    # Up to a slash between spaces, then with one kind of gap only.
    re.compile(
        rf"(?P<digits>(?<![\w.+-])\(?\d(?:{_GAP.replace('/', '')}{{0,3}}\d){{6,14}}(?!\d){_END})"
    ),
    re.compile(rf"(?P<digits>(?<![\w+-])\d(?:{_NARROW_GAP}?\d){{6,14}}(?!\d){_END})"),
)
"""Digits that may be a number, where another spelling of one stands beside them."""


def is_ambiguous(text: str) -> bool:
    """Whether digits in a text may be two numbers rather than one."""
    return _TWO.search(text) is not None


_TWO = re.compile(r"\d\)?[ /|]+\(?\+?\d")
_AT = re.compile("%40|&#64;|&#x40;|&commat;")
E164 = re.compile(r"\+[0-9]+")
_ABROAD = re.compile(r"^(?:00|011)(?=[ ().-]*[1-9])")
_NO_DIGITS = str.maketrans("", "", "".join(map(chr, {*range(128)} - {*range(48, 58)})))
_BARE = re.compile(r"1?[2-9]\d{2}[2-9]\d{6}", re.ASCII)
_FORMATS = (
    PhoneNumberFormat.E164,
    PhoneNumberFormat.INTERNATIONAL,
    PhoneNumberFormat.NATIONAL,
    PhoneNumberFormat.RFC3966,
)


def unescape(text: str) -> str:
    """A match of PERSONAL without percent-encoding or HTML entities."""
    plain = _AT.sub("@", text) if "%" in text or "&" in text else text
    return plain.replace("%2B", "+").replace("%2b", "+")


def digits_of(text: str) -> str:
    """The digits of a text, without anything between them."""
    if text.isascii():
        return text.translate(_NO_DIGITS)
    return phonenumbers.normalize_digits_only(text)


@lru_cache(maxsize=4096)
def parse(text: str) -> PhoneNumber | None:
    """The phone number in a text, North American unless it has a country code; None if it is none.

    With a + it is parsed even if no country has such a number: it may have a digit too many.
    """
    plain = _ABROAD.sub("+", text.strip().removeprefix("tel:"))
    if plain.startswith(("+", "\uff0b")):
        return _parse(plain)
    attempts = ((plain, "US"), (f"+{digits_of(plain)}", None))
    numbers = (_parse(*attempt) for attempt in attempts)
    return next((n for n in numbers if n and phonenumbers.is_possible_number(n)), None)


def _parse(text: str, region: str | None = None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


def e164(number: PhoneNumber) -> str:
    """A number as E.164."""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def is_bare(text: str) -> bool:
    """Whether digits are a complete number: North American, or any other after 00 or 011."""
    number = parse(text) if _BARE.fullmatch(text) or _ABROAD.match(text) else None
    return number is not None and phonenumbers.is_valid_number(number)


def split(text: str) -> tuple[str, str]:
    """The number at the start of a run of digits, and the rest of the run."""
    for head in _heads(text):
        number = parse(head)
        if number and phonenumbers.is_possible_number(number):
            return head, text[len(head) :]
    return text, ""


def _heads(text: str) -> Iterator[str]:
    yield text
    gaps = [gap.start() for gap in re.finditer(rf"{_GAP}+", text)]
    yield from (text[:gap] for gap in reversed(gaps) if len(digits_of(text[:gap])) >= 7)


def format_like(text: str, number: PhoneNumber, other: str) -> str:
    """The `other` number, which is E.164, in the format that `number` has in `text`."""
    parsed = phonenumbers.parse(other, None)
    for form in _FORMATS:
        if phonenumbers.format_number(number, form) == text:
            return phonenumbers.format_number(parsed, form)
    national, digits = phonenumbers.national_significant_number(number), digits_of(text)
    if not digits.endswith(national):
        return other
    prefix = digits.removesuffix(national)
    return fill_digits(text, prefix + phonenumbers.national_significant_number(parsed))


def fill_digits(shape: str, digits: str) -> str:
    """`shape` with these `digits` instead of its own; surplus ones follow the last."""
    places = sum(map(str.isdigit, shape))
    filling = iter([*digits[: places - 1], digits[places - 1 :]])
    return "".join(next(filling, "") if sign.isdigit() else sign for sign in shape)


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


def is_reserved(number: str) -> bool:
    """Whether an E.164 number is in a range reserved for fiction."""
    return _FICTIONAL.fullmatch(number) is not None


def is_reserved_at_home(digits: str) -> bool:
    """Whether digits are such a number as dialled within its country, with a leading 0."""
    codes = _RESERVED.keys() - {1} if digits.startswith("0") else ()
    return any(is_reserved(f"+{code}{digits[1:]}") for code in codes)


def reserved(number: PhoneNumber, choice: int) -> str:
    """The reserved number in the same country that `choice` selects; "" if there is no range."""
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
    """A number of the same country that is not assigned, or "" if `choice` selects another one.

    Its length is possible, unless that of `number` is not.
    """
    length = len(phonenumbers.national_significant_number(number)) + longer
    lowest = 10 ** (max(length, 4) - 1)
    candidate = f"+{number.country_code}{lowest + choice % (9 * lowest)}"
    parsed = parse(candidate)
    if parsed is None or e164(parsed) != candidate or phonenumbers.is_valid_number(parsed):
        return ""
    possible = phonenumbers.is_possible_number
    return candidate if possible(parsed) or not possible(number) else ""
