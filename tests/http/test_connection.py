"""The sync and the async client on real sockets: the same requests, answers and failures."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import socket
import subprocess
import sys
import threading

import httpx
import pytest

from contactkit._http.connection import Connection, TapFlow
from contactkit._http.session import Answer, NoResponse, Request, Response
from tests.support.sockets import (
    GOOD,
    TIMEOUT,
    Handler,
    answering,
    free_port,
    read_request,
    request_to,
    send_by_both,
    send_one,
    serving,
)

SHORT = httpx.Timeout(5.0, read=0.1)
BODY: dict[str, object] = {"body": {"a": "é"}}


@pytest.mark.parametrize(
    ("method", "given"),
    [
        *((method, BODY) for method in ("POST", "PUT", "PATCH", "DELETE")),
        *((method, {}) for method in ("GET", "POST", "PATCH", "DELETE")),
        ("POST", {"form": {"a": "1 2"}}),
    ],
)
def test_sync_and_async_clients_send_the_same_bytes(method, given):
    heard: list[bytes] = []
    with serving(answering(GOOD, requests=heard)) as address:
        send_one(address, method=method, query={"q": "a b"}, headers={"X-Key": "k"}, **given)
    from_sync, from_async = (each.partition(b"\r\n\r\n") for each in heard)
    assert from_sync[2] == from_async[2]
    lines = [sorted(each[0].lower().split(b"\r\n")) for each in (from_sync, from_async)]
    assert lines[0] == lines[1]
    assert [line.split(b" ")[1] for line in (from_sync[0], from_async[0])] == [
        b"/v3/contacts/7?q=a+b"
    ] * 2


@pytest.mark.parametrize(
    "path",
    ["/%2B12025550123", "/ada%40example.com", "/a%2Fb", "/%7Ea.b", "/x:y", "/%C3%A9?a=%20+%26"],
)
def test_address_is_sent_unchanged(path):
    heard: list[bytes] = []
    with serving(answering(GOOD, requests=heard)) as address:
        send_by_both(address, Request(method="GET", url=address + path))
    assert [each.split(b" ")[1] for each in heard] == [path.encode()] * 2


SQUEEZED = gzip.compress(b'{"a": 1}')
ANSWERS = {
    "content": GOOD,
    "nothing": b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    "a refusal": b"HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    "compressed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
    % (len(SQUEEZED), SQUEEZED),
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    "until the end": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
    "twice": b"HTTP/1.1 200 OK\r\nLink: <a>\r\nlink: <b>\r\nContent-Length: 0\r\n\r\n",
    "a long line": b"HTTP/1.1 200 OK\r\nX-Long: %s\r\nContent-Length: 0\r\n\r\n" % (b"a" * 30_000),
    "Latin-1": b"HTTP/1.1 200 OK\r\nX-Name: Andr\xe9\r\nContent-Length: 0\r\n\r\n",
    "first a hint": b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + GOOD,
    "long": b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"a" * 3_000_000,
    "elsewhere": b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_sync_and_async_clients_read_the_same_answers(answer):
    with serving(answering(ANSWERS[answer])) as address:
        assert isinstance(send_one(address), Response)


def test_connection_keeps_no_cookie_and_follows_no_redirect():
    heard: list[bytes] = []
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1; Path=/\r\nContent-Length: 0\r\n\r\n"
    with serving(answering(cookie, ANSWERS["elsewhere"], GOOD, requests=heard)) as address:
        from_sync, from_async = send_by_both(address, *[request_to(address)] * 3)
    assert (
        [each.status for each in from_sync]
        == [each.status for each in from_async]
        == [200, 302, 200]
    )
    assert len(heard) == 6
    assert not any(b"cookie" in each.lower() or b"/other" in each for each in heard)


def reset(connection: socket.socket) -> None:
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def silent(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def deaf(connection: socket.socket) -> None:
    threading.Event().wait(0.3)


FAILURES: dict[str, tuple[Handler, str, bool]] = {
    "hangs up": (answering(b""), "connection failed (RemoteProtocolError)", True),
    "resets": (reset, "connection failed (ReadError)", True),
    "is silent": (silent, "timeout (ReadTimeout)", True),
    "stops in the head": (
        answering(b"HTTP/1.1 200 OK\r\n"),
        "connection failed (RemoteProtocolError)",
        True,
    ),
    "stops in the body": (answering(GOOD[:-1]), "connection failed (RemoteProtocolError)", True),
    "stops in a chunk": (
        answering(ANSWERS["chunks"][:-9]),
        "connection failed (RemoteProtocolError)",
        True,
    ),
    "speaks no HTTP": (
        answering(b"220 smtp.example.com\r\n\r\n"),
        "connection failed (RemoteProtocolError)",
        True,
    ),
    "packs wrongly": (
        answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
        "connection failed (DecodingError)",
        True,
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_sync_and_async_clients_lose_an_answer_alike(failure):
    talk, reason, sent = FAILURES[failure]
    with serving(talk) as address:
        assert send_one(address, SHORT, body={"a": 1}) == NoResponse(reason=reason, sent=sent)


def test_request_to_a_closed_port_is_not_sent():
    found = send_one(f"http://127.0.0.1:{free_port()}")
    assert found == NoResponse(reason="connection failed (ConnectError)", sent=False)


def test_request_to_an_unknown_host_is_not_sent():
    found = send_one("https://api.contactkit.invalid")
    assert found == NoResponse(reason="connection failed (ConnectError)", sent=False)


def test_request_on_a_connection_that_hangs_is_not_sent():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        # One waits to be accepted, and there is no room for another.
        with socket.create_connection(full.getsockname()):
            address = f"http://127.0.0.1:{full.getsockname()[1]}"
            found = send_one(address, httpx.Timeout(5, connect=0.1))
    assert found == NoResponse(reason="timeout (ConnectTimeout)", sent=False)


def test_body_that_the_server_does_not_read_may_have_been_sent():
    with serving(deaf) as address:
        found = send_one(address, httpx.Timeout(5, write=0.05), body={"a": "x" * 12_000_000})
    assert found == NoResponse(reason="timeout (WriteTimeout)", sent=True)


def test_header_that_cannot_be_written_is_not_sent():
    with serving(answering(GOOD)) as address:
        found = send_one(address, headers={"X-Key": "a\r\nb: c"})
    assert found == NoResponse(reason="connection failed (LocalProtocolError)", sent=False)


def test_connection_closed_by_the_server_is_not_used_again():
    talk = answering(GOOD)
    with serving(talk) as address:
        connection = Connection(None, TIMEOUT, address)

        async def ask_twice() -> list[Answer]:
            first = await connection.asend(request_to(address))
            # The loop stands still while the server hangs up.
            threading.Event().wait(0.05)
            found = [first, await connection.asend(request_to(address))]
            await connection.aclose()
            return found

        assert [type(each) for each in asyncio.run(ask_twice())] == [Response, Response]


def test_log_holds_no_key(caplog):
    caplog.set_level(logging.DEBUG)
    with serving(answering(GOOD)) as address:
        send_one(address, headers={"X-Key": "canary-4f1d"}, body={"a": "canary-4f1e"})
    assert caplog.records and "canary" not in caplog.text


class Listening:
    """A tap that only counts how often it was closed."""

    closed = 0

    def flow(self, request: httpx.Request) -> TapFlow:
        return (yield request)

    def close(self, clean: bool) -> None:
        self.closed += 1


def test_closing_the_client_of_a_loop_ends_no_recording():
    async def left(connection: Connection) -> list[int]:
        await connection.asend(request_to(address))
        await connection.aclose_client()
        await connection.aclose_client()
        before = tap.closed
        await connection.asend(request_to(address))
        await connection.aclose()
        return [before, tap.closed]

    with serving(answering(GOOD)) as address:
        connection = Connection(None, TIMEOUT, address)
        connection.tap = tap = Listening()
        assert asyncio.run(left(connection)) == [0, 1]


FORK = """
import os, sys
import httpx
from contactkit._http.connection import Connection
from contactkit._http.session import Request
connection = Connection(None, httpx.Timeout(10.0), sys.argv[1])
request = Request(method="GET", url=sys.argv[1])
before = connection.send(request).content
child = os.fork()
ports = {connection.send(request).content for _ in range(20)}
connection.close()
if child:
    os.waitpid(child, 0)
assert (ports == {before}) == bool(child), (child, before, ports)
print("parent" if child else "child", len(ports), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_child_has_connections_of_its_own():
    def say_port(connection: socket.socket) -> None:
        body = str(connection.getpeername()[1]).encode()
        while read_request(connection):
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)

    with serving(say_port) as address:
        command = [sys.executable, "-c", FORK, address]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.splitlines()) == ["child 1", "parent 1"]
