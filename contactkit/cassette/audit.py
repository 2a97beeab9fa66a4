"""The findings of an audit as a DataFrame: what a recording made today would not contain.

Each line is searched for what no file may contain. Then each exchange is redacted again: what that
changes was missed when it was recorded, perhaps by an older version.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import takewhile
from operator import eq
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

from contactkit._frames.frame import STRING, declared_frame
from contactkit._frames.paths import reason_of
from contactkit.cassette.exchange import Pairs, RecordedRequest, RecordedResponse
from contactkit.cassette.format import Entry, json_line
from contactkit.cassette.reader import CassetteReader, read_lines
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cassette.redaction.text import is_json, json_tokens
from contactkit.errors import CassetteError

FINDING_COLUMNS: dict[str, Any] = {
    "line": pd.Int64Dtype(),
    "kind": STRING,
    "byte": pd.Int64Dtype(),
    "hidden": STRING,
}


def audit(path: Path, redactor: Redactor) -> pd.DataFrame:
    """One row per finding in the lines of a file, even if it cannot be replayed.

    `line` counts from 1; `byte`, the position in the line, from 0. `hidden` is NA for a plain
    value; otherwise it names the encoding to undo, and `byte` is the position of the base64 around
    the value, or NA if the whole line must be decoded. A name or a secret is found by its field,
    and then wherever it is repeated.
    """
    lines = list(_lines(path))
    entries = _entries(path)
    # A first pass, so that a name from a later exchange is found in an earlier line too.
    for entry in entries:
        _redact(entry, redactor)
    rows = [
        {"line": number, "kind": kind, "byte": byte, "hidden": hidden or None}
        for number, line in enumerate(lines, 1)
        for kind, byte, hidden in redactor.findings(line)
    ]
    rows += _missed(lines, entries, redactor, rows)
    return declared_frame(FINDING_COLUMNS, sorted(rows, key=lambda row: row["line"]))


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, up to where it ends early."""
    try:
        yield from read_lines(path)
    except EOFError:
        return
    except (OSError, zlib.error) as error:
        raise CassetteError(f"{path}: cannot be read: {reason_of(error)}") from None


def _entries(path: Path) -> list[Entry]:
    """The exchanges of a file that can be read."""
    reader = CassetteReader(path)
    try:
        reader.read()
    except CassetteError:
        return []
    return list(reader.entries.values())


class _Change(NamedTuple):
    """A text of an exchange that redaction changes."""

    kind: str
    text: str


def _redact(entry: Entry, redactor: Redactor) -> list[_Change]:
    """What redaction changes in an exchange; nothing if it cannot be read."""
    try:
        exchange = entry.exchange
    except CassetteError:
        return []
    before = exchange.request, exchange.response
    after = redactor.exchange(*before)
    texts = zip(_texts(*before), _texts(*after), strict=True)
    return [change for one, other in texts for change in _changes(one, other)]


def _texts(request: RecordedRequest, response: RecordedResponse) -> Iterator[str]:
    yield from (request.url, request.content_type)
    yield from _values(request.query)
    yield from _values(request.headers)
    yield from _values(response.headers)
    for body in (request.body, response.body):
        yield body.decode("utf-8", "surrogateescape")


def _values(pairs: Pairs) -> Iterator[str]:
    for name, value in pairs:
        yield name
        yield value


def _changes(before: str, after: str) -> Iterator[_Change]:
    """The parts that differ: the values of JSON, and of other text what is between equal ends."""
    if before == after:
        return
    if is_json(before) and is_json(after):
        pairs = zip(json_tokens(before), json_tokens(after), strict=False)
        for one, other in pairs:
            if one.text != other.text:
                yield _change(one.text, other.text)
        return
    start = _shared(before, after)
    yield _change(before[start:], after[start:])


def _shared(one: str, other: str) -> int:
    """How many signs two texts begin with alike."""
    return sum(takewhile(bool, map(eq, one, other)))


def _change(before: str, after: str) -> _Change:
    end = _shared(before[::-1], after[::-1])
    text = before[: len(before) - end] or before
    return _Change("secret" if "redacted-" in after else "personal value", text)


def _missed(
    lines: list[bytes], entries: list[Entry], redactor: Redactor, known: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The changes that no finding in their line covers."""
    numbers = {line.strip(): number for number, line in enumerate(lines, 1)}
    found: dict[int, list[int | None]] = {}
    for row in known:
        found.setdefault(row["line"], []).append(row["byte"])
    for entry in entries:
        own = (entry.line, *entry.items.values())
        for change in _redact(entry, redactor):
            line, byte, length = _place(change.text, own)
            number = numbers.get(line, entry.number)
            places = found.setdefault(number, [])
            covered = (at is None or byte is None or byte <= at <= byte + length for at in places)
            if not any(covered):
                places.append(byte)
                yield {"line": number, "kind": change.kind, "byte": byte, "hidden": None}


def _place(text: str, lines: tuple[bytes, ...]) -> tuple[bytes, int | None, int]:
    """The line that has a text, as it is or escaped, and its place there; None if none has."""
    once = json_line(text)[1:-1]
    for written in (text.encode("utf-8", "surrogatepass"), once, json_line(once.decode())[1:-1]):
        for line in lines:
            if (byte := line.find(written)) >= 0:
                return line, byte, len(written)
    return lines[0], None, 0
