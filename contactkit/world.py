"""What a client touches: a transport and a clock; and the two drivers that run a flow on them.

A world answers `transport()`, which is None for httpx's own, and has a clock. Nothing here
decides anything: it sends what it is told and waits as long as it is told.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import httpx

from contactkit import calls
from contactkit.calls import Answer, Call, Flow, Lost, Reply, Session
from contactkit.errors import ConfigurationError
from contactkit.spec import Provider

T = TypeVar("T")


class Clock(calls.Clock, Protocol):
    """Time, and how to pass it from either door; seconds since the epoch."""

    def sleep(self, until: float) -> None:
        """Block until then."""
        ...

    async def asleep(self, until: float) -> None:
        """Await then."""
        ...


# Longer naps than the operating system can count are taken in turns.
_LONGEST_NAP = 3600.0


class RealClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()

    def sleep(self, until: float) -> None:
        while (left := until - time.time()) > 0:
            time.sleep(min(left, _LONGEST_NAP))

    async def asleep(self, until: float) -> None:
        while (left := until - time.time()) > 0:
            await asyncio.sleep(min(left, _LONGEST_NAP))


class VirtualClock:
    """Time that passes only when somebody waits, so that a day of limits takes a moment."""

    def __init__(self, start: float) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def sleep(self, until: float) -> None:
        self._now = max(self._now, until)

    async def asleep(self, until: float) -> None:
        self.sleep(until)
        await asyncio.sleep(0)


class World(calls.World, Protocol):
    """Where the requests of a client go."""

    @property
    def clock(self) -> Clock:
        """The time that its calls live in."""
        ...

    @property
    def real(self) -> bool:
        """Whether a write is carried out at the provider itself."""
        ...

    def transport(self, provider: Provider) -> httpx.MockTransport | None:
        """What carries this provider's requests; None for the network."""
        ...

    def credentials(self, provider: Provider) -> Mapping[str, str] | None:
        """Credentials that this world hands out itself; None where the user must bring them."""
        ...

    def tap(self, session: Session) -> Tap | None:
        """What listens to this session's traffic; None for nobody."""
        ...


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


class Live:
    """The provider itself, over TLS and in real time."""

    name = "live"
    notice = ""
    real = True
    clock: Clock = RealClock()

    def transport(self, provider: Provider) -> None:
        """httpx's own transport."""

    def credentials(self, provider: Provider) -> None:
        """A real provider hands out none."""

    def tap(self, session: Session) -> None:
        """Nobody listens."""


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
        # Plain http goes to loopback alone, and so must never pass a proxy of the environment.
        trust_env = url.scheme == "https"
        self._options = {"transport": transport, "timeout": timeout, "trust_env": trust_env}
        self._blocking: httpx.Client | None = None
        self._awaiting: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            weakref.WeakKeyDictionary()
        )
        _filter.hosts |= {url.host}
        logging.getLogger("httpx").addFilter(_filter)

    def send(self, call: Call) -> Answer:
        """Send one call and read its answer whole."""
        if self._blocking is None:
            self._blocking = _opened(httpx.Client, self._options)
        try:
            request = _request(self._blocking, call)
            if tap := self.tap:
                return _reply(tap.send(self._blocking, request))
            return _reply(self._blocking.send(request))
        except httpx.HTTPError as error:
            return lost(error)

    async def asend(self, call: Call) -> Answer:
        """The same, awaited. A connection belongs to its event loop, so each loop has its own."""
        loop = asyncio.get_running_loop()
        client = self._awaiting.get(loop)
        if client is None:
            client = _opened(httpx.AsyncClient, self._options)
            self._awaiting[loop] = client
        try:
            request = _request(client, call)
            if tap := self.tap:
                return _reply(await tap.asend(client, request))
            return _reply(await client.send(request))
        except httpx.HTTPError as error:
            return lost(error)

    def close(self, clean: bool = True) -> None:
        """Close what the blocking door opened; `clean` unless an exception ended it."""
        if self._blocking:
            self._blocking.close()
            self._blocking = None
        if self.tap:
            self.tap.close(clean)

    async def leave(self) -> None:
        """Close what the awaiting door opened in this event loop; a recording goes on."""
        client = self._awaiting.pop(asyncio.get_running_loop(), None)
        if client:
            await client.aclose()

    async def aclose(self, clean: bool = True) -> None:
        """Close what the awaiting door opened in this event loop, and end a recording."""
        await self.leave()
        if self.tap:
            self.tap.close(clean)


ClientT = TypeVar("ClientT", httpx.Client, httpx.AsyncClient)


def _opened(kind: type[ClientT], options: dict[str, Any]) -> ClientT:
    """An httpx client; it reads proxies and certificates from the environment as it opens."""
    try:
        return kind(**options)
    except (OSError, ImportError, ValueError) as error:
        message = f"the environment's proxy or certificate settings cannot be used: {error}"
        raise ConfigurationError(message) from None


def _request(client: httpx.Client | httpx.AsyncClient, call: Call) -> httpx.Request:
    return client.build_request(
        call.method,
        call.url,
        params=call.query or None,
        headers=call.headers,
        json=call.body,
        data=call.form,
    )


def _reply(response: httpx.Response) -> Reply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    content = response.content
    # httpx ties a response and its stream into a ring, which would keep the body until gc runs.
    response.stream = httpx.ByteStream(b"")
    return Reply(status=response.status_code, headers=headers, content=content)


_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


def lost(error: httpx.HTTPError) -> Lost:
    """Only the kind of failure: httpx's own text may quote what was sent."""
    kind = "timeout" if isinstance(error, httpx.TimeoutException) else "connection failed"
    return Lost(reason=f"{kind} ({type(error).__name__})", sent=not isinstance(error, _NOT_SENT))


def run(flow: Flow[T], connection: Connection, clock: Clock) -> T:
    """Run a flow to its end, blocking."""
    answer: Answer = None
    while True:
        try:
            step = flow.send(answer)
        except StopIteration as end:
            return end.value
        try:
            answer = connection.send(step) if isinstance(step, Call) else clock.sleep(step.until)
        except BaseException as interrupt:
            flow.throw(interrupt)
            raise


async def arun(flow: Flow[T], connection: Connection, clock: Clock) -> T:
    """Run a flow to its end, awaiting."""
    answer: Answer = None
    while True:
        try:
            step = flow.send(answer)
        except StopIteration as end:
            return end.value
        try:
            answer = await (
                connection.asend(step) if isinstance(step, Call) else clock.asleep(step.until)
            )
        except BaseException as interrupt:
            flow.throw(interrupt)
            raise
