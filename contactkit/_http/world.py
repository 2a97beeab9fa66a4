"""Worlds: where a client's requests go, and which clock they use.

Nothing here decides about a request or sends one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import httpx

    from contactkit._http.connection import Tap
    from contactkit._http.session import Session
    from contactkit.spec.provider import Provider


class Clock(Protocol):
    """A clock that can wait; all times are in seconds since the epoch.

    The client's own waits do not depend on it where the clock also has an uptime, as those here do.
    """

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


# On Linux, the monotonic clock stops while the machine sleeps.
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BOOT_TIME = getattr(time, "CLOCK_BOOTTIME", None)


class RealClock:
    """The machine's clock. Waits, and `uptime`, do not change when the clock is set."""

    def now(self) -> float:
        return time.time()

    def uptime(self) -> float:
        return time.monotonic() if _BOOT_TIME is None else time.clock_gettime(_BOOT_TIME)

    def sleep(self, until: float) -> None:
        self.pause(self.uptime() + (until - time.time()))

    async def asleep(self, until: float) -> None:
        await self.apause(self.uptime() + (until - time.time()))

    def pause(self, until: float) -> None:
        while (remaining := until - self.uptime()) > 0:
            time.sleep(min(remaining, _LONGEST_SLEEP))

    async def apause(self, until: float) -> None:
        while (remaining := until - self.uptime()) > 0:
            await asyncio.sleep(min(remaining, _LONGEST_SLEEP))


class VirtualClock:
    """Time that passes only by waiting, so that a day of rate limits passes in a moment."""

    def __init__(self, start: float) -> None:
        self._now = start
        self._uptime = start

    def now(self) -> float:
        return self._now

    def uptime(self) -> float:
        return self._uptime

    def sleep(self, until: float) -> None:
        self.pause(self._uptime + (until - self._now))

    async def asleep(self, until: float) -> None:
        self.sleep(until)
        await asyncio.sleep(0)

    def pause(self, until: float) -> None:
        if (passed := until - self._uptime) > 0:
            self._now += passed
            self._uptime = until

    async def apause(self, until: float) -> None:
        self.pause(until)
        await asyncio.sleep(0)


_STEADY = (RealClock, VirtualClock)


def uptime_of(clock: Clock) -> Callable[[], float]:
    """Seconds by a clock that is never set, comparable on one machine until it is restarted.

    Any clock but those here has only its time.
    """
    return clock.uptime if isinstance(clock, _STEADY) else clock.now


def boot_id(clock: Clock) -> str:
    """The start of the machine from which an uptime counts; "" if nothing identifies it."""
    return _own_boot_id() if isinstance(clock, RealClock) else ""


@cache
def _own_boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def pause(clock: Clock, until: float) -> None:
    """Wait until this uptime, blocking the thread."""
    if isinstance(clock, _STEADY):
        clock.pause(until)
    else:
        clock.sleep(until)


async def apause(clock: Clock, until: float) -> None:
    """Wait until this uptime, without blocking the event loop."""
    await (clock.apause(until) if isinstance(clock, _STEADY) else clock.asleep(until))


def time_of(clock: Clock, until: float) -> float:
    """The time at this uptime, in seconds since the epoch, unless the clock is set before then."""
    return clock.now() + (until - uptime_of(clock)())


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


def world_kind(world: World) -> str:
    """`live` if writes reach the provider; else `simulator`, a cassette's file, or the name."""
    # Not in the protocol: a world has a name of its own for this only if its name says more.
    return "live" if world.real else str(getattr(world, "kind", world.name))


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
