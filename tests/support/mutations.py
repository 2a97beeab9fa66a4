"""Documents with one or two wrong values, as hypothesis strategies and for parametrised tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Place = tuple[str | int, ...]
DEEP: Any = None
for _ in range(60):
    DEEP = [DEEP]
WRONG = [
    *(None, True, 0, -1, 1e308, 10**400, float("nan"), "", "x", "\x00", "\ud800", "9" * 30),
    *([], [None], [[]], [1, "x"], {}, {"a": None}, DEEP, "http://[", "2026-13-45", "a\r\nb"),
]


def places(document: Any, start: Place = ()) -> Iterator[Place]:
    """The places of all values in a JSON document, its own first."""
    yield start
    members: Any = ()
    if isinstance(document, dict):
        members = document.items()
    elif isinstance(document, list):
        members = enumerate(document)
    for name, value in members:
        yield from places(value, (*start, name))


def put(document: Any, place: Place, value: Any) -> Any:
    """The document with another value at a place."""
    if not place:
        return value
    first, *rest = place
    copy = document.copy()
    copy[first] = put(copy[first], tuple(rest), value)
    return copy


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """A JSON document with one or two values replaced."""
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from([*places(document)]))
        document = put(document, place, draw(st.sampled_from(WRONG)))
    return document


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """A file that is cut, or has other bytes in one place."""
    start = draw(st.integers(0, len(content)))
    if draw(st.booleans()):
        return content[:start]
    return (
        content[:start] + draw(st.binary(max_size=9)) + content[start + draw(st.integers(0, 9)) :]
    )
