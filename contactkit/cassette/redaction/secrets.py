"""Secrets: found by name, by value in any encoding and by shape; and findings of what is left.

Each secret becomes a placeholder with its name and a number, which depends only on the order in
which secrets of that name appeared. `findings` looks for secrets and personal values in a text that
is about to be written, whatever their encoding.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from contactkit._redact.encodings import HEX, decoded_words
from contactkit._redact.layers import layers
from contactkit._redact.names import is_secret_name
from contactkit._redact.shapes import find_shapes
from contactkit._redact.spans import Span, contains_any, replace_spans, without_overlaps
from contactkit._redact.values import find_values

PLACEHOLDER = re.compile(r"redacted-[a-z0-9-]+")
# A secret from the traffic is a whole text, or part of a path or a sentence.
_TOKENS = [re.compile(r"[\w.~+/%-]{8,}={0,2}"), re.compile(r"[\w~-]+(?:\.[\w~-]+)*")]
# A longer one, such as a block of PEM, is recognised by its shape again.
_LONGEST = 256
# Marks the span of a secret whose value is known; other spans have the secret's name.
_KNOWN = "="


class Secrets:
    """The secrets of one client and its traffic, and their placeholders.

    `credentials` returns those that the client has at the time, and `names` are the names under
    which it sends them. Names that are `ordinary` are those of declared fields, and no secrets'.
    """

    def __init__(
        self,
        credentials: Callable[[], Iterable[str]],
        names: Iterable[str] = (),
        ordinary: Callable[[str], bool] = lambda name: False,
    ) -> None:
        self._credentials = credentials
        self._names = frozenset(map(str.lower, names))
        self._ordinary = ordinary
        self._placeholders: dict[str, str] = {}
        self._irregular: list[str] = []
        self._counts: Counter[str] = Counter()

    @property
    def known(self) -> int:
        """How many secrets from the traffic are recognised by their value."""
        return len(self._placeholders)

    def is_named(self, name: str) -> bool:
        """Whether a value with this name is a secret."""
        if name.lower() in self._names:
            return True
        return is_secret_name(name) and not self._ordinary(name)

    def placeholder(self, name: str, value: str) -> str:
        """The placeholder of a secret; the first of each name has no number."""
        if not value or PLACEHOLDER.fullmatch(value):
            return value
        if value not in self._placeholders:
            slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "secret"
            self._counts[slug] += 1
            number = f"-{self._counts[slug]}" if self._counts[slug] > 1 else ""
            self._placeholders[value] = f"redacted-{slug}{number}"
            if len(value) <= _LONGEST and not any(token.fullmatch(value) for token in _TOKENS):
                self._irregular.append(value)
        return self._placeholders[value]

    def header(self, name: str, value: str) -> str:
        """A secret header; its scheme, and the names and attributes of cookies, are kept."""
        lower = name.lower()
        if lower in ("cookie", "set-cookie"):
            only = 1 if lower == "set-cookie" else 0
            return re.sub(
                r"(?<==)[^;]+", lambda v: self.placeholder("cookie", v[0]), value, count=only
            )
        scheme, space, rest = value.partition(" ")
        if space and scheme.isalpha():
            return scheme + space + self.placeholder(name, rest)
        return self.placeholder(name, value)

    def redact_text(self, text: str) -> str:
        """A text with placeholders for the secrets in it."""
        spans = without_overlaps(self._find(text))
        replacements = ((i, j, self._replacement(name, text[i:j])) for name, i, j in spans)
        redacted = replace_spans(text, replacements)
        # A secret that is recognised by the end of a text may be in the text before it too.
        return redacted if redacted == text else self.redact_text(redacted)

    def leaks(self, text: str) -> Iterator[tuple[str, int]]:
        """The secrets in a text: how they were found, and where they start."""
        for name, start, _ in self._find(text):
            yield ("credential" if name.startswith(_KNOWN) else "secret"), start

    def _replacement(self, name: str, secret: str) -> str:
        if name.startswith(_KNOWN):
            return self.placeholder("credential", name.removeprefix(_KNOWN))
        return self.placeholder(name, secret)

    def _find(self, text: str) -> Iterator[Span]:
        """The span of each secret: its name, or `=` and its known value."""
        known = (value for value in (*self._credentials(), *self._irregular) if len(value) > 3)
        for value, start, end in find_values(text, tuple(dict.fromkeys(known))):
            if not PLACEHOLDER.fullmatch(value):
                yield f"{_KNOWN}{value}", start, end
        for layer in layers(text):
            yield from layer.spans(find_shapes(layer.text))
            yield from layer.spans(self._find_tokens(layer.text))

    def _find_tokens(self, text: str) -> Iterator[Span]:
        """Secrets from the traffic, as whole tokens."""
        for token in _TOKENS if contains_any(text, self._placeholders) else ():
            for match in token.finditer(text):
                if len(match[0]) >= 8 and match[0] in self._placeholders:
                    yield f"{_KNOWN}{match[0]}", *match.span()


FindLeaks: TypeAlias = Callable[[str], Iterable[tuple[str, int]]]
"""The kind of each secret and personal value in a text, and where it starts."""

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


class Finding(NamedTuple):
    """A secret or a personal value: its kind, its byte, and the encoding that hides it, if any.

    The byte is that of the base64 around it; None if the whole text must be decoded.
    """

    kind: str
    byte: int | None
    hidden: str = ""

    def __str__(self) -> str:
        place = f"in {self.hidden}" if self.hidden else f"at byte {self.byte}"
        return f"{self.kind} {place}"


def findings(text: str, find_leaks: FindLeaks) -> Iterator[Finding]:
    """All secrets and personal values in a text, each once."""
    plain = dict.fromkeys(find_leaks(text))
    for kind, index in plain:
        yield Finding(kind, _byte(text, index))
    for encoding, whole in _decodings(text):
        hidden = Counter(kind for kind, _ in dict.fromkeys(find_leaks(whole)))
        hidden.subtract(kind for kind, _ in plain)
        yield from (Finding(kind, None, encoding) for kind in hidden.elements())
    for word, start, end in decoded_words(text):
        encoding = "hex" if HEX.fullmatch(text, start, end) else "base64"
        yield from (Finding(kind, _byte(text, start), encoding) for kind, _ in find_leaks(word))


def _byte(text: str, index: int) -> int:
    return len(text[:index].encode())


def _decodings(text: str) -> Iterator[tuple[str, str]]:
    if "\\u" in text:
        yield "an escape", _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    if "%" in text:
        yield "percent-encoding", unquote(text)
