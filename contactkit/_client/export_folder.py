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
from typing import TYPE_CHECKING

from contactkit._client.export_state import ExportState, is_part, listing_of, parse_state
from contactkit._frames.paths import reason_of, status_of
from contactkit._http.cursor import Listing
from contactkit._journal.lease import lock_file
from contactkit.errors import ConfigurationError, InvalidInputError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_TRIES = 10
# What file browsers leave in a folder.
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}


class FolderInUseError(InvalidInputError):
    """Another process exports into the folder."""


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
        self._state = self._work / "state.json"

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
                    message = "another export into it is running"
                    raise FolderInUseError.one(self._where, "folder", message) from None
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
            if not self._next.exists():
                self._state.unlink(missing_ok=True)

    def check(self) -> Listing | None:
        """The listing whose export is in the folder, None if it is empty or missing.

        InvalidInputError if it holds anything else.
        """
        try:
            names = sorted(set(os.listdir(self.path)) - _LITTER)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self.refusal(reason_of(error).lower()) from None
        if os.path.ismount(self.path):
            raise self.refusal("is a mount point, which cannot be replaced: use a folder in it")
        if not names:
            return None
        other = [name for name in names if not is_part(name)] or names
        listing = listing_of(self.path / name for name in names)
        if listing is None:
            files = "another file" if len(other) == 1 else f"{len(other):,} other files"
            raise self.refusal(f"holds {files}, such as {other[0]}: use another folder")
        return listing

    def unfinished(self) -> ExportState | None:
        """The state of the export that is being made; None for none.

        InvalidInputError if it is damaged.
        """
        try:
            state = parse_state(self._state.read_bytes())
        except FileNotFoundError:
            return None
        if state is None or not all(file.is_file() for file in self.files(state)):
            raise self.refusal("its unfinished export is damaged; resume=False starts again")
        return state

    def start(self, state: ExportState) -> None:
        """Make a new export, without what is left of an earlier one."""
        with self.writing():
            self._state.unlink(missing_ok=True)
            if self._next.exists():
                shutil.rmtree(self._next)
            self._next.mkdir(mode=0o700)
        self.save(state)

    def save(self, state: ExportState) -> None:
        """Write the state of the export that is being made."""
        self._write(self._state, state.to_json())

    def add(self, name: str, content: Buffer) -> None:
        """Write a file of the export that is being made."""
        self._write(self._next / name, content)

    def _write(self, file: Path, content: Buffer) -> None:
        """Write a file as a whole or not at all."""
        beside = file.with_name(f".{file.name}")
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
            for name in set(os.listdir(self._next)) - {*state.files}:
                (self._next / name).unlink()
            if self.path.exists():
                os.replace(self.path, self._last)
            os.replace(self._next, self.path)
            self._state.unlink()
            shutil.rmtree(self._last, ignore_errors=True)

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
