"""The time that a whole response may take, from its request on.

httpx's timeouts are for each read, so that a server which sends a byte now and then would hold a
call for as long as it likes.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

# Larger writes are split, so that each part has only the time that is left.
_PART = 262_144


class _Deadline:
    """Starts with the first byte that is sent, since connecting has a time of its own."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end: float | None = None

    def left(self) -> float:
        """Seconds left; starts the time when it is first called."""
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._seconds
        return self._end - now


_deadline: ContextVar[_Deadline | None] = ContextVar("_deadline", default=None)


@contextmanager
def deadline(seconds: float | None) -> Generator[None]:
    """Limit the time of a response on the streams of `add_deadline`."""
    token = _deadline.set(None if seconds is None else _Deadline(seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def add_deadline(transport: httpx.HTTPTransport) -> None:
    """Have the connections of a transport keep to the deadline."""
    pool = transport._pool  # pyright: ignore[reportPrivateUsage]
    backend = pool._network_backend  # pyright: ignore[reportPrivateUsage]
    pool._network_backend = _Backend(backend)  # pyright: ignore[reportPrivateUsage]


def _limited(timeout: float | None, error: type[Exception]) -> float | None:
    """The time for one read or write: what is left of the whole, if that is less."""
    current = _deadline.get()
    if current is None:
        return timeout
    left = current.left()
    if left <= 0:
        raise error("the response takes too long")
    return left if timeout is None else min(timeout, left)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(self, *args: Any, **options: Any) -> httpcore.NetworkStream:
        return _Stream(self._backend.connect_tcp(*args, **options))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _limited(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PART):
            part = buffer[start : start + _PART]
            self._stream.write(part, _limited(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
