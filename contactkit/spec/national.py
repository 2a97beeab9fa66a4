"""Phone numbers as they are dialled in one region, read only where the caller names the region."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from contactkit.errors import InvalidInputError
from contactkit.spec.phones import MORE, normalise, read_plain, to_written
from contactkit.spec.text import name_unusual

_DIALLED = re.compile(r"[\d ().\-/]+", re.ASCII)
_POSSIBLE = phonenumbers.ValidationResult.IS_POSSIBLE
_SCHEME = re.compile(r"tel:\s*", re.IGNORECASE)


def check_region(where: str, region: object) -> None:
    """InvalidInputError unless a region is None or has numbers of its own."""
    known = isinstance(region, str) and region in phonenumbers.SUPPORTED_REGIONS
    if region is not None and not known:
        wanted = "an ISO 3166-1 alpha-2 code in capitals, such as US or GB"
        given = repr(region) if isinstance(region, str) else type(region).__name__
        raise InvalidInputError.one(where, "region", f"must be {wanted}, not {given}")


def normalise_in(value: str, region: str | None) -> str:
    """The E.164 form of a number as it is written in a region; raise ValueError otherwise.

    A number with a + is read as `normalise` reads it, whatever the region. Without one it is
    national, or begins with the region's calling code or with 00; where these are two different
    numbers it is refused.
    """
    if region is None:
        return normalise(value)
    plain = _SCHEME.sub("", to_written(value), count=1)
    if plain.startswith("+"):
        return normalise(plain)
    allowed = f"a phone number of {region}, or one with + and its country code"
    if unusual := name_unusual(plain):
        raise ValueError(f"must be {allowed}, without {unusual}")
    if not _DIALLED.fullmatch(plain):
        raise ValueError(f"must be {allowed}")
    numbers, has_more = _read_all(plain, region)
    if len(numbers) > 1:
        numbers = {n for n in numbers if phonenumbers.is_valid_number(_parse(n))} or numbers
    match [*numbers]:
        case [number]:
            return number
        case []:
            raise ValueError(f"must be {allowed}" + has_more * f" and nothing else; {MORE}")
        case _:
            raise ValueError(f"must be {allowed}: it may be a number of two countries")


def _read_all(plain: str, region: str) -> tuple[set[str], bool]:
    """The numbers that this text may be, and whether it may be one with something after it."""
    numbers: set[str] = set()
    has_more = False
    for text, dialled_in in _readings(plain, region):
        try:
            number = read_plain(text, dialled_in)
        except ValueError as error:
            has_more |= MORE in str(error)
            continue
        # Without its area code a number is possible only for a neighbour.
        if phonenumbers.is_possible_number_with_reason(_parse(number)) == _POSSIBLE:
            numbers.add(number)
    return numbers, has_more


def _readings(plain: str, region: str) -> Iterator[tuple[str, str | None]]:
    """The text as a national number, and with + for 00 or before the region's calling code."""
    yield plain, region
    if plain.startswith("00"):
        yield f"+{plain[2:]}", None
    code = phonenumbers.country_code_for_region(region)
    if re.sub(r"\D", "", plain).startswith(str(code)):
        yield f"+{plain}", None


def _parse(number: str) -> phonenumbers.PhoneNumber:
    return phonenumbers.parse(number, None)
