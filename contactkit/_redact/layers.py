"""A text without its escapes, layer by layer, and where each character of a layer came from.

Whatever is found in a layer is replaced in the text itself, so that no spelling needs a rule of its
own: percent-encoding, HTML entities, the escapes of JSON and quoted-printable, in any combination.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from typing import NamedTuple

from contactkit._redact.spans import Span, contains_any

_DEEPEST = 4
_ESCAPES = re.compile(
    r"(?P<percent>(?:%[0-9A-Fa-f]{2})+)"
    r"|(?P<printable>(?:=[0-9A-F]{2})+|=\r?\n)"
    r"|(?P<entity>&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});?)"
    r"|\\(?:u\{?(?P<unicode>[0-9A-Fa-f]{4,6})\}?|x(?P<byte>[0-9A-Fa-f]{2})|(?P<sign>[\"'\\/bfnrt]))"
)
_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Layer(NamedTuple):
    """A decoded text; its character `i` comes from the places `starts[i]` to `starts[i + 1]`."""

    text: str
    starts: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of it is in the original text."""
        return self.starts[start], self.starts[end]

    def spans(self, found: Iterable[Span]) -> Iterator[Span]:
        """What was found in it, at its places in the original text."""
        for kind, start, end in found:
            yield kind, self.starts[start], self.starts[end]


def layers(text: str) -> Iterator[Layer]:
    """The text itself, and then each text that decoding its escapes gives."""
    layer = Layer(text, range(len(text) + 1))
    yield layer
    for _ in range(_DEEPEST):
        if not contains_any(layer.text, "%&\\="):
            return
        decoded = _decode(layer)
        if decoded is None:
            return
        yield (layer := decoded)


def _decode(layer: Layer) -> Layer | None:
    """The next layer; None if there is nothing to decode."""
    text, parts, starts, index = layer.text, list[str](), list[int](), 0
    for match in _ESCAPES.finditer(text):
        characters = list(_characters(match))
        if "".join(character for character, _ in characters) == match[0]:
            continue
        parts.append(text[index : match.start()])
        starts += layer.starts[index : match.start()]
        for character, offset in characters:
            parts.append(character)
            starts += [layer.starts[match.start() + offset]] * len(character)
        index = match.end()
    if not parts:
        return None
    starts += layer.starts[index:]
    return Layer("".join([*parts, text[index:]]), starts)


def _characters(match: re.Match[str]) -> Iterator[tuple[str, int]]:
    """What an escape means, and the place of each character in it."""
    escape = match[0]
    match match.lastgroup:
        case "percent" | "printable":
            yield from _octets(escape)
        case "entity":
            yield unescape(escape), 0
        case "unicode" | "byte":
            code = int(match[match.lastgroup], 16)
            yield (chr(code) if code < 0x110000 else escape), 0
        case _:
            yield _SIGNS.get(escape[1:], escape[1:]), 0


def _octets(escape: str) -> Iterator[tuple[str, int]]:
    """Characters of UTF-8, or of Latin-1 if it is none."""
    if escape[1:] in ("\n", "\r\n"):
        return
    octets = bytes.fromhex(re.sub("[%=]", "", escape))
    try:
        text, widths = octets.decode(), None
    except UnicodeDecodeError:
        text, widths = octets.decode("latin-1"), 1
    offset = 0
    for character in text:
        yield character, offset
        offset += 3 * (widths or len(character.encode()))
