"""A loopback server of Sent's PATCH that is faster than any client, and counts what it writes.

`python -m tests.bench.stub [--latency MS] [--rate N] [--window sliding|fixed]` prints its address,
and ends when it is ended or after an hour. It keeps no contacts: an answer shows what was sent as
changed. What comes again under one idempotency key is answered again, and writes nothing.
GET /counts tells the writes a contact, the requests and the refusals.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Protocol

import httpx

from tests.bench import contacts
from tests.bench.measure import ROOT

LIFE = 3600.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEYED = re.compile(rb"\r\nidempotency-key: *([^\r]+)", re.IGNORECASE)
_KEY = "00000000-0000-0000-0000-000000000000"


@contextmanager
def stub(latency: float = 0, rate: int = 0, window: str = "sliding") -> Iterator[str]:
    """The address of a stub in its own process, which ends with the block; latency in ms."""
    options = [f"--latency={latency}", f"--rate={rate}", f"--window={window}"]
    command = [sys.executable, "-m", "tests.bench.stub", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def counts(address: str) -> dict[str, Any]:
    """`writes` by contact id, `requests` and `refused`, as they are now."""
    return httpx.get(f"{address}/counts", trust_env=False).raise_for_status().json()


class Window(Protocol):
    """Whether one more request is let through, or the seconds until one will be."""

    def wait(self, now: float) -> float:
        """0 where it is let through."""
        ...


class Sliding:
    """No more than `rate` in any second."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._passed: deque[float] = deque(maxlen=rate)

    def wait(self, now: float) -> float:
        if len(self._passed) == self.rate and (left := self._passed[0] + 1 - now) > 0:
            return left
        self._passed.append(now)
        return 0.0


class Fixed:
    """No more than `rate` in each second of the clock."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._second, self._count = 0, 0

    def wait(self, now: float) -> float:
        if (second := int(now)) != self._second:
            self._second, self._count = second, 0
        if self._count >= self.rate:
            return second + 1 - now
        self._count += 1
        return 0.0


class Stub:
    """What all connections share."""

    def __init__(self, latency: float, rate: int, window: str) -> None:
        self.latency = latency / 1000
        self._rate = rate
        self._window = (Fixed if window == "fixed" else Sliding)(rate) if rate else None
        self._writes: Counter[str] = Counter()
        self._known: set[bytes] = set()
        self._requests = self._refused = 0

    def answer(self, head: bytes, body: bytes) -> bytes:
        """The answer to one request."""
        method, target, _ = head.split(b" ", 2)
        if target == b"/counts":
            told = {
                "writes": self._writes,
                "requests": self._requests,
                "refused": self._refused,
            }
            return response(json.dumps(told).encode())
        self._requests += 1
        now = time.time()
        if self._window and (left := self._window.wait(now)):
            self._refused += 1
            return refusal(self._rate, now, left)
        key = target.rpartition(b"/")[2]
        replayed = method != b"GET" and not self._written(key, _KEYED.search(head))
        before, after = changed(body, replayed)
        return before + key + after

    def _written(self, contact: bytes, keyed: re.Match[bytes] | None) -> bool:
        """Whether it was: what came under a known idempotency key is not written again."""
        if keyed and keyed[1] in self._known:
            return False
        if keyed:
            self._known.add(keyed[1])
        self._writes[contact.decode()] += 1
        return True


def response(content: bytes, status: str = "200 OK", *lines: str) -> bytes:
    """An answer with the headers that Sent's have."""
    head = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json; charset=utf-8",
        "X-Request-Id: req_7X9zKp2jDw",
        f"Content-Length: {len(content)}",
        *lines,
    ]
    return "\r\n".join([*head, "", ""]).encode() + content


def refusal(rate: int, now: float, left: float) -> bytes:
    """A 429 that says when to come again."""
    error = {"code": "BUSINESS_002", "message": "Rate limit exceeded", "details": None}
    content = {"success": False, "data": None, "error": error}
    return response(
        json.dumps(content).encode(),
        "429 Too Many Requests",
        f"Retry-After: {math.ceil(left)}",
        f"X-RateLimit-Limit: {rate}",
        "X-RateLimit-Remaining: 0",
        f"X-RateLimit-Reset: {math.ceil(now + left)}",
    )


@lru_cache(maxsize=4096)
def changed(body: bytes, replayed: bool) -> tuple[bytes, bytes]:
    """An answer with these changes, cut where the contact's id stands (36 characters long)."""
    lines = ["Idempotent-Replayed: true"] if replayed else []
    envelope = json.loads(contacts.one(7))
    envelope["data"] |= {"id": _KEY} | (json.loads(body) if body else {})
    before, _, after = response(json.dumps(envelope).encode(), "200 OK", *lines).partition(
        _KEY.encode()
    )
    return before, after


class Connection(asyncio.Protocol):
    """Answers in the order of the requests, each after the latency."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._loop = asyncio.get_running_loop()
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (head := self._unread.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._unread, 0, head + 2)
            end = head + 4 + (int(found[1]) if found else 0)
            if len(self._unread) < end:
                return
            answer = self._stub.answer(self._unread[: head + 2], self._unread[head + 4 : end])
            self._unread = self._unread[end:]
            if self._stub.latency:
                self._loop.call_later(self._stub.latency, self._transport.write, answer)
            else:
                self._transport.write(answer)


async def serve(stub: Stub) -> None:
    """Answer until the time is up."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(stub), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.sleep(LIFE)
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stub", description=__doc__)
    parser.add_argument("--latency", type=float, default=0, help="milliseconds before an answer")
    parser.add_argument("--rate", type=int, default=0, help="requests a second; 0 for no limit")
    parser.add_argument("--window", choices=("sliding", "fixed"), default="sliding")
    asyncio.run(serve(Stub(**vars(parser.parse_args()))))
