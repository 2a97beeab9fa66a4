"""The entries of a journal as rows of its SQLite file, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from contactkit.spec.provider import JSON

if TYPE_CHECKING:
    from contactkit._journal.store import Intent

_TEXTS = ("plan", "key", "idempotency_key", "code", "message", "field", "request_id")
_IMAGES = ("changes", "before", "after", "because")
_TIMES = ("made_at", "at", "key_made_at")

# All other columns are ASCII.
_BEGIN_TEXTS = ("plan", "base_url", "key", "idempotency_key")
_END_COLUMNS = (
    "outcome",
    "http_status",
    "code",
    "message",
    "field",
    "attempts",
    "request_id",
    "key",
)
CLOSING = (*_END_COLUMNS, "after", "at")
"""What a result row needs to close an entry."""


def begin_row(intent: Intent) -> dict[str, Any]:
    """The row of a write that is about to be sent."""
    images = {
        "changes": _json(intent.changes),
        "before": _json(intent.before),
        "because": _json([*intent.because] or None),
    }
    texts = {name: _writable(getattr(intent, name)) for name in _BEGIN_TEXTS}
    return {**vars(intent), **images, **texts}


def end_row(id: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a result row adds to an entry."""
    columns = {name: _writable(row.get(name)) for name in _END_COLUMNS}
    return {**columns, "id": id, "after": _json(row.get("after")), "at": row["at"].timestamp()}


def _json(image: Mapping[str, JSON] | Sequence[Mapping[str, JSON]] | None) -> str | None:
    if image is None:
        return None
    try:
        return to_json(image).decode()
    except ValueError:
        # Half a surrogate pair is no UTF-8, and has to be escaped.
        return json.dumps(image, separators=(",", ":"))


def _writable(value: Any) -> Any:
    """Text that SQLite accepts: without lone surrogates, which JSON may contain."""
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-8", "replace").decode()


def entry_of(row: sqlite3.Row) -> dict[str, Any]:
    """An entry by column, without what only leases need."""
    # A journal of version 1 has no consent, and one of version 2 no reasons.
    entry: dict[str, Any] = {"opt_in": 0, "because": None, **dict(row)}
    del entry["claim"]
    entry["opt_in"] = bool(entry["opt_in"])
    for name in _TEXTS:
        entry[name] = entry[name] or None
    for name in _IMAGES:
        entry[name] = None if entry[name] is None else json.loads(entry[name])
    for name in entry.keys() & set(_TIMES):
        entry[name] = None if entry[name] is None else datetime.fromtimestamp(entry[name], UTC)
    return entry
