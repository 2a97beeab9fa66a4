"""Clocks, connections, and the two drivers on a real socket."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import contactkit as ck
from contactkit._http.world import Live, RealClock, VirtualClock


def test_virtual_clock_advances_only_by_waiting():
    clock = VirtualClock(100.0)
    clock.sleep(160.0)
    clock.sleep(50.0)
    assert clock.now() == 160.0
    asyncio.run(clock.asleep(86_400.0))
    assert clock.now() == 86_400.0


def test_real_clock_does_not_wait_for_the_past():
    clock = RealClock()
    before = time.monotonic()
    clock.sleep(clock.now() - 100)
    asyncio.run(clock.asleep(clock.now() - 100))
    clock.sleep(clock.now() + 0.01)
    assert time.monotonic() - before < 5


def test_live_issues_no_credentials_and_no_transport():
    client = ck.connect("sent", api_key="k")
    assert (client.world.name, client.world.notice) == ("live", "")
    assert Live().credentials(client._session.provider) is None


@contextmanager
def server(answer: bytes, times: int = 1) -> Iterator[str]:
    """A loopback server that reads each request and says `answer`, then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def serve() -> None:
            for _ in range(times):
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    if answer:
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(timeout=10)


def both(address: str, **options: float) -> Iterator[Exception]:
    """What each door raises for a write there."""
    with ck.connect("privy", token="canary-4f1d", base_url=address, **options) as client:
        try:
            client.contacts.create(email="ada@example.com")
        except ck.ContactKitError as error:
            yield error

    async def awaited() -> None:
        async with ck.connect("privy", token="t", base_url=address, **options).aio as door:
            await door.contacts.create(email="ada@example.com")

    try:
        asyncio.run(awaited())
    except ck.ContactKitError as error:
        yield error


def test_request_to_a_closed_port_is_not_sent(monkeypatch):
    monkeypatch.setattr("contactkit._http.flow._FIRST_PAUSE", 0.001)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    errors = list(both(f"http://127.0.0.1:{port}"))
    assert [(type(e), e.sent) for e in errors] == [(ck.TransportError, False)] * 2


def test_request_that_is_reset_may_have_been_sent():
    with server(b"", times=2) as address:
        errors = list(both(address))
    assert [(type(e), e.sent) for e in errors] == [(ck.TransportError, True)] * 2
    assert not any("canary" in str(e) or "ada@" in str(e) for e in errors)


def test_request_without_an_answer_may_have_been_sent():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        errors = list(both(address, timeout=0.2))
    assert [(type(e), e.sent) for e in errors] == [(ck.TransportError, True)] * 2
    assert all("timeout" in str(e) for e in errors)


def test_body_cut_short_is_no_answer():
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    with server(answer, times=2) as address:
        errors = list(both(address))
    assert [(type(e), e.sent) for e in errors] == [(ck.TransportError, True)] * 2


def test_body_that_cannot_be_decompressed_is_no_answer():
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"
    with server(answer, times=2) as address:
        errors = list(both(address))
    assert [(type(e), e.sent) for e in errors] == [(ck.TransportError, True)] * 2


@pytest.mark.parametrize("host", ["8.8.8.8", "192.0.2.1"])
def test_tests_themselves_reach_no_network(host):
    with pytest.raises(Exception, match="A test tried to use socket"):
        socket.create_connection((host, 80), timeout=1)
