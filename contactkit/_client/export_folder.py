"""The folder of an export. The next export is made in a hidden folder beside it, and replaces it as
a whole, so that a reader finds all files of one export or all files of another.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from contactkit._client.export_state import STATE, ExportState, parse_state
from contactkit._frames.paths import reason_of, status_of
from contactkit._journal.lease import lock_file
from contactkit.errors import ConfigurationError, InvalidInputError

_TRIES = 10
# What file browsers leave in a folder.
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}


class ExportFolder:
    """An export's own folder, and the hidden one where the next is made; `where` is for errors."""

    def __init__(self, path: str | Path, where: str) -> None:
        self._where = where
        try:
            # A link to a folder stays, and the folder behind it is replaced.
            self.path = Path(os.path.realpath(Path(path).expanduser()))
            status_of(self.path)
        except OSError as error:
            raise self.refusal(reason_of(error).lower()) from None
        except (ValueError, TypeError, RuntimeError) as error:
            raise self.refusal(f"must be the path of a folder: {error}") from None
        self._work = self.path.with_name(f".{self.path.name}.export")
        self._next = self._work / "next"
        self._last = self._work / "last"

    def refusal(self, message: str) -> InvalidInputError:
        """The error for a folder that cannot be used."""
        return InvalidInputError.one(self._where, "folder", message)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other exports out of this folder, in any process."""
        self.check()
        with self.writing():
            lock = self._lock()
        try:
            self._tidy()
            yield
        finally:
            if not self._next.exists():
                with suppress(OSError):
                    (self._work / "lock").unlink()
            lock.close()
            with suppress(OSError):
                self._work.rmdir()

    def _lock(self) -> sqlite3.Connection:
        file = self._work / "lock"
        for _ in range(_TRIES):
            self._work.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError, sqlite3.OperationalError):
                os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
                before = os.stat(file)
                try:
                    lock = lock_file(file)
                except BlockingIOError:
                    raise self.refusal("another export into it is running") from None
                # Another export may have ended and removed the file before it was locked.
                with suppress(FileNotFoundError):
                    if os.path.samestat(before, os.stat(file)):
                        return lock
                lock.close()
        raise ConfigurationError(f"{self.path}: {file} cannot be locked")

    def _tidy(self) -> None:
        """Put back what an export was replacing when it was killed."""
        with self.writing():
            if self._last.exists() and not self.path.exists():
                os.replace(self._last, self.path)
            shutil.rmtree(self._last, ignore_errors=True)

    def check(self) -> ExportState | None:
        """The state of the export that is in the folder, None if it is empty or missing.

        InvalidInputError if it holds anything else.
        """
        try:
            names = set(os.listdir(self.path)) - _LITTER
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self.refusal(reason_of(error).lower()) from None
        if os.path.ismount(self.path):
            raise self.refusal("is a mount point, which cannot be replaced: use a folder in it")
        if not names:
            return None
        state = self._state(self.path)
        other = sorted(names - {STATE, *(state.files if state else ())})
        if other or state is None:
            count = len(other) or len(names)
            files = "1 other file" if count == 1 else f"{count:,} other files"
            raise self.refusal(f"holds {files}, such as {(other or sorted(names))[0]}: use another")
        return state

    def unfinished(self) -> ExportState | None:
        """The state of the export that is being made; None for none.

        InvalidInputError if it is damaged.
        """
        if not (self._next / STATE).exists():
            return None
        state = self._state(self._next)
        if state is None or not all((self._next / name).is_file() for name in state.files):
            raise self.refusal("its unfinished export is damaged; resume=False starts again")
        return state

    def start(self, state: ExportState) -> None:
        """Make a new export, without what is left of an earlier one."""
        with self.writing():
            if self._next.exists():
                shutil.rmtree(self._next)
            self._next.mkdir(mode=0o700)
            self.save(state)

    def save(self, state: ExportState) -> None:
        """Write the state of the export that is being made."""
        self.write(STATE, state.to_json())

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the export that is being made, as a whole or not at all."""
        file, beside = self._next / name, self._next / f".{name}"
        with self.writing():
            with open(beside, "wb", opener=_open_private) as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            os.replace(beside, file)

    def files(self, state: ExportState) -> list[Path]:
        """The files of the export that is being made."""
        return [self._next / name for name in state.files]

    def replace(self, state: ExportState) -> None:
        """Let the export that was made replace the one that is in the folder."""
        self.check()
        with self.writing():
            for name in set(os.listdir(self._next)) - {STATE, *state.files}:
                (self._next / name).unlink()
            if self.path.exists():
                os.replace(self.path, self._last)
            os.replace(self._next, self.path)
            shutil.rmtree(self._last, ignore_errors=True)

    def _state(self, folder: Path) -> ExportState | None:
        try:
            return parse_state((folder / STATE).read_bytes())
        except OSError:
            return None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn a file that cannot be written into a ConfigurationError."""
        try:
            yield
        except OSError as error:
            reason = reason_of(error)
            if error.errno == errno.ENOSPC:
                reason = "the disk is full"
            raise ConfigurationError(f"{self.path}: cannot be written: {reason}") from error


def _open_private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
