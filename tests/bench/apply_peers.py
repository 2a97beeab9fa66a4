"""The same updates by contactkit and by its peers, and what a stub of Sent tells of each run.

Every way is a context in which all is ready, and the call that sends one update a contact. A peer
goes on past what it gives up, for only so many of its calls fail under a rate limit.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx
import sent_dm

import contactkit as ck
from tests.bench import contacts
from tests.bench.plan import flipped, frame
from tests.bench.stub import counts, stub

ROWS = 5_000

Way = Callable[[str, int], AbstractContextManager[Callable[[], object]]]
Update = Callable[[str], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run against a stub of its own: what it took here, and what was counted there."""

    rows: int
    seconds: float
    cpu: float
    written: int
    doubled: int
    refused: int

    @property
    def rate(self) -> float:
        """Contacts a second."""
        return self.written / self.seconds

    @property
    def lost(self) -> int:
        """Contacts that were never written."""
        return self.rows - self.written

    @property
    def cost(self) -> float:
        """Seconds of this process's CPU a contact."""
        return self.cpu / self.rows


def run(way: Way, rows: int = ROWS, *, latency: float = 0, rate: int = 0, window: str = "") -> Run:
    """Have so many contacts updated once, by a stub with this latency in ms and rate a second."""
    with stub(latency, rate, window or "sliding") as address, way(address, rows) as send:
        gc.collect()
        cpu, started = time.process_time(), time.perf_counter()
        send()
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        told = counts(address)
    writes = told["writes"].values()
    doubled, written = sum(writes) - len(writes), len(writes)
    return Run(
        rows=rows,
        seconds=seconds,
        cpu=cpu,
        written=written,
        doubled=doubled,
        refused=told["refused"],
    )


def runs(rounds: int, *ways: Way, rows: int = ROWS, latency: float = 0) -> list[Run]:
    """The run of median length of each way; they take turns."""
    found: list[list[Run]] = [[] for _ in ways]
    for _ in range(rounds):
        for kept, way in zip(found, ways, strict=True):
            kept.append(run(way, rows, latency=latency))
    return [sorted(kept, key=lambda run: run.seconds)[rounds // 2] for kept in found]


def ours(in_flight: int = 16, rate_limit: str = contacts.RATE_LIMIT) -> Way:
    """A plan, applied with a journal of its own and so many on the wire."""

    @contextmanager
    def way(address: str, rows: int) -> Iterator[Callable[[], object]]:
        with TemporaryDirectory() as folder, connected(address, folder, rate_limit) as client:
            people = frame(rows)
            plan = client.contacts.plan(flipped(people, 1), people)
            yield partial(plan.apply, concurrency=in_flight, progress=False)

    return way


def connected(address: str, folder: str, rate_limit: str) -> ck.Client:
    """A client of a stub, with its journal in that folder."""
    journal = Path(folder, "journal")
    return ck.connect(
        "sent", api_key="test", base_url=address, journal=journal, rate_limit=rate_limit
    )


def bare_sockets(in_flight: int) -> Way:
    """What any client can reach at best: the same bytes and nothing else, on plain sockets."""

    async def send(address: str, rows: int) -> None:
        host = urlsplit(address).netloc
        keys = (contacts.contact(number)["id"] for number in range(rows))

        async def work() -> None:
            reader, writer = await asyncio.open_connection(*host.split(":"))
            for key in keys:
                writer.write(_PATCH.format(key=key, host=host).encode())
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length:")[2].split()[0]
                await reader.readexactly(int(length))
            writer.close()

        await asyncio.gather(*(work() for _ in range(in_flight)))

    @contextmanager
    def way(address: str, rows: int) -> Iterator[Callable[[], object]]:
        yield lambda: asyncio.run(send(address, rows))

    return way


_PATCH = (
    "PATCH /v3/contacts/{key} HTTP/1.1\r\nHost: {host}\r\nx-api-key: test\r\n"
    'Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{{"opt_out":true}}'
)


def bare_httpx(in_flight: int) -> Way:
    """One shared `httpx.AsyncClient`."""

    @asynccontextmanager
    async def opened(address: str) -> AsyncIterator[Update]:
        async with httpx.AsyncClient(base_url=address, headers={"x-api-key": "test"}) as client:
            yield lambda key: client.patch(f"/v3/contacts/{key}", json={"opt_out": True})

    return awaiting(opened, in_flight)


def sentdm(in_flight: int) -> Way:
    """`sentdm` as it is installed, asynchronous."""

    @asynccontextmanager
    async def opened(address: str) -> AsyncIterator[Update]:
        async with sent_dm.AsyncSent(api_key="test", base_url=address) as client:
            yield lambda key: client.contacts.update(key, opt_out=True)

    return awaiting(opened, in_flight)


def sentdm_aiohttp(in_flight: int) -> Way:
    """The same with its extra `aiohttp`."""

    @asynccontextmanager
    async def opened(address: str) -> AsyncIterator[Update]:
        over = sent_dm.DefaultAioHttpClient()
        async with sent_dm.AsyncSent(api_key="test", base_url=address, http_client=over) as client:
            yield lambda key: client.contacts.update(key, opt_out=True)

    return awaiting(opened, in_flight)


def has_aiohttp() -> bool:
    """Whether the extra is installed."""
    return find_spec("httpx_aiohttp") is not None


def awaiting(opened: Callable[[str], AbstractAsyncContextManager[Update]], in_flight: int) -> Way:
    """What sends one update, as so many workers that take the contacts in turns."""

    async def send(address: str, rows: int) -> None:
        keys = (contacts.contact(number)["id"] for number in range(rows))
        async with opened(address) as update:

            async def work() -> None:
                for key in keys:
                    try:
                        await update(key)
                    except (sent_dm.APIError, httpx.HTTPError):
                        pass

            await asyncio.gather(*(work() for _ in range(in_flight)))

    @contextmanager
    def way(address: str, rows: int) -> Iterator[Callable[[], object]]:
        yield lambda: asyncio.run(send(address, rows))

    return way
