"""Secrets found by their name, by their value in any encoding, and by their shape.

Each becomes a stand-in that says what stood there and follows from nothing but the order in which
secrets of that name came.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

STAND_IN = re.compile(r"redacted-[a-z0-9-]+")
_TELLING = (
    r"(?:api|access|secret|private|signing|encryption)[-_ ]?key(?:[-_ ]id)?|secret|tokens?|jwt"
    r"|pass(?:word|wd|code|phrase)|pwd|signature|hmac|session(?:[-_ ]?id)?|credentials?"
)
_NAMES = re.compile(
    rf"(?:^|[^a-z])(?:{_TELLING}|sig|sid|auth|authorization|bearer|cookies?|ssn|otp|pin|cvv"
    r"|csrf|xsrf)(?:$|[^a-z](?!(?:type|url|uri|expires.*|count|limit|status|required|enabled)$))"
)
_NO = r"(?!redacted-)"
_ISSUED = (
    "sk pk rk whsec ghp gho ghs github_pat glpat xoxa xoxb xoxe xoxp xoxr xoxs shpat npm hf".split()
)
_SHAPES = re.compile(
    r"(?P<jwt>(?:(?<![\w-])|(?<=\\[nrt]))eyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)?)"
    rf"|(?i:\b(?:bearer|basic)(?:\s|%20|\+)+{_NO}(?P<bearer>(?=\S*?[\d_.~+/=-]|\S{{20}})"
    r"[\w.~+/=-]{8,}))"
    rf"|(?P<key>\b(?:(?:{'|'.join(_ISSUED)})[-_]"
    r"|SG\.)[\w.-]{10,}|\b(?:AKIA[0-9A-Z]{16}|AIza[\w-]{30,}))"
    rf"|(?i:(?<![a-z])(?:{_TELLING})(?:=|%3d){_NO}(?P<given>[^\s\"'&;,<>{{}}\[\]\\]{{4,}})"
    rf"|(?<![a-z])(?:{_TELLING})[\"'\\]*(?:\s*:\s*|\s+(?:is\s+|was\s+)?)[\"'\\]*{_NO}"
    r"(?P<told>(?=[^\s\"'&;,]*\d)[^\s\"'&;,<>{}\[\]\\]{8,}))"
)
# Every shape has one of these in it, whatever its case, and most texts have none.
_SIGNS = (
    *"eyj bearer basic sg. akia aiza key secret token jwt pass pwd signature hmac session".split(),
    "credential",
    *(each + joint for each in _ISSUED for joint in "-_"),
)
# A secret of the traffic stands alone, or in a path or a sentence.
_TOKENS = [re.compile(r"[\w.~+/%-]{8,}={0,2}"), re.compile(r"[\w~-]+(?:\.[\w~-]+)*")]
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")


class Secrets:
    """The secrets of one client, `held` at any time, and of its traffic, and their stand-ins."""

    def __init__(self, held: Callable[[], Iterable[str]], names: Iterable[str] = ()) -> None:
        self._held = held
        self._names = frozenset(map(str.lower, names))
        self._made: dict[str, str] = {}
        self._odd: list[str] = []
        self._counts: dict[str, int] = {}
        self._known: dict[str, bool] = {}

    def is_named(self, name: str) -> bool:
        """Whether what has this name is a secret."""
        found = self._known.get(name)
        if found is None:
            spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
            found = name.lower() in self._names or _NAMES.search(spaced) is not None
            self._known[name] = found
        return found

    def stand_in(self, name: str, value: str) -> str:
        """What stands for a secret of this name; its first one's has no number."""
        if not value or STAND_IN.fullmatch(value):
            return value
        if value not in self._made:
            slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "secret"
            number = self._counts[slug] = self._counts.get(slug, 0) + 1
            self._made[value] = f"redacted-{slug}" + (f"-{number}" if number > 1 else "")
            if not any(token.fullmatch(value) for token in _TOKENS):
                self._odd.append(value)
        return self._made[value]

    def header(self, name: str, value: str) -> str:
        """A header that is a secret: its scheme, and its cookies' names and attributes, stay."""
        lower = name.lower()
        if lower in ("cookie", "set-cookie"):
            only = 1 if lower == "set-cookie" else 0
            return re.sub(
                r"(?<==)[^;]+", lambda v: self.stand_in("cookie", v[0]), value, count=only
            )
        scheme, space, rest = value.partition(" ")
        if space and scheme.isalpha():
            return scheme + space + self.stand_in(name, rest)
        return self.stand_in(name, value)

    def text(self, text: str) -> str:
        """A text without the secrets that are in it."""
        made, at = "", 0
        for name, start, end in sorted(self._found(text), key=lambda each: each[1:]):
            if start >= at:
                made, at = made + text[at:start] + self._for(name, text[start:end]), end
        return made + text[at:]

    def leaks(self, text: str) -> Iterator[tuple[str, int]]:
        """The secrets in a text: how each was found, and where it starts."""
        for name, start, _ in self._found(text):
            yield ("credential" if name.startswith("=") else "secret"), start

    def _for(self, name: str, found: str) -> str:
        return (
            self.stand_in("credential", name[1:]) if name[0] == "=" else self.stand_in(name, found)
        )

    def _found(self, text: str) -> Iterator[tuple[str, int, int]]:
        """A name, or "=" and a value held, with the place of each secret."""
        folded = text.casefold()
        yield from self._found_by_value(text, folded)
        for found in _SHAPES.finditer(text) if _has(folded, _SIGNS) else ():
            group = found.lastgroup or ""
            yield "token" if group in ("given", "told") else group, *found.span(group)
        for token in _TOKENS if _has(text, self._made) else ():
            for found in token.finditer(text):
                if len(found[0]) >= 8 and found[0] in self._made:
                    yield f"={found[0]}", *found.span()

    def _found_by_value(self, text: str, folded: str) -> Iterator[tuple[str, int, int]]:
        every = (*self._held(), *self._odd)
        values = tuple(dict.fromkeys(each for each in every if len(each) > 3))
        pattern = _by_value(values) if _has(folded, _signs(values)) else None
        for found in pattern.finditer(text) if pattern else ():
            start, end, group = found.start(), found.end(), found.lastgroup or ""
            while group[0] == "b" and start and text[start - 1] in _BASE64:
                start -= 1
            while group[0] == "b" and end < len(text) and text[end] in _BASE64:
                end += 1
            if not STAND_IN.fullmatch(values[int(group[1:])]):
                yield f"={values[int(group[1:])]}", start, end


def _has(text: str, parts: Iterable[str]) -> bool:
    return any(part in text for part in parts)


@lru_cache(maxsize=16)
def _signs(values: tuple[str, ...]) -> tuple[str, ...]:
    """Texts of which one is in all that `_by_value` finds, once both are case-folded."""
    found = {each for value in values for each in (*_spellings(value), *_cores(value.encode()))}
    return tuple({each.casefold() for each in found})


@lru_cache(maxsize=16)
def _by_value(values: tuple[str, ...]) -> re.Pattern[str]:
    """Finds each of the values as plain text (group p) and inside of base64 (group b)."""
    parts: list[tuple[int, str]] = []
    for number, value in enumerate(values):
        plain = sorted(map(re.escape, _spellings(value)), key=len, reverse=True)
        parts.append((len(value), f"(?P<p{number}>(?i:{'|'.join(plain)}))"))
        cores = _cores(value.encode())
        if cores:
            parts.append((len(value), f"(?P<b{number}>{'|'.join(map(re.escape, cores))})"))
    # Longest first: a secret may be part of another one.
    parts.sort(key=lambda part: -part[0])
    return re.compile("|".join(text for _, text in parts))


def _spellings(value: str) -> set[str]:
    quoted = quote(value, safe="")
    return {value, quoted, quote(quoted, safe=""), quote_plus(value), json.dumps(value)[1:-1]}


def _cores(value: bytes) -> set[str]:
    """What base64 makes of a value after 0, 1 or 2 other bytes, whatever surrounds it.

    Less than eight letters of it would be found by chance.
    """
    found: set[str] = set()
    for before in range(3):
        padded = b"\0" * before + value
        whole = len(padded) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            found.add(encode(padded).decode()[(before * 8 + 5) // 6 : whole])
    return {each for each in found if len(each) >= 8}
