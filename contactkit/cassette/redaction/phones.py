"""How a phone number is spelled: found in text, read, and written again in the same spelling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

_GAP = r"[ ().\-/\u00a0\u2000-\u200b\u2010-\u2015\u202f\u205f\u2060]"
EMAIL = r"(?<![\w.+%'-])[\w.+%'-]+(?:@|%40|&#64;|&#x40;|&commat;)[\w-]+(?:\.[\w-]+)+"
# In a form a date or an id after a space has a + before it.
_NO_DATE = r"(?!\d{4}-\d\d-\d\d(?!\d))"
_NO_ID = r"(?![0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-|[0-9a-fA-F]{32}(?!\w))"
_INTERNATIONAL = (
    rf"(?<![^\W_])(?<!\+)(?:tel:)?(?:\+|%2[Bb]){_NO_DATE}{_NO_ID}"
    rf"[1-9](?:{_GAP}{{0,3}}\d){{6,14}}(?!\d)"
)
_NATIONAL = (
    r"(?<![\w.+-])(?:1[ .-])?(?:\([2-9]\d{2}\)[ ]?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?![\w-])"
)
_DIGITS = rf"(?<![\w.+-])\(?\d(?:{_GAP}{{0,3}}\d){{6,14}}(?!\w)"
_INSIDE = r"(?<=[A-Za-z_])\d{10,15}(?!\d)"
PERSONAL = re.compile(
    f"(?P<email>{EMAIL})|(?P<phone>{_INTERNATIONAL}|{_NATIONAL})|(?P<digits>{_DIGITS})"
    f"|(?P<inside>{_INSIDE})"
)
"""E-mail addresses, phone numbers, and runs of digits that may be one, or one in a word."""

_AT = re.compile("%40|&#64;|&#x40;|&commat;")
E164 = re.compile(r"\+[0-9]+")
_ABROAD = re.compile(r"^(?:00|011)(?=[ ().-]*[1-9])")
_NO_DIGITS = str.maketrans("", "", "".join(map(chr, {*range(128)} - {*range(48, 58)})))
_FORMATS = (
    PhoneNumberFormat.E164,
    PhoneNumberFormat.INTERNATIONAL,
    PhoneNumberFormat.NATIONAL,
    PhoneNumberFormat.RFC3966,
)
_BARE = re.compile(r"1?[2-9]\d{2}[2-9]\d{6}", re.ASCII)


def unquoted(text: str) -> str:
    """A found number or address without percent-encoding."""
    plain = _AT.sub("@", text) if "%" in text or "&" in text else text
    return plain.replace("%2B", "+").replace("%2b", "+")


def digits_of(text: str) -> str:
    """The digits of a text, without all that stands between them."""
    if text.isascii():
        return text.translate(_NO_DIGITS)
    return phonenumbers.normalize_digits_only(text)


@lru_cache(maxsize=4096)
def read(text: str) -> PhoneNumber | None:
    """The number that a text spells, of North America unless it says otherwise; None if it is none.

    With a + it is read even where it is possible nowhere: it may have a digit too many.
    """
    plain = _ABROAD.sub("+", text.strip().removeprefix("tel:"))
    if plain.startswith(("+", "\uff0b")):
        return _parsed(plain)
    home_or_abroad = ((plain, "US"), (f"+{digits_of(plain)}", None))
    numbers = (_parsed(*each) for each in home_or_abroad)
    return next((n for n in numbers if n and phonenumbers.is_possible_number(n)), None)


def _parsed(text: str, region: str | None = None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


def e164(number: PhoneNumber) -> str:
    """A number as E.164."""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def is_bare(text: str) -> bool:
    """Whether digits are a number as it is dialled: in North America, or from there or elsewhere.

    Abroad it has the prefix 00 or 011.
    """
    number = read(text) if _BARE.fullmatch(text) or _ABROAD.match(text) else None
    return number is not None and phonenumbers.is_valid_number(number)


def cut(text: str) -> tuple[str, str]:
    """A number that a run of digits starts with, and the rest of the run."""
    for head in _heads(text):
        number = read(head)
        if number and phonenumbers.is_possible_number(number):
            return head, text[len(head) :]
    return text, ""


def _heads(text: str) -> Iterator[str]:
    yield text
    gaps = [gap.start() for gap in re.finditer(rf"{_GAP}+", text)]
    yield from (text[:at] for at in reversed(gaps) if len(digits_of(text[:at])) >= 7)


def respell(text: str, number: PhoneNumber, made: str) -> str:
    """The E.164 number `made` in the format in which `text` has `number`."""
    new = phonenumbers.parse(made, None)
    for form in _FORMATS:
        if phonenumbers.format_number(number, form) == text:
            return phonenumbers.format_number(new, form)
    old, digits = phonenumbers.national_significant_number(number), digits_of(text)
    if not digits.endswith(old):
        return made
    prefix = digits.removesuffix(old)
    return pour(text, prefix + phonenumbers.national_significant_number(new))


def pour(shape: str, digits: str) -> str:
    """`digits` in the places of those in `shape`; those that are too many follow the last."""
    places = sum(each.isdigit() for each in shape)
    poured = iter([*digits[: places - 1], digits[places - 1 :]])
    return "".join(next(poured, "") if each.isdigit() else each for each in shape)
