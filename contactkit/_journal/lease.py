"""Leases: what shows that a process still applies a plan, however it ends."""

from __future__ import annotations

import os
import sqlite3
import uuid
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType


class Lease:
    """A lock that lasts until it is closed or its process ends; its `name` is unique.

    SQLite locks a separate file: unlike with `flock`, a forked child does not inherit the lock.
    """

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self._file = folder / self.name
        folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._lock = lock_file(self._file)

    def close(self) -> None:
        """Release the lease and all rows that are still open under it."""
        self._lock.close()
        with suppress(OSError):
            self._file.unlink()

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def lock_file(file: Path) -> sqlite3.Connection:
    """Lock an existing file until the connection is closed or the process ends.

    BlockingIOError if it is locked already, also by this process.
    """
    lock = _connect(file, "rw")
    try:
        # Only the lock is needed, without a rollback file beside it.
        lock.execute("PRAGMA journal_mode=OFF")
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if error.sqlite_errorname == "SQLITE_BUSY":
            raise BlockingIOError(f"{file} is locked") from None
        raise
    return lock


def is_held(folder: Path, name: str) -> bool:
    """Whether a process holds the lease with this name."""
    file = folder / name
    if not name or not file.exists():
        return False
    try:
        with closing(_connect(file, "ro")) as lock:
            lock.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        return error.sqlite_errorname == "SQLITE_BUSY" or file.exists()
    return False


def remove_ended_leases(folder: Path) -> None:
    """Delete the files of killed processes; no lease may be made at the same time."""
    for file in folder.glob("*"):
        if not is_held(folder, file.name):
            with suppress(OSError):
                file.unlink()


def _connect(file: Path, mode: str) -> sqlite3.Connection:
    address = f"{file.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        address, uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
