"""How text is written: charset, compression, JSON as tokens with places, quoting and base64.

Replacing tokens in place keeps all other bytes, whatever the style of the JSON.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_plus

from contactkit.cassette.exchange import Pairs, header
from contactkit.spec.provider import JSON

Names = tuple[str, ...]
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|[^\s{}\[\],:"]+', re.S)
_LABELS = ("name", "key", "field", "header")
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)


class JsonToken(NamedTuple):
    """A scalar with its `names`, from the outermost to its own; or a name."""

    start: int
    text: str
    names: Names
    in_list: bool = False
    is_name: bool = False

    @property
    def end(self) -> int:
        """Where the token ends."""
        return self.start + len(self.text)

    @property
    def is_text(self) -> bool:
        """Whether it is a string rather than a number, true, false or null."""
        return self.text[0] == '"'

    @property
    def value(self) -> JSON:
        """The value of the token."""
        return self.text[1:-1] if self.is_text and "\\" not in self.text else json.loads(self.text)

    def dump(self, value: JSON) -> str:
        """Another value, written in the style of this token."""
        return json.dumps(value, ensure_ascii="\\u" in self.text or _has_surrogates(value))


def _has_surrogates(value: JSON) -> bool:
    """Whether it has half of a surrogate pair, which UTF-8 cannot encode."""
    return isinstance(value, str) and re.search("[\ud800-\udfff]", value) is not None


def json_tokens(text: str) -> Iterator[JsonToken]:
    """The names and scalars of a well-formed JSON text."""
    stack: list[tuple[bool, Names]] = []
    names: Names = ()
    is_name = False
    for lexeme in _TOKEN.finditer(text):
        match token := lexeme[0]:
            case "{" | "[":
                stack.append((token == "{", names))
                is_name = token == "{"
            case "}" | "]":
                stack.pop()
                names, is_name = stack[-1][1] if stack else (), False
            case ",":
                is_name, names = stack[-1]
            case _ if is_name:
                names, is_name = (*stack[-1][1], json.loads(token)), False
                yield JsonToken(lexeme.start(), token, names, is_name=True)
            case _:
                yield JsonToken(lexeme.start(), token, names, bool(stack) and not stack[-1][0])


def label_values(tokens: Iterable[JsonToken]) -> Iterator[JsonToken]:
    """The same, each `value` below its label, as in {"name": "X-Api-Key", "value": …}."""
    labels: dict[Names, str] = {}
    for token in tokens:
        name = token.names[-1].lower() if token.names and not token.is_name else ""
        if name in _LABELS and token.is_text:
            labels[token.names[:-1]] = str(token.value)
        if name == "value" and (label := labels.get(token.names[:-1])):
            token = token._replace(names=(*token.names, label))
        yield token


def is_json(text: str) -> bool:
    """Whether all of it is JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def charset_of(body: bytes, content_type: str) -> str:
    """The charset of a body; UTF-8 unless it is certainly another one."""
    declared = _CHARSET.search(content_type)
    # RFC 2616's default for text, which some servers still rely on.
    default = ["latin-1"] if content_type.startswith("text/") else []
    guesses = [json.detect_encoding(body), *(declared.groups() if declared else default)]
    if _is_encoded(body, "utf-8"):
        guesses = [guess for guess in guesses if "16" in guess or "32" in guess]
    return next((guess for guess in guesses if _is_encoded(body, guess)), "utf-8")


def _is_encoded(body: bytes, charset: str) -> bool:
    """Whether text in this charset gives the same bytes again."""
    try:
        codecs.lookup(charset)
        return body.decode(charset).encode(charset) == body
    except (LookupError, ValueError):
        return False


def inflate(body: bytes) -> bytes:
    """The content of a gzip or zlib body, as far as it can be read; b"" for any other body."""
    if body[:2] != b"\x1f\x8b" and body[:1] != b"\x78":
        return b""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body)
    except zlib.error:
        return b""


def unreadable(headers: Pairs, body: bytes) -> str:
    """The content encoding that hides a body from redaction; "" if none does."""
    encoding = header(headers, "content-encoding").strip().lower()
    if not body or encoding in ("", "identity") or inflate(body):
        return ""
    try:
        body.decode()
    except UnicodeDecodeError:
        return encoding
    return ""


def quote_like(raw: str, text: str) -> str:
    """`text` quoted for a path or a form; characters that `raw` does not quote stay unquoted."""
    return raw if text == unquote(raw) else quote(text, safe="+" if "+" in raw else "")


QUOTED = re.compile(r"[^\s\"'<>&]*%[0-9A-Fa-f]{2}[^\s\"'<>&]*")
"""Words with percent-encoding."""

BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
"""Words that may be base64."""

_WHITE_SPACE = {ord(character): None for character in "\t\r\n"}


def rewrite_quoted(word: str, rewrite: Callable[[str], str]) -> str:
    """A percent-encoded word, quoted again if `rewrite` changes what it says."""
    for text in dict.fromkeys((unquote(word), unquote_plus(word))):
        rewritten = text if text == word else rewrite(text)
        if rewritten != text:
            return quote(rewritten, safe="=")
    return word


def rewrite_base64(word: str, rewrite: Callable[[str], str]) -> str:
    """A base64 word, encoded again if `rewrite` changes the text in it."""
    text = decode_base64(word)
    rewritten = rewrite(text) if text else text
    if rewritten == text:
        return word
    encoded = b64encode(rewritten.encode(), b"-_" if re.search("[-_]", word) else None).decode()
    return encoded if word.endswith("=") or len(word) % 4 == 0 else encoded.rstrip("=")


def decode_base64(word: str) -> str:
    """The text in a base64 word; "" if there is none."""
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = b64decode(plain + "=" * (-len(plain) % 4)).decode()
    except ValueError:
        return ""
    return text if text.translate(_WHITE_SPACE).isprintable() else ""
