"""A PATCH over loopback by what may carry it, near and far, alone and with many in flight.

The stub is another process and faster than every client, so the client is what is measured.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from statistics import median
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import HttpxAiohttpClient

from contactkit._http.connection import Connection
from contactkit._http.session import Request, Response
from tests.bench import contacts
from tests.bench.measure import Row, times
from tests.bench.stub import stub

ROUNDS, REQUESTS, TURNS = 3, 1_920, 30
LATENCIES, IN_FLIGHT = (0, 80), (1, 16, 64)
BODY = {"default_channel": "sms", "opt_out": True}
HEADERS = {"x-api-key": "test", "Idempotency-Key": "00000000-0000-0000-0000-000000000000"}
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
CONTEXT = httpx.create_ssl_context()

PATHS = [f"/v3/contacts/{contacts.contact(number)['id']}" for number in range(REQUESTS)]

Send = Callable[[int], Awaitable[object]]


@asynccontextmanager
async def ours(address: str) -> AsyncIterator[Send]:
    """The awaiting door's connection."""
    async with _connected(Connection(None, TIMEOUT, address), address) as send:
        yield send


@asynccontextmanager
async def over_httpcore(address: str) -> AsyncIterator[Send]:
    """The same over httpx's own transport."""
    own: Any = httpx.AsyncHTTPTransport()
    async with _connected(Connection(own, TIMEOUT, address), address) as send:
        yield send


@asynccontextmanager
async def _connected(connection: Connection, address: str) -> AsyncIterator[Send]:
    async def send(number: int) -> None:
        url = address + PATHS[number]
        answer = await connection.asend(
            Request(method="PATCH", url=url, headers=HEADERS, body=BODY)
        )
        assert isinstance(answer, Response) and answer.status == 200, answer

    try:
        yield send
    finally:
        await connection.aclose_client()


@asynccontextmanager
async def a_client_each(address: str) -> AsyncIterator[Send]:
    """httpx as it is, never with two requests in one client."""
    async with AsyncExitStack() as stack:
        idle: list[httpx.AsyncClient] = []

        async def send(number: int) -> None:
            client = idle.pop() if idle else await stack.enter_async_context(fresh())
            answer = await client.patch(address + PATHS[number], json=BODY, headers=HEADERS)
            assert answer.status_code == 200
            idle.append(client)

        yield send


def fresh() -> httpx.AsyncClient:
    """A client that needs no certificates."""
    return httpx.AsyncClient(timeout=TIMEOUT, verify=CONTEXT, trust_env=False)


@asynccontextmanager
async def httpx_aiohttp(address: str) -> AsyncIterator[Send]:
    """httpx over the httpx-aiohttp package."""
    async with HttpxAiohttpClient(timeout=TIMEOUT) as client:

        async def send(number: int) -> None:
            answer = await client.patch(address + PATHS[number], json=BODY, headers=HEADERS)
            assert answer.status_code == 200

        yield send


@asynccontextmanager
async def bare_aiohttp(address: str) -> AsyncIterator[Send]:
    """aiohttp by itself."""
    async with aiohttp.ClientSession() as session:

        async def send(number: int) -> None:
            sent = session.patch(address + PATHS[number], json=BODY, headers=HEADERS)
            async with sent as answer:
                assert answer.status == 200
                await answer.read()

        yield send


CARRIERS = {
    "the awaiting door": ours,
    "the same over httpcore": over_httpcore,
    "httpx, a client a worker": a_client_each,
    f"httpx-aiohttp {version('httpx-aiohttp')}": httpx_aiohttp,
    f"aiohttp {version('aiohttp')}": bare_aiohttp,
}


def rows() -> Iterator[Row]:
    """Requests a second, and CPU for each, of every carrier in turns beside the awaiting door's."""
    for latency in LATENCIES:
        with stub(latency=latency) as address:
            for width in IN_FLIGHT:
                yield from compared(address, latency, width)


def compared(address: str, latency: int, width: int) -> Iterator[Row]:
    """The same requests by each carrier, and how near the latency lets any come."""
    requests = min(REQUESTS, width * TURNS) if latency else REQUESTS
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CARRIERS}
    for _ in range(ROUNDS):
        for name, carrier in CARRIERS.items():
            gc.collect()
            found[name].append(asyncio.run(load(carrier, address, width, requests)))
    middle = {name: tuple(map(median, zip(*each, strict=True))) for name, each in found.items()}
    (rate, cost), *_ = middle.values()
    subject = f"{width} in flight, {latency} ms away"
    for name, (other, others) in list(middle.items())[1:]:
        yield Row(
            subject=subject,
            measured=shown(rate, cost),
            beside=name,
            against=shown(other, others),
            outcome=f"{times(rate / other)}, CPU {times(cost / others)}",
        )
    if latency:
        possible = width / (latency / 1000)
        yield Row(
            subject=subject,
            measured=shown(rate, cost),
            beside="in flight / latency",
            against=f"{possible:,.0f}/s",
            outcome=times(rate / possible),
            wanted="≥ 0.95x" if width == max(IN_FLIGHT) else "",
        )


def shown(rate: float, cost: float) -> str:
    """Requests a second, and the CPU that one takes."""
    return f"{rate:,.0f}/s, {cost * 1e6:,.0f} µs"


async def load(
    carrier: Callable[[str], Any], address: str, width: int, requests: int
) -> tuple[float, float]:
    """Requests a second, and seconds of this process's CPU a request."""
    async with carrier(address) as send:
        await asyncio.gather(*(send(0) for _ in range(width)))
        numbers = iter(range(requests))

        async def work() -> None:
            for number in numbers:
                await send(number)

        started, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(width)))
        seconds, cost = time.perf_counter() - started, time.process_time() - cpu
    return requests / seconds, cost / requests
