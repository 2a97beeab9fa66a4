"""The rate budget of one session: what was spent, what is left, and when to continue.

Times are in uptime, which does not change when the clock is set. Nothing waits here: a budget says
when a request may go, and the flow waits. The sync and the async client share one budget, perhaps
on several threads.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from contactkit._http.rate_window import Window, parse_date, server_time
from contactkit._http.waiting_line import WaitingLine
from contactkit.errors import ConfigurationError
from contactkit.spec.terms import Limit

_UNITS = {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "day": 86_400}

_SECONDS = re.compile(r"\d{1,300}(\.\d+)?", re.ASCII)

# A daily limit is not spread over the day, and a twentieth of a minute's requests may be a burst.
_LONGEST_EVEN = 60.0
_BURST = 20
# Only so many requests are handed on with a time of their own.
_ALONE = 50


def parse_rate(text: object) -> Limit:
    """A limit from text such as "200/minute"; ConfigurationError for anything else."""
    match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*([a-z]+)\s*", str(text))
    if not match or match[2] not in _UNITS or int(match[1]) < 1:
        raise ConfigurationError(
            "rate_limit= must be a count and a unit, such as '200/minute'; "
            f"units: {', '.join(_UNITS)}"
        )
    return Limit(requests=int(match[1]), seconds=_UNITS[match[2]])


def rate(limit: Limit) -> str:
    """A limit as text that `parse_rate` reads."""
    unit = {seconds: name for name, seconds in _UNITS.items()}.get(int(limit.seconds))
    return f"{limit.requests}/{unit or f'{limit.seconds:g} s'}"


class Budget:
    """Spends one request at a time, and never more than any of its limits allows.

    `own` limits replace the declared ones; what the provider's headers say is left always counts.
    """

    def __init__(self, declared: Iterable[Limit], own: Iterable[Limit] | None = None) -> None:
        self._windows = [
            Window(limit, limit.requests if own is None else None) for limit in declared
        ]
        # No header has this name, so that the provider cannot change the caller's limit.
        self._windows += [Window(replace(limit, header=""), limit.requests) for limit in own or ()]
        self._blocked_until = 0.0
        self._spacing: tuple[float, int] | None = None
        self.line = WaitingLine()
        self._lock = threading.Lock()

    def reserve(self, now: float) -> float:
        """Spend one request if it may be sent now; otherwise return when to try again."""
        with self._lock:
            ready = self._blocked_until
            for window in self._windows:
                ready = max(ready, window.ready(now))
            if ready <= now:
                for window in self._windows:
                    window.reserve(now)
            return ready

    def begin_request(self) -> None:
        """Note that a reserved request is sent now."""
        with self._lock:
            for window in self._windows:
                window.begin_request()

    def end_request(self, now: float) -> None:
        """Note that a request has its response, or will have none."""
        with self._lock:
            for window in self._windows:
                window.end_request(now)

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
            windows = [window.copy(now) for window in self._windows]
            time = max(now, self._blocked_until)
        while count > 0:
            ready = max([time, *(window.ready(time) for window in windows)])
            if ready > time:
                time = ready
                continue
            room = [left for window in windows if (left := window.left(time)) is not None]
            going = max(1, min([count, *room]))
            for window in windows:
                window.reserve(time, going)
            count -= going
        return time

    def spent(self, now: float) -> list[tuple[float, int]]:
        """How many requests still count, by their seconds before `now`, the last ones first.

        Old ones are in groups, each of which has the time of its last one.
        """
        with self._lock:
            windows = [window.copy(now) for window in self._windows if window.requests is not None]
        longest = max(windows, key=lambda window: window.limit.seconds, default=None)
        if longest is None:
            return []
        longest.ready(now)
        return _in_groups([now - time for time in reversed(longest.sent)])

    def blocked_until(self) -> float:
        """The time before which the provider wants no request."""
        with self._lock:
            resets = [window.reset for window in self._windows if window.remaining == 0]
            return max([self._blocked_until, *resets])

    def resume(self, spent: Iterable[tuple[float, int]], now: float) -> None:
        """Count these requests of other processes too, unless more are known here."""
        times = sorted(now - age for age, count in spent for _ in range(count))
        with self._lock:
            for window in self._windows:
                window.resume(times, now)

    def is_idle(self, now: float) -> bool:
        """Whether no limit counts any request."""
        with self._lock:
            return all(window.is_idle(now) for window in self._windows)

    def left(self, now: float) -> list[tuple[Limit, int]]:
        """Each limit, and how many requests it still allows now."""
        with self._lock:
            left = [(window, window.left(now)) for window in self._windows]
            return [
                (replace(window.limit, requests=window.requests or window.limit.requests), number)
                for window, number in left
                if number is not None
            ]


def _in_groups(ages: Sequence[float]) -> list[tuple[float, int]]:
    """Ages with their counts: the first ones alone, later ones in groups that grow."""
    groups: list[tuple[float, int]] = []
    place = 0
    while place < len(ages):
        size = min(1 + place // _ALONE, len(ages) - place)
        groups.append((ages[place], size))
        place += size
    return groups


def retry_after(headers: Mapping[str, str], time: float) -> float | None:
    """The seconds in `Retry-After` (a number or a date); None without a usable value.

    `time` is now, in seconds since the epoch; if the response tells the server's, that counts.
    """
    text = headers.get("retry-after", "").strip()
    # Even a long wait is accepted.
    if _SECONDS.fullmatch(text):
        return float(text)
    date = parse_date(text)
    return None if date is None else max(0.0, date - server_time(headers, time))
