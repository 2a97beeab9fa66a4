"""What stands on the wire while something is recorded: it sends, hears, and keeps what it heard."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import httpx

from contactkit._http.connection import Tap, lost
from contactkit._http.session import Clock
from contactkit.cassette.exchange import Exchange, Pairs
from contactkit.cassette.file import CassetteWriter
from contactkit.cassette.matching import Index
from contactkit.cassette.redaction.exchange import RawExchange, asked, redacted
from contactkit.cassette.redaction.redactor import Redactor, Request
from contactkit.errors import CassetteError
from contactkit.spec.provider import Provider


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
    def _keeping(self, request: httpx.Request) -> Generator[Callable[[RawExchange], None]]:
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

    def _kept(self, heard: RawExchange) -> Exchange:
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


class SharedTap:
    """A tap for one client of several: the end of a client is not the end of the recording."""

    def __init__(self, tap: Tap) -> None:
        self.send, self.asend = tap.send, tap.asend

    def close(self, clean: bool) -> None:
        """Whoever holds it open closes what is behind it."""


def send_recorded(
    client: httpx.Client, request: httpx.Request, clock: Clock, keep: Callable[[RawExchange], None]
) -> httpx.Response:
    """Send a request and `keep` what comes of it, a failure too; raises what httpx raises."""
    at = clock.now()
    _ask_for_what_is_readable(request)
    try:
        response = client.send(request, stream=True)
        try:
            chunks = list(cast("Iterable[bytes]", response.stream))
        finally:
            response.close()
    except httpx.HTTPError as error:
        keep(_failed(request, error, at, clock))
        raise
    keep(_answered(request, response, chunks, at, clock))
    return _whole(response, chunks)


async def asend_recorded(
    client: httpx.AsyncClient,
    request: httpx.Request,
    clock: Clock,
    keep: Callable[[RawExchange], None],
) -> httpx.Response:
    """The same, awaited."""
    at = clock.now()
    _ask_for_what_is_readable(request)
    try:
        response = await client.send(request, stream=True)
        try:
            chunks = [chunk async for chunk in cast("AsyncIterable[bytes]", response.stream)]
        finally:
            await response.aclose()
    except httpx.HTTPError as error:
        keep(_failed(request, error, at, clock))
        raise
    keep(_answered(request, response, chunks, at, clock))
    return _whole(response, chunks)


def _ask_for_what_is_readable(request: httpx.Request) -> None:
    # httpx asks for Brotli and zstd too where they are installed, into which redaction cannot look.
    request.headers["Accept-Encoding"] = "gzip, deflate"


def request_of(request: httpx.Request) -> Request:
    """A request as redaction takes it."""
    body = request.read()
    return Request(
        method=request.method,
        url=str(request.url.copy_with(query=None, fragment=None)),
        query=tuple(request.url.params.multi_items()),
        headers=_pairs(request.headers),
        body=body,
        content_type=request.headers.get("content-type", "") if body else "",
    )


def _pairs(headers: httpx.Headers) -> Pairs:
    return tuple((name.decode("latin-1"), _text(value)) for name, value in headers.raw)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _failed(request: httpx.Request, error: httpx.HTTPError, at: float, clock: Clock) -> RawExchange:
    return RawExchange(
        request=request_of(request),
        failure=type(error).__name__,
        sent=lost(error).sent,
        at=at,
        elapsed=clock.now() - at,
    )


def _answered(
    request: httpx.Request,
    response: httpx.Response,
    chunks: Sequence[bytes],
    at: float,
    clock: Clock,
) -> RawExchange:
    return RawExchange(
        request=request_of(request),
        status=response.status_code,
        headers=_pairs(response.headers),
        content=b"".join(chunks),
        chunks=tuple(map(len, chunks)),
        at=at,
        elapsed=clock.now() - at,
    )


def _whole(response: httpx.Response, chunks: Sequence[bytes]) -> httpx.Response:
    """The answer again, read: decoding it may raise, as it would have."""
    whole = httpx.Response(
        response.status_code,
        headers=response.headers,
        stream=httpx.ByteStream(b"".join(chunks)),
        request=response.request,
    )
    whole.read()
    return whole
