"""The file of a recording: a header line, then the lines of one exchange after the other.

It is written so that neither a killed process nor a merge of two branches loses an exchange. What
an exchange means, and whether it may be saved, is for others to say.
"""

from __future__ import annotations

import gzip
import os
import threading
import weakref
from bisect import insort_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from io import FileIO
from operator import attrgetter
from pathlib import Path
from secrets import token_hex

from contactkit.cassette.body import digest
from contactkit.cassette.exchange import Exchange, RecordedRequest
from contactkit.cassette.format import Entry, entry_of, written
from contactkit.cassette.reader import KIND, VERSION, CassetteReader
from contactkit.errors import CassetteError, warn
from contactkit.spec.provider import JSON

_SIMULATED = "Recorded from the simulator: this proves nothing about the provider."


class CassetteFile:
    """A recording: its `header` and its `entries`, by the time they were issued.

    `scan` is given the lines of an exchange before they are written, and raises to refuse them.
    `owners` says whose its pseudonyms are (see Pseudonyms).
    """

    scan: Callable[[bytes], object]

    def __init__(self, path: Path, header: dict[str, JSON], entries: Iterable[Entry] = ()) -> None:
        self.path = path
        self.header = header
        self.entries = list(entries)
        self.owners: dict[str, str] = {}
        self.scan = len
        self._ids = {each.id for each in self.entries}
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
        created: float,
        key: str = "",
        keep: Collection[str] = (),
    ) -> CassetteFile:
        """Begin a recording where there is none.

        `key` tells the keys of pseudonyms apart. `keep` names response headers, in lower case, that
        are kept though they are volatile.
        """
        header: dict[str, JSON] = {
            "kind": KIND,
            "version": VERSION,
            "provider": provider,
            "world": world,
            "created": datetime.fromtimestamp(created, UTC).isoformat(timespec="seconds"),
        }
        header |= {"note": _SIMULATED} if world == "simulator" else {}
        header |= {"key": key} if key else {}
        header |= {"keep": sorted(keep)} if keep else {}
        tape = cls(Path(path), header)
        try:
            tape.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CassetteError(f"{path}: cannot be made: {error.strerror}") from None
        try:
            _write(tape.path, "x", tape._first)
        except FileExistsError:
            raise CassetteError(f"{path}: there is a file already") from None
        return tape

    @classmethod
    def load(cls, path: str | Path) -> CassetteFile:
        """Read a recording; CassetteError names the line that is wrong.

        What a killed process left unfinished at its end is dropped with a warning.
        """
        found = CassetteReader(Path(path))
        found.run()
        if found.dropped:
            warn(f"{path}: its last exchange was cut off, and is dropped")
        # By place in the file where times are equal, as they are under a virtual clock.
        entries = sorted(found.entries.values(), key=attrgetter("at"))
        tape = cls(Path(path), found.header, entries)
        tape.owners = found.owners
        tape._ragged = found.ragged
        return tape

    def append(self, exchange: Exchange, owners: Mapping[str, str] | None = None) -> Entry:
        """Save one exchange, and the `owners` of its pseudonyms, at once and in one write."""
        with self._lock:
            keep = self.header.get("keep", ())
            told = {p: owner for p, owner in (owners or {}).items() if p not in self.owners}
            entry = entry_of(self.path, exchange, self._namer(exchange), keep, told)
            self.scan(entry.data)
            if self._ragged or not self.path.exists():
                self.rewrite(self.entries)
            _write(self.path, "a", entry.data)
            self._ids.add(entry.id)
            self.owners |= told
            # Of several at once, the first to be issued may be the last to end.
            insort_right(self.entries, entry, key=attrgetter("at"))
            return entry

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """Put these entries, of this tape or another, in the place of the file's, in one step."""
        with self._lock:
            kept = sorted(entries, key=attrgetter("at"))
            data = b"".join([self._first, *(each.data for each in kept)])
            swap = self._neighbour("swap")
            try:
                _write(swap, "w", data)
                os.replace(swap, self.path)
            finally:
                swap.unlink(missing_ok=True)
            self.entries, self._ragged = kept, False
            self._ids = {each.id for each in kept}

    def prune(self, since: float) -> int:
        """Drop the exchanges from before then, if there are any; how many were dropped.

        The first one that is left takes over whose their pseudonyms are, for later ones hold them
        too.
        """
        with self._lock:
            dropped = [each for each in self.entries if each.at < since]
            kept = self.entries[len(dropped) :]
            if kept:
                owners = (line for each in dropped for line in each.owners)
                kept[0].owners = (*owners, *kept[0].owners)
            if dropped:
                self.rewrite(kept)
            return len(dropped)

    def beside(self, keep: Collection[str] = ()) -> CassetteFile:
        """An empty recording in a file next to this one's, to record the same again.

        What is asked again keeps its id there, so that in the file only what changed differs; no id
        of those to `keep` is given again.
        """
        tape = CassetteFile(self._neighbour("new"), self.header)
        tape.scan = self.scan
        tape._ids = set(keep)
        for each in self.entries:
            if each.id not in keep:
                tape._reusable.setdefault((each.request, each.epoch), []).append(each.id)
        _write(tape.path, "w", tape._first)
        return tape

    @property
    def _first(self) -> bytes:
        return written(self.header) + b"\n"

    def _neighbour(self, what: str) -> Path:
        return self.path.with_name(f".{what}-{token_hex(4)}-{self.path.name}")

    def _namer(self, exchange: Exchange) -> Callable[[bytes], str]:
        def name(line: bytes) -> str:
            before = self._reusable.get((exchange.request, exchange.epoch))
            if before:
                return before.pop(0)
            found = digest(line)
            while found in self._ids:
                found = digest(found.encode() + line)
            return found

        return name


def _write(path: Path, mode: str, data: bytes) -> None:
    """Write all of it, or nothing and raise CassetteError; "x" may raise FileExistsError."""
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    try:
        # Unbuffered: the system has all of it on return, whatever becomes of the process.
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
    """What is left of a full disk takes a part, which is taken back."""
    before, left = file.seek(0, os.SEEK_END), memoryview(data)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError:
        file.truncate(before)
        raise


Owners = Mapping[str, str]


class CassetteWriter:
    """What is recorded, and where: `begin` makes or opens its file when the first answer comes.

    Failures alone begin nothing, so that who was offline does not replay that for ever.
    """

    def __init__(self, begin: Callable[[], CassetteFile]) -> None:
        self.tape: CassetteFile | None = None
        self._begin = begin
        self._held: list[tuple[Exchange, Owners]] = []
        self._lock = threading.Lock()

    @property
    def entries(self) -> Sequence[Entry]:
        """What has been recorded."""
        return self.tape.entries if self.tape else ()

    def add(self, exchange: Exchange, owners: Owners) -> None:
        """Save an exchange, with what was held back before it."""
        with self._lock:
            self._held.append((exchange, owners))
            if self.tape is None and exchange.response.status is None:
                return
            self.tape = self.tape or self._begin()
            while self._held:
                self.tape.append(*self._held.pop(0))

    def close(self, clean: bool) -> None:
        """Nothing is left to be done: every exchange was saved as it ended."""


class ReplacingWriter(CassetteWriter):
    """A recording beside an `older` one, whose place it takes at a good end.

    What was not asked for again is kept from the older one, and so is what it was given here
    before, for it may have had several good ends.
    """

    def __init__(self, older: CassetteFile) -> None:
        super().__init__(self._beside)
        self._older = older
        self._given: set[str] = set()

    def _beside(self) -> CassetteFile:
        tape = self._older.beside(self._given)
        # Who never comes to an end leaves nothing behind either.
        weakref.finalize(self, tape.path.unlink, missing_ok=True)
        return tape

    def close(self, clean: bool) -> None:
        """Take the older one's place, or leave it as it is."""
        with self._lock:
            if self.tape is None:
                return
            if clean:
                # Others may have added to it meanwhile.
                if self._older.path.exists():
                    self._older.entries = CassetteFile.load(self._older.path).entries
                self._older.rewrite([*self.tape.entries, *self._kept(self.tape)])
                self._given |= {each.id for each in self.tape.entries}
            with suppress(FileNotFoundError):
                self.tape.path.unlink()
            # What is recorded after this goes beside it anew.
            self.tape = None

    def _kept(self, tape: CassetteFile) -> list[Entry]:
        """What was not asked for again, with all that was said of whose the pseudonyms are."""
        again = {(each.request, each.epoch) for each in tape.entries}
        kept = [
            each
            for each in self._older.entries
            if each.id in self._given or (each.request, each.epoch) not in again
        ]
        told = {line for each in (*tape.entries, *kept) for line in each.owners}
        if kept:
            every = [line for each in self._older.entries for line in each.owners]
            kept[0].owners = (*(line for line in every if line not in told), *kept[0].owners)
        return kept
