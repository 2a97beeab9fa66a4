"""Secrets that are recognised by their shape, or by the word before them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from contactkit._redact.names import SECRET_WORD
from contactkit._redact.services import PATTERNS
from contactkit._redact.spans import Span, contains_any

_NOT_REDACTED = r"(?!redacted-)"
KEY_PREFIXES = (
    "sk pk rk whsec ghp gho ghs github_pat glpat xoxa xoxb xoxe xoxp xoxr xoxs shpat npm hf".split()
)
_SHORTEST = 12
_SHAPES = re.compile(
    r"(?P<jwt>(?:(?<![\w-])|(?<=\\[nrt]))eyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)?)"
    rf"|(?i:\b(?:bearer|basic)(?:\s|%20|\+)+{_NOT_REDACTED}(?P<bearer>(?=\S*?[\d_.~+/=-]|\S{{20}})"
    r"[\w.~+/=-]{8,}))"
    rf"|(?P<key>\b(?:(?:{'|'.join(KEY_PREFIXES)})[-_]"
    r"|SG\.)[\w.-]{10,}|\b(?:AKIA[0-9A-Z]{16}|AIza[\w-]{30,}))"
    rf"|(?i:(?<![a-z])(?:{SECRET_WORD})(?:=|%3d)[\"'\\]*{_NOT_REDACTED}(?P<assigned>[^\s\"'&;,<>{{}}\[\]\\]{{4,}})"
    rf"|(?<![a-z])(?:{SECRET_WORD})[\"'\\]*(?:\s*:\s*|\s+(?:is\s+|was\s+)?)[\"'\\]*{_NOT_REDACTED}"
    r"(?P<stated>(?=[^\s\"'&;,]*\d)[^\s\"'&;,<>{}\[\]\\]{8,}))"
)
_BLOCK = re.compile(
    r"-{4,5} ?BEGIN [A-Z0-9 ]{1,40}?-{4,5}.*?(?:-{4,5} ?END [A-Z0-9 ]{1,40}?-{4,5}|\Z)"
    r"|PuTTY-User-Key-File-.*?(?:Private-MAC: ?\w+|\Z)",
    re.S,
)
_USER_INFO = re.compile(r"(?<=://)[^\s/@:?#\"'<>]*:[^\s/@\"'<>]+(?=@)")
# Every shape contains one of these, in any case, and most texts contain none.
_SHAPE_SIGNS = (
    *"eyj bearer basic sg. akia aiza key secret token jwt pass pwd signature hmac session".split(),
    *("credential", "authorization"),
    *(prefix + joint for prefix in KEY_PREFIXES for joint in "-_"),
)


def find_shapes(text: str) -> Iterator[Span]:
    """The kind and the place of each text that looks like a secret, or is called one."""
    folded = text.casefold()
    for match in _SHAPES.finditer(text) if contains_any(folded, _SHAPE_SIGNS) else ():
        kind = match.lastgroup or ""
        yield "token" if kind in ("assigned", "stated") else kind, *match.span(kind)
    for sign, name, pattern in PATTERNS if len(text) >= _SHORTEST else ():
        if sign in folded:
            yield from ((name, *match.span()) for match in pattern.finditer(text))
    if "://" in text and "@" in text:
        yield from (("userinfo", *match.span()) for match in _USER_INFO.finditer(text))
    if "begin " in folded or "putty-" in folded:
        yield from (("pem", *match.span()) for match in _BLOCK.finditer(text))
