"""The journal: every write, recorded before it is sent and closed with its outcome.

It is an SQLite file on a local disk, private to its user. It contains contacts before and after the
write, but never a credential. A killed process or a power failure loses no entry that was begun.
Several processes and threads may write to it at the same time.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from contactkit._journal import statements
from contactkit._journal.erasure import forget
from contactkit._journal.lease import Lease, is_held, remove_ended_leases
from contactkit._journal.reading import Reading
from contactkit._journal.rows import begin_row, end_row, entry_of
from contactkit._journal.sqlite import JournalFile
from contactkit._journal.suppression import IS_USED, SuppressionList, insert, texts_of
from contactkit.errors import ConfigurationError, JournalError
from contactkit.spec.consent import Address
from contactkit.spec.outcome import WRITTEN, Outcome
from contactkit.spec.provider import JSON

_BLOCK = 5000


@dataclass(kw_only=True)
class Intent:
    """A write that is about to be sent.

    In a plan, `row` is the write's row, and `seen` is the id of the last entry of that row that its
    sender knows, 0 for none. `because` has the reasons of a no that is carried from other contacts,
    or the proofs that undo it. `account` identifies the account, and `request` the request.
    `opt_in` means that the caller holds the contact's consent. If a contact is deleted, its
    addresses in `suppress` are put on the suppression list. `uptime` is the time of a clock that is
    never set, and `boot` identifies the start of the machine from which it counts.
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
    because: Sequence[Mapping[str, JSON]] = field(default=(), repr=False)
    idempotency_key: str = ""
    plan: str = ""
    row: int = 0
    seen: int = 0
    opt_in: bool = False
    suppress: Sequence[Address] = field(default=(), repr=False)
    uptime: float | None = None
    boot: str = ""


class Journal:
    """The journal in one file, by default the user's; nothing is opened before it is used.

    Every method raises JournalError on failure, with the file and what to do.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(os.path.expanduser(path)).absolute() if path else own_path()
        self._file = JournalFile(self.path)
        self.suppression = SuppressionList(self._file)
        self._lease_folder = self.path.with_name(f"{self.path.name}-claims")

    def begin(self, intents: Sequence[Intent], lease: Lease | None = None) -> list[int | None]:
        """Record writes before they are sent; returns the entries' ids once they are on disk.

        The id is None for a row of a plan that the caller must not send, because it is open or
        another process has begun it since. Rows of a plan need a lease. Raises ConfigurationError
        for a suppression list under another key.
        """
        holder = {"claim": lease.name if lease else "", "process": os.getpid()}
        rows = [{**begin_row(intent), **holder} for intent in intents]
        suppressed = self.suppression.rows(intents)

        def change(connection: sqlite3.Connection) -> list[int | None]:
            insert(connection, suppressed)
            cursors = (connection.execute(statements.BEGIN, row) for row in rows)
            return [cursor.lastrowid if cursor.rowcount else None for cursor in cursors]

        return self._file.commit(change, durable=True)

    def end(self, rows: Mapping[int, Mapping[str, Any]]) -> None:
        """Close entries, by their ids, with the result rows of their writes.

        A power failure may reopen them. A closed entry does not change, and the entry of a write
        that was not sent is removed. Contacts that were written with consent leave the suppression
        list.
        """
        planned = Outcome.PLANNED
        ended = [end_row(id, row) for id, row in rows.items() if row["outcome"] != planned]
        unsent = [(id,) for id, row in rows.items() if row["outcome"] == planned]

        def change(connection: sqlite3.Connection) -> bool:
            connection.executemany(statements.END, ended)
            connection.executemany(statements.FORGET, unsent)
            return connection.execute(IS_USED).fetchone() is not None

        if self._file.commit(change, durable=False):
            self._unsuppress([id for id, row in rows.items() if row["outcome"] in WRITTEN])

    def _unsuppress(self, ids: Sequence[int]) -> None:
        for id in ids:
            for entry in self._read(statements.OPTED_IN, (id,)):
                # Without the key they stay on the list, which is safe.
                with suppress(ConfigurationError):
                    texts = texts_of(entry["changes"], entry["after"])
                    self.suppression.remove(entry["provider"], texts)

    def claim(self) -> Lease:
        """Return the lease under which rows of a plan are begun; no other process can take them."""

        def change(connection: sqlite3.Connection) -> Lease:
            # The transaction keeps other processes from making leases or removing ended ones.
            remove_ended_leases(self._lease_folder)
            return Lease(self._lease_folder)

        return self._file.commit(change, durable=False)

    def close_ended(self, ids: Iterable[int], at: float) -> set[int]:
        """Close open entries whose lease has ended, as unknown; returns their ids."""
        ids = list(ids)

        def change(connection: sqlite3.Connection) -> set[int]:
            query = "SELECT claim FROM writes WHERE id = ? AND outcome IS NULL"
            rows = {id: connection.execute(query, (id,)).fetchone() for id in ids}
            names = {row["claim"] for row in rows.values() if row}
            ended = {name for name in names if not is_held(self._lease_folder, name)}
            closed = {id for id, row in rows.items() if row and row["claim"] in ended}
            connection.executemany(statements.CLOSE, [(at, id) for id in closed])
            return closed

        return self._file.commit(change, durable=False)

    def last(self, plan: str, account: str) -> dict[int, dict[str, Any]]:
        """The last entry of each row of a plan; the outcome of an open entry is None.

        An open entry may be in flight, unless its lease has ended. `key_made_at`, `key_uptime`
        and `key_boot` are when the row was first sent under its idempotency key, and `keys` the
        number of keys under which it was sent.
        """
        values = (plan, account)
        rows = self._file.query(statements.LAST, values, version=2)
        rows = rows or self._file.query(statements.LAST_OF_VERSION_1, values)
        return {row["row"]: entry_of(row) for row in rows}

    def reading(self) -> Reading | None:
        """What the journal holds now; None if it is new, or cannot be read."""
        try:
            rows = self._file.query(statements.READING, version=2)
        except JournalError:
            # It matters only once something is written, and then this is raised again.
            return None
        for row in rows:
            open = frozenset(map(int, filter(None, (row["open"] or "").split(","))))
            return Reading(row["journal"], row["last"] or 0, open)
        return None

    @property
    def id(self) -> str:
        """What identifies the journal; "" for one that is not written yet."""
        return "".join(row["id"] for row in self._file.query("SELECT id FROM journal", version=2))

    def accounts(self, plan: str, base_url: str) -> list[str]:
        """The accounts at this address that have entries of a plan, latest last."""
        rows = self._file.query(statements.ACCOUNTS, (plan, base_url))
        return [str(row["account"]) for row in rows]

    def written(self, keys: Iterable[str], account: str) -> list[dict[str, Any]]:
        """The entries that have these contacts after a write, oldest first."""
        return self._read(statements.WRITTEN, (account, json.dumps([*keys])))

    def consent_entries(
        self, provider: str, base_url: str, names: Iterable[str]
    ) -> list[dict[str, Any]]:
        """The writes that were made at this address to one of these fields, oldest first.

        With them are the deletes, and what was created with the contact's consent.
        """
        values = (provider, base_url, json.dumps([*WRITTEN]), json.dumps([*names]))
        # A journal of version 1 has no consent.
        return [entry_of(row) for row in self._file.query(statements.CONSENT, values, version=2)]

    def refused_entries(self, provider: str, base_url: str) -> list[dict[str, Any]]:
        """The updates whose content a provider refused at this address, oldest first."""
        return self._read(statements.REFUSED, (provider, base_url))

    def entries(
        self, since: float | None = None, plan: str = "", account: str = ""
    ) -> list[dict[str, Any]]:
        """Entries, oldest first; the outcome of an open entry is None.

        All, or those that were begun since a time, in seconds since the epoch, those of a plan
        whose name begins so, and those of an account.
        """
        return [each for block in self.blocks(since, plan, account) for each in block]

    def blocks(
        self, since: float | None = None, plan: str = "", account: str = ""
    ) -> Iterator[list[dict[str, Any]]]:
        """The same entries, some thousands at a time."""
        last = 0
        while block := self._read(statements.ENTRIES, (last, since, plan, account, _BLOCK)):
            yield block
            last = block[-1]["id"]

    def prune(self, before: float) -> int:
        """Delete entries closed before a time, in seconds since the epoch; returns their number."""

        def change(connection: sqlite3.Connection) -> int:
            old = "DELETE FROM writes WHERE outcome IS NOT NULL AND at < ?"
            return connection.execute(old, (before,)).rowcount

        return self._erase(change)

    def forget(self, address: str) -> int:
        """Remove the values of all contacts with this address, but not of open entries.

        Returns the number of entries. What they say about their plan, and the suppression list,
        stay.
        """
        return self._erase(lambda connection: forget(connection, address))

    def _erase(self, change: Callable[[sqlite3.Connection], int]) -> int:
        if not self._file.exists():
            return 0
        count = self._file.commit(change, durable=True)
        # It is still in the log; if other processes are reading it, it is emptied later.
        self._file.query("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        self._file.close()

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return [entry_of(row) for row in self._file.query(query, values)]


def temporary_journal() -> Journal:
    """A journal for a world that is not real; its folder is created when first used."""
    folder = Path(tempfile.gettempdir()) / f"contactkit-{uuid.uuid4().hex}"
    journal = Journal(folder / "journal.sqlite3")
    weakref.finalize(journal, shutil.rmtree, folder, ignore_errors=True)
    return journal


def own_path() -> Path:
    """The path of the user's journal."""
    return platformdirs.user_data_path("contactkit") / "journal.sqlite3"
