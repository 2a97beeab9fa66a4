"""Words that encode a text: base64 and hex, compressed or not."""

from __future__ import annotations

import binascii
import re
import zlib
from base64 import b64decode
from collections.abc import Iterator

BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
"""Words that may be base64."""

HEX = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}){8,}(?![0-9A-Za-z])")
"""Words that may be hex."""

_WHITE_SPACE = {ord(character): None for character in "\t\r\n"}


def decode_base64(word: str) -> str:
    """The text in a base64 word, inflated if it is compressed; "" if there is none."""
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _text(b64decode(plain + "=" * (-len(plain) % 4)))
    except ValueError:
        return ""


def decode_hex(word: str) -> str:
    """The text in a hex word; "" if there is none."""
    return _text(binascii.unhexlify(word))


def _text(data: bytes) -> str:
    try:
        text = (inflate(data) or data).decode()
    except ValueError:
        return ""
    return text if text.translate(_WHITE_SPACE).isprintable() else ""


def inflate(body: bytes) -> bytes:
    """The content of a gzip or zlib body, as far as it can be read; b"" for any other body."""
    if body[:2] != b"\x1f\x8b" and body[:1] != b"\x78":
        return b""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body)
    except zlib.error:
        return b""


def decoded_words(text: str) -> Iterator[tuple[str, int, int]]:
    """The text in each word that encodes one, and the place of the word."""
    for pattern, decode in ((HEX, decode_hex), (BASE64, decode_base64)):
        for match in pattern.finditer(text) if len(text) >= 12 else ():
            if inner := decode(match[0]):
                yield inner, *match.span()
