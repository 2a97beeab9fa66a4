"""A claim: the proof that somebody is still at work, which ends with the process however it ends.

It is a lock on an empty file of its own, taken through SQLite, whose locks work alike on every
system: the operating system frees it the moment its process dies, and keeps it while it sleeps.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType


class Claim:
    """Held from when it is made until it is closed or its process dies; its `name` is unique."""

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self._file = folder / self.name
        folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._lock = _opened(self._file, "rw")
        # The lock alone is wanted, and no file to undo with beside it.
        self._lock.execute("PRAGMA journal_mode=OFF")
        self._lock.execute("BEGIN EXCLUSIVE")

    def close(self) -> None:
        """Let go of it, and of every row that is still open under it."""
        self._lock.close()
        with suppress(OSError):
            self._file.unlink()

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def alive(folder: Path, name: str) -> bool:
    """Whether somebody holds the claim of this name."""
    file = folder / name
    if not name or not file.exists():
        return False
    try:
        with closing(_opened(file, "ro")) as lock:
            lock.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        return error.sqlite_errorname == "SQLITE_BUSY" or file.exists()
    return False


def sweep(folder: Path) -> None:
    """Take away what those left behind who were killed; nobody may be making a claim meanwhile."""
    for file in folder.glob("*"):
        if not alive(folder, file.name):
            with suppress(OSError):
                file.unlink()


def _opened(file: Path, mode: str) -> sqlite3.Connection:
    address = f"{file.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        address, uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
