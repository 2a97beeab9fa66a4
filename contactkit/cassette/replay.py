"""Recorded responses in place of the network, after the routes of the user's respx router.

Nothing here opens a connection, and no other client is affected.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator
from contextlib import contextmanager

import httpx
import respx
from respx.models import PassThrough, ResolvedRoute

from contactkit._http.world import VirtualClock
from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse, request_of
from contactkit.cassette.matching import Index, Kind, mark_names, marks, normalise
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import Provider


class Replay:
    """Responds to requests to one provider: first from `overrides`, then from the `index`.

    Routes may be added to `overrides` at any time; a request that it passes through or does not
    match is replayed. `transport` is for httpx.Client and httpx.AsyncClient. Each replayed exchange
    moves the `clock`, if there is one, to its end.
    """

    def __init__(
        self,
        provider: Provider,
        index: Index,
        redactor: Redactor,
        overrides: respx.Router | None = None,
        clock: VirtualClock | None = None,
    ) -> None:
        self.index = index
        self._provider = provider
        self._redactor = redactor
        self.overrides = Overrides(overrides) if overrides is not None else None
        self._clock = clock
        self._has_marks = bool(mark_names(provider))
        self.transport = httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Respond from an override, or with the next recorded response.

        UnrecordedRequestError if there is neither.
        """
        if self.overrides and (response := self.overrides.answer(request)):
            return response
        return self.play(self.find(request), request)

    def recorded(self, request: httpx.Request) -> httpx.Response | None:
        """Respond as `handle` does, but with None if there is no response."""
        if self.overrides and (response := self.overrides.answer(request)):
            return response
        _, exchange = self._match(request)
        return self.play(exchange, request) if exchange else None

    def find(self, request: httpx.Request) -> Exchange:
        """The next recorded exchange; UnrecordedRequestError when there is none."""
        recorded, exchange = self._match(request)
        if exchange is None:
            raise self.index.unrecorded(recorded, self._redactor.text)
        return exchange

    def kind(self, request: httpx.Request) -> Kind:
        """Whether a request reads, writes or fetches a token."""
        return self.index.kind(self._literal(request))

    def _match(self, request: httpx.Request) -> tuple[RecordedRequest, Exchange | None]:
        """The next recorded exchange, and the request that was looked up."""
        recorded = self._literal(request)
        exchange = self.index.take(recorded)
        # A literal match counts even if its responses have run out.
        if exchange is None and not self.index.knows(recorded):
            literal = recorded
            recorded = normalise(self._redactor.request(request_of(request)), self._provider)
            exchange = None if recorded == literal else self.index.take(recorded)
        return recorded, exchange

    def _literal(self, request: httpx.Request) -> RecordedRequest:
        """The unredacted request, which matches if it was made from recorded values."""
        body = request.content
        content_type = request.headers.get("content-type", "") if body else ""
        headers = marks(self._provider, request.headers) if self._has_marks else ()
        return RecordedRequest.of(request.method, str(request.url), body, content_type, headers)

    def play(self, exchange: Exchange, request: httpx.Request) -> httpx.Response:
        """The recorded response; raises the recorded failure."""
        if self._clock:
            self._clock.sleep(exchange.at + exchange.elapsed)
        recorded, asked = exchange.response, exchange.request
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
            extensions={
                "pseudonymous": not _is_literal(asked, request),
                "recorded_body": asked.body,
            },
        )


def _is_literal(recorded: RecordedRequest, request: httpx.Request) -> bool:
    """Whether a request has the recorded values, and not those that pseudonyms replaced."""
    url, query = str(request.url).partition("?")[0], sorted(request.url.params.multi_items())
    return (recorded.url, sorted(recorded.query), recorded.body) == (url, query, request.content)


def _failure(response: RecordedResponse) -> type[httpx.RequestError]:
    """The exception with this name, or one that means the same for what was sent."""
    error = getattr(httpx, response.failure, None)
    if isinstance(error, type) and issubclass(error, httpx.RequestError):
        return error
    return httpx.TransportError if response.sent else httpx.ConnectError


class _Unmatched(Exception):
    """None of the user's routes matches this request."""


class Overrides(respx.Router):
    """The user's router with its routes and calls; it does not count requests without a match."""

    def __init__(self, router: respx.Router) -> None:
        super().__init__()
        self.routes, self.calls = router.routes, router.calls

    def answer(self, request: httpx.Request) -> httpx.Response | None:
        """The response of the first route that matches; None when none does."""
        if not self.routes:
            return None
        try:
            return self.handler(request)
        except (_Unmatched, PassThrough):
            return None

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
                    "use a plain function, which works for sync and async clients"
                )
