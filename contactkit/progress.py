"""How far a plan has come, as whoever watches it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A moment of an apply; `rate` is in contacts a second, of the last seconds.

    `counts` has the outcomes that are known, `eta` is when the last will be, as far as it can be
    told, and `waiting` until when a rate limit holds everything back.
    """

    total: int
    counts: Mapping[str, int]
    in_flight: int = 0
    rate: float = 0.0
    eta: datetime | None = None
    waiting: datetime | None = None
    finished: bool = False

    @property
    def done(self) -> int:
        """How many contacts have an outcome."""
        return sum(self.counts.values())

    def __str__(self) -> str:
        """One line, the same in a terminal, a notebook and a form."""
        counts = [f"{count:,} {outcome}" for outcome, count in self.counts.items() if count]
        told = [f"{self.done:,} of {self.total:,}", *counts]
        if self.finished:
            return " · ".join(told)
        told += [f"{self.rate:,.1f} a second"] if self.rate else []
        if self.waiting:
            told.append(f"waiting for the rate limit until {_clock(self.waiting)}")
        elif self.eta:
            told.append(f"through at {_clock(self.eta)}")
        return " · ".join(told)


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
