"""The async client's transport: aiohttp behind httpx's interface.

httpx's own pool checks every request and every connection whenever one of them changes, so that
many requests in flight slow each other down. Nothing is decided here: no redirect is followed, no
cookie is kept, and nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import zlib
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias
from weakref import finalize

import aiohttp
import httpx
from yarl import URL

from contactkit._http.aiohttp_limits import Body, Connector, Deadline, InFlight, current_deadline
from contactkit._http.bounded import bounded_response
from contactkit._http.content import Content, TooLong
from contactkit._http.session import Request, Response

# Shorter than most servers keep an idle connection; httpx's own.
_KEEP_ALIVE = 5.0
_LONGEST_LINE = 65_536
_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

Headers: TypeAlias = list[tuple[str, str]]
Timeout: TypeAlias = Mapping[str, float | None]


class Transport(httpx.AsyncBaseTransport):
    """The connections of one event loop; raises the same errors as httpx's transport."""

    def __init__(
        self, context: ssl.SSLContext, limit: int, proxy: httpx.Proxy | None = None
    ) -> None:
        context.set_alpn_protocols(["http/1.1"])
        self._context = context
        self._limit = limit
        self._proxy = proxy
        self._in_flight = InFlight()
        self._session: aiohttp.ClientSession | None = None
        self._closing: AsyncGenerator[None] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        timeout = request.extensions.get("timeout", {})
        url, body = URL(str(request.url), encoded=True), await request.aread()
        response, content, whole = await self._exchange(
            request.method, url, request.headers.multi_items(), body, timeout
        )
        head = httpx.Response(
            response.status,
            headers=response.raw_headers,
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": (response.reason or "").encode("ascii", "ignore"),
            },
        )
        return bounded_response(head, content, whole)

    async def send(self, request: Request, common: Headers, timeout: Timeout) -> Response:
        """Send a request as httpx's client would, with the `common` headers of all requests.

        The request must have neither a query nor a form.
        """
        headers, body = [*common, *request.headers.items()], b""
        if request.body is not None:
            body = _encode_json(request.body).encode()
            headers += [("Content-Length", str(len(body))), ("Content-Type", "application/json")]
        elif request.method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", "0"))
        url = URL(request.url, encoded=True)
        response, content, whole = await self._exchange(request.method, url, headers, body, timeout)
        head = _joined(response.raw_headers)
        if content.decoded:
            del head["content-encoding"]
        return Response(
            status=response.status,
            headers=head,
            content=whole or b"",
            too_long=self._limit if whole is None else 0,
        )

    async def aclose(self) -> None:
        if self._closing:
            await self._closing.aclose()

    async def _exchange(
        self, method: str, url: URL, headers: Headers, body: bytes, timeout: Timeout
    ) -> tuple[aiohttp.ClientResponse, Content, bytes | None]:
        """Send a request and read its response; without its content if that is too long."""
        deadline = Deadline(timeout.get("read"))
        token = current_deadline.set(deadline)
        try:
            response = await self._start(method, url, headers, body, timeout)
            try:
                return await self._read(response)
            finally:
                response.release()
                self._in_flight.leave()
        except httpx.TransportError:
            if deadline.is_over:
                raise httpx.ReadTimeout("the response takes too long") from None
            raise
        finally:
            deadline.cancel()
            current_deadline.reset(token)

    async def _read(
        self, response: aiohttp.ClientResponse
    ) -> tuple[aiohttp.ClientResponse, Content, bytes | None]:
        encoding = ",".join(response.headers.getall("Content-Encoding", ()))
        content = Content(encoding, self._limit)
        try:
            while chunk := await response.content.readany():
                content.add(chunk)
            return response, content, content.whole()
        except TooLong:
            if response.connection and response.connection.transport:
                response.connection.transport.abort()
            return response, content, None
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _httpx_error(error) from None

    async def _start(
        self, method: str, url: URL, headers: Headers, body: bytes, timeout: Timeout
    ) -> aiohttp.ClientResponse:
        """Send a request and read the head of its response; its place stays in use until then."""
        session = self._session or await self._open()
        await self._in_flight.enter(timeout.get("pool"))
        try:
            if self._in_flight.count == 1:
                # The event loop needs two turns to notice that a server has hung up; while other
                # requests are in flight, it has such turns anyway.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            if session.closed:
                raise httpx.ConnectError("the client was closed")
            return await self._request(session, method, url, headers, body, timeout)
        except BaseException:
            self._in_flight.leave()
            raise

    async def _open(self) -> aiohttp.ClientSession:
        connector = Connector(limit=0, ssl=self._context, keepalive_timeout=_KEEP_ALIVE)
        self._session = session = _session(connector)
        # asyncio.run closes the generators of its loop, and so does a loop with unreferenced ones.
        self._closing = _close_at_exit(connector)
        await anext(self._closing)
        # A loop that was closed otherwise has nothing left to close.
        finalize(self, session.detach)
        return session

    async def _request(
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
                data=Body(body, timeout.get("write")) if body else None,
                allow_redirects=False,
                timeout=_timeout(timeout.get("connect")),
                proxy=str(proxy.url) if proxy else None,
                proxy_headers=_proxy_headers(proxy) if proxy else None,
            )
        except ValueError as error:
            # The values cannot be sent as a request.
            raise httpx.LocalProtocolError(type(error).__name__) from None


@lru_cache(maxsize=16)
def _timeout(connect: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=connect)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        middlewares=(_send_once,),
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
    )


def _joined(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by their names in lower case."""
    headers: dict[str, str] = {}
    for raw_name, value in raw:
        name, text = raw_name.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


async def _close_at_exit(connector: aiohttp.TCPConnector) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await connector.close()


async def _send_once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Raise httpx's errors instead of aiohttp's, after some of which aiohttp would send again."""
    if request.method == "DELETE" and request.headers.get("Content-Length") == "0":
        del request.headers["Content-Length"]  # which httpx does not send
    try:
        return await send(request)
    except (aiohttp.ClientError, OSError) as error:
        raise _httpx_error(error) from None


_HTTPX_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout),
    (TimeoutError, httpx.WriteTimeout),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
)


def _httpx_error(error: Exception) -> httpx.TransportError:
    """The httpx error for an aiohttp error; a ReadError for all others."""
    kinds = (httpx_error for kind, httpx_error in _HTTPX_ERRORS if isinstance(error, kind))
    return next(kinds, httpx.ReadError)(type(error).__name__)


def _proxy_headers(proxy: httpx.Proxy) -> dict[str, str]:
    if not proxy.raw_auth:
        return {}
    return {"Proxy-Authorization": "Basic " + b64encode(b":".join(proxy.raw_auth)).decode()}
