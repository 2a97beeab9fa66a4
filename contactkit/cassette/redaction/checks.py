"""Numbers of people that a check proves: cards, bank accounts and US social security numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Prefixes of issuers, and the lengths of their numbers: ISO/IEC 7812 and the issuers' own pages.
_ISSUERS = (
    (re.compile(r"4"), {13, 16, 19}),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),  # Mastercard
    (re.compile(r"3[47]"), {15}),  # American Express
    (re.compile(r"6011|64[4-9]|65"), {16, 17, 18, 19}),  # Discover
    (re.compile(r"30[0-5]|3095|3[689]"), {14, 16, 19}),  # Diners Club
    (re.compile(r"35(?:2[89]|[3-8])"), {16, 17, 18, 19}),  # JCB
    (re.compile(r"62|81"), {16, 17, 18, 19}),  # UnionPay
    (re.compile(r"50(?:18|20|38)|5893|6304|6759|676[1-3]"), {*range(12, 20)}),  # Maestro
    (re.compile(r"220[0-4]"), {16, 17, 18, 19}),  # Mir
    (re.compile(r"60|65|81|82|508"), {16}),  # RuPay
)
# By country, the length of an IBAN: the SWIFT registry.
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI FO GL NL SD FK",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU XK MN",
        "21": "CH CR HR LI LV",
        "22": "BG BH DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HN HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
# In one run, or in groups of four, or of four, six and four or five.
_CARD = (
    r"(?<![\w.+-])(?:\d{12,19}|\d{4}(?P<gap>[ -])(?:\d{4}(?P=gap)\d{4}(?P=gap)\d{1,4}"
    r"(?:(?P=gap)\d{1,3})?|\d{6}(?P=gap)\d{4,5}))(?![\w-]|\.\d)"
)
_IBAN = r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])"
_ALONE = r"(?![\w-]|\.\d)"
_SSN = (
    r"(?<![\w.+-])(?!000|666|9\d\d)\d{3}(?P<joint>[- ])(?!00)\d{2}(?P=joint)(?!0000)\d{4}"
    f"{_ALONE}"
)
_NUMBERS = re.compile(f"(?P<ssn>{_SSN})|(?P<iban>{_IBAN})|(?P<card>{_CARD})")


def find_numbers(text: str) -> Iterator[tuple[int, int]]:
    """The places of cards, IBANs and social security numbers in a text."""
    index = 0
    while match := _NUMBERS.search(text, index):
        length = len(match[0]) if match["ssn"] else _length(match)
        if length:
            yield match.start(), match.start() + length
        index = match.start() + (length or 1)


def _length(match: re.Match[str]) -> int:
    """How much of a match is the number; 0 if none is."""
    if match["card"]:
        return len(match[0]) if is_card(re.sub(r"\D", "", match[0])) else 0
    return _iban_length(match["iban"])


def is_card(digits: str) -> bool:
    """Whether digits are a card's number: an issuer's prefix and length, and Luhn's sum."""
    issued = any(p.match(digits) and len(digits) in lengths for p, lengths in _ISSUERS)
    return issued and _luhn(digits)


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(doubled)) % 10 == 0


def _iban_length(text: str) -> int:
    """The length, with its gaps, of the IBAN that a text begins with."""
    wanted, end = _IBAN_LENGTHS.get(text[:2].upper(), 0), 0
    while wanted and end < len(text):
        wanted -= text[end].isalnum()
        end += 1
    if wanted or not end or text[end : end + 1].isalnum():
        return 0
    plain = re.sub(r"[ -]", "", text[:end]).upper()
    value = "".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])
    return end if int(value) % 97 == 1 else 0
