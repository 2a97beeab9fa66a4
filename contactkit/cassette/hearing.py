"""Sending one request over a real wire, and hearing its answer whole and as it came.

Neither a stream nor a compressed body is touched: what goes on to the caller is what was heard.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import cast

import httpx

from contactkit.calls import Clock
from contactkit.cassette.exchange import Pairs
from contactkit.cassette.heard import Heard
from contactkit.cassette.redaction import Request
from contactkit.connection import lost


def hear(
    client: httpx.Client, request: httpx.Request, clock: Clock, keep: Callable[[Heard], None]
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


async def ahear(
    client: httpx.AsyncClient, request: httpx.Request, clock: Clock, keep: Callable[[Heard], None]
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


def _failed(request: httpx.Request, error: httpx.HTTPError, at: float, clock: Clock) -> Heard:
    return Heard(
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
) -> Heard:
    return Heard(
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
