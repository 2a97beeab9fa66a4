"""The file of a cassette: a header line, then the lines of each exchange.

Neither a killed process nor a merge of two branches loses an exchange. The writers decide when a
file is created, and when a new one replaces an older one. Nothing here knows what an exchange means
or whether it may be saved.
"""

from __future__ import annotations

import gzip
import os
import threading
import time
import weakref
from bisect import insort_right
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from io import FileIO
from operator import attrgetter
from pathlib import Path
from secrets import token_hex
from typing import TypeAlias

from contactkit.cassette.body import digest
from contactkit.cassette.exchange import Exchange, RecordedRequest
from contactkit.cassette.format import Entry, entry_of, json_line
from contactkit.cassette.reader import KIND, VERSION, CassetteReader
from contactkit.errors import CassetteError, warn
from contactkit.spec.provider import JSON

Owners: TypeAlias = Mapping[str, str]
_SIMULATED = "Recorded from the simulator: this proves nothing about the provider."


class CassetteFile:
    """A file's `header`, and its `entries` in the order of their requests.

    `scan` is called with the lines of an exchange before they are written, and raises to refuse
    them. `owners` maps pseudonyms to hashes of their owners (see Pseudonyms).
    """

    scan: Callable[[bytes], object]

    def __init__(self, path: Path, header: dict[str, JSON], entries: Iterable[Entry] = ()) -> None:
        self.path = path
        self.header = header
        self.entries = list(entries)
        self.owners: dict[str, str] = {}
        self.scan = len
        self._ids = {entry.id for entry in self.entries}
        self._reusable: dict[tuple[RecordedRequest, int], list[str]] = {}
        self._ragged = False
        self._lock = threading.RLock()

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        provider: str,
        world: str,
        created: float | None = None,
        key: str = "",
        scan: Callable[[bytes], object] = len,
    ) -> CassetteFile:
        """Create a file; CassetteError if it exists.

        `created` is now by default. `key` is the fingerprint of the pseudonym key.
        """
        created = time.time() if created is None else created
        header: dict[str, JSON] = {
            "kind": KIND,
            "version": VERSION,
            "provider": provider,
            "world": world,
            "created": datetime.fromtimestamp(created, UTC).isoformat(timespec="seconds"),
        }
        header |= {"note": _SIMULATED} if world == "simulator" else {}
        header |= {"key": key} if key else {}
        file = cls(Path(path), header)
        file.scan = scan
        try:
            file.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CassetteError(f"{path}: cannot be created: {error.strerror}") from None
        try:
            _write(file.path, "x", file._first_line)
        except FileExistsError:
            raise CassetteError(f"{path}: the file already exists") from None
        return file

    @classmethod
    def load(cls, path: str | Path) -> CassetteFile:
        """Read a file; CassetteError names the invalid line.

        A last exchange that a killed process left unfinished is dropped with a warning.
        """
        reader = CassetteReader(Path(path))
        reader.read()
        if reader.dropped:
            warn(f"{path}: the last exchange is incomplete and was dropped")
        # In the order of the file where times are equal, as they are under a virtual clock.
        entries = sorted(reader.entries.values(), key=attrgetter("at"))
        file = cls(Path(path), reader.header, entries)
        file.owners = reader.owners
        file._ragged = reader.ragged
        return file

    def append(self, exchange: Exchange, owners: Owners | None = None) -> Entry:
        """Save one exchange and the `owners` of its pseudonyms in one write."""
        with self._lock:
            new = {p: owner for p, owner in (owners or {}).items() if p not in self.owners}
            entry = entry_of(self.path, exchange, self._namer(exchange), new)
            self.scan(entry.data)
            if self._ragged or not self.path.exists():
                self.rewrite(self.entries)
            _write(self.path, "a", entry.data)
            self._ids.add(entry.id)
            self.owners |= new
            # Of concurrent exchanges, the first to be issued may be the last to end.
            insort_right(self.entries, entry, key=attrgetter("at"))
            return entry

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """Replace the file's entries with these, from this file or another, in one step."""
        with self._lock:
            sorted_entries = sorted(entries, key=attrgetter("at"))
            data = b"".join([self._first_line, *(entry.data for entry in sorted_entries)])
            swap = self._path_beside("swap")
            try:
                _write(swap, "w", data)
                os.replace(swap, self.path)
            finally:
                swap.unlink(missing_ok=True)
            self.entries, self._ragged = sorted_entries, False
            self._ids = {entry.id for entry in sorted_entries}

    def prune(self, since: float) -> int:
        """Drop the exchanges before `since`; return how many were dropped.

        The first remaining exchange takes over the owners of pseudonyms, since later exchanges have
        the same pseudonyms.
        """
        with self._lock:
            dropped = [entry for entry in self.entries if entry.at < since]
            remaining = self.entries[len(dropped) :]
            if remaining:
                owners = (line for entry in dropped for line in entry.owners)
                remaining[0].owners = (*owners, *remaining[0].owners)
            if dropped:
                self.rewrite(remaining)
            return len(dropped)

    def create_successor(self, taken: Collection[str] = ()) -> CassetteFile:
        """An empty file beside this one, to record the same requests again.

        A repeated request keeps its id, so that the files differ only in what has changed; the ids
        in `taken` are not used again.
        """
        file = CassetteFile(self._path_beside("new"), self.header)
        file.scan = self.scan
        file._ids = set(taken)
        for entry in self.entries:
            if entry.id not in taken:
                file._reusable.setdefault((entry.request, entry.epoch), []).append(entry.id)
        _write(file.path, "w", file._first_line)
        return file

    @property
    def _first_line(self) -> bytes:
        return json_line(self.header) + b"\n"

    def _path_beside(self, purpose: str) -> Path:
        return self.path.with_name(f".{purpose}-{token_hex(4)}-{self.path.name[-40:]}")

    def _namer(self, exchange: Exchange) -> Callable[[bytes], str]:
        def name(line: bytes) -> str:
            reusable = self._reusable.get((exchange.request, exchange.epoch))
            if reusable:
                return reusable.pop(0)
            id = digest(line)
            while id in self._ids:
                id = digest(id.encode() + line)
            return id

        return name


def _write(path: Path, mode: str, data: bytes) -> None:
    """Write all of it, or write nothing and raise CassetteError; "x" may raise FileExistsError."""
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    try:
        # Unbuffered: on return the system has all data, even if the process is then killed.
        with FileIO(path, mode) as file:
            _write_all(file, data)
            if mode == "w":
                os.fsync(file.fileno())
    except FileExistsError:
        raise
    except OSError as error:
        if mode != "a":
            path.unlink(missing_ok=True)
        raise CassetteError(f"{path}: cannot be written: {error.strerror}") from None


def _write_all(file: FileIO, data: bytes) -> None:
    """Append all data or none: a part that was written to a full disk is removed again."""
    before, rest = file.seek(0, os.SEEK_END), memoryview(data)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        file.truncate(before)
        raise


class CassetteWriter:
    """Saves exchanges to a `file`, which is opened or created at the first response.

    Failures alone create no file, so that a client that was offline does not replay its failures.
    """

    def __init__(self, open_file: Callable[[], CassetteFile]) -> None:
        self.file: CassetteFile | None = None
        self._open_file = open_file
        self._waiting: list[tuple[Exchange, Owners]] = []
        self._lock = threading.Lock()

    def add(self, exchange: Exchange, owners: Owners) -> None:
        """Save an exchange, after the failures before it."""
        with self._lock:
            self._waiting.append((exchange, owners))
            if self.file is None and exchange.response.status is None:
                return
            self.file = self.file or self._open_file()
            while self._waiting:
                self.file.append(*self._waiting.pop(0))

    def close(self, clean: bool) -> None:
        """Do nothing: every exchange was saved as it ended."""


class ReplacingWriter(CassetteWriter):
    """Saves to a new file, which replaces the `older` one when it is closed cleanly.

    Exchanges of the older file that were not repeated are kept.
    """

    def __init__(self, older: CassetteFile) -> None:
        super().__init__(self._create_successor)
        self._older = older
        self._saved: set[str] = set()

    def _create_successor(self) -> CassetteFile:
        file = self._older.create_successor(self._saved)
        # A writer that is never closed must not leave a file behind.
        weakref.finalize(self, file.path.unlink, missing_ok=True)
        return file

    def close(self, clean: bool) -> None:
        """Replace the older file, or leave it unchanged."""
        with self._lock:
            if self.file is None:
                return
            if clean:
                # Another process may have added to it in the meantime.
                if self._older.path.exists():
                    self._older.entries = CassetteFile.load(self._older.path).entries
                self._older.rewrite([*self.file.entries, *self._kept(self.file)])
                self._saved |= {entry.id for entry in self.file.entries}
            with suppress(FileNotFoundError):
                self.file.path.unlink()
            # The next exchange begins a new file.
            self.file = None

    def _kept(self, file: CassetteFile) -> list[Entry]:
        """The older entries that were not repeated, with all owners of the older file."""
        repeated = {(entry.request, entry.epoch) for entry in file.entries}
        remaining = [
            entry
            for entry in self._older.entries
            if entry.id in self._saved or (entry.request, entry.epoch) not in repeated
        ]
        present = {line for entry in (*file.entries, *remaining) for line in entry.owners}
        if remaining:
            lines = [line for entry in self._older.entries for line in entry.owners]
            missing = (line for line in lines if line not in present)
            remaining[0].owners = (*missing, *remaining[0].owners)
        return remaining
