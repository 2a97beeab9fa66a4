"""The journal: every write, put down before it is sent and closed with what became of it.

A file of SQLite (a write-ahead log, so that a killed process or a power failure loses no entry that
was begun) on a local disk, for its user alone: it holds contacts as they were and as they should
become. It never holds a credential. Several processes and threads may write to it at once.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import uuid
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

from contactkit._journal.sqlite import JournalFile, Lease, alive, sweep
from contactkit.spec.provider import JSON

_TEXTS = ("plan", "key", "idempotency_key", "code", "message", "field", "request_id")
_IMAGES = ("changes", "before", "after")
_TIMES = ("made_at", "at", "key_made_at")

_BEGIN = """
INSERT INTO writes (plan, row, claim, process, provider, account, base_url, operation, key,
                    request, changes, before, idempotency_key, made_at)
SELECT :plan, :row, :claim, :process, :provider, :account, :base_url, :operation, :key,
       :request, :changes, :before, :idempotency_key, :made_at
WHERE :seen = (SELECT coalesce(max(id), 0) FROM writes
               WHERE plan = :plan AND plan <> '' AND account = :account AND row = :row)
ON CONFLICT DO NOTHING
"""
_END = """
UPDATE writes SET outcome = :outcome, key = coalesce(nullif(key, ''), :key, ''), after = :after,
  http_status = :http_status, code = :code, message = :message, field = :field,
  attempts = :attempts, request_id = :request_id, at = :at
WHERE id = :id AND outcome IS NULL
"""
_FORGET = "DELETE FROM writes WHERE id = ? AND outcome IS NULL"
_LAST = """
SELECT *, (SELECT min(made_at) FROM writes AS other
           WHERE other.plan = last.plan AND other.plan <> '' AND other.account = last.account
             AND other.row = last.row AND other.idempotency_key = last.idempotency_key)
          AS key_made_at
FROM writes AS last WHERE id IN
  (SELECT max(id) FROM writes WHERE plan = ? AND plan <> '' AND account = ? GROUP BY row)
ORDER BY row
"""


@dataclass(frozen=True, kw_only=True)
class Intent:
    """A write that is about to be sent.

    One of a plan has its `row` there, and the id of the last entry of that row which its sender has
    `seen`, 0 for none. `account` tells whose contacts they are, and `request` what is sent.
    """

    provider: str
    account: str
    base_url: str
    operation: str
    request: str
    made_at: float
    key: str = field(default="", repr=False)
    changes: Mapping[str, JSON] = field(default_factory=dict[str, JSON], repr=False)
    before: Mapping[str, JSON] | None = field(default=None, repr=False)
    idempotency_key: str = ""
    plan: str = ""
    row: int = 0
    seen: int = 0


class Journal:
    """The journal in one file, by default the user's own; nothing is opened before it is used.

    Every method raises JournalError, with the file and what to do, when it cannot do its work.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path).expanduser().absolute() if path else own_path()
        self._file = JournalFile(self.path)
        self._claims = self.path.with_name(f"{self.path.name}-claims")

    def begin(self, intents: Sequence[Intent], claim: Lease | None = None) -> list[int | None]:
        """Put down what is about to be sent: the entries' ids, as soon as the disk has them.

        There is None for a row of a plan that is not the caller's to send: it is open, or somebody
        has begun it since the caller has `seen` it. Rows of a plan need a claim.
        """
        holder = {"claim": claim.name if claim else "", "process": os.getpid()}
        rows = [_beginning(each) | holder for each in intents]

        def change(connection: sqlite3.Connection) -> list[int | None]:
            made = (connection.execute(_BEGIN, row) for row in rows)
            return [each.lastrowid if each.rowcount else None for each in made]

        return self._file.commit(change, durable=True)

    def end(self, rows: Mapping[int, Mapping[str, Any]]) -> None:
        """Close entries, by their ids, with the result rows of their writes.

        A power failure may open them again. One that is closed already stays as it is, and one that
        was not sent after all is forgotten.
        """
        ended = [_ending(id, row) for id, row in rows.items() if row["outcome"] != "planned"]
        unsent = [(id,) for id, row in rows.items() if row["outcome"] == "planned"]

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany(_END, ended)
            connection.executemany(_FORGET, unsent)

        self._file.commit(change, durable=False)

    def claim(self) -> Lease:
        """What the rows of a plan are begun under; while it is held, nobody else takes them."""

        def change(connection: sqlite3.Connection) -> Lease:
            # Nobody else makes a claim, or looks for dead ones, while this has its turn.
            sweep(self._claims)
            return Lease(self._claims)

        return self._file.commit(change, durable=False)

    def take(self, ids: Iterable[int], claim: Lease) -> set[int]:
        """Take over open entries whose claim has ended: those that are the caller's now."""
        asked = list(ids)

        def change(connection: sqlite3.Connection) -> set[int]:
            found = "SELECT claim FROM writes WHERE id = ? AND outcome IS NULL"
            held = {id: connection.execute(found, (id,)).fetchone() for id in asked}
            names = {row["claim"] for row in held.values() if row}
            dead = {name for name in names if not alive(self._claims, name)}
            taken = {id for id, row in held.items() if row and row["claim"] in dead}
            taking = "UPDATE writes SET claim = ?, process = ? WHERE id = ?"
            connection.executemany(taking, [(claim.name, os.getpid(), id) for id in taken])
            return taken

        return self._file.commit(change, durable=False)

    def last(self, plan: str, account: str) -> dict[int, dict[str, Any]]:
        """The last entry of each row of a plan that was ever begun; None is an open one's outcome.

        What is open may still be in flight: only who can `take` it knows that it is not. Beside the
        columns, `key_made_at` is when the row was first sent under its idempotency key.
        """
        return {entry["row"]: entry for entry in self._read(_LAST, (plan, account))}

    def entries(self) -> list[dict[str, Any]]:
        """Every entry, oldest first; None is an open one's outcome."""
        return self._read("SELECT * FROM writes ORDER BY id")

    def prune(self, before: float) -> int:
        """Forget what was closed before then, in seconds since the epoch; how many that were."""
        if not self.path.exists():
            return 0

        def change(connection: sqlite3.Connection) -> int:
            old = "DELETE FROM writes WHERE outcome IS NOT NULL AND at < ?"
            return connection.execute(old, (before,)).rowcount

        count: int = self._file.commit(change, durable=True)
        # The log still holds it; where others read the log, they empty it later.
        self._file.query("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        self._file.close()

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return [_entry(row) for row in self._file.query(query, values)]


def temporary_journal() -> Journal:
    """A journal for a world where nothing is real; its folder is made when it is first used."""
    folder = Path(tempfile.gettempdir()) / f"contactkit-{uuid.uuid4().hex}"
    journal = Journal(folder / "journal.sqlite3")
    weakref.finalize(journal, shutil.rmtree, folder, ignore_errors=True)
    return journal


def own_path() -> Path:
    """Where the user's own journal is."""
    return platformdirs.user_data_path("contactkit") / "journal.sqlite3"


_ENDING = ("outcome", "http_status", "code", "message", "field", "attempts", "request_id", "key")


def _beginning(intent: Intent) -> dict[str, Any]:
    row = {**vars(intent), "changes": _json(intent.changes), "before": _json(intent.before)}
    return {name: _writable(value) for name, value in row.items()}


def _ending(id: int, row: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: _writable(row.get(name)) for name in _ENDING}
    return {**told, "id": id, "after": _json(row.get("after")), "at": row["at"].timestamp()}


_encode = json.JSONEncoder(separators=(",", ":")).encode


def _json(image: Mapping[str, JSON] | None) -> str | None:
    return None if image is None else _encode(image)


def _writable(value: Any) -> Any:
    """Half a surrogate pair, which a provider may send as JSON, is no text to SQLite."""
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-8", "replace").decode()


def _entry(row: sqlite3.Row) -> dict[str, Any]:
    entry: dict[str, Any] = dict(row)
    del entry["claim"]
    for name in _TEXTS:
        entry[name] = entry[name] or None
    for name in _IMAGES:
        entry[name] = None if entry[name] is None else json.loads(entry[name])
    for name in entry.keys() & set(_TIMES):
        entry[name] = None if entry[name] is None else datetime.fromtimestamp(entry[name], UTC)
    return entry
