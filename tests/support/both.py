"""One call through both doors, each over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from contactkit._http.connection import Connection
from contactkit._http.session import Answer, Request
from tests.support.sockets import Talk, talking

WAITS = httpx.Timeout(5.0)


def call(address: str, method: str = "PATCH", **given: object) -> Request:
    return Request(method=method, url=f"{address}/v3/contacts/7?x=%2B1", **given)  # type: ignore


def both(
    address: str, *calls: Request, timeout: httpx.Timeout = WAITS
) -> tuple[list[Answer], list[Answer]]:
    """What the calls come to through each door, on a connection of its own."""
    connection = Connection(None, timeout, address)
    blocking = [connection.send(each) for each in calls]
    connection.close()

    async def awaited() -> list[Answer]:
        answers = [await connection.asend(each) for each in calls]
        await connection.aclose()
        return answers

    return blocking, asyncio.run(awaited())


def once(address: str, timeout: httpx.Timeout = WAITS, **given: object) -> Answer:
    """What one call comes to, which is the same through both doors."""
    blocking, awaited = both(address, call(address, **given), timeout=timeout)
    assert blocking == awaited
    return blocking[0]


@contextmanager
def at(talk: Talk) -> Iterator[str]:
    with talking(talk) as port:
        yield f"http://127.0.0.1:{port}"
