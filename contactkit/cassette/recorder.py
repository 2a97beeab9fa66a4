"""What stands on the wire while something is recorded: it sends, hears, and keeps what it heard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace

import httpx

from contactkit.calls import Clock
from contactkit.cassette.exchange import Exchange
from contactkit.cassette.heard import Heard, asked, redacted
from contactkit.cassette.hearing import ahear, hear, request_of
from contactkit.cassette.keys import Index
from contactkit.cassette.recording import Recording
from contactkit.cassette.redaction import Redaction
from contactkit.connection import Tap
from contactkit.errors import CassetteError
from contactkit.spec import Provider


class Recorder:
    """Sends, and records, what `answered` has no answer for.

    The `index` counts what was recorded before, and what is now.
    """

    def __init__(
        self,
        provider: Provider,
        clock: Clock,
        redaction: Redaction,
        index: Index,
        recording: Recording,
        answered: Callable[[httpx.Request], httpx.Response | None],
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._redaction = redaction
        self._index = index
        self._recording = recording
        self._answered = answered
        self._lock = threading.Lock()

    def send(self, client: httpx.Client, request: httpx.Request) -> httpx.Response:
        """The answer, from the wire if need be."""
        if known := self._known(request):
            return known
        with self._keeping(request) as keep:
            return hear(client, request, self._clock, keep)

    async def asend(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        """The same, awaited."""
        if known := self._known(request):
            return known
        with self._keeping(request) as keep:
            return await ahear(client, request, self._clock, keep)

    def close(self, clean: bool) -> None:
        """The session has ended."""
        self._recording.close(clean)

    def _known(self, request: httpx.Request) -> httpx.Response | None:
        found = self._answered(request)
        if found:
            found.read()
        return found

    @contextmanager
    def _keeping(self, request: httpx.Request) -> Generator[Callable[[Heard], None]]:
        """What keeps the answer, in the epoch that the request was sent in."""
        kept: list[Exchange] = []
        with self._lock:
            question = asked(self._redaction.request(request_of(request)), self._provider)
            issued = self._index.issue(question)
        try:
            yield lambda heard: kept.append(self._kept(replace(heard, epoch=issued.epoch)))
        finally:
            with self._lock:
                self._index.settle(issued, kept[0] if kept else None)

    def _kept(self, heard: Heard) -> Exchange:
        with self._lock:
            exchange = redacted(heard, self._provider, self._redaction)
            # A token that was recorded already is given as often as it is asked for.
            kind = self._index.kind(exchange.asked)
            if kind != "token" or not self._index.knows(exchange.asked):
                with _noting(kind == "write" and exchange.sent):
                    self._recording.add(exchange, self._redaction.owners())
            return exchange


@contextmanager
def _noting(arrived: bool) -> Generator[None]:
    """An error of the recording must not hide what came of a write."""
    try:
        yield
    except CassetteError as error:
        if arrived:
            raise CassetteError(f"{error}; the write itself was sent, and may be done") from None
        raise


class HeldOpen:
    """A tap for one client of several: the end of a client is not the end of the recording."""

    def __init__(self, tap: Tap) -> None:
        self.send, self.asend = tap.send, tap.asend

    def close(self, clean: bool) -> None:
        """Whoever holds it open closes what is behind it."""
