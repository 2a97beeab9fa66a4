"""The exchanges of a cassette, and the findings of an audit, as DataFrames."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

from contactkit._frames.frame import STRING, TIME, declared_frame
from contactkit._frames.paths import reason_of
from contactkit.cassette.exchange import path_of
from contactkit.cassette.format import Entry
from contactkit.cassette.reader import read_lines
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.errors import CassetteError

COLUMNS: dict[str, Any] = {
    "method": STRING,
    "path": STRING,
    "query": STRING,
    "status": pd.Int64Dtype(),
    "failure": STRING,
    "bytes": pd.Int64Dtype(),
    "at": TIME,
    "age": "timedelta64[us]",
    "hits": pd.Int64Dtype(),
    "expired": pd.BooleanDtype(),
}


def frame(
    entries: Sequence[Entry], hits: Mapping[str, int], now: float, expires: timedelta | None = None
) -> pd.DataFrame:
    """One row per exchange, in the order of their requests; `hits` is by an entry's id.

    `bytes` is the size of the response without compression. Without `expires` none is expired.
    """
    moment = datetime.fromtimestamp(now, UTC)
    rows = [_row(entry, hits.get(entry.id, 0), moment, expires) for entry in entries]
    return declared_frame(COLUMNS, rows)


def _row(entry: Entry, hits: int, now: datetime, expires: timedelta | None) -> dict[str, Any]:
    exchange = entry.exchange
    at = datetime.fromtimestamp(entry.at, UTC)
    return {
        "method": entry.method,
        "path": path_of(entry.url),
        "query": "&".join(f"{name}={value}" for name, value in exchange.request.query),
        "status": exchange.response.status,
        "failure": exchange.response.failure or None,
        "bytes": len(exchange.response.body),
        "at": at,
        "age": now - at,
        "hits": hits,
        "expired": expires is not None and now - at > expires,
    }


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
    the value, or NA if the whole line must be decoded. A name is found only after the `redactor`
    has seen it in its field.
    """
    rows = [
        {"line": number, "kind": kind, "byte": byte, "hidden": hidden or None}
        for number, line in enumerate(_lines(path), 1)
        for kind, byte, hidden in redactor.findings(line)
    ]
    return declared_frame(FINDING_COLUMNS, rows)


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, up to where it ends early."""
    try:
        yield from read_lines(path)
    except EOFError:
        return
    except (OSError, zlib.error) as error:
        raise CassetteError(f"{path}: cannot be read: {reason_of(error)}") from None
