"""The rate budget of one session: what was spent, what is left, and when to continue.

Times are in uptime, which does not change when the clock is set. Nothing waits here: a budget says
when a request may go, and the flow waits. The sync and the async client share one budget, perhaps
on several threads.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import repeat

from contactkit.errors import ConfigurationError
from contactkit.spec.terms import Limit

_UNITS = {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "day": 86_400}

_NUMBER = re.compile(r"\d{1,10}(\.\d+)?", re.ASCII)
_SECONDS = re.compile(r"\d{1,300}(\.\d+)?", re.ASCII)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Requests take a moment to arrive, so two that were sent a window apart may arrive closer together.
_MARGIN = 1.01

# A daily limit is not spread over the day, and a twentieth of a minute's requests may be a burst.
_LONGEST_EVEN = 60.0
_BURST = 20


def parse_rate(text: object) -> Limit:
    """A limit from text such as "200/minute"; ConfigurationError for anything else."""
    match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*([a-z]+)\s*", str(text))
    if not match or match[2] not in _UNITS or int(match[1]) < 1:
        raise ConfigurationError(
            f"rate_limit={text!r} must be a count and a unit, such as '200/minute'; "
            f"units: {', '.join(_UNITS)}"
        )
    return Limit(requests=int(match[1]), seconds=_UNITS[match[2]])


def rate(limit: Limit) -> str:
    """A limit as text that `parse_rate` reads."""
    unit = {seconds: name for name, seconds in _UNITS.items()}.get(int(limit.seconds))
    return f"{limit.requests}/{unit or f'{limit.seconds:g} s'}"


@dataclass
class _Window:
    """One limit; if `requests` is None, only what the provider's headers say is left counts."""

    limit: Limit
    requests: int | None
    sent: deque[float] = field(default_factory=deque[float])
    remaining: int | None = None
    reset: float = 0.0
    announced: float = 0.0

    def ready(self, now: float) -> float:
        """When the next request may be sent; `now` or earlier means immediately."""
        span = self.limit.seconds * _MARGIN
        while self.sent and self.sent[0] <= now - span:
            self.sent.popleft()
        if self.remaining is not None and now >= self.reset:
            self.remaining = None
        ready = now
        if self.requests is not None and len(self.sent) >= self.requests:
            ready = self.sent[-self.requests] + span
        return max(ready, self.reset) if self.remaining == 0 else ready

    def spend(self, now: float, count: int = 1) -> None:
        if self.requests is not None:
            self.sent.extend(repeat(now, count))
        if self.remaining:
            self.remaining = max(0, self.remaining - count)

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
        elif (seconds := reset - _server_time(headers, time)) > 0:
            # A wrong clock must not make the wait longer than the window; times are whole seconds.
            self.reset = now + min(seconds, self.limit.seconds + 1)
            self.remaining, self.announced = int(left), reset

    def left(self, now: float) -> int | None:
        self.ready(now)
        own = None if self.requests is None else max(0, self.requests - len(self.sent))
        return min((left for left in (own, self.remaining) if left is not None), default=None)


def _number(text: str | None) -> float | None:
    return float(text) if text and _NUMBER.fullmatch(text) else None


class Budget:
    """Spends one request at a time, and never more than any of its limits allows.

    `own` limits replace the declared ones; what the provider's headers say is left always counts.
    """

    def __init__(self, declared: Iterable[Limit], own: Iterable[Limit] | None = None) -> None:
        self._windows = [
            _Window(limit, limit.requests if own is None else None) for limit in declared
        ]
        # No header has this name, so that the provider cannot change the caller's limit.
        self._windows += [_Window(replace(limit, header=""), limit.requests) for limit in own or ()]
        self._blocked_until = 0.0
        self._spacing: tuple[float, int] | None = None
        self._lock = threading.Lock()

    def reserve(self, now: float) -> float:
        """Spend one request if it may be sent now; otherwise return when to try again."""
        with self._lock:
            ready = self._blocked_until
            for window in self._windows:
                ready = max(ready, window.ready(now))
            if ready <= now:
                for window in self._windows:
                    window.spend(now)
            return ready

    def spacing(self) -> tuple[float, int]:
        """Seconds between evenly spaced requests, and how many may be sent together.

        They follow from the tightest limit of a minute or less; 0 s if there is none.
        """
        with self._lock:
            if self._spacing is None:
                rates = [
                    (window.limit.seconds / window.requests, max(1, window.requests // _BURST))
                    for window in self._windows
                    if window.requests is not None and window.limit.seconds <= _LONGEST_EVEN
                ]
                self._spacing = max(rates, default=(0.0, 1))
            return self._spacing

    def learn(self, headers: Mapping[str, str], now: float, time: float) -> None:
        """Read the limits from a response's headers; `time` is in seconds since the epoch."""
        with self._lock:
            for window in self._windows:
                known = window.requests
                window.learn(headers, now, time)
                if window.requests != known:
                    self._spacing = None

    def block(self, until: float) -> None:
        """Send nothing before `until`."""
        with self._lock:
            self._blocked_until = max(self._blocked_until, until)

    def through(self, count: int, now: float) -> float:
        """When the last of `count` more requests is sent, if each is sent as soon as allowed."""
        with self._lock:
            windows = [replace(window, sent=window.sent.copy()) for window in self._windows]
            time = max(now, self._blocked_until)
        while count > 0:
            ready = max([time, *(window.ready(time) for window in windows)])
            if ready > time:
                time = ready
                continue
            room = [left for window in windows if (left := window.left(time)) is not None]
            going = max(1, min([count, *room]))
            for window in windows:
                window.spend(time, going)
            count -= going
        return time

    def left(self, now: float) -> list[tuple[Limit, int]]:
        """Each limit, and how many requests it still allows now."""
        with self._lock:
            left = [(window, window.left(now)) for window in self._windows]
            return [
                (replace(window.limit, requests=window.requests or window.limit.requests), number)
                for window, number in left
                if number is not None
            ]


def retry_after(headers: Mapping[str, str], time: float) -> float | None:
    """The seconds in `Retry-After` (a number or a date); None without a usable value.

    `time` is now, in seconds since the epoch; if the response tells the server's, that counts.
    """
    text = headers.get("retry-after", "").strip()
    # Even a long wait is accepted.
    if _SECONDS.fullmatch(text):
        return float(text)
    date = _date(text)
    return None if date is None else max(0.0, date - _server_time(headers, time))


def _server_time(headers: Mapping[str, str], time: float) -> float:
    """The time at which the server responded, by its own clock, or else by ours."""
    date = _date(headers.get("date", ""))
    return time if date is None else date


def _date(text: str) -> float | None:
    """An HTTP date in seconds since the epoch."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # Without a zone it is in UTC.
    return (date.replace(tzinfo=date.tzinfo or UTC) - _EPOCH).total_seconds()
