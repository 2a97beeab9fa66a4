"""Compares a cassette with the provider's present responses: only reads are sent again.

`Verifier` does so for the requests of a client, `resend` for one recorded read.
"""

from __future__ import annotations

import json
import threading
from urllib.parse import urlencode

import httpx

from contactkit._http.connection import TapFlow
from contactkit._http.flow import acquire
from contactkit._http.session import Answer, Flow, NoResponse, Operation, Request, Response, Session
from contactkit._http.world import Clock
from contactkit.cassette.drift import Drift, differences
from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse
from contactkit.cassette.format import Entry
from contactkit.cassette.matching import Index
from contactkit.cassette.recorder import capture, redact_exchange
from contactkit.cassette.redaction.fields import PersonalFields
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cassette.replay import Replay
from contactkit.errors import TransportError
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import Provider

_PASSING = (408, 425, 429, 500, 502, 503, 504)
_READ = Endpoint(verb="verify", method="GET", path="", help="Repeat a recorded read.")


class Verifier:
    """Replays, and collects in `drift` how the responses to reads have changed.

    Pseudonyms are compared only with the `same_key`.
    """

    def __init__(
        self, provider: Provider, clock: Clock, redactor: Redactor, replay: Replay, same_key: bool
    ) -> None:
        self.drift: list[Drift] = []
        self._provider = provider
        self._clock = clock
        self._redactor = redactor
        self._replay = replay
        self._same_key = same_key
        self._lock = threading.Lock()

    def flow(self, request: httpx.Request) -> TapFlow:
        """Return the recorded response; UnrecordedRequestError where there is none."""
        overrides = self._replay.overrides
        response = overrides.answer(request) if overrides else None
        if response is None:
            kind = self._replay.kind(request)
            if kind == "token":
                return (yield request)
            recorded = self._replay.find(request)
            if kind == "read":
                live, outcome = yield from capture(request, self._clock)
                if isinstance(outcome, httpx.HTTPError):
                    raise outcome
                self.compare(recorded, live)
            response = self._replay.play(recorded, request)
        response.read()
        return response

    def close(self, clean: bool) -> None:
        """Nothing to do: nothing is recorded."""

    def compare(self, recorded: Exchange, live: Exchange) -> None:
        """Collect the differences of a live, unredacted exchange."""
        with self._lock:
            today = redact_exchange(live, self._provider, self._redactor)
            self.drift += differences(recorded, today, self._provider, same_key=self._same_key)


class Reads:
    """Decides which recorded exchanges can be sent again."""

    def __init__(self, provider: Provider, index: Index) -> None:
        self._fields = PersonalFields(provider)
        self._index = index

    def is_lasting(self, entry: Entry) -> bool:
        """Whether it is a read whose response was not a temporary failure."""
        exchange = entry.exchange
        passing = exchange.response.status in (None, *_PASSING)
        return not passing and self._index.kind(exchange.request) == "read"

    def names_person(self, request: RecordedRequest) -> bool:
        """Whether it names a person, for whom the cassette has only a pseudonym."""
        return bool(self._fields.key_span(request.url)) or any(
            self._fields.parameter(name) for name, _ in request.query
        )


def resend(session: Session, recorded: RecordedRequest) -> Flow[Exchange]:
    """Send a recorded request once more; TransportError when there is no response."""
    operation = Operation(endpoint=_READ, request=_request(session, recorded))
    request = yield from acquire(session, operation)
    at = session.clock.now()
    answer: Answer = yield request
    if isinstance(answer, NoResponse):
        raise TransportError(f"the cassette cannot be verified: {answer.reason}", sent=answer.sent)
    assert isinstance(answer, Response)
    headers = tuple((n, v) for n, v in answer.headers.items() if n != "content-encoding")
    return Exchange(
        request=RecordedRequest(method=request.method, url=request.url),
        response=RecordedResponse(status=answer.status, headers=headers, body=answer.content),
        at=at,
    )


def _request(session: Session, recorded: RecordedRequest) -> Request:
    """The recorded request at this session's address."""
    path = recorded.url.partition("://")[2].partition("/")[2]
    query = f"?{urlencode(recorded.query)}" if recorded.query else ""
    host = httpx.URL(session.base_url).copy_with(raw_path=b"/")
    return Request(
        method=recorded.method,
        url=f"{host}{path}{query}",
        headers=dict(recorded.headers),
        body=json.loads(recorded.body) if recorded.body else None,
    )
