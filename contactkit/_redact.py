"""Finds secrets and personal values in a text and removes them.

A secret is recognised by its name, by its value in any spelling, or by its shape. The functions
that find secrets yield spans; `replace_spans` makes a new text from them. Errors and logs use
`redact`; recordings have more rules, in `cassette.redaction`.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote, quote_plus

Span: TypeAlias = tuple[str, int, int]
"""The kind of a match in a text, its start and its end."""

_MASK = "•••"


class Secret(str):
    """Text with a masked repr, so that tracebacks with variables do not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{_MASK}'"


# The look-behind avoids a search at every letter of a long text without an address.
_PERSONAL = re.compile(
    r"(?<![\w.+%'-])[\w.+%'-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*"
    r"|(?:\+|%2B)?\d[\d\s()./\u2010-\u2015-]{5,}\d"
)


def redact(text: str, secrets: Iterable[str], *, personal: bool = True) -> str:
    """`text` without these secrets, in any spelling, and without anything that looks like a secret.

    E-mail addresses and phone numbers are removed too, unless `personal` is False.
    """
    values = tuple(dict.fromkeys(map(str, filter(None, secrets))))
    text = replace_named(text, lambda name, value: _MASK if is_secret_name(name) else value)
    text = _mask(text, find_values(text, values))
    text = _mask(text, find_shapes(text))
    return _PERSONAL.sub("…", text) if personal else text


def _mask(text: str, spans: Iterable[Span]) -> str:
    return replace_spans(text, ((start, end, _MASK) for _, start, end in without_overlaps(spans)))


def replace_spans(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """The text with replacements: (start, end, replacement), from left to right."""
    parts: list[str] = []
    index = 0
    for start, end, replacement in spans:
        parts += text[index:start], replacement
        index = end
    return "".join([*parts, text[index:]])


def without_overlaps(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans from left to right; only the first of those that overlap."""
    index = 0
    for span in sorted(spans, key=lambda span: span[1:]):
        if span[1] >= index:
            yield span
            index = span[2]


_NAME = r"[A-Za-z][\w.-]{0,60}"
_NAMED_VALUES = re.compile(
    rf"(?<![\w\\])(?P<quote>\\*[\"'])(?P<name0>{_NAME})(?P=quote)\s{{0,9}}(?::|=>)\s{{0,9}}"
    r"(?P=quote)(?P<value0>[^\r\n]{1,400}?)(?P=quote)"
    rf"|<(?:\w+:)?(?P<name1>{_NAME})(?:\s[^<>]{{0,200}})?>(?P<value1>[^<>]{{1,400}})</"
    rf"|\bname=[\"'](?P<name2>{_NAME})[\"'][^<>\r\n]{{0,99}}?\svalue=[\"'](?P<value2>[^\"'<>]+)"
    rf"|\bname=\"(?P<name3>{_NAME})\"[^\r\n]{{0,99}}(?:\r\n[^\r\n]{{1,99}}){{0,4}}\r\n\r\n"
    r"(?P<value3>.{1,400}?)(?=\r\n--)"
    # An equals sign with a space only after it is the padding of base64.
    rf"|(?<![\w.-])(?P<name4>{_NAME})(?:=(?!\s)|\s=\s)(?:\\*[\"'](?P<value4>[^\"'\\<>]+)"
    r"|(?P<value5>[^\s\"'\\<>&;,(){}\[\]]+))",
    re.S,
)


def find_named(text: str) -> Iterator[Span]:
    """The name and the place of each named value in JSON, XML, a form or a query."""
    for match in _NAMED_VALUES.finditer(text) if contains_any(text, "=<\"'") else ():
        value = match.lastgroup or ""
        yield match[f"name{min(int(value[-1]), 4)}"], *match.span(value)


def replace_named(text: str, replacement: Callable[[str, str], str]) -> str:
    """The text with `replacement(name, value)` in place of each named value."""
    named = find_named(text)
    return replace_spans(
        text, ((start, end, replacement(name, text[start:end])) for name, start, end in named)
    )


_SECRET_WORD = (
    r"(?:api|access|secret|private|signing|encryption)[-_ ]?key(?:[-_ ]id)?|secret|tokens?|jwt"
    r"|pass(?:word|wd|code|phrase)|pwd|signature|hmac|session(?:[-_ ]?id)?|credentials?"
    r"|authorization"
)
_SECRET_NAME = re.compile(
    rf"(?:^|[^a-z])(?:{_SECRET_WORD}|(?:j|php)sess(?:ion)?id|sig|sid|auth|authorization|bearer|cookies?|ssn|otp|pin|cvv"
    r"|csrf|xsrf)(?:$|[^a-z](?!(?:type|url|uri|expires.*|count|limit|status|required|enabled)$))"
)
_NOT_REDACTED = r"(?!redacted-)"
KEY_PREFIXES = (
    "sk pk rk whsec ghp gho ghs github_pat glpat xoxa xoxb xoxe xoxp xoxr xoxs shpat npm hf".split()
)
_SHAPES = re.compile(
    r"(?P<jwt>(?:(?<![\w-])|(?<=\\[nrt]))eyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)?)"
    rf"|(?i:\b(?:bearer|basic)(?:\s|%20|\+)+{_NOT_REDACTED}(?P<bearer>(?=\S*?[\d_.~+/=-]|\S{{20}})"
    r"[\w.~+/=-]{8,}))"
    rf"|(?P<key>\b(?:(?:{'|'.join(KEY_PREFIXES)})[-_]"
    r"|SG\.)[\w.-]{10,}|\b(?:AKIA[0-9A-Z]{16}|AIza[\w-]{30,}))"
    rf"|(?i:(?<![a-z])(?:{_SECRET_WORD})(?:=|%3d)[\"'\\]*{_NOT_REDACTED}(?P<assigned>[^\s\"'&;,<>{{}}\[\]\\]{{4,}})"
    rf"|(?<![a-z])(?:{_SECRET_WORD})[\"'\\]*(?:\s*:\s*|\s+(?:is\s+|was\s+)?)[\"'\\]*{_NOT_REDACTED}"
    r"(?P<stated>(?=[^\s\"'&;,]*\d)[^\s\"'&;,<>{}\[\]\\]{8,}))"
)
# Every shape contains one of these, in any case, and most texts contain none.
_SHAPE_SIGNS = (
    *"eyj bearer basic sg. akia aiza key secret token jwt pass pwd signature hmac session".split(),
    *("credential", "authorization"),
    *(prefix + joint for prefix in KEY_PREFIXES for joint in "-_"),
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a value with this name is a secret."""
    # A sentence is not a name.
    if name.count(" ") > 2:
        return False
    return _SECRET_NAME.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()) is not None


def find_shapes(text: str) -> Iterator[Span]:
    """The kind and the place of each text that looks like a secret, or is called one."""
    for match in _SHAPES.finditer(text) if contains_any(text.casefold(), _SHAPE_SIGNS) else ():
        kind = match.lastgroup or ""
        yield "token" if kind in ("assigned", "stated") else kind, *match.span(kind)


_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")


def find_values(text: str, values: tuple[str, ...]) -> Iterator[Span]:
    """The values that the text contains in any spelling, with their places."""
    pattern = (
        _value_pattern(values) if contains_any(text.casefold(), _value_signs(values)) else None
    )
    for match in pattern.finditer(text) if pattern else ():
        start, end, group = match.start(), match.end(), match.lastgroup or ""
        while group[0] == "b" and start and text[start - 1] in _BASE64:
            start -= 1
        while group[0] == "b" and end < len(text) and text[end] in _BASE64:
            end += 1
        yield values[int(group[1:])], start, end


def contains_any(text: str, parts: Iterable[str]) -> bool:
    """Whether a text contains one of the parts."""
    return any(part in text for part in parts)


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
    """A value unchanged, quoted for a URL, and escaped in JSON, each once and twice."""
    quoted = quote(value, safe="", errors=_ERRORS)
    spellings = {value, quoted, quote(quoted, safe=""), quote_plus(value, errors=_ERRORS)}
    for ascii_only in (True, False):
        escaped = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        spellings |= {escaped, json.dumps(escaped)[1:-1], escaped.replace("/", "\\/")}
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
