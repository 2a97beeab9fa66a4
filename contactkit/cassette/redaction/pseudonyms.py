"""Personal values and the pseudonyms that stand for them, of the same format.

A pseudonym follows from the value and a key alone, but for two values that would fall together:
the later one moves on. What lies in a range kept for fiction stays as it is, and so does every
pseudonym, which is known by its form: to make one twice changes nothing.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Collection, Iterator
from itertools import count
from typing import Literal, TypeAlias

import phonenumbers
from phonenumbers import PhoneNumber

from contactkit.cassette.redaction import fake, phones

Kind: TypeAlias = Literal["phone", "email", "first", "last", "free"]
Candidate: TypeAlias = Callable[[bytes, int], str]
_WORD = re.compile(rf"{phones.EMAIL}|[^\W_]+")
# Past these a range counts as full.
_RESERVED_TRIES = 12


class Pseudonyms:
    """The pseudonyms under one key, and which value owns each: as a keyed hash, never itself.

    `owners` of an earlier run keep two values apart that would meet only now. What they list is
    nobody's, whatever its form, and stays: it may have been made under another key. Those that this
    run has used are in `touched`. The words in `ordinary` are looked for in their own fields alone,
    for they stand everywhere.
    """

    def __init__(
        self, key: bytes, owners: dict[str, str] | None = None, ordinary: Collection[str] = ()
    ) -> None:
        self.owners: dict[str, str] = {} if owners is None else owners
        self.touched: dict[str, str] = {}
        self._key = key
        self._listed = frozenset(self.owners)
        self._ordinary = ordinary
        self._made: dict[tuple[Kind, str], str] = {}
        self._numbers: dict[str, str] = {}
        self._digits: dict[str, str] = {}
        self._phrases: dict[str, dict[str, str]] = {}
        for each in self._listed:
            self._list(each)

    def _list(self, made: str) -> None:
        """Know a number that is listed in its other spellings too."""
        # Those that are kept for fiction are known anyway, and to take one apart is slow.
        is_number = phones.E164.fullmatch(made) and not fake.is_reserved(made)
        number = phones.read(made) if is_number else None
        if number:
            self._numbers[made] = made
            self._spell(number, made)

    @property
    def known(self) -> int:
        """How many values are known again in a text."""
        return len(self._digits) + sum(map(len, self._phrases.values()))

    def knows(self, token: str) -> bool:
        """Whether a JSON number is a phone number that was seen before."""
        return token in self._digits

    def of(self, kind: Kind, value: str) -> str:
        """The pseudonym of a value; the same one whenever it is asked for."""
        found = self._made.get((kind, value))
        if found is None:
            found = self._made[kind, value] = self._make(kind, value)
            self._remember(kind, value, found)
        return found

    def number(self, token: str) -> str:
        """A JSON number in free text's place: one of seven digits or more may name somebody."""
        mantissa, e, exponent = token.partition("e" if "e" in token else "E")
        length = sum(each.isdigit() for each in mantissa)
        digits = phones.digits_of(mantissa)
        if length < 7:
            return token
        if digits in self._listed or self._is_checked(digits):
            self._keep("number", digits)
            return token
        made = self._assign("number", token, lambda noise, _: self._checked(noise, length))
        return phones.pour(mantissa, made) + e + exponent

    def text(self, text: str, bare: bool = True) -> str:
        """A text with pseudonyms for all phone numbers, addresses and known values in it.

        `bare` digits that North America's plan has as a number are taken for one.
        """
        text = phones.PERSONAL.sub(lambda found: self._matched(found, bare) or found[0], text)
        return self._known(text) if self._phrases else text

    def leaks(self, text: str) -> Iterator[tuple[str, int]]:
        """What is personal in a text and no pseudonym: its kind and where it starts."""
        for found in phones.PERSONAL.finditer(text):
            if self._is_leak(found):
                is_email = found.lastgroup == "email"
                yield "e-mail address" if is_email else "phone number", found.start()
        yield from (("personal value", start) for start, _, _ in self._told(text))

    def _is_leak(self, found: re.Match[str]) -> bool:
        text = phones.unquoted(found[0])
        if found.lastgroup == "email":
            return not fake.is_example(text)
        digits = phones.digits_of(text)
        known = None if "+" in text else self._digits.get(digits)
        if known or found.lastgroup in ("digits", "inside"):
            return known is not None and self._numbers.get(known) != known
        # Nearly all that a recording holds are such, and to take one apart is slow.
        if fake.is_reserved(f"+{digits}" if "+" in text else f"+1{digits[-10:]}"):
            return False
        number = phones.read(phones.cut(text)[0])
        return number is not None and not self._is_ours(number)

    def _make(self, kind: Kind, value: str) -> str:
        if value in self._listed:
            return self._keep(kind, value)
        match kind:
            case "phone" if not any(each.isalpha() for each in value.removeprefix("tel:")):
                return self._phone(value)
            case "email" if phones.PERSONAL.fullmatch(value) and "@" in value:
                return self._email(value)
            case "first" | "last" if not phones.PERSONAL.search(value):
                return self._name(kind, value)
            case _:
                return self._free(value)

    def _email(self, value: str) -> str:
        if fake.is_example(value):
            return self._keep("email", value)
        return self._assign("email", value, lambda noise, _: fake.email(noise))

    def _name(self, kind: Literal["first", "last"], value: str) -> str:
        found = fake.NAMES[kind].fullmatch(value)
        if not value.strip() or (found and self._ending(kind, found[1].lower()) == found[2]):
            return value

        def named(noise: bytes, _: int) -> str:
            stem = fake.syllables(noise)
            return (stem + self._ending(kind, stem)).capitalize()

        return self._assign(kind, value, named)

    def _ending(self, kind: Literal["first", "last"], stem: str) -> str:
        """The ending that tells a name of ours from one that happens to look like it."""
        return fake.ENDINGS[kind][self._noise("ending", stem, 0)[0] % 16]

    def _free(self, value: str) -> str:
        made, at = "", 0
        for found in phones.PERSONAL.finditer(value):
            one = self._matched(found, found[0] == value)
            if one is not None:
                made, at = made + self._shaped(value[at : found.start()]) + one, found.end()
        return made + self._shaped(value[at:])

    def _shaped(self, value: str) -> str:
        if fake.is_shaped(value):
            return self._keep("free", value)
        return self._assign("free", value, lambda n, tries: fake.shaped(value, n, tries // 8))

    def _phone(self, value: str) -> str:
        known = self._digits.get(phones.digits_of(value))
        if not known and fake.is_reserved_abroad(phones.digits_of(value)):
            return self._keep("phone", value)
        number = phonenumbers.parse(known, None) if known else phones.read(value)
        if number is None:
            return self._shaped(value)
        original = phones.e164(number)
        made = self._numbers.get(original)
        if made is None:
            made = self._numbers[original] = self._number(number, original)
        return value if made == original else phones.respell(value, number, made)

    def _number(self, number: PhoneNumber, original: str) -> str:
        national = phonenumbers.national_significant_number(number)
        self._spell(number, original)
        if self._is_ours(number):
            return self._keep("phone", original)
        possible = phonenumbers.is_possible_number(number)

        def candidate(noise: bytes, tries: int) -> str:
            choice = int.from_bytes(noise[:8], "big")
            made = fake.reserved(number, choice) if tries < _RESERVED_TRIES else ""
            length = max(len(national), 4) + tries // 512
            made = made or f"+{number.country_code}{self._checked(noise, length)}"
            return made if fake.is_reserved(made) or self._is_unassigned(made, possible) else ""

        return self._assign("phone", original, candidate)

    def _spell(self, number: PhoneNumber, original: str) -> None:
        """Know a number again by its digits alone."""
        national = phonenumbers.national_significant_number(number)
        self._digits[original[1:]] = original
        # The trunk prefix is a zero nearly everywhere; shorter ones are no whole numbers.
        for digits in (national, f"0{national}") if len(national) >= 7 else ():
            self._digits.setdefault(digits, original)

    @staticmethod
    def _is_unassigned(made: str, possible: bool) -> bool:
        """Whether a number can be dialled and reaches nobody, for no range of its plan has it."""
        parsed = phones.read(made)
        if parsed is None or phones.e164(parsed) != made or phonenumbers.is_valid_number(parsed):
            return False
        return phonenumbers.is_possible_number(parsed) or not possible

    def _is_ours(self, number: PhoneNumber) -> bool:
        national = phonenumbers.national_significant_number(number)
        whole = phones.e164(number)
        return (
            fake.is_reserved(whole)
            or whole in self._listed
            or (self._is_checked(national) and not phonenumbers.is_valid_number(number))
        )

    def _checked(self, noise: bytes, length: int) -> str:
        """Digits of which the last ones follow from the others and the key."""
        lowest = 10 ** (length - self._checks(length) - 1)
        body = str(lowest + int.from_bytes(noise[8:24], "big") % (9 * lowest))
        return body + self._check(body, self._checks(length))

    def _is_checked(self, digits: str) -> bool:
        checks = self._checks(len(digits))
        return len(digits) > checks and self._check(digits[:-checks], checks) == digits[-checks:]

    def _check(self, body: str, length: int) -> str:
        noise = int.from_bytes(self._noise("check", body, 0)[:8], "big")
        return f"{noise % 10**length:0{length}d}"

    @staticmethod
    def _checks(length: int) -> int:
        return 3 if length > 6 else 2

    def _matched(self, found: re.Match[str], bare: bool) -> str | None:
        """The pseudonym of what a pattern found, None where that is nothing personal."""
        text = phones.unquoted(found[0])
        match found.lastgroup:
            case "email":
                made = self.of("email", text)
            case "phone":
                head, rest = phones.cut(text)
                made = self.of("phone", head) + rest
            case _:
                known = phones.digits_of(text) in self._digits
                alone = bare and found.lastgroup == "digits" and phones.is_bare(text)
                return self.of("phone", text) if known or alone else None
        return made if text == found[0] else made.replace("@", "%40").replace("+", "%2B")

    def _remember(self, kind: Kind, value: str, made: str) -> None:
        least = 3 if kind in ("first", "last") else 8
        personal = kind in ("first", "last", "free") and made != value
        if not personal or len(value) < least:
            return
        for spelt, one in ((value, made), (value.upper(), made.upper())):
            words = re.findall(r"[^\W_]+", spelt)
            if words and spelt not in self._ordinary:
                self._phrases.setdefault(words[0], {}).setdefault(spelt, one)

    def _known(self, text: str) -> str:
        made, at = "", 0
        for start, end, pseudonym in self._told(text):
            made, at = made + text[at:start] + pseudonym, end
        return made + text[at:]

    def _told(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where a text repeats a value that was seen in a field of its own."""
        at = 0
        for word in _WORD.finditer(text) if self._phrases else ():
            for value, made in self._phrases.get(word[0], {}).items():
                start = word.start() - value.index(word[0])
                end = start + len(value)
                whole = not text[end : end + 1].isalnum()
                if start >= at and whole and text.startswith(value, start):
                    yield start, end, made
                    at = end
                    break

    def _keep(self, kind: str, value: str) -> str:
        self.touched[value] = self.owners.setdefault(value, self._owner(kind, value))
        return value

    def _assign(self, kind: str, value: str, candidate: Candidate) -> str:
        mine = self._owner(kind, value)
        tries = (candidate(self._noise(kind, value, n), n) for n in count())
        free = (made for made in tries if made and self.owners.setdefault(made, mine) == mine)
        found = next(free)
        self.touched[found] = mine
        return found

    def _owner(self, kind: str, value: str) -> str:
        return self._noise(f"owner of {kind}", value, 0)[:8].hex()

    def _noise(self, kind: str, value: str, tries: int) -> bytes:
        said = f"{kind}\0{tries}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, said, "sha256")
