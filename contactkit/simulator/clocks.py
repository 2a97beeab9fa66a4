"""The clocks of a simulator: virtual time from a given start, and real time that is moved on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contactkit._http.world import RealClock, VirtualClock
from contactkit.errors import ConfigurationError
from contactkit.spec import Instant

_REAL = RealClock()


class SetClock(VirtualClock):
    """Virtual time from a given start, exact to a tenth of a microsecond.

    It stands still but for what moves it on.
    """

    def __init__(self, start: str | datetime) -> None:
        try:
            self._start = Instant.read(start if isinstance(start, str) else start.isoformat())
        except ValueError:
            raise ConfigurationError(
                f"clock={str(start)!r} must be a time with its offset, such as 2026-03-11T21:50:50Z"
            ) from None
        super().__init__(self._start.timestamp())

    @property
    def offset(self) -> float:
        """How many seconds it was moved on."""
        # A float of today's seconds is no finer than this.
        return round(self.now() - self._start.timestamp(), 6)

    def instant(self) -> Instant:
        """The current time."""
        return self._start.later(self.offset)

    def move(self, seconds: float) -> None:
        """Move it on."""
        self.sleep(self.now() + seconds)


@dataclass
class OffsetClock:
    """Real time plus an offset in seconds."""

    offset: float = 0.0

    def now(self) -> float:
        return _REAL.now() + self.offset

    def sleep(self, until: float) -> None:
        _REAL.sleep(until - self.offset)

    async def asleep(self, until: float) -> None:
        await _REAL.asleep(until - self.offset)

    def move(self, seconds: float) -> None:
        """Move it on."""
        self.offset += seconds
