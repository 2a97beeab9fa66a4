"""Values with their names in HTML and XML: elements, attributes, tables and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from contactkit._redact.spans import Span

_NAME = r"[A-Za-z_][\w.-]{0,60}"
_ELEMENT = re.compile(
    rf"<(?:[\w-]+:)?(?P<name>{_NAME})(?:\s[^<>]{{0,400}})?>\s*"
    r"(?:<!\[CDATA\[(?P<cdata>.{1,4000}?)\]\]>|(?P<value>[^<>]{1,4000}))(?=\s*</|\Z)",
    re.S,
)
_KEY = re.compile(r"<key>\s*(?P<name>[^<>]{1,60}?)\s*</key>\s*<\w+>(?P<value>[^<>]{1,4000})<", re.I)
_TAG = re.compile(r"<[A-Za-z][\w:-]*\s(?P<attributes>[^<>]{1,4000})>(?P<text>[^<>]{0,4000})")
_ATTRIBUTE = re.compile(
    r"(?P<name>[\w:.-]+)\s*=\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\s\"'>]+))"
)
_LABELS = ("name", "key", "property", "itemprop", "id", "autocomplete", "for")
_VALUES = ("value", "content", "data-value", "val")
# The same tag after a heading is the next heading, but a cell may be the heading of the next one.
_HEADING = re.compile(
    r"(?=<(?P<tag>h[1-6]|dt|th|label|strong|b|legend|em|span|td)(?:\s[^<>]{0,200})?>\s*"
    r"(?P<name>[A-Za-z][\w .-]{0,40}?)\s*:?\s*(?:</(?P=tag)>|(?=<td\b))\s*:?\s*"
    r"(?:(?!<(?:th|dt|h[1-6]|label)\b)<[^<>]{1,400}>\s*){0,3}(?P<value>[^<>\s][^<>]{0,4000}))",
    re.I,
)
_INPUT = re.compile(
    r"<label(?:\s[^<>]{0,200})?>\s*(?P<name>[A-Za-z][\w .-]{0,40}?)\s*:?\s*(?:</label>\s*)?"
    r"<input\b[^<>]{0,400}?\bvalue=[\"']?(?P<value>[^\"'<>]+)",
    re.I,
)
_ROW = re.compile(r"<tr\b.*?(?=<tr\b|</table|\Z)", re.I | re.S)
_CELL = re.compile(r"<(?P<tag>t[hd])\b[^<>]*>\s*(?:<[^<>/]+>\s*)*(?P<value>[^<>]*?)\s*(?=<)", re.I)


def find_in_markup(text: str) -> Iterator[Span]:
    """The name and the place of each value in markup."""
    for pattern in (_ELEMENT, _KEY, _HEADING, _INPUT):
        for match in pattern.finditer(text):
            group = "cdata" if "cdata" in match.groupdict() and match["cdata"] else "value"
            yield match["name"], *match.span(group)
    for tag in _TAG.finditer(text):
        yield from _attributes(tag)
    if "<tr" in text.lower():
        yield from _columns(text)


def _attributes(tag: re.Match[str]) -> Iterator[Span]:
    """The values that a tag names: `<meta name=… content=…>`, `<a data-key=…>`, `<p name=…>…`."""
    pairs = list(_ATTRIBUTE.finditer(tag.string, *tag.span("attributes")))
    labels = [_value(tag.string, pair)[0] for pair in pairs if pair["name"].lower() in _LABELS]
    for pair in pairs:
        lower = pair["name"].lower()
        _, start, end = _value(tag.string, pair)
        if lower in _VALUES:
            yield from ((label, start, end) for label in labels)
        elif lower not in _LABELS:
            yield pair["name"], start, end
    if tag["text"].strip():
        yield from ((label, *tag.span("text")) for label in labels)


def _value(text: str, pair: re.Match[str]) -> Span:
    group = next(name for name in ("double", "single", "bare") if pair[name] is not None)
    return pair[group], *pair.span(group)


def _columns(text: str) -> Iterator[Span]:
    """The cells of a table by the headings in its first row."""
    headings: list[str] = []
    for row in _ROW.finditer(text):
        cells = list(_CELL.finditer(text, *row.span()))
        if cells and all(cell["tag"].lower() == "th" for cell in cells):
            headings = [cell["value"] for cell in cells]
        elif len(cells) == len(headings):
            yield from (
                (heading, *cell.span("value"))
                for heading, cell in zip(headings, cells, strict=True)
                if cell["value"]
            )
