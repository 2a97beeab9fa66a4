"""A time to the seventh digit of a second, which some providers write."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from contactkit.spec.record import parse_time


class Instant(datetime):
    """A time in microseconds, and `tick` tenths of one beyond it."""

    tick: int = 0

    @classmethod
    def at(cls, seconds: float) -> Instant:
        """The time this many seconds after 1970, in UTC."""
        return cls(1970, 1, 1, tzinfo=UTC).later(seconds)

    @classmethod
    def read(cls, text: str) -> Instant:
        """The time in ISO 8601 text with its offset, to the seventh digit; or ValueError."""
        moment = parse_time(text)
        instant = cls.combine(moment.date(), moment.timetz())
        digits = re.search(r"[.,]\d{6}(\d)", text)
        instant.tick = int(digits[1]) if digits else 0
        return instant

    def later(self, seconds: float) -> Instant:
        """The time this many seconds later."""
        # The shortest decimal that is this float: its exact value has digits that nobody meant.
        ticks = self.tick + round(Decimal(str(seconds)) * 10**7)
        moment = self + timedelta(microseconds=ticks // 10)
        moment.tick = ticks % 10
        return moment
