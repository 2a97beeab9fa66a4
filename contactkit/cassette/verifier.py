"""What stands on the wire while a recording is verified: reads are sent again, writes never."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx

from contactkit.calls import Clock
from contactkit.cassette.drift import Drift, differences
from contactkit.cassette.exchange import Exchange
from contactkit.cassette.heard import Heard, redacted
from contactkit.cassette.hearing import ahear, hear
from contactkit.cassette.redaction import Redaction
from contactkit.cassette.replay import Replay
from contactkit.spec import Provider


class Verifier:
    """Answers as it was recorded, and notes in `drift` how a read would be answered today.

    Pseudonyms are compared only under the `same_key`.
    """

    def __init__(
        self, provider: Provider, clock: Clock, redaction: Redaction, replay: Replay, same_key: bool
    ) -> None:
        self.drift: list[Drift] = []
        self._provider = provider
        self._clock = clock
        self._redaction = redaction
        self._replay = replay
        self._same_key = same_key
        self._lock = threading.Lock()

    def send(self, client: httpx.Client, request: httpx.Request) -> httpx.Response:
        """The recorded answer; UnrecordedRequestError where there is none."""
        if overridden := self._replay.overridden(request):
            overridden.read()
            return overridden
        kind = self._replay.kind(request)
        if kind == "token":
            return client.send(request)
        exchange = self._replay.find(request)
        if kind == "read":
            hear(client, request, self._clock, self._comparing(exchange))
        return self._play(exchange, request)

    async def asend(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        """The same, awaited."""
        if overridden := self._replay.overridden(request):
            overridden.read()
            return overridden
        kind = self._replay.kind(request)
        if kind == "token":
            return await client.send(request)
        exchange = self._replay.find(request)
        if kind == "read":
            await ahear(client, request, self._clock, self._comparing(exchange))
        return self._play(exchange, request)

    def close(self, clean: bool) -> None:
        """Nothing was begun."""

    def compare(self, recorded: Exchange, heard: Heard) -> None:
        """Note how what was heard differs from what was recorded."""
        with self._lock:
            today = redacted(heard, self._provider, self._redaction)
            self.drift += differences(recorded, today, self._provider, same_key=self._same_key)

    def _play(self, exchange: Exchange, request: httpx.Request) -> httpx.Response:
        response = self._replay.play(exchange, request)
        response.read()
        return response

    def _comparing(self, recorded: Exchange) -> Callable[[Heard], None]:
        def keep(heard: Heard) -> None:
            if not heard.failure:
                self.compare(recorded, heard)

        return keep
