"""Secrets found by their name, by their value in any encoding, and by their shape.

Each becomes a stand-in that says what stood there and follows from nothing but the order in which
secrets of that name came.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from contactkit._redact import (
    contains_any,
    find_shapes,
    find_values,
    is_secret_name,
    replace_spans,
    without_overlaps,
)

STAND_IN = re.compile(r"redacted-[a-z0-9-]+")
# A secret of the traffic stands alone, or in a path or a sentence.
_TOKENS = [re.compile(r"[\w.~+/%-]{8,}={0,2}"), re.compile(r"[\w~-]+(?:\.[\w~-]+)*")]


class Secrets:
    """The secrets of one client, `held` at any time, and of its traffic, and their stand-ins."""

    def __init__(self, held: Callable[[], Iterable[str]], names: Iterable[str] = ()) -> None:
        self._held = held
        self._names = frozenset(map(str.lower, names))
        self._made: dict[str, str] = {}
        self._odd: list[str] = []
        self._counts: dict[str, int] = {}

    @property
    def known(self) -> int:
        """How many secrets of the traffic are known again."""
        return len(self._made)

    def is_named(self, name: str) -> bool:
        """Whether what has this name is a secret."""
        return name.lower() in self._names or is_secret_name(name)

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
        made = self._without(text)
        # What its end gives away as one may have stood before it too.
        return made if made == text else self.text(made)

    def _without(self, text: str) -> str:
        found = without_overlaps(self._found(text))
        return replace_spans(text, ((s, e, self._for(name, text[s:e])) for name, s, e in found))

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
        every = (*self._held(), *self._odd)
        values = tuple(dict.fromkeys(each for each in every if len(each) > 3))
        for value, start, end in find_values(text, values):
            if not STAND_IN.fullmatch(value):
                yield f"={value}", start, end
        yield from find_shapes(text)
        for token in _TOKENS if contains_any(text, self._made) else ():
            for found in token.finditer(text):
                if len(found[0]) >= 8 and found[0] in self._made:
                    yield f"={found[0]}", *found.span()


Leaks: TypeAlias = Callable[[str], Iterable[tuple[str, int]]]
"""The kind of each secret and personal value in a text, and where it starts."""

BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_LINES = {ord(each): None for each in "\t\r\n"}
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


class Finding(NamedTuple):
    """A secret or a personal value: its kind, its byte, and what `hidden` it, "" for nothing.

    The byte is that of the base64 it is in; None where the whole text must be decoded.
    """

    kind: str
    byte: int | None
    hidden: str = ""

    def __str__(self) -> str:
        where = f"in {self.hidden}" if self.hidden else f"at byte {self.byte}"
        return f"{self.kind} {where}"


def findings(text: str, leaks: Leaks) -> Iterator[Finding]:
    """All that is in a text, each once."""
    plain = dict.fromkeys(leaks(text))
    for kind, at in plain:
        yield Finding(kind, _byte(text, at))
    for name, whole in _readings(text):
        hidden = Counter(kind for kind, _ in dict.fromkeys(leaks(whole)))
        hidden.subtract(kind for kind, _ in plain)
        yield from (Finding(kind, None, name) for kind in hidden.elements())
    for found in BASE64.finditer(text):
        word = decoded(found[0])
        for kind, _ in leaks(word) if word else ():
            yield Finding(kind, _byte(text, found.start()), "base64")


def _byte(text: str, at: int) -> int:
    return len(text[:at].encode())


def _readings(text: str) -> Iterator[tuple[str, str]]:
    if "\\u" in text:
        yield "an escape", _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    if "%" in text:
        yield "percent-encoding", unquote(text)


def decoded(word: str) -> str:
    """The text in a base64 word, "" where there is none."""
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = b64decode(plain + "=" * (-len(plain) % 4)).decode()
    except ValueError:
        return ""
    return text if text.translate(_LINES).isprintable() else ""
