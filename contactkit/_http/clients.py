"""The httpx clients of a connection: no cookies, bounded responses, the environment's proxies."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from contactkit._http.bounded import AsyncBoundedTransport, BoundedTransport
from contactkit._http.content import MAX_ANSWER
from contactkit._http.deadline import add_deadline
from contactkit.errors import ConfigurationError

if TYPE_CHECKING:
    from contactkit._http.aiohttp_transport import Transport


class _NoCookies(httpx.Cookies):
    """Keeps no cookies, so that no response changes a later request."""

    def extract_cookies(self, response: httpx.Response) -> None:
        pass


_NO_COOKIES = _NoCookies()


class SyncClient(httpx.Client):
    """httpx's client, with bounded responses."""

    def __init__(self, limit: int = MAX_ANSWER, **options: Any) -> None:
        self._limit = limit
        super().__init__(**options)

    def _init_transport(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, transport: httpx.BaseTransport | None = None, **options: Any
    ) -> httpx.BaseTransport:
        return self._bounded(transport or super()._init_transport(**options))

    def _init_proxy_transport(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, proxy: httpx.Proxy, **options: Any
    ) -> httpx.BaseTransport:
        return self._bounded(super()._init_proxy_transport(proxy, **options))

    def _bounded(self, transport: httpx.BaseTransport) -> httpx.BaseTransport:
        if isinstance(transport, httpx.HTTPTransport):
            add_deadline(transport)
        return BoundedTransport(transport, self._limit)

    @property
    def cookies(self) -> httpx.Cookies:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _NO_COOKIES


class AsyncClient(httpx.AsyncClient):
    """httpx's async client over aiohttp; it also uses the environment's proxies.

    Without a proxy, all requests go through one `aiohttp` transport.
    """

    aiohttp: Transport | None = None

    def __init__(self, limit: int = MAX_ANSWER, **options: Any) -> None:
        self._limit = limit
        super().__init__(**options)

    @cached_property
    def common_headers(self) -> list[tuple[str, str]]:
        """The headers of every request."""
        return [(name.decode(), value.decode()) for name, value in self.headers.raw]

    @property
    def cookies(self) -> httpx.Cookies:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _NO_COOKIES

    def _init_transport(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, transport: httpx.AsyncBaseTransport | None = None, **options: Any
    ) -> httpx.AsyncBaseTransport:
        if transport:
            return AsyncBoundedTransport(transport, self._limit)
        self.aiohttp = _transport(options, self._limit)
        return self.aiohttp

    def _init_proxy_transport(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, proxy: httpx.Proxy, **options: Any
    ) -> httpx.AsyncBaseTransport:
        self.aiohttp = None
        # aiohttp does not support SOCKS, and warns about TLS within TLS.
        if proxy.url.scheme != "http":
            transport = super()._init_proxy_transport(proxy, **options)
            return AsyncBoundedTransport(transport, self._limit)
        return _transport(options, self._limit, proxy)


def _transport(options: dict[str, Any], limit: int, proxy: httpx.Proxy | None = None) -> Transport:
    # aiohttp takes as long to import as everything else, and most clients never need it.
    from contactkit._http.aiohttp_transport import Transport

    context = httpx.create_ssl_context(
        verify=options["verify"], cert=options["cert"], trust_env=options["trust_env"]
    )
    return Transport(context, limit, proxy)


ClientT = TypeVar("ClientT", SyncClient, AsyncClient)


def open_client(kind: type[ClientT], options: dict[str, Any]) -> ClientT:
    """An httpx client; it reads proxies and certificates from the environment as it opens."""
    try:
        return kind(**options)
    except (OSError, ImportError, ValueError) as error:
        message = f"the environment's proxy or certificate settings cannot be used: {error}"
        raise ConfigurationError(message) from None
