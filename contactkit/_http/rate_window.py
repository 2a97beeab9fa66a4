"""The requests of one rate limit's window, and the dates in a response's headers.

Times are in uptime, as in `rate_limits.py`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import repeat

from contactkit.spec.terms import Limit

_NUMBER = re.compile(r"\d{1,10}(\.\d+)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# No two clocks run alike, and some providers count by whole seconds.
_MARGIN = 1.01


@dataclass
class Window:
    """One limit; if `requests` is None, only what the provider's headers say is left counts.

    A provider counts a request at any time until its response, so `sent` has the times of
    responses. Requests that are `reserved` are not sent yet; those `in_flight` have no time yet.
    """

    limit: Limit
    requests: int | None
    sent: deque[float] = field(default_factory=deque[float])
    reserved: deque[float] = field(default_factory=deque[float])
    in_flight: int = 0
    remaining: int | None = None
    reset: float = 0.0
    announced: float = 0.0

    def ready(self, now: float) -> float:
        """When the next request may be sent; `now` or earlier means immediately."""
        span = self.limit.seconds * _MARGIN
        for times in (self.sent, self.reserved):
            while times and times[0] <= now - span:
                times.popleft()
        if self.remaining is not None and now >= self.reset:
            self.remaining = None
        ready = now
        if self.requests is not None and (over := self.spent - self.requests) >= 0:
            ready = self._time(over, now) + span
        return max(ready, self.reset) if self.remaining == 0 else ready

    def _time(self, place: int, now: float) -> float:
        """The earliest time that this one of the requests may count."""
        for times in (self.sent, self.reserved):
            if place < len(times):
                return times[place]
            place -= len(times)
        # Its response may come at once.
        return now

    def is_idle(self, now: float) -> bool:
        self.ready(now)
        return not self.spent

    @property
    def spent(self) -> int:
        return len(self.sent) + len(self.reserved) + self.in_flight

    def reserve(self, now: float, count: int = 1) -> None:
        if self.requests is not None:
            self.reserved.extend(repeat(now, count))
        if self.remaining:
            self.remaining = max(0, self.remaining - count)

    def begin_request(self) -> None:
        self.in_flight += 1
        if self.reserved:
            self.reserved.popleft()

    def end_request(self, now: float) -> None:
        self.in_flight -= 1
        if self.requests is not None:
            self.sent.append(now)

    def resume(self, times: Iterable[float], now: float) -> None:
        if self.requests is None:
            return
        recent = deque(time for time in times if time > now - self.limit.seconds * _MARGIN)
        if len(recent) > self.spent:
            self.sent, self.reserved = recent, deque()

    def copy(self, now: float) -> Window:
        """The same, as if all requests in flight had their responses now."""
        sent = deque([*self.sent, *self.reserved, *repeat(now, self.in_flight)])
        return replace(self, sent=sent, reserved=deque(), in_flight=0)

    def learn(self, headers: Mapping[str, str], now: float, time: float) -> None:
        """Use the provider's figures: https://docs.sent.dm/docs/reference/api/rate-limits"""
        if headers.keys().isdisjoint(self.limit.headers):
            return
        limit, left, reset = (_number(headers.get(name)) for name in self.limit.headers)
        if self.requests is not None:
            self.requests = max(1, int(limit or self.requests))
        if left is None or reset is None:
            return
        if self.remaining is not None and self.announced == reset:
            self.remaining = min(self.remaining, int(left))
        elif (seconds := reset - server_time(headers, time)) > 0:
            # A wrong clock must not make the wait longer than the window; times are whole seconds.
            self.reset = now + min(seconds, self.limit.seconds + 1)
            self.remaining, self.announced = int(left), reset

    def left(self, now: float) -> int | None:
        self.ready(now)
        own = None if self.requests is None else max(0, self.requests - self.spent)
        return min((left for left in (own, self.remaining) if left is not None), default=None)


def _number(text: str | None) -> float | None:
    return float(text) if text and _NUMBER.fullmatch(text) else None


def server_time(headers: Mapping[str, str], time: float) -> float:
    """The time at which the server responded, by its own clock, or else by ours."""
    date = parse_date(headers.get("date", ""))
    return time if date is None else date


def parse_date(text: str) -> float | None:
    """An HTTP date in seconds since the epoch."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # Without a zone it is in UTC.
    return (date.replace(tzinfo=date.tzinfo or UTC) - _EPOCH).total_seconds()
