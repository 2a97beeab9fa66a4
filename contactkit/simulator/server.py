"""uvicorn around a served simulator: the socket, the signals that end it, and hanging up."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address
from typing import NoReturn

from contactkit.errors import ConfigurationError
from contactkit.simulator.serving import Served

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
