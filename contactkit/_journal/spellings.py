"""The spellings of an address under which the suppression list keeps it, and looks for it.

A number without its country code may be that of any country, so that it is compared by what
follows the code. Two numbers with their codes are compared as a whole.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, TypeAlias

import phonenumbers

from contactkit.spec import emails, phones

Kind: TypeAlias = Literal["phone", "email"]

# What is dialled before a country code or an area code.
_PREFIX = re.compile(r"\A(?:00|011|0)+")
_CODELESS, _NATIONAL = "codeless ", "national "


def canonical(kind: Kind, address: str) -> str:
    """An address in the form in which it is compared: the digits of a number, or in lower case."""
    if kind == "email":
        return unicodedata.normalize("NFC", address.strip()).casefold()
    return _digits(_normalise(address) or address)


def kept_spellings(kind: Kind, address: str) -> set[str]:
    """The spellings under which an address is kept."""
    if kind == "email":
        return _email_spellings(address)
    if number := _normalise(address):
        return {_digits(number), f"{_NATIONAL}{_national(number)}"}
    digits = _digits(address)
    return {digits, *(f"{_CODELESS}{each}" for each in _without_prefix(digits))}


def sought_spellings(kind: Kind, address: str) -> set[str]:
    """The spellings of which one is kept if an address is."""
    if kind == "email":
        return _email_spellings(address)
    if number := _normalise(address):
        digits = _digits(number)
        return {digits, f"{_CODELESS}{digits}", f"{_CODELESS}{_national(number)}"}
    digits = _digits(address)
    rests = _without_prefix(digits)
    others = (f"{which}{rest}" for which in (_CODELESS, _NATIONAL) for rest in rests)
    return {digits, *rests, *others}


def _email_spellings(address: str) -> set[str]:
    plain = canonical("email", address)
    return {plain, emails.canonical(address) or plain}


def _without_prefix(digits: str) -> set[str]:
    """The digits without what is dialled before them, and without what may be a country code."""
    rest = _PREFIX.sub("", digits)
    number = _normalise(f"+{rest}")
    has_code = number and phonenumbers.is_possible_number(phonenumbers.parse(number))
    return {rest, _national(number)} if has_code else {rest}


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _normalise(address: str) -> str:
    """The E.164 form of a phone number; "" without its country code."""
    try:
        return phones.normalise(address)
    except ValueError:
        return ""


def _national(number: str) -> str:
    return phonenumbers.national_significant_number(phonenumbers.parse(number))
