"""Values with their names in a text: JSON, XML, HTML, forms, YAML, vCard, CSV and plain lines.

A finder yields the name of each value and its place, whatever the value is; whether a name is that
of a secret or of a person is for the caller to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from contactkit._redact.cards import find_in_card
from contactkit._redact.markup import find_in_markup
from contactkit._redact.prose import is_prose
from contactkit._redact.spans import Span, contains_any, replace_spans, without_overlaps
from contactkit._redact.tables import find_in_tables

_NAME = r"[A-Za-z_][\w.-]{0,60}"
# Each is gated by signs that a text needs to contain it.
_QUOTED = re.compile(
    rf"(?<![\w\\])(?P<quote>\\*[\"'`])(?P<name>{_NAME})(?P=quote)\s{{0,9}}(?::|=>)\s{{0,9}}"
    r"(?:\\*(?P<open>[\"'`])(?P<value>[^\r\n]{1,2000}?)(?:(?<!\\)\\*(?P=open)|\Z)"
    r"|(?P<bare>[^\s\"'`\\,;{}\[\]<>&]+))"
)
_PAIR = re.compile(
    rf"[\[(]\s{{0,9}}(?P<quote>\\*[\"'])(?P<name>{_NAME})(?P=quote)\s{{0,9}},\s{{0,9}}"
    r"(?P=quote)(?P<value>[^\r\n]{1,2000}?)(?P=quote)\s{0,9}[\])]"
)
_PART = re.compile(
    rf"\bname=(?P<quote>[\"']?)(?P<name>{_NAME})(?P=quote)(?:;[^\r\n]{{0,99}})?"
    r"(?:\r?\n[^\r\n]{1,99}){0,4}\r?\n\r?\n(?P<value>.{1,2000}?)(?=\r?\n--)",
    re.S,
)
# An equals sign with a space only after it is the padding of base64.
_ASSIGNED = re.compile(
    rf"(?<![\w.-])(?P<name>{_NAME})(?:\[\w*\])?(?:=(?!\s)|\s=\s)(?:\\*(?P<quote>[\"'`])"
    r"(?P<value>[^\"'`\\<>\r\n]+)|(?P<bare>[^\s\"'\\<>&;,(){}\[\]]+))"
)
_STATED = re.compile(
    rf"(?<![\w.-])(?P<name>{_NAME})\s{{0,3}}(?::|=>)\s{{0,9}}(?:\\*(?P<quote>[\"'`])"
    r"(?P<value>[^\"'`\\<>\r\n]+)\\*(?P=quote)"
    r"|(?P<bare>[^\s\"'`\\<>,;(){}\[\]]{2,}?)(?=\s*(?:\Z|[\r\n,;)}\]<\"']|\.(?:\s|\Z))))"
)
_LINE = re.compile(
    r"^[ \t>*#?-]*(?P<name>[A-Za-z_][\w.-]*(?: [\w.-]+){0,3}?)(?:;[^:\r\n]*)?[ \t]*:[ \t]*"
    r"(?:[|>][+-]?[ \t]*(?P<block>(?:\r?\n[ \t]+[^\r\n]*|\r?\n[ \t]*(?=\r?\n))+)"
    r"|(?P<value>[^\s{\[][^\r\n]*))",
    re.M,
)
# The text between two tags.
_NODE = re.compile(
    r">\s*(?P<name>[A-Za-z_][\w.-]*(?: [\w.-]+){0,3}?)\s*:\s*(?P<value>[^<>\r\n]{1,2000})"
)
_QUERY = re.compile(
    r"(?<![\w.%\[\]-])[\w.%\[\]-]+=[^\s&;\"'<>]*(?:&(?:amp;)?[\w.%\[\]-]+=[^\s&;\"'<>]*)+"
)
_PARAMETER = re.compile(r"(?P<name>[\w.%\[\]-]+)=(?P<value>[^\s&;\"'<>]+)")
GRANT = frozenset({"state", "redirect_uri", "grant_type"})
"""A query or form with one of these is of OAuth, and its `code` is a secret."""


def find_named(text: str, media: str = "") -> Iterator[Span]:
    """The name and the place of each named value, those in a list, a table or markup too.

    `media` is the media type of a body; without it a table of one column is not recognised.
    """
    if contains_any(text, "=:<\"'") or "\n" in text:
        yield from _find(text, media)


def _find(text: str, media: str) -> Iterator[Span]:
    for pattern, signs in (
        (_QUOTED, "\"'`"),
        (_PAIR, "\"'"),
        (_PART, ("name=",)),
        (_ASSIGNED, "="),
        (_STATED, (":", "=>")),
        (_LINE, ":"),
        (_NODE, ">"),
    ):
        if contains_any(text, signs):
            yield from _matches(text, pattern)
    if "code=" in text:
        yield from _grants(text)
    if "<" in text:
        yield from find_in_markup(text)
    is_card = "card" in media or "directory" in media or "calendar" in media
    if is_card or contains_any(text.upper(), ("BEGIN:V", "CN=")):
        yield from find_in_card(text)
    if "\n" in text or "\r" in text:
        yield from find_in_tables(text, media)


def _matches(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    for match in pattern.finditer(text):
        group = match.lastgroup or ""
        start, end = match.span(group if group in ("value", "bare", "block") else "value")
        value = text[start:end]
        stated = pattern in (_STATED, _LINE, _NODE)
        if (stated and (is_prose(value) or is_prose(match["name"]))) or (
            pattern is _ASSIGNED and _is_label(text, match)
        ):
            continue
        yield match["name"], start, end - (len(value) - len(value.rstrip()))


def _is_label(text: str, match: re.Match[str]) -> bool:
    """Whether `name=` is an attribute, which names the field of another value."""
    if match["name"].lower() != "name":
        return False
    line = text[max(0, match.start() - 400) : match.start()]
    return line.rfind("<") > line.rfind(">") or "form-data" in line.rpartition("\n")[2]


def _grants(text: str) -> Iterator[Span]:
    """The code of OAuth in a query or a form."""
    for query in _QUERY.finditer(text):
        pairs = list(_PARAMETER.finditer(text, *query.span()))
        if not GRANT.isdisjoint(pair["name"] for pair in pairs):
            for pair in pairs:
                if pair["name"] == "code":
                    yield "authorization_code", *pair.span("value")


def replace_named(text: str, replacement: Callable[[str, str], str]) -> str:
    """The text with `replacement(name, value)` in place of each named value."""
    named = [
        (name, i, j) for name, i, j in find_named(text) if replacement(name, text[i:j]) != text[i:j]
    ]
    return replace_spans(
        text, ((i, j, replacement(name, text[i:j])) for name, i, j in without_overlaps(named))
    )
