"""What a recording holds, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

from contactkit.cassette.exchange import path_of
from contactkit.cassette.lines import Entry
from contactkit.frames import STRING, TIME, declared_frame

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
    """One row an exchange, in the order they were issued; `hits` is by an entry's id.

    `bytes` are those of the answer as it came, compressed or not. Without `expires` none is
    expired.
    """
    moment = datetime.fromtimestamp(now, UTC)
    rows = [_row(each, hits.get(each.id, 0), moment, expires) for each in entries]
    return declared_frame(COLUMNS, rows)


def _row(entry: Entry, hits: int, now: datetime, expires: timedelta | None) -> dict[str, Any]:
    exchange = entry.exchange
    at = datetime.fromtimestamp(entry.at, UTC)
    return {
        "method": entry.method,
        "path": path_of(entry.url),
        "query": "&".join(f"{name}={value}" for name, value in exchange.asked.query),
        "status": exchange.status,
        "failure": exchange.failure or None,
        "bytes": len(exchange.content),
        "at": at,
        "age": now - at,
        "hits": hits,
        "expired": expires is not None and now - at > expires,
    }
