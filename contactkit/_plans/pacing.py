"""How fast the requests of an apply go: evenly, within the session's budget, slower in trouble.

A budget alone lets a whole window go at once, which no provider promises to take: an even pace
keeps to the rate wherever the provider's window begins.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable

from contactkit._http.rate_limits import Budget

# What left evenly spaced may arrive closer together.
_MARGIN = 1.015
_FIRST_HOLD, _LONGEST_HOLD = 0.5, 1e6
_SLOWEST = 1 / 64
# However slow trouble makes it, it goes on.
_LONGEST_GAP = 30.0
# So many times in a row a provider is believed when to come again.
_TRUST = 8


class Pacer:
    """When the next request may go, and how many may be on the wire, of `most` at best.

    Trouble (a 429, a 5xx, no answer) halves both; every good answer gives a little back.
    """

    def __init__(self, budget: Budget, most: int) -> None:
        self._budget = budget
        self._most = most
        self._share = 1.0
        self._due = 0.0
        self._slowed_at = float("-inf")
        self._refusals = 0
        self._held_until = 0.0

    @property
    def in_flight(self) -> int:
        """How many requests may be on the wire."""
        return max(1, int(self._most * self._share))

    def ready(self, now: float) -> float:
        """Take a turn if there is one now; otherwise say when to ask again."""
        gap, burst = self._budget.spacing()
        gap = max(gap * _MARGIN, min(gap * _MARGIN / self._share, _LONGEST_GAP))
        early = self._due - gap * (burst - 1)
        at = max(early, self._held_until)
        if at > now:
            return at
        at = self._budget.reserve(now)
        if at <= now:
            self._due = max(self._due, now) + gap
        return at

    def limited(self, now: float) -> float:
        """Until when a limit, or its refusals, hold everything; no even pace asks for patience."""
        return max(self._held_until, self._budget.through(1, now))

    def well(self) -> None:
        """An answer came that was no trouble."""
        self._refusals = 0
        if self._share < 1.0:
            self._share = min(1.0, self._share + 1 / (self._most * self.in_flight))

    def trouble(self, sent_at: float, now: float, *, refused: bool, told: bool = False) -> None:
        """No good answer came to what was sent then; `refused` for the rate limit's own no.

        Refusals in a row hold everything back longer and longer, and later where they were `told`
        when to come again, which the budget heeds.
        """
        # What was on the wire together is one trouble.
        if sent_at <= self._slowed_at:
            return
        self._slowed_at = now
        self._share = max(_SLOWEST, self._share / 2)
        if refused:
            hold = min(_FIRST_HOLD * 2 ** (self._refusals - _TRUST * told), _LONGEST_HOLD)
            self._held_until = max(self._held_until, now + hold)
            self._refusals = min(self._refusals + 1, 60)


def through(budget: Budget, count: int, now: float) -> float:
    """When the last of so many more requests goes, if nothing troubles them."""
    gap, burst = budget.spacing()
    evenly = budget.through(1, now) + max(0, count - burst) * gap * _MARGIN
    return max(evenly, budget.through(count, now))


class ConcurrencyLimit:
    """`most` says how many there are; it may change, and is asked when somebody comes or goes."""

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._taken = 0
        self._open = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Take a slot as soon as there is one."""
        if not self._open and (self._waiting or self._taken >= self._most()):
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            try:
                await waiting
            except asyncio.CancelledError:
                if waiting.done() and not waiting.cancelled():
                    self.leave()
                raise
        else:
            self._taken += 1

    def leave(self) -> None:
        """Give a slot back."""
        self._taken -= 1
        self._admit()

    def open(self) -> None:
        """Let everybody in from now on."""
        self._open = True
        self._admit()

    def _admit(self) -> None:
        while self._waiting and (self._open or self._taken < self._most()):
            waiting = self._waiting.popleft()
            if not waiting.done():
                self._taken += 1
                waiting.set_result(None)


_MOST = 300
_LATELY = 5.0


class RequestStats:
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
