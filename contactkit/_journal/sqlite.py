"""The SQLite file of a journal: private to its user, shared by threads and processes.

A file that is not a journal, or that a later contactkit wrote, is not changed. One that an earlier
contactkit wrote is upgraded when something is written.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from contactkit._frames.paths import reason_of, status_of
from contactkit._journal.schema import APPLICATION, VERSION, upgrade, version_of
from contactkit.errors import JournalError

PATIENCE = 5.0
"""The longest wait in seconds for the lock of another process."""
_NAP = 0.01
_SMALLEST = 512

T = TypeVar("T")


class JournalFile:
    """One connection to the file, for all threads; opened when it is first used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._closing: weakref.finalize[..., Any] | None = None

    def query(
        self, text: str, values: Sequence[Any] = (), *, version: int = 1
    ) -> list[sqlite3.Row]:
        """The rows of a query; none if there is no file, or only one of an earlier version."""
        if not self.exists():
            return []
        self._start_again_after_fork()
        with self._lock, self._journal_errors():
            connection = self._open()
            if version_of(connection) < version:
                return []
            return connection.execute(text, values).fetchall()

    def exists(self) -> bool:
        """Whether anything is at the path; JournalError if nothing can be there."""
        try:
            return status_of(self.path) is not None
        except OSError as error:
            why = f"cannot be opened ({reason_of(error)})"
            raise _error(self.path, why, "check the path") from None

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        self._start_again_after_fork()
        with self._lock:
            if self._closing:
                self._closing()
            self._connection = self._closing = None

    def commit(self, change: Callable[[sqlite3.Connection], T], *, durable: bool) -> T:
        """Make a change in a transaction; a `durable` one also survives a power failure."""
        self._start_again_after_fork()
        with self._lock, self._journal_errors():
            connection = self._open()
            if durable:
                self._check_place()
            # With a write-ahead log, NORMAL survives a killed process.
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                upgrade(connection)
                result = change(connection)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            # An outcome belongs beside its intent, wherever that file is now.
            self._check_place()
            return result

    @contextmanager
    def _journal_errors(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise _journal_error(self.path, error) from None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.exists()
            self._connection = _connect(self.path)
            self._file = _file_of(self.path)
            self._closing = weakref.finalize(self, self._connection.close)
        return self._connection

    def _check_place(self) -> None:
        """Refuse to record what is about to be sent in a file that no later process finds."""
        if _file_of(self.path) != self._file:
            why = "was moved, removed or replaced while it was in use"
            raise _error(self.path, why, "put it back")

    def _start_again_after_fork(self) -> None:
        """A child process must not use its parent's connection, not even to close it."""
        if self._process != os.getpid():
            if self._closing:
                self._closing.detach()
            _inherited.append(self._connection)
            self._start()


_inherited: list[sqlite3.Connection | None] = []


def _file_of(path: Path) -> tuple[int, int] | None:
    """What identifies the file at a path; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


# Closing a file frees all locks of the process on it, so only one thread may create it.
_creating = threading.Lock()


def _connect(path: Path) -> sqlite3.Connection:
    """A connection to the journal at this path, or to a new one; JournalError for another file."""
    with _creating:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _check_kind(path)
        connection = sqlite3.connect(
            path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(path, connection)
        except BaseException:
            connection.close()
            raise
    connection.row_factory = sqlite3.Row
    return connection


def _check_kind(path: Path) -> None:
    """Refuse what cannot be a journal, before anything of it is changed."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise _error(path, "is not a regular file", "leave it unchanged")
    if os.name == "posix" and status.st_uid != os.getuid():
        raise _error(path, "belongs to another user", "leave it unchanged")
    if 0 < status.st_size < _SMALLEST:
        # SQLite would treat it as an empty database and overwrite it.
        raise _error(path, *_REASONS["NOTADB"])


def _make_private(path: Path) -> None:
    """Let only the user read the file; SQLite uses the same mode for the files beside it."""
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(FileNotFoundError):
            if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
                file.chmod(0o600)


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    # Another process may be creating it, and a half-made journal looks like another database.
    connection.execute("BEGIN")
    is_new = _is_new(path, connection)
    connection.execute("COMMIT")
    # Not before it is known to be a journal: another file keeps its mode.
    _make_private(path)
    _use_write_ahead_log(connection)
    # Some disks report too early that data is written; this prevents it (macOS).
    connection.execute("PRAGMA fullfsync = ON")
    # Deleted entries are overwritten.
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    if is_new:
        connection.execute("BEGIN IMMEDIATE")
        if _is_new(path, connection):
            upgrade(connection)
        connection.execute("COMMIT")


def _is_new(path: Path, connection: sqlite3.Connection) -> bool:
    """Whether the file is empty; JournalError for anything but a journal."""
    application, version, tables = (
        connection.execute(query).fetchone()[0]
        for query in (
            "PRAGMA application_id",
            "PRAGMA user_version",
            "SELECT count(*) FROM sqlite_master",
        )
    )
    if application == APPLICATION:
        if version > VERSION:
            why = f"is from a later contactkit (version {version}; this one reads {VERSION})"
            raise _error(path, why, "update contactkit")
        return False
    if application or version or tables:
        raise _error(path, "is another program's database", "leave it unchanged")
    return True


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            # SQLite does not wait by itself for other processes that are opening the file.
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() >= until:
                raise
            time.sleep(_NAP)


_REASONS = {
    "BUSY": (
        f"is locked by another process for longer than {PATIENCE:g} s",
        "wait for that process to end",
    ),
    "NOTADB": ("is damaged or not a journal", "move it away"),
    "CORRUPT": ("is damaged", "move it away"),
    "FULL": ("has no space left", "free space on its disk"),
}


def _journal_error(path: Path, error: sqlite3.Error | OSError) -> JournalError:
    """The error for the caller: which file, why, and what to do."""
    name = getattr(error, "sqlite_errorname", "") or getattr(error, "strerror", "")
    kind = name.removeprefix("SQLITE_").partition("_")[0]
    why, then = _REASONS.get(kind, ("cannot be written", "make its folder writable"))
    return _error(path, f"{why} ({name or type(error).__name__})", then)


def _error(path: Path, why: str, then: str) -> JournalError:
    message = f"the journal {path} {why}; {then}, or use another path with connect(journal=…)"
    return JournalError(message)
