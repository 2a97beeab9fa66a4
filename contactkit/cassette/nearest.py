"""Explains why a request has no recorded response: the nearest exchange, and how it differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import eq, ne
from typing import TypeAlias, cast

from contactkit.cassette.exchange import RecordedRequest, path_of
from contactkit.cassette.format import Entry
from contactkit.spec.provider import JSON

Difference: TypeAlias = tuple[str, str, str]
"""A field, its value in the request and in the recorded one; "nothing" where it is missing."""
_LONGEST = 60


def explain_miss(
    request: RecordedRequest,
    epoch: int,
    entries: Sequence[Entry],
    redact: Callable[[str], str],
    advice: str = "",
) -> str:
    """A message for a request without a recorded response, redacted, with the `advice`."""
    title = f"{request.method} {redact(path_of(request.url))} has no recorded response"
    if not entries:
        return f"{title}: the recording is empty.\n  {advice}"
    entry, differences = nearest(request, epoch, entries)
    where = f"{entry.path.name}, line {entry.number}"
    if not differences:
        return (
            f"{title} left: all were replayed, the last from {where}.\n"
            f'  To replay the last one again, use exhausted="last". {advice}'
        )
    lines = [f"{title}. The nearest ({where}) differs:"]
    for field, ours, theirs in differences:
        # Text is redacted before it is cut, because half a secret is not recognised.
        requested, recorded = redact(ours)[:_LONGEST], redact(theirs)[:_LONGEST]
        lines.append(f"    {redact(field)}: requested {requested}, recorded {recorded}")
    return "\n".join([*lines, f"  {advice}"])


def nearest(
    request: RecordedRequest, epoch: int, entries: Sequence[Entry]
) -> tuple[Entry, list[Difference]]:
    """The exchange of the nearest path that differs in the fewest fields."""
    distances = [_distance(request, entry) for entry in entries]
    least = min(distances)
    near = (entry for entry, distance in zip(entries, distances, strict=True) if distance == least)
    compared = [(entry, list(_differences(request, epoch, entry))) for entry in near]
    return min(compared, key=lambda pair: len(pair[1]))


def _distance(request: RecordedRequest, entry: Entry) -> tuple[int, int]:
    """How many parts of method and path differ, then how similar the paths are."""
    ours, theirs = path_of(request.url), path_of(entry.url)
    mine, other = [request.method, *ours.split("/")], [entry.method, *theirs.split("/")]
    apart = sum(map(ne, mine, other)) + abs(len(mine) - len(other))
    return apart, -sum(map(eq, ours, theirs))


def _differences(request: RecordedRequest, epoch: int, entry: Entry) -> Iterator[Difference]:
    ours, theirs = dict(_fields(request, epoch)), dict(_fields(entry.request, entry.epoch))
    for field in dict.fromkeys((*ours, *theirs)):
        mine, other = ours.get(field, "nothing"), theirs.get(field, "nothing")
        if mine != other:
            yield field, mine, other


def _fields(request: RecordedRequest, epoch: int) -> Iterator[tuple[str, str]]:
    yield "method", request.method
    yield "path", path_of(request.url)
    for kind, pairs in (("query", request.query), ("header", request.headers)):
        for name in dict(pairs):
            values = (repr(value) for other, value in pairs if other == name)
            yield f"{kind} {name}", ", ".join(values)
    yield from _leaves("body", request.value)
    yield "writes before it", str(epoch)


def _leaves(name: str, value: JSON) -> Iterator[tuple[str, str]]:
    """Each innermost value of JSON, by its path."""
    if isinstance(value, dict) and value:
        for key, inner in cast("dict[str, JSON]", value).items():
            yield from _leaves(f"{name}.{key}", inner)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(cast("list[JSON]", value)):
            yield from _leaves(f"{name}[{index}]", inner)
    elif value is not None or name != "body":
        yield name, repr(cast("object", value))
