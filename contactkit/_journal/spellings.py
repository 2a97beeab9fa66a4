"""The spellings under which the suppression list keeps an address and looks for it.

A number without its country code may belong to any country, so it is compared with what follows
the code of others. Two numbers with their codes are compared as a whole.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, TypeAlias

import phonenumbers

from contactkit.spec import emails, phones

Kind: TypeAlias = Literal["phone", "email"]

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
    """The spellings to look for: one of them is kept if the address is."""
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
    bare = digits.lstrip("0")
    # 011 is dialled before a country code, but it also begins area codes.
    rests = {bare, bare.removeprefix("11")} if bare != digits else {bare}
    return rests.union(*map(_without_code, rests))


def _without_code(digits: str) -> set[str]:
    number = _normalise(f"+{digits}")
    has_code = number and phonenumbers.is_possible_number(phonenumbers.parse(number))
    return {_national(number)} if has_code else set()


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _normalise(address: str) -> str:
    """The E.164 form of a phone number; "" without its country code."""
    try:
        return phones.normalise(address)
    except ValueError:
        return ""


def _national(number: str) -> str:
    """What follows the country code; without zeros, which belong to some numbers of Italy."""
    return phonenumbers.national_significant_number(phonenumbers.parse(number)).lstrip("0")
