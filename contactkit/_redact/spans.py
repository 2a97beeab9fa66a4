"""Places in a text, and what replaces them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[str, int, int]
"""The kind of a match in a text, its start and its end."""

Replacement: TypeAlias = tuple[int, int, str]
"""The start and the end of a part of a text, and what replaces it."""


def replace_spans(text: str, replacements: Iterable[Replacement]) -> str:
    """The text with these replacements, which are in order and do not overlap."""
    parts: list[str] = []
    index = 0
    for start, end, replacement in replacements:
        parts += text[index:start], replacement
        index = end
    return "".join([*parts, text[index:]])


def outermost(replacements: Iterable[Replacement]) -> Iterator[Replacement]:
    """The replacements from left to right, without those that overlap an earlier or longer one."""
    index = 0
    for start, end, replacement in sorted(replacements, key=lambda span: (span[0], -span[1])):
        if start >= index:
            yield start, end, replacement
            index = end


def without_overlaps(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans from left to right; those that overlap become one, with the kind of the first."""
    merged: list[Span] = []
    for kind, start, end in sorted(spans, key=lambda span: (span[1], -span[2])):
        if merged and start < merged[-1][2]:
            merged[-1] = (*merged[-1][:2], max(end, merged[-1][2]))
        else:
            merged.append((kind, start, end))
    return iter(merged)


def contains_any(text: str, parts: Iterable[str]) -> bool:
    """Whether a text contains one of the parts."""
    # A loop, since a generator would take several times as long.
    for part in parts:
        if part in text:
            return True
    return False
