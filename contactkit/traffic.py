"""What an apply sent and was answered, second by second, and how fast it goes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

_MOST = 300
_LATELY = 5.0


class Traffic:
    """Counts from `start` on, in seconds since the epoch; long applies are told more coarsely.

    `left` says how many requests the budget has left at a time, None where nothing limits them.
    """

    def __init__(self, start: float, left: Callable[[float], int | None]) -> None:
        self._start = start
        self._left = left
        self._seconds: dict[int, list[int | None]] = {}
        self._done: deque[tuple[int, int]] = deque()

    def sent(self, now: float) -> None:
        """A request goes."""
        second = self._second(now)
        second[0] = (second[0] or 0) + 1

    def limited(self, now: float) -> None:
        """The rate limit said no."""
        second = self._second(now)
        second[1] = (second[1] or 0) + 1

    def done(self, now: float) -> None:
        """A contact's outcome is known."""
        second = int(now)
        if self._done and self._done[-1][0] == second:
            self._done[-1] = second, self._done[-1][1] + 1
        else:
            self._done.append((second, 1))
        while self._done[0][0] < now - _LATELY - 1:
            self._done.popleft()

    def rate(self, now: float) -> float:
        """Contacts a second, of the last seconds."""
        recent = [(second, count) for second, count in self._done if second >= now - _LATELY - 1]
        if not recent:
            return 0.0
        return sum(count for _, count in recent) / max(1.0, now - max(recent[0][0], self._start))

    def timeline(self) -> list[list[int | None]]:
        """Second since the start, requests sent, 429s, and what was left: at most about 300."""
        last = max(self._seconds, default=0)
        width = last // _MOST + 1
        spans: dict[int, list[int | None]] = {}
        for second in sorted(self._seconds):
            sent, limited, left = self._seconds[second]
            span = spans.setdefault(second // width * width, [0, 0, None])
            spans[second // width * width] = [
                (span[0] or 0) + (sent or 0),
                (span[1] or 0) + (limited or 0),
                span[2] if left is None else left,
            ]
        return [[second, *counts] for second, counts in spans.items()]

    def _second(self, now: float) -> list[int | None]:
        second = int(max(0.0, now - self._start))
        if second not in self._seconds:
            self._seconds[second] = [0, 0, self._left(now)]
        return self._seconds[second]
