"""A client's connections.

The sync client sends with httpx, the async one with aiohttp behind httpx's interface.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from typing import Protocol, TypeAlias

import httpx

from contactkit._http.clients import AsyncClient, SyncClient, open_client
from contactkit._http.content import ENCODINGS, MAX_ANSWER
from contactkit._http.drivers import adrive, drive
from contactkit._http.log import clean_logs
from contactkit._http.session import Answer, NoResponse, Request, Response
from contactkit._redact import Unpicklable

TapFlow: TypeAlias = Generator[httpx.Request, httpx.Response, httpx.Response]


class Tap(Protocol):
    """Records or replays the traffic between a connection and its httpx clients."""

    def flow(self, request: httpx.Request) -> TapFlow:
        """Yield each request that must be sent; return the response for the client.

        The driver sends the response into it, or throws what httpx raised.
        """
        ...

    def close(self, clean: bool) -> None:
        """End the session; `clean` unless an exception ended it."""
        ...


class Connection(Unpicklable):
    """The httpx clients of one session, opened when first used: a sync one, and one per event loop.

    If there is a `tap`, everything is sent through it.
    """

    tap: Tap | None = None

    def __init__(
        self,
        transport: httpx.MockTransport | None,
        timeout: httpx.Timeout,
        address: str,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        url = httpx.URL(address)
        self.timeout = timeout
        self._seconds = timeout.as_dict()
        # Plain http is for loopback only, so it must never pass a proxy of the environment.
        trust_env = url.scheme == "https"
        self._max_answer = max_answer
        self._options = {
            "limit": max_answer,
            "transport": transport,
            "timeout": timeout,
            "trust_env": trust_env,
            "headers": {"Accept-Encoding": ENCODINGS},
        }
        self._start()
        clean_logs(url.host)

    @property
    def is_remote(self) -> bool:
        """Whether a response takes time to arrive, and no recording needs them in order."""
        return self._options["transport"] is None and self.tap is None

    def _start(self) -> None:
        self._process = os.getpid()
        self._client: httpx.Client | None = None
        self._async_clients: dict[asyncio.AbstractEventLoop, AsyncClient] = {}

    def _start_again_after_fork(self) -> None:
        """A child process must not touch its parent's sockets, not even to close them."""
        if self._process != os.getpid():
            _inherited.append((self._client, self._async_clients))
            self._start()

    def send(self, request: Request) -> Answer:
        """Send a request and read the whole response."""
        self._start_again_after_fork()
        if self._client is None:
            self._client = open_client(SyncClient, self._options)
        client = self._client
        try:
            message = _build(client, request)
            tap = self.tap
            response = drive(tap.flow(message), client.send) if tap else client.send(message)
        except httpx.HTTPError as error:
            return no_response(error)
        return _response(response, self._max_answer)

    async def asend(self, request: Request) -> Answer:
        """Send a request and read the whole response, asynchronously."""
        client = self.async_client()
        try:
            # httpx's other work on a request doubles its cost, and a plan's writes do not
            # need it.
            if client.aiohttp and not (self.tap or request.query or request.form):
                headers = client.common_headers
                return await client.aiohttp.send(request, headers, self._seconds)
            message = _build(client, request)
            if self.tap:
                response = await adrive(self.tap.flow(message), client.send)
            else:
                response = await client.send(message)
        except httpx.HTTPError as error:
            return no_response(error)
        return _response(response, self._max_answer)

    def async_client(self) -> AsyncClient:
        """The client of this event loop; opening one takes a moment."""
        self._start_again_after_fork()
        loop = asyncio.get_running_loop()
        client = self._async_clients.get(loop)
        if client is None:
            for closed in [loop for loop in list(self._async_clients) if loop.is_closed()]:
                self._async_clients.pop(closed, None)
            client = self._async_clients[loop] = open_client(AsyncClient, self._options)
        return client

    def close(self, clean: bool = True) -> None:
        """Close the sync client and end a recording; `clean` unless an exception ended it."""
        self._start_again_after_fork()
        if self._client:
            self._client.close()
            self._client = None
        if self.tap:
            self.tap.close(clean)

    async def aclose(self, clean: bool = True) -> None:
        """Close the client of this event loop and end a recording."""
        await self.aclose_client()
        if self.tap:
            self.tap.close(clean)

    async def aclose_client(self) -> None:
        """Close the client of this event loop; a recording goes on."""
        self._start_again_after_fork()
        client = self._async_clients.pop(asyncio.get_running_loop(), None)
        if client:
            await client.aclose()


# The clients of parent processes, kept so that nothing closes them here.
_inherited: list[object] = []


def _build(client: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    return client.build_request(
        request.method,
        request.url,
        params=request.query or None,
        headers=request.headers,
        json=request.body,
        data=request.form,
    )


def _response(response: httpx.Response, limit: int) -> Response:
    headers = {name.lower(): value for name, value in response.headers.items()}
    content = response.content
    # httpx makes a reference cycle of a response and its stream, which would keep the body.
    response.stream = httpx.ByteStream(b"")
    return Response(
        status=response.status_code,
        headers=headers,
        content=content,
        pseudonymous=response.extensions.get("pseudonymous", False),
        recorded_body=response.extensions.get("recorded_body", b""),
        too_long=limit if response.extensions.get("too_long") else 0,
    )


_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


def no_response(error: httpx.HTTPError) -> NoResponse:
    """The kind of a failure only, because httpx's text may quote what was sent."""
    kind = "timeout" if isinstance(error, httpx.TimeoutException) else "connection failed"
    return NoResponse(
        reason=f"{kind} ({type(error).__name__})", sent=not isinstance(error, _NOT_SENT)
    )
