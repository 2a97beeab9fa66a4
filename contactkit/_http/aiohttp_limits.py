"""What limits a request over aiohttp: its place among others, and the time of each of its parts."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any

import aiohttp
import httpx
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter

# Further requests wait, so that a process does not run out of sockets.
MOST_IN_FLIGHT = 256
# aiohttp waits for the socket only when more than 65,536 bytes are unsent.
_BUFFER = 32_768


class Deadline:
    """Aborts the connection of a response that takes too long, whatever its server sends."""

    def __init__(self, seconds: float | None) -> None:
        self.is_over = False
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self, transport: asyncio.WriteTransport | None) -> None:
        """Start the time of a response, because its request is about to be sent."""
        if self._seconds is not None and transport and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, self._end, transport)

    def cancel(self) -> None:
        """Stop the time."""
        if self._timer:
            self._timer.cancel()

    def _end(self, transport: asyncio.WriteTransport) -> None:
        self.is_over = True
        # Closing would wait for the server, which may still be sending.
        transport.abort()


current_deadline: ContextVar[Deadline | None] = ContextVar("current_deadline", default=None)


class Connector(aiohttp.TCPConnector):
    """Starts the deadline of a response once there is a connection for its request."""

    async def connect(self, *args: Any, **options: Any) -> Connection:
        connection = await super().connect(*args, **options)
        # Connecting has a time of its own.
        if deadline := current_deadline.get():
            deadline.start(connection.transport)
        return connection

    def __del__(self, *_: Any) -> None:
        """Do nothing: the sockets close by themselves, which aiohttp would report as an error."""


class Body(aiohttp.Payload):
    """A request's content, which must be written within a number of seconds."""

    def __init__(self, content: bytes, seconds: float | None) -> None:
        super().__init__(content)
        self._size = len(content)
        self._seconds = seconds

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        try:
            # What fits into the buffer is written immediately, and a timer would cost more.
            async with (
                asyncio.timeout(self._seconds) if len(self._value) > _BUFFER else nullcontext()
            ):
                await writer.write(self._value)
        except BaseException:
            # The rest must not arrive after the caller has given up.
            if isinstance(writer, StreamWriter) and writer.transport:
                writer.transport.abort()
            raise

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        await self.write(writer)


class InFlight:
    """Counts the requests in flight; further ones wait for a place."""

    def __init__(self) -> None:
        self.count = 0
        self._places = asyncio.Semaphore(MOST_IN_FLIGHT)

    async def enter(self, seconds: float | None) -> None:
        """Wait for a place; PoolTimeout after this many seconds."""
        if self._places.locked():
            try:
                async with asyncio.timeout(seconds):
                    await self._places.acquire()
            except TimeoutError:
                raise httpx.PoolTimeout("too many requests are in flight") from None
        else:
            await self._places.acquire()
        self.count += 1

    def leave(self) -> None:
        """Free the place for another request."""
        self.count -= 1
        self._places.release()
