"""Phone numbers as E.164 text: what a user may enter, and what a request may contain."""

from __future__ import annotations

import re

import phonenumbers

E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
_WRITTEN = re.compile(r"\s*[+\uff0b][\d\s().\-/\u00a0\u2010-\u2015]+", re.UNICODE)
ALLOWED = "a phone number with its country code, such as +12025550123 (E.164)"


def normalise(value: str) -> str:
    """The E.164 form of a phone number written with a leading +; raise ValueError otherwise.

    Letters and extensions are refused, because dropping them could reach another person. The
    number need not be assigned: the numbers in providers' examples are not.
    """
    if not _WRITTEN.fullmatch(value):
        raise ValueError(f"must be {ALLOWED}")
    number = check(_e164(value))
    # A number that parses differently the second time ("+44 00 20…") is ambiguous.
    if _e164(number) != number:
        raise ValueError(f"must be {ALLOWED}")
    return number


def _e164(value: str) -> str:
    try:
        parsed = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        raise ValueError(f"must be {ALLOWED}") from None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def check(value: str) -> str:
    """The value if it has the form of E.164; raise ValueError otherwise."""
    if not E164.fullmatch(value):
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
