"""JSON as text with places: every name and scalar, where it stands and below which names.

Replacing at places keeps all other bytes, whatever the style they are written in.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote

from contactkit.spec.provider import JSON

Names = tuple[str, ...]
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|[^\s{}\[\],:"]+', re.S)

_NAMING = ("name", "key", "field", "header")


class JsonToken(NamedTuple):
    """A scalar below `names`, the last one its own, or such a name itself."""

    start: int
    token: str
    names: Names
    listed: bool = False
    is_name: bool = False

    @property
    def value(self) -> JSON:
        """What the token means."""
        plain = self.token[0] == '"' and "\\" not in self.token
        return self.token[1:-1] if plain else json.loads(self.token)

    def written(self, value: JSON) -> str:
        """Another value as this one is written."""
        return json.dumps(value, ensure_ascii="\\u" in self.token or not _is_writable(value))


def _is_writable(value: JSON) -> bool:
    """Whether UTF-8 can hold it: half of a surrogate pair it cannot."""
    return not isinstance(value, str) or not re.search("[\ud800-\udfff]", value)


def leaves(text: str) -> Iterator[JsonToken]:
    """The names and scalars of a JSON text that is known to be well-formed."""
    stack: list[tuple[bool, Names]] = []
    here: Names = ()
    naming = False
    for found in _TOKEN.finditer(text):
        token = found[0]
        match token:
            case "{" | "[":
                stack.append((token == "{", here))
                naming = token == "{"
            case "}" | "]":
                stack.pop()
                here, naming = stack[-1][1] if stack else (), False
            case ",":
                naming, here = stack[-1]
            case _ if naming:
                here, naming = (*stack[-1][1], json.loads(token)), False
                yield JsonToken(found.start(), token, here, is_name=True)
            case _:
                yield JsonToken(found.start(), token, here, bool(stack) and not stack[-1][0])


def named(found: Iterable[JsonToken]) -> Iterator[JsonToken]:
    """The same, each `value` below the name that stands before it, as in {"name": .., "value"}."""
    told: dict[Names, str] = {}
    for leaf in found:
        last = leaf.names[-1].lower() if leaf.names and not leaf.is_name else ""
        if last in _NAMING and leaf.token[0] == '"':
            told[leaf.names[:-1]] = str(leaf.value)
        if last == "value" and (name := told.get(leaf.names[:-1])):
            leaf = leaf._replace(names=(*leaf.names, name))
        yield leaf


def replaced(text: str, changes: Iterable[tuple[JsonToken, str]]) -> str:
    """The text with other tokens in the places of some."""
    made: list[str] = []
    at = 0
    for leaf, token in changes:
        made += text[at : leaf.start], token
        at = leaf.start + len(leaf.token)
    return "".join([*made, text[at:]])


_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)


def code_of(body: bytes, content_type: str) -> str:
    """The code of a body's characters; UTF-8 where it is not surely another one."""
    named = _CHARSET.search(content_type)
    # RFC 2616's default for text, which servers still leave unsaid.
    usual = ["latin-1"] if content_type.startswith("text/") else []
    guesses = [json.detect_encoding(body), *(named.groups() if named else usual)]
    if _is_written(body, "utf-8"):
        guesses = [each for each in guesses if "16" in each or "32" in each]
    return next((each for each in guesses if _is_written(body, each)), "utf-8")


def _is_written(body: bytes, code: str) -> bool:
    """Whether the code says these very bytes."""
    try:
        codecs.lookup(code)
        return body.decode(code).encode(code) == body
    except (LookupError, ValueError):
        return False


def inflated(body: bytes) -> bytes:
    """What a gzip or zlib body holds, as far as it can be read; b"" where it is none."""
    if body[:2] != b"\x1f\x8b" and body[:1] != b"\x78":
        return b""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body)
    except zlib.error:
        return b""


def is_json(text: str) -> bool:
    """Whether all of it is JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def quoted_like(raw: str, made: str) -> str:
    """`made` in a path or a form, with what `raw` left unquoted left so."""
    return raw if made == unquote(raw) else quote(made, safe="+" if "+" in raw else "")
