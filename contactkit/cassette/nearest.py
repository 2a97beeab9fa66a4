"""Why a request has no recorded answer: the nearest exchange, and field by field what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import eq, ne
from typing import NamedTuple, cast

from contactkit.cassette.exchange import RecordedRequest, path_of
from contactkit.cassette.format import Entry
from contactkit.spec.provider import JSON

_LONGEST = 60


class Difference(NamedTuple):
    """One field in which a request differs from a recorded one; "nothing" where it is not there."""

    field: str
    asked: str
    recorded: str


class Nearest(NamedTuple):
    """The recorded exchange that comes nearest; without differences its answers have run out."""

    entry: Entry
    differences: tuple[Difference, ...]


def nearest(asked: RecordedRequest, epoch: int, entries: Sequence[Entry]) -> Nearest | None:
    """The exchange that differs least from this request in this epoch, None when there is none."""
    if not entries:
        return None
    distances = [_distance(asked, each) for each in entries]
    least = min(distances)
    close = [
        Nearest(each, tuple(_differences(asked, epoch, each)))
        for each, distance in zip(entries, distances, strict=True)
        if distance == least
    ]
    return min(close, key=lambda each: len(each.differences))


def _distance(asked: RecordedRequest, entry: Entry) -> tuple[int, int]:
    """How many parts of method and path differ, then how few letters of the path are equal."""
    ours, theirs = path_of(asked.url), path_of(entry.url)
    mine, other = [asked.method, *ours.split("/")], [entry.method, *theirs.split("/")]
    apart = sum(map(ne, mine, other)) + abs(len(mine) - len(other))
    return apart, -sum(map(eq, ours, theirs))


def _differences(asked: RecordedRequest, epoch: int, entry: Entry) -> Iterator[Difference]:
    recorded = entry.request
    ours, theirs = dict(_fields(asked, epoch)), dict(_fields(recorded, entry.epoch))
    for name in dict.fromkeys((*ours, *theirs)):
        mine, other = ours.get(name, "nothing"), theirs.get(name, "nothing")
        if mine != other:
            yield Difference(name, mine, other)


def _fields(asked: RecordedRequest, epoch: int) -> Iterator[tuple[str, str]]:
    yield "method", asked.method
    yield "path", path_of(asked.url)
    for kind, pairs in (("query", asked.query), ("header", asked.headers)):
        for name in dict(pairs):
            yield f"{kind} {name}", ", ".join(repr(text) for each, text in pairs if each == name)
    yield from _leaves("body", asked.value)
    yield "writes before it", str(epoch)


def _leaves(name: str, value: JSON) -> Iterator[tuple[str, str]]:
    """Each value at the end of a path in JSON, by that path."""
    if isinstance(value, dict) and value:
        for each, inner in cast("dict[str, JSON]", value).items():
            yield from _leaves(f"{name}.{each}", inner)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(cast("list[JSON]", value)):
            yield from _leaves(f"{name}[{index}]", inner)
    elif value is not None or name != "body":
        yield name, repr(cast("object", value))


def missing(
    asked: RecordedRequest,
    epoch: int,
    entries: Sequence[Entry],
    redact: Callable[[str], str],
    advice: str = "",
) -> str:
    """What to say of a request that has no answer: what comes nearest, and the `advice`."""
    title = f"{asked.method} {redact(path_of(asked.url))} has no recorded answer"
    found = nearest(asked, epoch, entries)
    if found is None:
        return f"{title}: the recording is empty.\n  {advice}"
    where = f"{found.entry.path.name}, line {found.entry.number}"
    if not found.differences:
        return (
            f"{title} left: all that were recorded were given, the last from {where}.\n"
            f'  To have the last one again, say exhausted="last". {advice}'
        )
    lines = [f"{title}. The nearest ({where}) differs:"]
    for name, ours, theirs in found.differences:
        # Cut only what is redacted already: half a secret is not recognised as one.
        mine, other = redact(ours)[:_LONGEST], redact(theirs)[:_LONGEST]
        lines.append(f"    {redact(name)}: asked {mine}, recorded {other}")
    return "\n".join([*lines, f"  {advice}"])
