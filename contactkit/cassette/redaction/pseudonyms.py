"""Pseudonyms of personal values: always the same for a value, and clearly not real.

A pseudonym follows from the value and a key, unless another value already has it: then the next
candidate is used. Pseudonyms and values reserved for fiction are not changed, so that redacting
twice changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Literal, TypeAlias
from urllib.parse import quote

import phonenumbers
from phonenumbers import PhoneNumber

from contactkit._redact.layers import Layer, layers
from contactkit._redact.people import KnownPeople
from contactkit._redact.spans import Replacement, outermost, replace_spans
from contactkit.cassette.redaction import fake, phones
from contactkit.cassette.redaction.checks import find_numbers, is_card
from contactkit.cassette.redaction.owners import Owners

NameKind: TypeAlias = Literal["first", "last"]
Kind: TypeAlias = Literal["phone", "email", "free", "full"] | NameKind
# After this many candidates a range counts as full.
_RESERVED_TRIES = 12


class Pseudonyms:
    """The pseudonyms under one key, and their owners: keyed hashes of the values.

    With the `owners` of an earlier run, a value gets the same pseudonym as there, and the
    pseudonyms listed there are not replaced, whatever the key. The words in `ordinary` are replaced
    only in personal fields, since they occur in other text too; those in `common`, in lower case,
    there and where they are written the same.
    """

    def __init__(
        self,
        key: bytes,
        owners: dict[str, str] | None = None,
        ordinary: Collection[str] = (),
        common: Collection[str] = (),
    ) -> None:
        self.owners = Owners(key, {} if owners is None else owners)
        self._ordinary = fake.WORDS.union(ordinary)
        self._cache: dict[tuple[Kind, str], str] = {}
        self._numbers: dict[str, str] = {}
        self._by_digits: dict[str, str] = {}
        self._people = KnownPeople(common)
        for pseudonym in self.owners.listed:
            self._list_number(pseudonym)

    def _list_number(self, pseudonym: str) -> None:
        """Recognise a listed number in its other formats too."""
        # Those reserved for fiction are recognised anyway, and parsing a number is slow.
        is_number = phones.E164.fullmatch(pseudonym) and not phones.is_reserved(pseudonym)
        number = phones.parse(pseudonym) if is_number else None
        if number:
            self._numbers[pseudonym] = pseudonym
            self._index_digits(number, pseudonym)

    @property
    def known(self) -> int:
        """The number of values that are recognised in a text."""
        return len(self._by_digits) + len(self._people)

    def of(self, kind: Kind, value: str) -> str:
        """The pseudonym of a value, the same in every call."""
        pseudonym = self._cache.get((kind, value))
        if pseudonym is None:
            pseudonym = self._cache[kind, value] = self._make(kind, value)
            self._remember(kind, value, pseudonym)
        return pseudonym

    def recall(self, text: str) -> None:
        """Recognise the names in a text that an earlier run has replaced."""
        words = re.findall(r"[^\W\d_]{3,}", text) if self.owners.has_earlier else []
        for value in dict.fromkeys((text, *words)):
            for kind in ("first", "last", "free"):
                if self.owners.is_earlier(kind, value):
                    self.of(kind, value)

    def number(self, kind: Kind | None, token: str) -> str:
        """A JSON number, replaced if it is a phone number, or free text of seven digits or more."""
        is_phone = (kind == "phone" and len(token) >= 7) or token in self._by_digits
        phone = self._phone(token) if is_phone else None
        if phone:
            return phones.digits_of(phone).lstrip("0")
        return self._free_number(token) if is_phone or kind == "free" else token

    def _free_number(self, token: str) -> str:
        mantissa, e, exponent = token.partition("e" if "e" in token else "E")
        digits = phones.digits_of(mantissa)
        if len(digits) < 7:
            return token
        if digits in self.owners.listed:
            self.owners.keep("number", digits)
            return token
        lowest = 10 ** (len(digits) - 1)

        def candidate(noise: bytes, _: int) -> str:
            number = str(lowest + int.from_bytes(noise) % (9 * lowest))
            return "" if is_card(number) else number

        pseudonym = self.owners.assign("number", token, candidate)
        return phones.fill_digits(mantissa, pseudonym) + e + exponent

    def text(self, text: str, bare: bool = True) -> str:
        """A text with pseudonyms for all phone numbers, addresses and known values in it.

        With `bare`, digits that are a North American number are replaced too.
        """
        numbers = [span for layer in layers(text) for span in self._in_layer(text, layer, bare)]
        people = self._people.find(text)
        return replace_spans(text, outermost([*numbers, *people]))

    def _in_layer(self, text: str, layer: Layer, bare: bool) -> Iterator[Replacement]:
        for match in _numbers(layer.text):
            replacement = self._matched(match, bare)
            if replacement is not None:
                start, end = layer.span(*match.span())
                quoted = layer.text is not text and "%" in text[start:end]
                yield start, end, quote(replacement) if quoted else replacement

    def checked(self, text: str) -> str:
        """A text with pseudonyms for the cards, IBANs and social security numbers in it."""
        numbers = ((i, j, self._text("free", text[i:j])) for i, j in find_numbers(text))
        return replace_spans(text, numbers)

    def leaks(self, text: str) -> Iterator[tuple[str, int]]:
        """The personal values in a text that are not pseudonyms: kind and start."""
        places: set[int] = set()
        for match in _numbers(text):
            if self._is_leak(match) and places.isdisjoint(range(*match.span())):
                places.update(range(*match.span()))
                is_email = match.lastgroup == "email"
                yield "e-mail address" if is_email else "phone number", match.start()
        yield from (("personal value", start) for start, _, _ in self._people.find(text))

    def _is_leak(self, match: re.Match[str]) -> bool:
        text = phones.unescape(match[0])
        if match.lastgroup == "email":
            return not fake.is_example(text)
        digits = phones.digits_of(text)
        known = None if "+" in text else self._by_digits.get(digits)
        if known or match.lastgroup in ("digits", "inside"):
            return known is not None and self._numbers.get(known) != known
        # Most numbers in a recording are of this kind, and parsing a number is slow.
        if phones.is_reserved(f"+{digits}" if "+" in text else f"+1{digits[-10:]}"):
            return False
        number = phones.parse(phones.split(text)[0])
        return number is not None and not self._is_ours(phones.e164(number))

    def _is_ours(self, number: str) -> bool:
        return phones.is_reserved(number) or number in self.owners.listed

    def _make(self, kind: Kind, value: str) -> str:
        if value in self.owners.listed:
            return self.owners.keep(kind, value)
        match kind:
            case "phone" if not any(map(str.isalpha, value.removeprefix("tel:"))):
                return self._phone(value) or self._text("free", value)
            case "email" if phones.PERSONAL.fullmatch(value) and "@" in value:
                return self._email(value)
            case "first" | "last" if not phones.PERSONAL.search(value):
                return self._text(kind, value)
            case _:
                return self._free(value)

    def _email(self, value: str) -> str:
        if fake.is_example(value):
            return self.owners.keep("email", value)
        return self.owners.assign("email", value, fake.email)

    def _free(self, value: str) -> str:
        """The pseudonym of free text: of the numbers and addresses in it, and of the rest."""
        redacted, index = "", 0
        for match in phones.PERSONAL.finditer(value):
            pseudonym = self._matched(match, match[0] == value)
            if pseudonym is not None:
                redacted += self._text("free", value[index : match.start()]) + pseudonym
                index = match.end()
        return redacted + self._text("free", value[index:])

    def _text(self, kind: NameKind | Literal["free"], value: str) -> str:
        if value.isascii() and not any(map(str.isalnum, value)):
            return value
        # A text with a number in it was replaced in parts, each of which is listed.
        if fake.is_made_up(value) or value in self.owners.listed:
            return self.owners.keep(kind, value)
        return self.owners.assign(kind, value, lambda noise, n: fake.text(kind, value, noise, n))

    def _phone(self, value: str) -> str | None:
        """The pseudonym of a phone number in the same format; None if `value` is not a number."""
        digits = phones.digits_of(value)
        known = self._by_digits.get(digits)
        if not known and phones.is_reserved_at_home(digits):
            return self.owners.keep("phone", value)
        number = phonenumbers.parse(known, None) if known else phones.parse(value)
        if number is None:
            return None
        original = phones.e164(number)
        if original not in self._numbers:
            self._index_digits(number, original)
            self._numbers[original] = self._number(number, original)
        pseudonym = self._numbers[original]
        return value if pseudonym == original else phones.format_like(value, number, pseudonym)

    def _number(self, number: PhoneNumber, original: str) -> str:
        if self._is_ours(original):
            return self.owners.keep("phone", original)

        def candidate(noise: bytes, tries: int) -> str:
            choice = int.from_bytes(noise[:8])
            reserved = phones.reserved(number, choice) if tries < _RESERVED_TRIES else ""
            return reserved or phones.unassigned(number, choice, tries // 512)

        return self.owners.assign("phone", original, candidate)

    def _index_digits(self, number: PhoneNumber, original: str) -> None:
        """Recognise a number by its digits alone."""
        national = phonenumbers.national_significant_number(number)
        self._by_digits[original[1:]] = original
        # The trunk prefix is a zero nearly everywhere; shorter digits are not complete numbers.
        for digits in (national, f"0{national}") if len(national) >= 7 else ():
            self._by_digits.setdefault(digits, original)

    def _matched(self, match: re.Match[str], bare: bool) -> str | None:
        """The pseudonym of a match of PERSONAL; None if the match is not personal."""
        text = phones.unescape(match[0])
        match match.lastgroup:
            case "email":
                pseudonym = self.of("email", text)
            case "phone":
                head, rest = phones.split(text)
                pseudonym = self.of("phone", head) + rest
            case _:
                known = phones.digits_of(text) in self._by_digits
                alone = bare and match.lastgroup == "digits" and phones.is_bare(text)
                return self.of("phone", text) if known or alone else None
        if text == match[0]:
            return pseudonym
        return pseudonym.replace("@", "%40").replace("+", "%2B")

    def _remember(self, kind: Kind, value: str, pseudonym: str) -> None:
        """Recognise a name or another text when it is repeated."""
        if kind in ("phone", "email") or pseudonym == value or value in self._ordinary:
            return
        least = 8 if kind == "free" else 3 if value.isascii() else 2
        if len(value) >= least:
            self._people.add(value, pseudonym)
        if kind == "full":
            # One of the names alone is the same person's.
            for word in re.findall(r"[^\W\d_]{4,}|[^\W\d_a-zA-Z]{2,}", value):
                if word not in self._ordinary:
                    self._people.add(word, self._text("free", word))


def _numbers(text: str) -> Iterator[re.Match[str]]:
    """The addresses, numbers and digits in a text; digits again in parts if they may be two."""
    yield from phones.PERSONAL.finditer(text)
    for pattern in phones.NARROW if phones.is_ambiguous(text) else ():
        yield from pattern.finditer(text)
