"""A simulator as an HTTP server: an ASGI application over the same engine, run by uvicorn.

It runs in real time, and a request that waits does not delay the others.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import httpx

from contactkit.errors import ConfigurationError
from contactkit.simulator import Simulator
from contactkit.simulator.clocks import OffsetClock, SetClock
from contactkit.simulator.messages import Request, Response
from contactkit.simulator.serve import control
from contactkit.spec import Provider

try:
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ImportError:
    raise ConfigurationError(
        'serving needs its extra: python -m pip install "contactkit[serve]"'
    ) from None

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_PIECES, _PAUSE = 10, 0.1
_SHUTDOWN_SECONDS = 1
_log = logging.getLogger(__name__)


class SimulatorApp:
    """One simulated provider as an ASGI application; `controlled` adds routes to control it.

    `clock` is the time at which its clock stands still; without one it has the real time. Other
    options are those of `Simulator`.

    The server adds `hang_up`, which closes a connection, to the state of its requests.
    """

    def __init__(
        self,
        provider: Provider,
        contacts: int | str | Path | None = None,
        seed: int | None = None,
        *,
        clock: str | None = None,
        controlled: bool = False,
        **options: Any,
    ) -> None:
        self.provider = provider
        self.controlled = controlled
        self._new_clock = partial(SetClock, clock) if clock else OffsetClock
        self._new_simulator = partial(Simulator, contacts, seed, **options)
        self.reset()

    def reset(self) -> None:
        """Start again with a new state and the time as it was at the start, or the real time."""
        self.clock = self._new_clock()
        self.simulator = self._new_simulator(clock=self.clock)
        self.engine = self.simulator.start(self.provider)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Respond to one request (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
        content = await _content(receive)
        if content is None:
            return
        target = scope["raw_path"] + b"?" + scope["query_string"]
        request = Request.parse(scope["method"], target, httpx.Headers(scope["headers"]), content)
        try:
            await _send_response(await self._respond(request), scope, receive, send)
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            raise

    async def _respond(self, request: Request) -> Response:
        if self.controlled and request.path.startswith(control.ROOT):
            return control.respond(self, request)
        delivery = self.simulator.deliver(request)
        try:
            while True:
                await asyncio.sleep(next(delivery))
        except StopIteration as stop:
            return stop.value


async def _content(receive: Receive) -> bytes | None:
    """The body of a request; None if its sender disconnects first."""
    parts: list[bytes] = []
    while (message := await receive())["type"] != "http.disconnect":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
    return None


async def _send_response(response: Response, scope: Message, receive: Receive, send: Send) -> None:
    """Send a response, or the part of it that should arrive."""
    content = response.content
    if response.delivery != "dropped":
        await send(_head(response, len(content)))
    match response.delivery:
        case "whole":
            await send(_part(content, more=False))
        case "slow":
            size = -(-len(content) // _PIECES) or 1
            for start in range(0, len(content), size):
                await asyncio.sleep(_PAUSE)
                await send(_part(content[start : start + size], more=True))
            await send(_part(b"", more=False))
        case "truncated":
            await send(_part(content[: len(content) // 2], more=True))
            await _hang_up(scope, receive)
        case "dropped":
            await _hang_up(scope, receive)


def _head(response: Response, length: int) -> Message:
    values = response.all_headers
    # RFC 9110, section 8.6: a 204 has no length.
    values = values if response.status == 204 else {**values, "Content-Length": str(length)}
    headers = [(name.lower().encode(), value.encode()) for name, value in values.items()]
    return {"type": "http.response.start", "status": response.status, "headers": headers}


def _part(content: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


async def _hang_up(scope: Message, receive: Receive) -> None:
    scope["state"]["hang_up"]()
    # Tell the server that the connection is closed, so that it does not expect the rest.
    while (await receive())["type"] != "http.disconnect":
        pass


def run(app: SimulatorApp, host: str, port: int, on_ready: Callable[[str], object]) -> None:
    """Serve until SIGINT or SIGTERM, which end the program with status 0.

    `on_ready` is called with the address, such as http://127.0.0.1:5000, when the server is ready.
    """
    with listen(host, port) as listener:
        server = create_server(app, lambda: on_ready(address_of(listener)))
        # uvicorn raises the signal that stopped it again for these handlers.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _exit)
        server.run([listener])


def _exit(*_: object) -> NoReturn:
    sys.exit(0)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is any free port."""
    if not host:
        raise ConfigurationError("host= must be an address, such as 127.0.0.1")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host}: {error.strerror}") from None
    # Without this, asyncio would not recognise TCP, and delayed ACKs would slow responses down.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not ip_address(listener.getsockname()[0]).is_loopback:
        print(f"warning: {host} lets other computers use this simulator", file=sys.stderr)
    return listener


def address_of(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    address, port = ip_address(listener.getsockname()[0]), listener.getsockname()[1]
    if address.is_unspecified:
        address = ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://{address}:{port}" if address.version == 4 else f"http://[{address}]:{port}"


def create_server(app: SimulatorApp, on_ready: Callable[[], object]) -> uvicorn.Server:
    """A server that calls `on_ready` when it is ready."""
    config = uvicorn.Config(
        app,
        http=_Connection,
        ws="none",
        lifespan="off",
        # It logs clients that disconnect and requests that it ends; the application logs the
        # simulator's errors.
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        # The simulator's clock may be ahead of the machine's.
        date_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    server = _Server(config)
    server.on_ready = on_ready
    return server


class _Server(uvicorn.Server):
    on_ready: Callable[[], object]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_ready()


class _Connection(H11Protocol):
    """One connection, which the application may close."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.app_state = {"hang_up": transport.close}
