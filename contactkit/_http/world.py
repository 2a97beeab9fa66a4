"""Worlds: where a client's requests go, and which clock they use.

Nothing here decides about a request or sends one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import httpx

    from contactkit._http.connection import Tap
    from contactkit._http.session import Session
    from contactkit.spec.provider import Provider


class Clock(Protocol):
    """A clock that can wait; all times are in seconds since the epoch."""

    def now(self) -> float:
        """The current time."""
        ...

    def sleep(self, until: float) -> None:
        """Wait until this time, blocking the thread."""
        ...

    async def asleep(self, until: float) -> None:
        """Wait until this time, without blocking the event loop."""
        ...


# The operating system's timers cover only some weeks, so a long wait is split.
_LONGEST_SLEEP = 3600.0


class RealClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def sleep(self, until: float) -> None:
        while (remaining := until - time.time()) > 0:
            time.sleep(min(remaining, _LONGEST_SLEEP))

    async def asleep(self, until: float) -> None:
        while (remaining := until - time.time()) > 0:
            await asyncio.sleep(min(remaining, _LONGEST_SLEEP))


class VirtualClock:
    """Time that passes only by waiting, so that a day of rate limits passes in a moment."""

    def __init__(self, start: float) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def sleep(self, until: float) -> None:
        self._now = max(self._now, until)

    async def asleep(self, until: float) -> None:
        self.sleep(until)
        await asyncio.sleep(0)


class World(Protocol):
    """Where a client's requests go: a transport and a clock."""

    @property
    def name(self) -> str:
        """The name in a client's repr, in forms and in a frame's `attrs`."""
        ...

    @property
    def notice(self) -> str:
        """A notice for forms, reprs and pictures; "" for none."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock that calls use."""
        ...

    @property
    def real(self) -> bool:
        """Whether writes reach the provider itself."""
        ...

    def transport(self, provider: Provider) -> httpx.MockTransport | None:
        """The transport to this provider; None for the network."""
        ...

    def credentials(self, provider: Provider) -> Mapping[str, str] | None:
        """Credentials that this world issues; None if the user must supply them."""
        ...

    def tap(self, session: Session) -> Tap | None:
        """What records or replays the requests of this session; None for nothing."""
        ...


def world_attrs(world: World) -> dict[str, str]:
    """A world's name, and its notice if it has one."""
    return {"world": world.name} | ({"notice": world.notice} if world.notice else {})


class Live:
    """The provider itself, over TLS and in real time."""

    name = "live"
    notice = ""
    real = True
    clock: Clock = RealClock()

    def transport(self, provider: Provider) -> None:
        """None: the network."""

    def credentials(self, provider: Provider) -> None:
        """None: the user must supply them."""

    def tap(self, session: Session) -> None:
        """None: nothing is recorded."""
