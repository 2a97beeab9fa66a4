"""What stands on the wire while a recording is verified: reads are sent again, writes never."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from urllib.parse import urlencode

import httpx

from contactkit._http.flow import acquire
from contactkit._http.session import (
    Answer,
    Flow,
    NoResponse,
    Operation,
    Request,
    Response,
    Session,
)
from contactkit._http.world import Clock
from contactkit.cassette.drift import Drift, differences
from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse
from contactkit.cassette.format import Entry
from contactkit.cassette.matching import Index
from contactkit.cassette.recorder import asend_recorded, send_recorded
from contactkit.cassette.redaction.exchange import redact_exchange
from contactkit.cassette.redaction.fields import PersonalFields
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cassette.replay import Replay
from contactkit.errors import TransportError
from contactkit.spec.provider import Endpoint, Provider


class Verifier:
    """Answers as it was recorded, and notes in `drift` how a read would be answered today.

    Pseudonyms are compared only under the `same_key`.
    """

    def __init__(
        self, provider: Provider, clock: Clock, redaction: Redactor, replay: Replay, same_key: bool
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
            send_recorded(client, request, self._clock, self._comparing(exchange))
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
            await asend_recorded(client, request, self._clock, self._comparing(exchange))
        return self._play(exchange, request)

    def close(self, clean: bool) -> None:
        """Nothing was begun."""

    def compare(self, recorded: Exchange, heard: Exchange) -> None:
        """Note how what was heard differs from what was recorded."""
        with self._lock:
            today = redact_exchange(heard, self._provider, self._redaction)
            self.drift += differences(recorded, today, self._provider, same_key=self._same_key)

    def _play(self, exchange: Exchange, request: httpx.Request) -> httpx.Response:
        response = self._replay.play(exchange, request)
        response.read()
        return response

    def _comparing(self, recorded: Exchange) -> Callable[[Exchange], None]:
        def keep(heard: Exchange) -> None:
            if not heard.response.failure:
                self.compare(recorded, heard)

        return keep


_PASSING = (408, 425, 429, 500, 502, 503, 504)


class Reads:
    """Which recorded exchanges can be asked again, and how."""

    def __init__(self, provider: Provider, index: Index) -> None:
        self._fields = PersonalFields(provider)
        self._index = index

    def lasting(self, entry: Entry) -> bool:
        """Whether it is a read whose answer was no passing trouble."""
        exchange = entry.exchange
        passing = exchange.response.status in (None, *_PASSING)
        return not passing and self._index.kind(exchange.request) == "read"

    def names_somebody(self, asked: RecordedRequest) -> bool:
        """Whether it asks for a person, of whom there is only a pseudonym."""
        told = self._fields.key_span(asked.url) or any(
            self._fields.parameter(n) for n, _ in asked.query
        )
        return bool(told)


def sent_again(session: Session, recorded: Exchange) -> Flow[Exchange]:
    """Ask for the same again, once; TransportError when there is no answer."""
    call = yield from acquire(
        session, Operation(endpoint=_READ, request=_call(session, recorded.request))
    )
    at = session.clock.now()
    answer: Answer = yield call
    if isinstance(answer, NoResponse):
        raise TransportError(f"the recording cannot be verified: {answer.reason}", sent=answer.sent)
    assert isinstance(answer, Response)
    return Exchange(
        request=RecordedRequest(method=call.method, url=call.url),
        response=RecordedResponse(
            status=answer.status,
            headers=tuple((n, v) for n, v in answer.headers.items() if n != "content-encoding"),
            body=answer.content,
        ),
        at=at,
    )


_READ = Endpoint(verb="verify", method="GET", path="", help="Ask for what was recorded.")


def _call(session: Session, asked: RecordedRequest) -> Request:
    """The recorded request at this session's address."""
    path = asked.url.partition("://")[2].partition("/")[2]
    query = f"?{urlencode(asked.query)}" if asked.query else ""
    host = httpx.URL(session.base_url).copy_with(raw_path=b"/")
    return Request(
        method=asked.method,
        url=f"{host}{path}{query}",
        headers=dict(asked.headers),
        body=json.loads(asked.body) if asked.body else None,
    )
