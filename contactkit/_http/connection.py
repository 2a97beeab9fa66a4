"""A client's connections: what a flow's calls become on httpx, and what comes of them.

The blocking door is carried by httpx itself, the awaiting one by aiohttp behind its interface.
"""

from __future__ import annotations

import asyncio
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx

from contactkit._http.session import Answer, NoResponse, Request, Response
from contactkit.errors import ConfigurationError

if TYPE_CHECKING:
    from contactkit._http.aiohttp_transport import Transport


class Tap(Protocol):
    """What stands between a connection and its httpx clients: it sends, and keeps what it hears.

    Both raise what httpx raises.
    """

    def send(self, client: httpx.Client, request: httpx.Request) -> httpx.Response:
        """Send a request and read its answer whole."""
        ...

    async def asend(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        """The same, awaited."""
        ...

    def close(self, clean: bool) -> None:
        """The session has ended, and whether it came to a good end."""
        ...


class _NoCookies(httpx.Cookies):
    """What one answer sets is not sent along with another request."""

    def extract_cookies(self, response: httpx.Response) -> None:
        pass


_NO_COOKIES = _NoCookies()


class _Blocking(httpx.Client):
    @property
    def cookies(self) -> httpx.Cookies:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _NO_COOKIES


class Awaiting(httpx.AsyncClient):
    """httpx's awaiting client over aiohttp, also where the environment names a proxy.

    Where it names none, all requests go through the `only` transport.
    """

    only: Transport | None = None

    @cached_property
    def common(self) -> list[tuple[str, str]]:
        """The headers of every request."""
        return [(name.decode(), value.decode()) for name, value in self.headers.raw]

    @property
    def cookies(self) -> httpx.Cookies:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _NO_COOKIES

    def _init_transport(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, transport: httpx.AsyncBaseTransport | None = None, **options: Any
    ) -> httpx.AsyncBaseTransport:
        if transport:
            return transport
        self.only = _network(options)
        return self.only

    def _init_proxy_transport(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, proxy: httpx.Proxy, **options: Any
    ) -> httpx.AsyncBaseTransport:
        self.only = None
        # aiohttp knows no SOCKS, and warns of TLS within TLS.
        if proxy.url.scheme != "http":
            return super()._init_proxy_transport(proxy, **options)
        return _network(options, proxy)


def _network(options: dict[str, Any], proxy: httpx.Proxy | None = None) -> Transport:
    # aiohttp takes as long to import as all else, and most clients never need it.
    from contactkit._http.aiohttp_transport import Transport

    context = httpx.create_ssl_context(
        verify=options["verify"], cert=options["cert"], trust_env=options["trust_env"]
    )
    return Transport(context, proxy)


class _NoAddresses(logging.Filter):
    """httpx logs each URL it asks; contacts' numbers and addresses stand in paths and queries."""

    hosts: frozenset[str] = frozenset()

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                f"{arg.scheme}://{arg.netloc.decode()}/…"
                if isinstance(arg, httpx.URL) and arg.host in self.hosts
                else arg
                for arg in record.args
            )
        return True


_filter = _NoAddresses()


class Connection:
    """The httpx clients of one session, one for each door, opened when first used.

    All that they send goes through its `tap`, where there is one.
    """

    tap: Tap | None = None

    def __init__(
        self, transport: httpx.MockTransport | None, timeout: httpx.Timeout, address: str
    ) -> None:
        url = httpx.URL(address)
        self.timeout = timeout
        self._seconds = timeout.as_dict()
        # Plain http goes to loopback alone, and so must never pass a proxy of the environment.
        trust_env = url.scheme == "https"
        self._options = {"transport": transport, "timeout": timeout, "trust_env": trust_env}
        self._blocking: httpx.Client | None = None
        self._awaiting: dict[asyncio.AbstractEventLoop, Awaiting] = {}
        _filter.hosts |= {url.host}
        logging.getLogger("httpx").addFilter(_filter)

    def send(self, call: Request) -> Answer:
        """Send one call and read its answer whole."""
        if self._blocking is None:
            self._blocking = _opened(_Blocking, self._options)
        try:
            request = _request(self._blocking, call)
            if tap := self.tap:
                return _reply(tap.send(self._blocking, request))
            return _reply(self._blocking.send(request))
        except httpx.HTTPError as error:
            return lost(error)

    async def asend(self, call: Request) -> Answer:
        """The same, awaited. A connection belongs to its event loop, so each loop has its own."""
        client = self.enter()
        try:
            # What httpx does of a request beside sending it costs as much again, and a plan's
            # writes need none of it.
            if client.only and not (self.tap or call.query or call.form):
                return await client.only.carry(call, client.common, self._seconds)
            request = _request(client, call)
            if tap := self.tap:
                return _reply(await tap.asend(client, request))
            return _reply(await client.send(request))
        except httpx.HTTPError as error:
            return lost(error)

    def enter(self) -> Awaiting:
        """What the awaiting door sends through in this event loop; the first takes a moment."""
        loop = asyncio.get_running_loop()
        client = self._awaiting.get(loop)
        if client is None:
            for ended in [each for each in list(self._awaiting) if each.is_closed()]:
                self._awaiting.pop(ended, None)
            client = self._awaiting[loop] = _opened(Awaiting, self._options)
        return client

    def close(self, clean: bool = True) -> None:
        """Close what the blocking door opened; `clean` unless an exception ended it."""
        if self._blocking:
            self._blocking.close()
            self._blocking = None
        if self.tap:
            self.tap.close(clean)

    async def aclose(self, clean: bool = True) -> None:
        """Close what the awaiting door opened in this event loop, and end a recording."""
        await self.leave()
        if self.tap:
            self.tap.close(clean)

    async def leave(self) -> None:
        """Close what the awaiting door opened in this event loop; a recording goes on."""
        client = self._awaiting.pop(asyncio.get_running_loop(), None)
        if client:
            await client.aclose()


ClientT = TypeVar("ClientT", _Blocking, Awaiting)


def _opened(kind: type[ClientT], options: dict[str, Any]) -> ClientT:
    """An httpx client; it reads proxies and certificates from the environment as it opens."""
    try:
        return kind(**options)
    except (OSError, ImportError, ValueError) as error:
        message = f"the environment's proxy or certificate settings cannot be used: {error}"
        raise ConfigurationError(message) from None


def _request(client: httpx.Client | httpx.AsyncClient, call: Request) -> httpx.Request:
    return client.build_request(
        call.method,
        call.url,
        params=call.query or None,
        headers=call.headers,
        json=call.body,
        data=call.form,
    )


def _reply(response: httpx.Response) -> Response:
    headers = {name.lower(): value for name, value in response.headers.items()}
    content = response.content
    # httpx ties a response and its stream into a ring, which would keep the body until gc runs.
    response.stream = httpx.ByteStream(b"")
    return Response(status=response.status_code, headers=headers, content=content)


_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


def lost(error: httpx.HTTPError) -> NoResponse:
    """Only the kind of failure: httpx's own text may quote what was sent."""
    kind = "timeout" if isinstance(error, httpx.TimeoutException) else "connection failed"
    return NoResponse(
        reason=f"{kind} ({type(error).__name__})", sent=not isinstance(error, _NOT_SENT)
    )
