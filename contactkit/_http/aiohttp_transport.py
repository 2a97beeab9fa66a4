"""What carries the awaiting door's requests: aiohttp, behind httpx's interface.

httpx's own pool looks at every request and every connection whenever one of them moves, so that
many in flight slow each other down. Nothing is decided here: no redirect is followed, no cookie
kept, and nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, TypeAlias
from weakref import finalize

import aiohttp
import httpx
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter
from yarl import URL

from contactkit._http.session import Request, Response

# More than this many wait for one that is done, so that no process runs out of sockets.
MOST = 256
# Shorter than most servers', and httpx's own.
_IDLE = 5.0
_LONGEST_LINE = 65_536
# aiohttp waits for the socket only when more than 65,536 bytes are unsent.
_BUFFER = 32_768

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

Headers: TypeAlias = list[tuple[str, str]]
Timeout: TypeAlias = Mapping[str, float | None]


class Transport(httpx.AsyncBaseTransport):
    """The connections of one event loop; raises what httpx's own transport raises."""

    def __init__(self, context: ssl.SSLContext, proxy: httpx.Proxy | None = None) -> None:
        context.set_alpn_protocols(["http/1.1"])
        self._context = context
        self._proxy = proxy
        self._room = _Room()
        self._session: aiohttp.ClientSession | None = None
        self._held: AsyncGenerator[None] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        timeout = request.extensions.get("timeout", {})
        url, body = URL(str(request.url), encoded=True), await request.aread()
        response = await self._begun(
            request.method, url, request.headers.multi_items(), body, timeout
        )
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Answer(response, self._room),
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": (response.reason or "").encode("ascii", "ignore"),
            },
        )

    async def send(self, call: Request, common: Headers, timeout: Timeout) -> Response:
        """Send a call as httpx's client would, with the headers that are `common` to all of them.

        It must have neither a query nor a form.
        """
        headers, body = [*common, *call.headers.items()], b""
        if call.body is not None:
            body = _json(call.body).encode()
            headers += [("Content-Length", str(len(body))), ("Content-Type", "application/json")]
        elif call.method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", "0"))
        url = URL(call.url, encoded=True)
        response = await self._begun(call.method, url, headers, body, timeout)
        try:
            content = await response.content.read()
        except (aiohttp.ClientError, OSError) as error:
            raise _meant(error) from None
        finally:
            response.release()
            self._room.leave()
        return _reply(response.status, response.raw_headers, content)

    async def _begun(
        self, method: str, url: URL, headers: Headers, body: bytes, timeout: Timeout
    ) -> aiohttp.ClientResponse:
        """The start of an answer; whoever closes it makes room for another."""
        session = self._session or await self._opened()
        await self._room.enter(timeout.get("pool"))
        try:
            if self._room.taken == 1:
                # In a first turn the loop reads that a server has hung up, in a second it heeds
                # that; while others are on the wire it has such turns all the time.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            if session.closed:
                raise httpx.ConnectError("closed meanwhile")
            return await self._sent(session, method, url, headers, body, timeout)
        except BaseException:
            self._room.leave()
            raise

    async def aclose(self) -> None:
        if self._held:
            await self._held.aclose()

    async def _opened(self) -> aiohttp.ClientSession:
        connector = _Connector(limit=0, ssl=self._context, keepalive_timeout=_IDLE)
        self._session = session = _session(connector)
        # asyncio.run ends the generators of its loop, and a loop those that nobody holds any more.
        self._held = _held(connector)
        await anext(self._held)
        # A loop that was closed without that has nothing left to be closed in.
        finalize(self, session.detach)
        return session

    async def _sent(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: URL,
        headers: Headers,
        body: bytes,
        timeout: Timeout,
    ) -> aiohttp.ClientResponse:
        proxy = self._proxy
        try:
            return await session.request(
                method,
                url,
                headers=headers,
                data=_Body(body, timeout.get("write")) if body else None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    connect=timeout.get("connect"), sock_read=timeout.get("read")
                ),
                proxy=str(proxy.url) if proxy else None,
                proxy_headers=_proxy_headers(proxy) if proxy else None,
            )
        except ValueError as error:
            # What cannot be written down as a request.
            raise httpx.LocalProtocolError(type(error).__name__) from None


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        middlewares=(_once,),
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
    )


def _reply(status: int, raw: Sequence[tuple[bytes, bytes]], content: bytes) -> Response:
    headers: dict[str, str] = {}
    for each, value in raw:
        name, text = each.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    if "content-encoding" in headers:
        content = httpx.Response(status, headers=raw, content=content).content
    return Response(status=status, headers=headers, content=content)


class _Connector(aiohttp.TCPConnector):
    def __del__(self, *_: Any) -> None:
        """The sockets close themselves; aiohttp would report it as an error."""


async def _held(connector: aiohttp.TCPConnector) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await connector.close()


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """aiohttp sends again by itself after some of its own errors, and after no other."""
    if request.method == "DELETE" and request.headers.get("Content-Length") == "0":
        del request.headers["Content-Length"]  # which httpx does not send
    try:
        return await send(request)
    except (aiohttp.ClientError, OSError) as error:
        raise _meant(error) from None


_MEANT: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout),
    (TimeoutError, httpx.WriteTimeout),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
)


def _meant(error: Exception) -> httpx.TransportError:
    """What httpx calls it; what is not known better may have been sent."""
    kinds = (meant for kind, meant in _MEANT if isinstance(error, kind))
    return next(kinds, httpx.ReadError)(type(error).__name__)


def _proxy_headers(proxy: httpx.Proxy) -> dict[str, str]:
    if not proxy.raw_auth:
        return {}
    return {"Proxy-Authorization": "Basic " + b64encode(b":".join(proxy.raw_auth)).decode()}


class _Body(aiohttp.Payload):
    """A request's content, which must be written within the time."""

    def __init__(self, content: bytes, seconds: float | None) -> None:
        super().__init__(content)
        self._size = len(content)
        self._seconds = seconds

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        try:
            # What fits into a buffer waits for nobody, and a timer costs as much as the writing.
            async with (
                asyncio.timeout(self._seconds) if len(self._value) > _BUFFER else nullcontext()
            ):
                await writer.write(self._value)
        except BaseException:
            # The rest must not arrive later, when nobody waits for an answer any more.
            if isinstance(writer, StreamWriter) and writer.transport:
                writer.transport.abort()
            raise

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        await self.write(writer)


class _Room:
    """How many are on the wire, and room for another."""

    def __init__(self) -> None:
        self.taken = 0
        self._free = asyncio.Semaphore(MOST)

    async def enter(self, seconds: float | None) -> None:
        """Wait for room, but no longer than this; PoolTimeout past it."""
        if self._free.locked():
            try:
                async with asyncio.timeout(seconds):
                    await self._free.acquire()
            except TimeoutError:
                raise httpx.PoolTimeout("too many requests are in flight") from None
        else:
            await self._free.acquire()
        self.taken += 1

    def leave(self) -> None:
        """Make room for another."""
        self.taken -= 1
        self._free.release()


class _Answer(httpx.AsyncByteStream):
    """An answer's content as it comes, which makes room for another when it is closed."""

    def __init__(self, response: aiohttp.ClientResponse, room: _Room) -> None:
        self._response = response
        self._room: _Room | None = room

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk, _ in self._response.content.iter_chunks():
                if chunk:
                    yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise _meant(error) from None

    async def aclose(self) -> None:
        self._response.release()
        if self._room:
            self._room.leave()
            self._room = None
