"""A recording that grows, exchange by exchange, in its own file or beside an older one."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from contactkit.cassette.exchange import Exchange
from contactkit.cassette.lines import Entry
from contactkit.cassette.tape import Tape

Owners = Mapping[str, str]


class Recording:
    """What is recorded, and where: `begin` makes or opens its file when the first answer comes.

    Failures alone begin nothing, so that who was offline does not replay that for ever.
    """

    def __init__(self, begin: Callable[[], Tape]) -> None:
        self.tape: Tape | None = None
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
            if self.tape is None and exchange.status is None:
                return
            self.tape = self.tape or self._begin()
            while self._held:
                self.tape.append(*self._held.pop(0))

    def close(self, clean: bool) -> None:
        """Nothing is left to be done: every exchange was saved as it ended."""


class Replacement(Recording):
    """A recording beside an `older` one, whose place it takes at a good end.

    What was not asked for again is kept from the older one, and so is what it was given here
    before, for it may have had several good ends.
    """

    def __init__(self, older: Tape) -> None:
        super().__init__(self._beside)
        self._older = older
        self._given: set[str] = set()

    def _beside(self) -> Tape:
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
                    self._older.entries = Tape.load(self._older.path).entries
                self._older.rewrite([*self.tape.entries, *self._kept(self.tape)])
                self._given |= {each.id for each in self.tape.entries}
            with suppress(FileNotFoundError):
                self.tape.path.unlink()
            # What is recorded after this goes beside it anew.
            self.tape = None

    def _kept(self, tape: Tape) -> list[Entry]:
        """What was not asked for again, with all that was said of whose the pseudonyms are."""
        again = {(each.asked, each.epoch) for each in tape.entries}
        kept = [
            each
            for each in self._older.entries
            if each.id in self._given or (each.asked, each.epoch) not in again
        ]
        told = {line for each in (*tape.entries, *kept) for line in each.owners}
        if kept:
            every = [line for each in self._older.entries for line in each.owners]
            kept[0].owners = (*(line for line in every if line not in told), *kept[0].owners)
        return kept
