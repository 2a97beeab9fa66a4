"""What stands on the wire while something is recorded: it sends, hears, and keeps what it heard."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace

import httpx

from contactkit._http.connection import Tap, no_response
from contactkit._http.world import Clock
from contactkit.cassette.exchange import Exchange, Pairs, RecordedRequest, RecordedResponse
from contactkit.cassette.file import CassetteWriter
from contactkit.cassette.matching import Index, normalise
from contactkit.cassette.redaction.exchange import redact_exchange
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.errors import CassetteError
from contactkit.spec.provider import Provider

_DECODED = re.compile(r"\s*(gzip|deflate|identity)\s*(,\s*(gzip|deflate|identity)\s*)*", re.I)


class Recorder:
    """Sends, and records, what `answered` has no answer for.

    The `index` counts what was recorded before, and what is now.
    """

    def __init__(
        self,
        provider: Provider,
        clock: Clock,
        redaction: Redactor,
        index: Index,
        recording: CassetteWriter,
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
            return send_recorded(client, request, self._clock, keep)

    async def asend(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        """The same, awaited."""
        if known := self._known(request):
            return known
        with self._keeping(request) as keep:
            return await asend_recorded(client, request, self._clock, keep)

    def close(self, clean: bool) -> None:
        """The session has ended."""
        self._recording.close(clean)

    def _known(self, request: httpx.Request) -> httpx.Response | None:
        found = self._answered(request)
        if found:
            found.read()
        return found

    @contextmanager
    def _keeping(self, request: httpx.Request) -> Generator[Callable[[Exchange], None]]:
        """What keeps the answer, in the epoch that the request was sent in."""
        kept: list[Exchange] = []
        with self._lock:
            question = normalise(self._redaction.request(request_of(request)), self._provider)
            issued = self._index.issue(question)
        try:
            yield lambda heard: kept.append(self._kept(replace(heard, epoch=issued.epoch)))
        finally:
            with self._lock:
                self._index.settle(issued, kept[0] if kept else None)

    def _kept(self, heard: Exchange) -> Exchange:
        with self._lock:
            exchange = redact_exchange(heard, self._provider, self._redaction)
            # A token that was recorded already is given as often as it is asked for.
            kind = self._index.kind(exchange.request)
            if kind != "token" or not self._index.knows(exchange.request):
                with _noting(kind == "write" and exchange.response.sent):
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


class SharedTap:
    """A tap for one client of several: the end of a client is not the end of the recording."""

    def __init__(self, tap: Tap) -> None:
        self.send, self.asend = tap.send, tap.asend

    def close(self, clean: bool) -> None:
        """Whoever holds it open closes what is behind it."""


def send_recorded(
    client: httpx.Client, request: httpx.Request, clock: Clock, keep: Callable[[Exchange], None]
) -> httpx.Response:
    """Send a request and `keep` what comes of it, a failure too; raises what httpx raises."""
    at = clock.now()
    _ask_for_what_is_readable(request)
    try:
        response = client.send(request)
    except httpx.HTTPError as error:
        keep(_exchange(request, _failed(error), at, clock))
        raise
    keep(_exchange(request, _answered(response), at, clock))
    return response


async def asend_recorded(
    client: httpx.AsyncClient,
    request: httpx.Request,
    clock: Clock,
    keep: Callable[[Exchange], None],
) -> httpx.Response:
    """The same, awaited."""
    at = clock.now()
    _ask_for_what_is_readable(request)
    try:
        response = await client.send(request)
    except httpx.HTTPError as error:
        keep(_exchange(request, _failed(error), at, clock))
        raise
    keep(_exchange(request, _answered(response), at, clock))
    return response


def _ask_for_what_is_readable(request: httpx.Request) -> None:
    # httpx asks for Brotli and zstd too where they are installed, into which redaction cannot look.
    request.headers["Accept-Encoding"] = "gzip, deflate"


def request_of(request: httpx.Request) -> RecordedRequest:
    """A request with all its headers, as redaction takes it."""
    body = request.read()
    content_type = request.headers.get("content-type", "") if body else ""
    headers = _pairs(request.headers)
    return RecordedRequest.of(request.method, str(request.url), body, content_type, headers)


def _pairs(headers: httpx.Headers) -> Pairs:
    return tuple((name.decode("latin-1"), _text(value)) for name, value in headers.raw)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _exchange(
    request: httpx.Request, response: RecordedResponse, at: float, clock: Clock
) -> Exchange:
    return Exchange(request=request_of(request), response=response, at=at, elapsed=clock.now() - at)


def _failed(error: httpx.HTTPError) -> RecordedResponse:
    return RecordedResponse(failure=type(error).__name__, sent=no_response(error).sent)


def _answered(response: httpx.Response) -> RecordedResponse:
    """A response without the compression that httpx has undone."""
    headers = _pairs(response.headers)
    if _DECODED.fullmatch(response.headers.get("content-encoding", "")):
        headers = tuple(pair for pair in headers if pair[0].lower() != "content-encoding")
    return RecordedResponse(status=response.status_code, headers=headers, body=response.content)
