"""The served simulator: requests a second over HTTP, how it grows, and what a contact weighs.

Run as a program it serves, so that the load comes from another process: the simulator, with the
provider's limits taken away, or a canned answer under a bare uvicorn. It prints its address.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import uvicorn

import contactkit as ck
from contactkit._providers import find, names
from contactkit.simulator.engine import Engine
from contactkit.simulator.messages import Request
from contactkit.simulator.serve.app import SimulatorApp, address_of, listen, run
from contactkit.spec.provider import Provider
from tests.bench import contacts
from tests.bench.measure import ROOT, Row, medians, ms, times

LOADS, REQUESTS, CONNECTIONS = 7, 3_200, 16
FEW, MANY, WEIGHED = 100, 100_000, 10_000
ROUNDS, CALLS = 31, 50
KEY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
SIGNED = {"x-api-key": "simulator-organisation-key"}


def unlimited() -> Provider:
    """Sent without its limits, so that they are not what is measured."""
    return replace(find("sent"), limits=())


def rows() -> Iterator[Row]:
    """Requests over HTTP; verbs in process at two sizes; memory of every provider."""
    yield over_http()
    yield from growth()
    for name in names():
        size = weight(find(name))
        yield Row(
            subject=f"a stored contact of {name}",
            measured=f"{size:,.0f} bytes",
            outcome=f"{size / 1000:.2f} kB",
            wanted="< 2 kB",
        )


def over_http() -> Row:
    """GET of one contact on connections that are kept, in turns with the canned answer."""
    with ExitStack() as stack:
        ours, bare = (stack.enter_context(serving(what)) for what in ("simulator", "canned"))
        rates: tuple[list[float], list[float]] = ([], [])
        for _ in range(LOADS):
            for address, kept in zip((ours, bare), rates, strict=True):
                kept.append(asyncio.run(load(address)))
    simulator, canned = (statistics.median(kept) for kept in rates)
    return Row(
        subject=f"GET one contact, {CONNECTIONS} connections",
        measured=f"{simulator:,.0f} a second",
        beside="bare uvicorn, a canned answer",
        against=f"{canned:,.0f} a second",
        outcome=times(simulator / canned),
        wanted="≥ 1,000 a second",
    )


@contextmanager
def serving(what: str) -> Iterator[str]:
    """The address of a server in its own process, which ends with the block."""
    command = [sys.executable, "-m", "tests.bench.serve", what]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


async def load(address: str) -> float:
    """Requests that are answered a second."""
    host, port = urlsplit(address).hostname, urlsplit(address).port
    loop, each = asyncio.get_running_loop(), REQUESTS // CONNECTIONS
    started = time.perf_counter()
    lines = [
        (await loop.create_connection(lambda: Line(each), host, port))[1]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(line.done for line in lines))
    return each * CONNECTIONS / (time.perf_counter() - started)


class Line(asyncio.Protocol):
    """One connection that asks again as soon as it is answered; a client would cost too much."""

    def __init__(self, requests: int) -> None:
        lines = [f"{name}: {value}" for name, value in SIGNED.items()]
        head = [f"GET /v3/contacts/{KEY} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]
        self._request = "\r\n".join(head).encode()
        self._left = requests
        self._unread = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        head, ended, body = self._unread.partition(b"\r\n\r\n")
        if not ended or len(body) < int(head.lower().partition(b"content-length:")[2].split()[0]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(self._unread.decode()))
        self._unread, self._left = b"", self._left - 1
        if self._left:
            self._transport.write(self._request)
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server hung up"))


def growth() -> Iterator[Row]:
    """Verbs through the engine, with few contacts stored and with many."""
    few, many = engine(FEW), engine(MANY)
    for verb, ask in (("get", get), ("update", update), ("create", create)):
        less, more = medians(ROUNDS, partial(ask, few), partial(ask, many), calls=CALLS)
        yield Row(
            subject=f"{verb} among {MANY:,} contacts, no network",
            measured=ms(more),
            beside=f"among {FEW}",
            against=ms(less),
            outcome=times(more / less),
            wanted="≤ 1.2x",
        )


def engine(size: int) -> Engine:
    """The engine of a simulator with so many contacts."""
    return ck.Simulator(size).start(unlimited())


def get(asked: Engine) -> None:
    """Read one contact."""
    answered(asked, Request("GET", f"/v3/contacts/{KEY}", {}, SIGNED, b""), 200)


def update(asked: Engine) -> None:
    """Change one contact."""
    content = b'{"opt_out": true}'
    answered(asked, Request("PATCH", f"/v3/contacts/{KEY}", {}, SIGNED, content), 200)


def create(asked: Engine) -> None:
    """Create one contact, and take it back so that the next one can be created."""
    content = b'{"phone_number": "+12027770123"}'
    with asked.contacts.rollback():
        answered(asked, Request("POST", "/v3/contacts", {}, SIGNED, content), 201)


def answered(asked: Engine, request: Request, status: int) -> None:
    """Ask, and be sure that it was carried out."""
    answer = asked.respond(request)
    if answer.status != status:
        raise RuntimeError(f"{request.method} was answered with {answer}")


def weight(provider: Provider) -> float:
    """Bytes that Python allocates for a stored contact."""
    ck.Simulator(1).start(provider)
    gc.collect()
    tracemalloc.start()
    simulator = ck.Simulator(WEIGHED)
    simulator.start(provider)
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size / WEIGHED


async def canned(scope: dict[str, Any], receive: object, send: Callable[..., Awaitable[None]]):
    """Answer whatever is asked with one contact."""
    content = contacts.one(7)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def main(what: str) -> None:
    """Serve one of the two until it is ended."""
    if what == "simulator":
        run(
            SimulatorApp(unlimited(), FEW, 0),
            "127.0.0.1",
            0,
            lambda address: print(address, flush=True),
        )
    else:
        with listen("127.0.0.1", 0) as listening:
            print(address_of(listening), flush=True)
            options: dict[str, Any] = {"http": "h11", "lifespan": "off", "log_level": "critical"}
            uvicorn.Server(uvicorn.Config(canned, **options)).run([listening])


if __name__ == "__main__":
    main(sys.argv[1])
