"""A simulator over HTTP: an ASGI application that carries requests to the same engine.

It lives in real time, and waits without holding up other requests.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, NoReturn, TypeAlias

import httpx

from contactkit._http.world import RealClock
from contactkit.errors import ConfigurationError
from contactkit.simulator import Simulator
from contactkit.simulator.messages import Answer, Request
from contactkit.simulator.serve import control
from contactkit.simulator.simulator import deliver
from contactkit.spec.provider import Provider

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_PIECES, _PAUSE = 10, 0.1
_REAL = RealClock()
_log = logging.getLogger(__name__)


@dataclass
class AheadClock:
    """Real time, so many seconds ahead."""

    ahead: float = 0.0

    def now(self) -> float:
        return _REAL.now() + self.ahead

    def sleep(self, until: float) -> None:
        _REAL.sleep(until - self.ahead)

    async def asleep(self, until: float) -> None:
        await _REAL.asleep(until - self.ahead)


class Served:
    """One provider, played for whoever connects; with `controlled`, there are routes to steer it.

    The server puts `hang_up`, which ends a connection, into the state of its requests.
    """

    def __init__(
        self, provider: Provider, contacts: int, seed: int, *, controlled: bool = False
    ) -> None:
        self.provider = provider
        self.controlled = controlled
        self._asked = (contacts, seed)
        self.reset()

    def reset(self) -> None:
        """Begin again, as if it were started now."""
        self.clock = AheadClock()
        self.simulator = Simulator(*self._asked, clock=self.clock)
        self.engine = self.simulator.play(self.provider)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, as https://asgi.readthedocs.io/en/latest/specs/www.html says."""
        content = await _content(receive)
        if content is None:
            return
        target = scope["raw_path"] + b"?" + scope["query_string"]
        request = Request.read(scope["method"], target, httpx.Headers(scope["headers"]), content)
        try:
            await _carry(await self._answer(request), scope, receive, send)
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            raise

    async def _answer(self, request: Request) -> Answer:
        if self.controlled and request.path.startswith(control.ROOT):
            return control.answer(self, request)
        delivery = deliver(self.engine, request)
        try:
            while True:
                await asyncio.sleep(next(delivery))
        except StopIteration as end:
            return end.value


async def _content(receive: Receive) -> bytes | None:
    """The body of a request; None when its sender went away before its end."""
    parts: list[bytes] = []
    while (message := await receive())["type"] != "http.disconnect":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
    return None


async def _carry(answer: Answer, scope: Message, receive: Receive, send: Send) -> None:
    """Send an answer, or as much of it as is to arrive."""
    content = answer.content
    if answer.carried != "dropped":
        await send(_head(answer, len(content)))
    match answer.carried:
        case "whole":
            await send(_part(content, more=False))
        case "slow":
            size = -(-len(content) // _PIECES) or 1
            for start in range(0, len(content), size):
                await asyncio.sleep(_PAUSE)
                await send(_part(content[start : start + size], more=True))
            await send(_part(b"", more=False))
        case "cut":
            await send(_part(content[: len(content) // 2], more=True))
            await _hang_up(scope, receive)
        case "dropped":
            await _hang_up(scope, receive)


def _head(answer: Answer, length: int) -> Message:
    # RFC 9110, section 8.6: a 204 has no length.
    lines = answer.lines if answer.status == 204 else {**answer.lines, "Content-Length": length}
    headers = [(name.lower().encode(), str(value).encode()) for name, value in lines.items()]
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


def _part(content: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


async def _hang_up(scope: Message, receive: Receive) -> None:
    scope["state"]["hang_up"]()
    # The server is told that the connection ended, so that it does not miss the rest.
    while (await receive())["type"] != "http.disconnect":
        pass


try:
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ImportError:
    raise ConfigurationError(
        'serving needs its extra: python -m pip install "contactkit[serve]"'
    ) from None

_PATIENCE = 1  # seconds that requests in flight have left once it is to end


def run(served: Served, host: str, port: int, told: Callable[[str], object]) -> None:
    """Serve until SIGINT or SIGTERM, which end the program with status 0.

    `told` is called with the address, as http://127.0.0.1:5000, once requests are answered there.
    """
    with listen(host, port) as listening:
        server = server_for(served, lambda: told(address_of(listening)))
        # uvicorn raises the signal that ended it again, for these.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _end)
        server.run([listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket there; port 0 is any free one."""
    if not host:
        raise ConfigurationError("host= must be an address, such as 127.0.0.1")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host}: {error.strerror}") from None
    # asyncio would not see that this is TCP, and an answer's two parts would meet delayed ACKs.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not ip_address(listening.getsockname()[0]).is_loopback:
        print(f"warning: {host} lets other computers use this simulator", file=sys.stderr)
    return listening


def address_of(listening: socket.socket) -> str:
    """Where to ask for what listens there."""
    found, port = ip_address(listening.getsockname()[0]), listening.getsockname()[1]
    if found.is_unspecified:
        found = ip_address("127.0.0.1" if found.version == 4 else "::1")
    return f"http://{found}:{port}" if found.version == 4 else f"http://[{found}]:{port}"


def server_for(served: Served, up: Callable[[], object]) -> uvicorn.Server:
    """A server that calls `up` once it answers requests."""
    config = uvicorn.Config(
        served,
        http=_Line,
        ws="none",
        lifespan="off",
        # It complains of clients that go away and of requests that it ends; errors of the
        # simulator's own are logged by the application.
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        # The simulator may be ahead of the machine's time.
        date_header=False,
        timeout_graceful_shutdown=_PATIENCE,
    )
    server = _Server(config)
    server.up = up
    return server


class _Server(uvicorn.Server):
    up: Callable[[], object]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up()


class _Line(H11Protocol):
    """One connection, whose application may hang up."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.app_state = {"hang_up": transport.close}


def _end(*_: object) -> NoReturn:
    sys.exit(0)
