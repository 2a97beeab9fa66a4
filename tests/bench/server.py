"""A loopback server of Sent's GET and PATCH that is faster than any client and counts writes.

It also lists pages of 100 contacts, 100 of them by default.

`python -m tests.bench.server [--latency MS] [--rate N] [--window sliding|fixed] [--pages N]` prints
its address and runs until it is stopped, for an hour at most. It stores no contact: an answer shows
the change as made. A repeated idempotency key gets an answer and writes nothing. GET /counts
returns the writes of each contact, the requests and the refusals.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import time
from collections import Counter, deque
from functools import cache, lru_cache

from tests.bench import contacts

LIFE = 3600.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEYED = re.compile(rb"\r\nidempotency-key: *([^\r]+)", re.IGNORECASE)
_ACCOUNT = re.compile(rb"\r\nx-api-key: *([^\r]+)", re.IGNORECASE)
_PAGE = re.compile(rb"\?page=(\d+)&page_size=100$")
PAGES = 100
_KEY = "00000000-0000-0000-0000-000000000000"


class Sliding:
    """At most `rate` requests in any second."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._admitted: deque[float] = deque(maxlen=rate)

    def wait(self, now: float) -> float:
        """Admit a request and return 0, or return the seconds to wait."""
        if len(self._admitted) == self.rate and (wait := self._admitted[0] + 1 - now) > 0:
            return wait
        self._admitted.append(now)
        return 0.0


class Fixed:
    """At most `rate` requests in each second of the clock."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._second, self._count = 0, 0

    def wait(self, now: float) -> float:
        """Admit a request and return 0, or return the seconds to wait."""
        if (second := int(now)) != self._second:
            self._second, self._count = second, 0
        if self._count >= self.rate:
            return second + 1 - now
        self._count += 1
        return 0.0


class Server:
    """The counters, and the rate limit of each account, that all connections share."""

    def __init__(self, latency: float, rate: int, window: str, pages: int) -> None:
        self.latency = latency / 1000
        self._rate = rate
        self._pages = pages
        self._kind = Fixed if window == "fixed" else Sliding
        self._windows: dict[bytes, Fixed | Sliding] = {}
        self._writes: Counter[str] = Counter()
        self._keys: set[bytes] = set()
        self._requests = self._refused = 0

    def answer(self, head: bytes, body: bytes) -> bytes:
        """The answer to one request."""
        method, target, _ = head.split(b" ", 2)
        if target == b"/counts":
            counts = {
                "writes": self._writes,
                "requests": self._requests,
                "refused": self._refused,
            }
            return response(json.dumps(counts).encode())
        self._requests += 1
        now = time.time()
        if self._rate and (wait := self._window(head).wait(now)):
            self._refused += 1
            return refusal(self._rate, now, wait)
        if listed := _PAGE.search(target):
            return response(page(int(listed[1]), self._pages))
        key = target.rpartition(b"/")[2]
        replayed = method != b"GET" and not self._write(key, _KEYED.search(head))
        before, after = contact_with(body, replayed)
        return before + key + after

    def _window(self, head: bytes) -> Fixed | Sliding:
        """The limit of the account whose key is in the headers."""
        found = _ACCOUNT.search(head)
        return self._windows.setdefault(found[1] if found else b"", self._kind(self._rate))

    def _write(self, contact: bytes, keyed: re.Match[bytes] | None) -> bool:
        """Count a write, unless its idempotency key is a repeated one."""
        if keyed and keyed[1] in self._keys:
            return False
        if keyed:
            self._keys.add(keyed[1])
        self._writes[contact.decode()] += 1
        return True


def response(content: bytes, status: str = "200 OK", *lines: str) -> bytes:
    """An answer with the headers of Sent."""
    head = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json; charset=utf-8",
        "X-Request-Id: req_7X9zKp2jDw",
        f"Content-Length: {len(content)}",
        *lines,
    ]
    return "\r\n".join([*head, "", ""]).encode() + content


def refusal(rate: int, now: float, wait: float) -> bytes:
    """A 429 that says when to retry."""
    error = {"code": "BUSINESS_002", "message": "Rate limit exceeded", "details": None}
    content = {"success": False, "data": None, "error": error}
    return response(
        json.dumps(content).encode(),
        "429 Too Many Requests",
        f"Retry-After: {math.ceil(wait)}",
        f"X-RateLimit-Limit: {rate}",
        "X-RateLimit-Remaining: 0",
        f"X-RateLimit-Reset: {math.ceil(now + wait)}",
    )


@cache
def page(number: int, pages: int) -> bytes:
    """A page of the listing."""
    return contacts.page(number, 100, pages)


@lru_cache(maxsize=4096)
def contact_with(body: bytes, replayed: bool) -> tuple[bytes, bytes]:
    """An answer with these changes, in two parts: before and after the contact's id."""
    lines = ["Idempotent-Replayed: true"] if replayed else []
    envelope = json.loads(contacts.one(7))
    envelope["data"] |= {"id": _KEY} | (json.loads(body) if body else {})
    before, _, after = response(json.dumps(envelope).encode(), "200 OK", *lines).partition(
        _KEY.encode()
    )
    return before, after


class Connection(asyncio.Protocol):
    """Answers requests in their order, each after the latency."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (head := self._unread.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._unread, 0, head + 2)
            end = head + 4 + (int(length[1]) if length else 0)
            if len(self._unread) < end:
                return
            answer = self._server.answer(self._unread[: head + 2], self._unread[head + 4 : end])
            self._unread = self._unread[end:]
            if self._server.latency:
                self._loop.call_later(self._server.latency, self._transport.write, answer)
            else:
                self._transport.write(answer)


async def serve(server: Server) -> None:
    """Answer until the time is up."""
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Connection(server), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.sleep(LIFE)
    listener.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.server", description=__doc__)
    parser.add_argument("--latency", type=float, default=0, help="milliseconds before an answer")
    parser.add_argument("--rate", type=int, default=0, help="requests a second; 0 for no limit")
    parser.add_argument("--window", choices=("sliding", "fixed"), default="sliding")
    parser.add_argument("--pages", type=int, default=PAGES, help="pages of 100 contacts to list")
    asyncio.run(serve(Server(**vars(parser.parse_args()))))
