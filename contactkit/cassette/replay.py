"""Recorded answers in the place of a network: one respx route, however long the recording is.

The routes of a user's own respx router go before it. Nothing here opens a connection, and no
other client is touched.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager

import httpx
import respx
from respx.models import PassThrough, ResolvedRoute

from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse
from contactkit.cassette.matching import Index, Kind, mark_names, marks, normalise
from contactkit.cassette.recorder import request_of
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import Provider

_CALLS = 256


def _content_type(request: httpx.Request) -> str:
    return request.headers.get("content-type", "")


class Replay:
    """Answers requests to one provider: first by `overrides`, then by what was recorded.

    The routes of `overrides` are those that it has at the time of a request; what it passes
    through, or does not match, is for the recording to answer. `transport` is for httpx.Client
    and httpx.AsyncClient alike. `played` is told each exchange that is given; `calls` are the
    last requests that the recording was asked for, redacted.
    """

    def __init__(
        self,
        provider: Provider,
        index: Index,
        redaction: Redactor,
        overrides: respx.Router | None = None,
        played: Callable[[Exchange], object] = lambda exchange: None,
    ) -> None:
        self.calls: deque[RecordedRequest] = deque(maxlen=_CALLS)
        self._provider = provider
        self._index = index
        self._redaction = redaction
        self._overrides = _Overrides(overrides) if overrides is not None else None
        self._played = played
        self._marked = bool(mark_names(provider))
        self.router = _Router()
        self.router.add(_Route(self.handle))
        self.transport = httpx.MockTransport(self.router.handler)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """The answer of an override, or else the next one that was recorded.

        UnrecordedRequestError when there is neither.
        """
        if overridden := self.overridden(request):
            return overridden
        return self.play(self.find(request), request)

    def find(self, request: httpx.Request) -> Exchange:
        """The next recorded exchange; UnrecordedRequestError when there is none."""
        found = self._find(request)
        if isinstance(found, RecordedRequest):
            raise self._index.unrecorded(found, self._redaction.text)
        return found

    def kind(self, request: httpx.Request) -> Kind:
        """What a request does at the provider."""
        return self._index.kind(self._literal(request))

    def recorded(self, request: httpx.Request) -> httpx.Response | None:
        """The same, or None when there is neither."""
        if overridden := self.overridden(request):
            return overridden
        found = self._find(request)
        return None if isinstance(found, RecordedRequest) else self.play(found, request)

    def overridden(self, request: httpx.Request) -> httpx.Response | None:
        """What the user's own routes answer, or None when none of them does."""
        if self._overrides is None or not self._overrides.routes:
            return None
        try:
            return self._overrides.handler(request)
        except (_Unmatched, PassThrough):
            return None

    def _find(self, request: httpx.Request) -> Exchange | RecordedRequest:
        """The next recorded exchange, or what was looked for in vain."""
        literal = self._literal(request)
        found = self._index.take(literal)
        # What is recorded under these very words, though no more of it is left, is what is meant.
        if found is None and not self._index.knows(literal):
            literal, found = self._redacted(literal, request)
        self.calls.append(found.request if found else literal)
        return found or literal

    def _literal(self, request: httpx.Request) -> RecordedRequest:
        """The request in its own words; those of one made from recorded values are recorded."""
        body, named = request.content, ()
        if self._marked:
            named = marks(self._provider, request.headers)
        content_type = _content_type(request) if body else ""
        return RecordedRequest.of(request.method, str(request.url), body, content_type, named)

    def _redacted(
        self, literal: RecordedRequest, request: httpx.Request
    ) -> tuple[RecordedRequest, Exchange | None]:
        """The request in the words of the recording, and what is recorded under them."""
        found = normalise(self._redaction.request(request_of(request)), self._provider)
        return found, None if found == literal else self._index.take(found)

    def play(self, exchange: Exchange, request: httpx.Request) -> httpx.Response:
        """The recorded response; raises the recorded failure."""
        self._played(exchange)
        recorded = exchange.response
        if recorded.failure or recorded.status is None:
            raise _failure(recorded)("as it was recorded", request=request)
        return httpx.Response(
            recorded.status,
            headers=[
                (name.encode(), value.encode("utf-8", "surrogateescape"))
                for name, value in recorded.headers
            ],
            stream=httpx.ByteStream(recorded.body),
            request=request,
        )


def _failure(response: RecordedResponse) -> type[httpx.RequestError]:
    """The class of that name; where httpx has none, one that says as much of what was sent."""
    found = getattr(httpx, response.failure, None)
    if isinstance(found, type) and issubclass(found, httpx.RequestError):
        return found
    return httpx.TransportError if response.sent else httpx.ConnectError


class _Route(respx.Route):
    """Takes every request; without a pattern, and without a look at how `answer` is called."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        super().__init__()
        self._answer = answer

    def match(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request)


class _Router(respx.Router):
    """Keeps no calls: respx would keep each of them for ever."""

    def record(
        self,
        request: httpx.Request,
        *,
        response: httpx.Response | None = None,
        route: respx.Route | None = None,
    ) -> None:
        pass


class _Unmatched(Exception):
    """None of a user's routes is for this request."""


class _Overrides(respx.Router):
    """A user's router by its own routes and calls, which counts nothing that it does not match."""

    def __init__(self, given: respx.Router) -> None:
        super().__init__()
        self.routes, self.calls = given.routes, given.calls

    @contextmanager
    def resolver(self, request: httpx.Request) -> Generator[ResolvedRoute, None, None]:
        with super().resolver(request) as resolved:
            yield resolved
            if resolved.route is None:
                raise _Unmatched
            if inspect.iscoroutine(resolved.response):
                resolved.response.close()
                raise ConfigurationError(
                    f"the side effect of {resolved.route.pattern!r} is a coroutine function: "
                    "give the route a plain one, which serves both kinds of client"
                )
