"""What a client touches: a transport and a clock; and the two drivers that run a flow on them.

A world answers `transport()`, which is None for the network, and has a clock. Nothing here
decides anything: it sends what it is told and waits as long as it is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol, TypeVar

import httpx

from contactkit._http import session
from contactkit._http.connection import Connection, Tap
from contactkit._http.session import Answer, Flow, Request, Session
from contactkit.spec.provider import Provider

T = TypeVar("T")


class Clock(session.Clock, Protocol):
    """Time, and how to pass it from either door; seconds since the epoch."""

    def sleep(self, until: float) -> None:
        """Block until then."""
        ...

    async def asleep(self, until: float) -> None:
        """Await then."""
        ...


# Longer naps than the operating system can count are taken in turns.
_LONGEST_NAP = 3600.0


class RealClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()

    def sleep(self, until: float) -> None:
        while (left := until - time.time()) > 0:
            time.sleep(min(left, _LONGEST_NAP))

    async def asleep(self, until: float) -> None:
        while (left := until - time.time()) > 0:
            await asyncio.sleep(min(left, _LONGEST_NAP))


class VirtualClock:
    """Time that passes only when somebody waits, so that a day of limits takes a moment."""

    def __init__(self, start: float) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def sleep(self, until: float) -> None:
        self._now = max(self._now, until)

    async def asleep(self, until: float) -> None:
        self.sleep(until)
        await asyncio.sleep(0)


class World(session.World, Protocol):
    """Where the requests of a client go."""

    @property
    def clock(self) -> Clock:
        """The time that its calls live in."""
        ...

    @property
    def real(self) -> bool:
        """Whether a write is carried out at the provider itself."""
        ...

    def transport(self, provider: Provider) -> httpx.MockTransport | None:
        """What carries this provider's requests; None for the network."""
        ...

    def credentials(self, provider: Provider) -> Mapping[str, str] | None:
        """Credentials that this world hands out itself; None where the user must bring them."""
        ...

    def tap(self, session: Session) -> Tap | None:
        """What listens to this session's traffic; None for nobody."""
        ...


class Live:
    """The provider itself, over TLS and in real time."""

    name = "live"
    notice = ""
    real = True
    clock: Clock = RealClock()

    def transport(self, provider: Provider) -> None:
        """The network."""

    def credentials(self, provider: Provider) -> None:
        """A real provider hands out none."""

    def tap(self, session: Session) -> None:
        """Nobody listens."""


def run(flow: Flow[T], connection: Connection, clock: Clock) -> T:
    """Run a flow to its end, blocking."""
    answer: Answer = None
    while True:
        try:
            step = flow.send(answer)
        except StopIteration as end:
            return end.value
        try:
            answer = connection.send(step) if isinstance(step, Request) else clock.sleep(step.until)
        except BaseException as interrupt:
            flow.throw(interrupt)
            raise


async def arun(flow: Flow[T], connection: Connection, clock: Clock) -> T:
    """Run a flow to its end, awaiting."""
    answer: Answer = None
    while True:
        try:
            step = flow.send(answer)
        except StopIteration as end:
            return end.value
        try:
            answer = await (
                connection.asend(step) if isinstance(step, Request) else clock.asleep(step.until)
            )
        except BaseException as interrupt:
            flow.throw(interrupt)
            raise
