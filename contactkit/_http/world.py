"""Where a client's requests go and whose time they live in: the provider itself, or a stand-in.

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
    """The time, and how to wait; in seconds since the epoch."""

    def now(self) -> float:
        """The time."""
        ...

    def sleep(self, until: float) -> None:
        """Block until then."""
        ...

    async def asleep(self, until: float) -> None:
        """Await then."""
        ...


# The operating system counts no longer than some weeks, so that a long wait is cut in pieces.
_LONGEST_SLEEP = 3600.0


class RealClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()

    def sleep(self, until: float) -> None:
        while (remaining := until - time.time()) > 0:
            time.sleep(min(remaining, _LONGEST_SLEEP))

    async def asleep(self, until: float) -> None:
        while (remaining := until - time.time()) > 0:
            await asyncio.sleep(min(remaining, _LONGEST_SLEEP))


class VirtualClock:
    """Time that passes only by waiting, so that a day of rate limits takes a moment."""

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
    """Where the requests of a client go."""

    @property
    def name(self) -> str:
        """How a client's repr, a form and a frame's `attrs` call it."""
        ...

    @property
    def notice(self) -> str:
        """What a reader of a form or a repr must know of it; "" for nothing."""
        ...

    @property
    def clock(self) -> Clock:
        """The time that its calls live in."""
        ...

    @property
    def real(self) -> bool:
        """Whether a write is carried out at the provider itself."""
        ...

    def transport(self, provider: Provider) -> httpx.MockTransport | None:
        """What answers this provider's requests; None for the network."""
        ...

    def credentials(self, provider: Provider) -> Mapping[str, str] | None:
        """Credentials that this world issues itself; None where the user must bring them."""
        ...

    def tap(self, session: Session) -> Tap | None:
        """What records or replays this session's requests; None for nothing."""
        ...


def world_attrs(world: World) -> dict[str, str]:
    """A world's name, and its notice where it has one."""
    return {"world": world.name} | ({"notice": world.notice} if world.notice else {})


class Live:
    """The provider itself, over TLS and in real time."""

    name = "live"
    notice = ""
    real = True
    clock: Clock = RealClock()

    def transport(self, provider: Provider) -> None:
        """The network."""

    def credentials(self, provider: Provider) -> None:
        """A real provider issues none here."""

    def tap(self, session: Session) -> None:
        """Nothing is recorded."""
