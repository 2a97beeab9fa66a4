"""Servers on plain sockets that send what a test says, and requests to them by both clients."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from contactkit._http.connection import Connection
from contactkit._http.session import Answer, Request

Handler = Callable[[socket.socket], None]
TIMEOUT = httpx.Timeout(5.0)
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def listening(handler: Handler) -> Iterator[int]:
    """The port of a server that runs the handler for each connection, in a thread of its own."""
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with connection:
            try:
                handler(connection)
            except OSError:
                pass  # the client has hung up

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connections.append(connection)
            threads.append(threading.Thread(target=handle, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server.getsockname()[1]
        finally:
            for connection in (server, *connections):
                hang_up(connection)
            accepting.join(timeout=10)
            for thread in threads:
                thread.join(timeout=10)


@contextmanager
def serving(handler: Handler) -> Iterator[str]:
    """The address of such a server."""
    with listening(handler) as port:
        yield f"http://127.0.0.1:{port}"


def hang_up(connection: socket.socket) -> None:
    """End both directions, even if a thread waits for one."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def read_request(connection: socket.socket) -> bytes:
    """The next whole request, or nothing when there is none."""
    content = b""
    while b"\r\n\r\n" not in content:
        if not (more := connection.recv(65_536)):
            return b""
        content += more
    head, _, body = content.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def answering(*answers: bytes, requests: list[bytes] | None = None) -> Handler:
    """Reads a request for each answer, sends it, and hangs up."""

    def handle(connection: socket.socket) -> None:
        for answer in answers:
            if not (request := read_request(connection)):
                return
            if requests is not None:
                requests.append(request)
            connection.sendall(answer)

    return handle


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(port: int) -> None:
    """Return once a server listens there; JupyterLab prints its address a moment before."""
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing listens at port {port}")


def request_to(address: str, method: str = "PATCH", **parts: object) -> Request:
    """A request to a contact at this address."""
    return Request(method=method, url=f"{address}/v3/contacts/7?x=%2B1", **parts)  # type: ignore


def send_by_both(
    address: str, *requests: Request, timeout: httpx.Timeout = TIMEOUT
) -> tuple[list[Answer], list[Answer]]:
    """The answers that the sync and the async client get, on a connection of its own each."""
    connection = Connection(None, timeout, address)
    answers = [connection.send(request) for request in requests]
    connection.close()

    async def send_all() -> list[Answer]:
        answers = [await connection.asend(request) for request in requests]
        await connection.aclose()
        return answers

    return answers, asyncio.run(send_all())


def send_one(address: str, timeout: httpx.Timeout = TIMEOUT, **parts: object) -> Answer:
    """The answer to one request, which both clients get."""
    answers, async_answers = send_by_both(address, request_to(address, **parts), timeout=timeout)
    assert answers == async_answers
    return answers[0]
