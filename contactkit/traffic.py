"""What an apply sent and was answered, second by second, and how fast it goes."""

from __future__ import annotations

from collections import Counter, deque
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
        self._sent: Counter[int] = Counter()
        self._limited: Counter[int] = Counter()
        self._left_at: dict[int, int | None] = {}
        self._done: deque[tuple[int, int]] = deque()

    def sent(self, now: float) -> None:
        """A request goes."""
        self._sent[self._second(now)] += 1

    def limited(self, now: float) -> None:
        """The rate limit said no."""
        self._limited[self._second(now)] += 1

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
        width = max(self._left_at, default=0) // _MOST + 1
        spans: dict[int, list[int]] = {}
        for second in sorted(self._left_at):
            spans.setdefault(second // width * width, []).append(second)
        return [
            [
                start,
                sum(self._sent[second] for second in span),
                sum(self._limited[second] for second in span),
                self._left_at[span[-1]],
            ]
            for start, span in spans.items()
        ]

    def _second(self, now: float) -> int:
        second = int(max(0.0, now - self._start))
        if second not in self._left_at:
            self._left_at[second] = self._left(now)
        return second
