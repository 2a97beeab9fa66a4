"""Phone numbers as E.164 text: what a user may enter, and what a request may contain."""

from __future__ import annotations

import re

import phonenumbers

from contactkit.spec.text import name_unusual, to_plain

E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
ALLOWED = "a phone number with its country code, such as +12025550123 (E.164)"
_WRITTEN = re.compile(r"\+[\d ().\-/]+", re.ASCII)
_FLOAT = re.compile(r"\A(\+?\d+)\.0+\Z", re.ASCII)
_GAP = re.compile(r"(?<=\d)\D+(?=\d)", re.ASCII)
# Marks that may begin something else than the rest of the number.
_BREAK = re.compile(r"[^ .\-)]|\s[.\-]|[.\-]\s")
_POSSIBLE = phonenumbers.ValidationResult.IS_POSSIBLE
# Fewer digits are no number; a number's last group has more.
_FEWEST, _FEWEST_LAST = 7, 4
MORE = "what follows the number may be an extension, a second number or a decimal part"


def normalise(value: str) -> str:
    """The E.164 form of a phone number written with a leading +; raise ValueError otherwise.

    Invisible marks, and blanks and dashes of any kind, are read as what they mean. Letters,
    extensions and second numbers are refused, because dropping or joining them could reach another
    person. The number need not be assigned: the numbers in providers' examples are not.
    """
    plain = to_written(value)
    if unusual := name_unusual(plain):
        raise ValueError(f"must be {ALLOWED}, without {unusual}")
    if not _WRITTEN.fullmatch(plain):
        raise ValueError(f"must be {ALLOWED}")
    return read_plain(plain)


def read_plain(plain: str, region: str | None = None) -> str:
    """The E.164 form of digits, blanks and marks, dialled in a region unless they have a +."""
    number = _e164(plain, region)
    # A number that parses differently the second time ("+44 00 20…") is ambiguous.
    if not E164.fullmatch(number) or _e164(number) != number:
        raise ValueError(f"must be {ALLOWED}")
    if _has_more(plain, region):
        raise ValueError(f"must be {ALLOWED} and nothing else; {MORE}")
    return number


def to_written(value: str) -> str:
    """A number of any form as a reader sees it, without the ".0" of a float that became text."""
    return _FLOAT.sub(r"\1", to_plain(value).strip())


def check_alone(value: str) -> str:
    """The value if no other digits follow a complete number; raise ValueError otherwise.

    It is for a field whose format is not documented.
    """
    plain = to_written(value)
    if hidden := name_unusual("".join(c for c in plain if not c.isprintable())):
        raise ValueError(f"must be {ALLOWED}, without {hidden}")
    if _has_more(plain):
        raise ValueError(f"must be {ALLOWED} and nothing else; {MORE}")
    return value


def _has_more(plain: str, region: str | None = None) -> bool:
    """Whether digits follow a number that is complete without them, or may be."""
    gaps = list(_GAP.finditer(plain))
    whole = _length(plain, region) if gaps else None
    too_long = whole == phonenumbers.ValidationResult.TOO_LONG
    decimal = plain.count(".") == 1
    for gap in gaps:
        breaks = bool(_BREAK.search(gap[0])) or (decimal and "." in gap[0])
        before = plain[: gap.start()]
        if (too_long or breaks) and _length(before, region) == _POSSIBLE:
            return True
        # In a number that is too short, such as those in providers' examples.
        few = _digits(plain[gap.end() :]) < _FEWEST_LAST
        if breaks and _digits(before) >= _FEWEST and (few or whole != _POSSIBLE):
            return True
    return False


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _length(written: str, region: str | None) -> int | None:
    """How a number's length compares with its country's numbering plan; None without a country."""
    try:
        parsed = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.is_possible_number_with_reason(parsed)


def _e164(value: str, region: str | None = None) -> str:
    try:
        parsed = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        raise ValueError(f"must be {ALLOWED}") from None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def check(value: str) -> str:
    """The value if it has the form of E.164; raise ValueError, which says why, otherwise."""
    if not E164.fullmatch(value):
        normalise(value)
        raise ValueError(f"must be {ALLOWED}")
    return value


def doubt(value: str) -> str:
    """Why an E.164 number is probably incomplete, "" if it is not.

    Its length is compared with the numbering plan of its country.
    """
    try:
        parsed = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        return "does not start with a country's calling code"
    why = _IMPOSSIBLE.get(phonenumbers.is_possible_number_with_reason(parsed), "")
    return why and f"is {why}: +{parsed.country_code} and {len(str(parsed.national_number))} digits"


_IMPOSSIBLE = {
    phonenumbers.ValidationResult.TOO_SHORT: "too short",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "too short",
    phonenumbers.ValidationResult.INVALID_LENGTH: "too short or too long",
    phonenumbers.ValidationResult.TOO_LONG: "too long",
}


def region(value: str) -> str:
    """ISO 3166-1 alpha-2 code of an E.164 number's region; "" if no country has its code.

    If the number's region is unknown, it is the main region of the calling code.
    """
    try:
        parsed = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        return ""
    return region_of(parsed)


def region_of(parsed: phonenumbers.PhoneNumber) -> str:
    """The same for a parsed number."""
    exact = phonenumbers.region_code_for_number(parsed)
    return exact or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
