"""The exchanges of a cassette as a DataFrame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

from contactkit._frames.frame import STRING, TIME, declared_frame
from contactkit.cassette.exchange import path_of
from contactkit.cassette.format import Entry

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
