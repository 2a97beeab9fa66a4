"""Servers on loopback that say on a plain socket what a test tells them to."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Talk = Callable[[socket.socket], None]
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def talking(talk: Talk) -> Iterator[int]:
    """The port of a server that has `talk` on each connection, in a thread of its own."""
    open_: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                talk(connection)
            except OSError:
                pass  # who was told nothing more has hung up

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            open_.append(connection)
            threads.append(threading.Thread(target=one, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listening.getsockname()[1]
        finally:
            for each in (listening, *open_):
                hang_up(each)
            accepting.join(timeout=10)
            for each in threads:
                each.join(timeout=10)


def hang_up(connection: socket.socket) -> None:
    """End both directions, whoever waits in one."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def request(connection: socket.socket) -> bytes:
    """The next whole request, or nothing when there is none."""
    found = b""
    while b"\r\n\r\n" not in found:
        if not (more := connection.recv(65_536)):
            return b""
        found += more
    head, _, body = found.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def saying(*answers: bytes, heard: list[bytes] | None = None) -> Talk:
    """Reads a request for each answer, gives it, and hangs up."""

    def talk(connection: socket.socket) -> None:
        for answer in answers:
            if not (found := request(connection)):
                return
            if heard is not None:
                heard.append(found)
            connection.sendall(answer)

    return talk
