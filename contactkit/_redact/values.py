"""Secrets whose value is known, found in every spelling."""

from __future__ import annotations

import html
import json
import re
from base64 import b32encode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from urllib.parse import quote, quote_plus

from contactkit._redact.layers import layers
from contactkit._redact.spans import Span, contains_any

_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")


def find_values(text: str, values: tuple[str, ...]) -> Iterator[Span]:
    """The values that the text, or what its escapes mean, contains in any spelling."""
    spans = (layer.spans(_find(layer.text, values)) for layer in layers(text) if values)
    yield from dict.fromkeys(chain.from_iterable(spans))


def _find(text: str, values: tuple[str, ...]) -> Iterator[Span]:
    if not contains_any(text.casefold(), _value_signs(values)):
        return
    for match in _value_pattern(values).finditer(text):
        start, end, group = match.start(), match.end(), match.lastgroup or ""
        while group[0] == "b" and start and text[start - 1] in _BASE64:
            start -= 1
        while group[0] == "b" and end < len(text) and text[end] in _BASE64:
            end += 1
        yield values[int(group[1:])], start, end


@lru_cache(maxsize=16)
def _value_signs(values: tuple[str, ...]) -> tuple[str, ...]:
    """Every match of `_value_pattern` contains one of these texts, when both are case-folded."""
    spellings = {text for value in values for text in (*_spellings(value), *_base64_cores(value))}
    return tuple({text.casefold() for text in spellings})


@lru_cache(maxsize=16)
def _value_pattern(values: tuple[str, ...]) -> re.Pattern[str]:
    """Matches the values as plain text (group p) and inside base64 (group b)."""
    parts: list[tuple[int, str]] = []
    for number, value in enumerate(values):
        plain = sorted(map(re.escape, _spellings(value)), key=len, reverse=True)
        parts.append((len(value), f"(?P<p{number}>(?i:{'|'.join(plain)}))"))
        cores = _base64_cores(value)
        if cores:
            parts.append((len(value), f"(?P<b{number}>{'|'.join(map(re.escape, cores))})"))
    # Longest first: a secret may be part of another one.
    parts.sort(key=lambda part: -part[0])
    return re.compile("|".join(text for _, text in parts))


# A lone surrogate is never part of a secret, but must not raise an error.
_ERRORS = "surrogatepass"


def _spellings(value: str) -> set[str]:
    """A value unchanged, quoted for a URL, escaped in JSON and HTML, once and twice, and hex."""
    quoted = quote(value, safe="", errors=_ERRORS)
    spellings = {value, quoted, quote(quoted, safe=""), quote_plus(value, errors=_ERRORS)}
    for ascii_only in (True, False):
        escaped = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        spellings |= {escaped, json.dumps(escaped)[1:-1], escaped.replace("/", "\\/")}
    spellings |= {html.escape(value), html.escape(value, quote=False)}
    data = value.encode(errors=_ERRORS)
    if len(data) > 3:
        spellings |= {
            data.hex(),
            *(data.hex(joint) for joint in ": -"),
            b32encode(data).decode().rstrip("="),
        }
    return spellings


def _base64_cores(text: str) -> set[str]:
    """The base64 of a value after 0, 1 or 2 other bytes, whatever surrounds it.

    Fewer than eight letters of it would match by chance.
    """
    value = text.encode(errors=_ERRORS)
    cores: set[str] = set()
    for before in range(3):
        padded = b"\0" * before + value
        whole = len(padded) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            cores.add(encode(padded).decode()[(before * 8 + 5) // 6 : whole])
    return {core for core in cores if len(core) >= 8}
