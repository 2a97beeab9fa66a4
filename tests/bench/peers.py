"""The same updates by contactkit and by its peers, and what the server counts of each run.

A peer is a context in which everything is ready, and which gives the call that updates each contact
once. A peer goes on after an update that it has given up, as some of them do under a rate limit.
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
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx
import sent_dm

import contactkit as ck
from tests.bench import contacts
from tests.bench.frames import frame, opt_out
from tests.bench.measure import serving

ROWS = 5_000

Peer = Callable[[str, int], AbstractContextManager[Callable[[], object]]]
Update = Callable[[str], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run against a server of its own: what it took here, and what was counted there."""

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


def run(peer: Peer, *, latency: float = 0, rate: int = 0, window: str = "sliding") -> Run:
    """Update each contact once, at a server with this latency in ms and rate a second."""
    with serving(latency, rate, window) as address, peer(address, ROWS) as update_all:
        gc.collect()
        cpu, started = time.process_time(), time.perf_counter()
        update_all()
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        counts = httpx.get(f"{address}/counts", trust_env=False).raise_for_status().json()
    writes = counts["writes"].values()
    return Run(
        rows=ROWS,
        seconds=seconds,
        cpu=cpu,
        written=len(writes),
        doubled=sum(writes) - len(writes),
        refused=counts["refused"],
    )


def median_runs(rounds: int, *peers: Peer, latency: float = 0) -> list[Run]:
    """The run of median length of each peer; they take turns."""
    runs: list[list[Run]] = [[] for _ in peers]
    for _ in range(rounds):
        for row, peer in zip(runs, peers, strict=True):
            row.append(run(peer, latency=latency))
    return [sorted(row, key=lambda run: run.seconds)[rounds // 2] for row in runs]


def ours(in_flight: int = 16, rate_limit: str = contacts.RATE_LIMIT) -> Peer:
    """A plan, applied with a journal of its own."""

    @contextmanager
    def peer(address: str, rows: int) -> Iterator[Callable[[], object]]:
        with TemporaryDirectory() as folder:
            options = {"base_url": address, "journal": Path(folder, "journal")}
            with ck.connect("sent", api_key="test", rate_limit=rate_limit, **options) as client:
                people = frame(rows)
                plan = client.contacts.plan(opt_out(people), people)
                yield partial(plan.apply, concurrency=in_flight, progress=False)

    return peer


def bare_sockets(in_flight: int) -> Peer:
    """The most that any client can reach: the same bytes and nothing else, on plain sockets."""

    async def update_all(address: str, rows: int) -> None:
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

    return _asynchronous(update_all)


_PATCH = (
    "PATCH /v3/contacts/{key} HTTP/1.1\r\nHost: {host}\r\nx-api-key: test\r\n"
    'Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{{"opt_out":true}}'
)


def bare_httpx(in_flight: int) -> Peer:
    """One shared `httpx.AsyncClient`."""

    @asynccontextmanager
    async def connect(address: str) -> AsyncIterator[Update]:
        async with httpx.AsyncClient(base_url=address, headers={"x-api-key": "test"}) as client:
            yield lambda key: client.patch(f"/v3/contacts/{key}", json={"opt_out": True})

    return _by_workers(connect, in_flight)


def sentdm(in_flight: int) -> Peer:
    """`sentdm` as it is installed, asynchronous."""
    return _by_workers(partial(_connect_sentdm, lambda: None), in_flight)


def sentdm_aiohttp(in_flight: int) -> Peer:
    """`sentdm` with its extra `aiohttp`."""
    return _by_workers(partial(_connect_sentdm, sent_dm.DefaultAioHttpClient), in_flight)


@asynccontextmanager
async def _connect_sentdm(
    transport: Callable[[], httpx.AsyncClient | None], address: str
) -> AsyncIterator[Update]:
    options = {"api_key": "test", "base_url": address, "http_client": transport()}
    async with sent_dm.AsyncSent(**options) as client:
        yield lambda key: client.contacts.update(key, opt_out=True)


def _by_workers(
    connect: Callable[[str], AbstractAsyncContextManager[Update]], in_flight: int
) -> Peer:
    """Send each update by one of so many workers, which take the contacts in turns."""

    async def update_all(address: str, rows: int) -> None:
        keys = (contacts.contact(number)["id"] for number in range(rows))
        async with connect(address) as update:

            async def work() -> None:
                for key in keys:
                    try:
                        await update(key)
                    except (sent_dm.APIError, httpx.HTTPError):
                        pass

            await asyncio.gather(*(work() for _ in range(in_flight)))

    return _asynchronous(update_all)


def _asynchronous(update_all: Callable[[str, int], Awaitable[None]]) -> Peer:
    @contextmanager
    def peer(address: str, rows: int) -> Iterator[Callable[[], object]]:
        yield lambda: asyncio.run(update_all(address, rows))

    return peer
