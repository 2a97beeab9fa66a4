"""The async client's transport: nothing is sent twice, many go at once, and nothing stays open."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Callable

import httpx
import pytest

from contactkit._http import aiohttp_limits
from contactkit._http.connection import Connection
from contactkit._http.session import Answer, NoResponse, Request, Response
from tests.support.sockets import (
    GOOD,
    answering,
    listening,
    read_request,
)

WAITS = httpx.Timeout(5.0)


def call(port: int, method: str = "PATCH") -> Request:
    return Request(method=method, url=f"http://127.0.0.1:{port}/v3/contacts/7", body={"a": 1})


def connected(port: int, timeout: httpx.Timeout = WAITS) -> Connection:
    return Connection(None, timeout, f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("drop", ["hangs up", "resets"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_request_dropped_on_a_reused_connection_is_not_repeated(method, drop):
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        answering(GOOD, b"", requests=heard)(connection)
        if drop == "resets":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async def twice(connection: Connection) -> list[Answer]:
        found = [await connection.asend(call(port, method)) for _ in range(2)]
        await connection.aclose_client()
        return found

    with listening(talk) as port:
        first, second = asyncio.run(twice(connected(port)))
    assert isinstance(first, Response)
    assert isinstance(second, NoResponse) and second.sent
    assert len(heard) == 2


def all_at_once(number: int) -> Callable[[socket.socket], None]:
    """Answers nobody before so many have asked."""
    asked = threading.Barrier(number, timeout=10)

    def talk(connection: socket.socket) -> None:
        read_request(connection)
        asked.wait()
        connection.sendall(GOOD)

    return talk


async def together(connection: Connection, port: int, number: int) -> list[Answer]:
    found = await asyncio.gather(*(connection.asend(call(port)) for _ in range(number)))
    await connection.aclose_client()
    return found


def test_transport_has_two_hundred_requests_in_flight_at_once():
    with listening(all_at_once(200)) as port:
        found = asyncio.run(together(connected(port), port, 200))
    assert all(isinstance(each, Response) for each in found)


def test_request_without_a_place_in_time_is_not_sent(monkeypatch):
    monkeypatch.setattr(aiohttp_limits, "MOST_IN_FLIGHT", 2)

    async def three(connection: Connection) -> list[Answer]:
        async with asyncio.TaskGroup() as group:
            held = [group.create_task(connection.asend(call(port))) for _ in range(2)]
            await asyncio.sleep(0)
            late = await connection.asend(call(port))
            answer.set()
        await connection.aclose_client()
        return [late, *(each.result() for each in held)]

    answer = threading.Event()

    def talk(connection: socket.socket) -> None:
        read_request(connection)
        answer.wait(10)
        connection.sendall(GOOD)

    with listening(talk) as port:
        late, *held = asyncio.run(three(connected(port, httpx.Timeout(5, pool=0.05))))
    assert late == NoResponse(reason="timeout (PoolTimeout)", sent=False)
    assert all(isinstance(each, Response) for each in held)


def test_place_is_free_again_after_an_answer_a_loss_or_a_cancellation(monkeypatch):
    monkeypatch.setattr(aiohttp_limits, "MOST_IN_FLIGHT", 1)

    async def in_turn(connection: Connection) -> Answer:
        await connection.asend(call(port))
        await connection.asend(call(port))
        waiting = asyncio.create_task(connection.asend(call(port)))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        found = await connection.asend(call(port))
        await connection.aclose_client()
        return found

    turns = iter((answering(GOOD, b""), answering(), answering(GOOD)))
    with listening(lambda connection: next(turns)(connection)) as port:
        assert isinstance(asyncio.run(in_turn(connected(port, httpx.Timeout(5, pool=1)))), Response)


def test_closing_the_client_loses_requests_in_flight():
    async def left(connection: Connection) -> Answer:
        waiting = asyncio.create_task(connection.asend(call(port)))
        while not heard:
            await asyncio.sleep(0.001)
        await connection.aclose_client()
        return await waiting

    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heard.append(read_request(connection))
        read_request(connection)

    with listening(talk) as port:
        found = asyncio.run(left(connected(port)))
    assert isinstance(found, NoResponse) and found.sent
    assert len(heard) == 1


def test_request_after_closing_is_not_sent():
    async def left(connection: Connection) -> list[Answer]:
        first = await connection.asend(call(port))
        late = asyncio.create_task(connection.asend(call(port)))
        await asyncio.sleep(0)
        await connection.aclose_client()
        return [first, await late]

    with listening(answering(GOOD, GOOD)) as port:
        first, late = asyncio.run(left(connected(port)))
    assert isinstance(first, Response)
    assert late == NoResponse(reason="connection failed (ConnectError)", sent=False)


def test_connections_are_closed_with_their_event_loop(caplog):
    async def sent(connection: Connection, port: int) -> Answer:
        return await connection.asend(call(port))

    # What earlier tests have left must not end here.
    gc.collect()
    with listening(answering(GOOD, GOOD)) as port, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        connection = connected(port)
        assert [type(asyncio.run(sent(connection, port))) for _ in range(2)] == [Response] * 2
        del connection
        gc.collect()
    assert [str(each.message) for each in told] == []
    assert caplog.records == []


def test_loop_closed_without_cleanup_logs_nothing(caplog):
    with listening(answering(GOOD)) as port, warnings.catch_warnings():
        # asyncio itself finds its sockets open.
        warnings.simplefilter("ignore", ResourceWarning)
        loop = asyncio.new_event_loop()
        assert isinstance(loop.run_until_complete(connected(port).asend(call(port))), Response)
        loop.close()
        del loop
        gc.collect()
    assert [each for each in caplog.records if each.levelname != "INFO"] == []


def test_unreferenced_client_hangs_up():
    ended = threading.Event()

    def talk(connection: socket.socket) -> None:
        answering(GOOD)(connection)
        read_request(connection)
        ended.set()

    async def dropped() -> None:
        await connected(port).asend(call(port))
        gc.collect()
        assert await asyncio.to_thread(ended.wait, 10)

    with listening(talk) as port:
        asyncio.run(dropped())
