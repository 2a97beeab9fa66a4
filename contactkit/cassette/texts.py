"""How a text is written: in which code, compressed, as JSON, or percent-encoded."""

from __future__ import annotations

import codecs
import json
import re
import zlib
from urllib.parse import quote, unquote

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
