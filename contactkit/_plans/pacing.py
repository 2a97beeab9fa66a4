"""The pace of an apply: evenly within the session's budget, slower in trouble; and its counts.

The budget alone would send a whole window's requests together, which no provider promises to
accept. An even pace keeps to the rate wherever the provider's window begins. Nothing waits here:
`apply` does.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from contactkit._http.rate_limits import Budget

# Requests that leave evenly spaced may arrive closer together.
_MARGIN = 1.015
_FIRST_HOLD, _LONGEST_HOLD = 0.5, 1e6
_SLOWEST = 1 / 64
# The slowest pace after trouble.
_LONGEST_GAP = 30.0
# How many times in a row a provider's Retry-After is trusted.
_TRUST = 8


class Timeline(list[list[int | None]]):
    """The rows of `Stats.timeline`, which print as one line."""

    def __repr__(self) -> str:
        return f"<timeline of {len(self)} rows>"


class Pacer:
    """When the next request may be sent, and how many may be in flight, at most `most`.

    Trouble (a 429, a 5xx, no response) halves both; every good response restores a little.
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
    def concurrency(self) -> int:
        """How many requests may be in flight."""
        return max(1, int(self._most * self._share))

    def take_turn(self, now: float) -> float:
        """Take a turn if there is one now; otherwise return when to try again."""
        gap, burst = self._budget.spacing()
        gap = max(gap * _MARGIN, min(gap * _MARGIN / self._share, _LONGEST_GAP))
        early = self._due - gap * (burst - 1)
        ready = max(early, self._held_until)
        if ready > now:
            return ready
        ready = self._budget.reserve(now)
        if ready <= now:
            self._due = max(self._due, now) + gap
        return ready

    def limited_until(self, now: float) -> float:
        """The time until which a rate limit stops all requests; the even pace alone never does."""
        return max(self._held_until, self._budget.through(1, now))

    def speed_up(self) -> None:
        """Restore some speed after a good response."""
        self._refusals = 0
        if self._share < 1.0:
            self._share = min(1.0, self._share + 1 / (self._most * self.concurrency))

    def slow_down(self, sent_at: float, now: float, *, limited: bool, timed: bool = False) -> None:
        """Halve the speed after trouble with a request that was sent at that time.

        Consecutive refusals by the rate limit (`limited`) stop all requests, each time for longer;
        if they were `timed` by a Retry-After, which the budget obeys, only after several.
        """
        # Trouble with requests that were in flight together counts only once.
        if sent_at <= self._slowed_at:
            return
        self._slowed_at = now
        self._share = max(_SLOWEST, self._share / 2)
        if limited:
            hold = min(_FIRST_HOLD * 2 ** (self._refusals - _TRUST * timed), _LONGEST_HOLD)
            self._held_until = max(self._held_until, now + hold)
            self._refusals = min(self._refusals + 1, 60)


def finish_time(budget: Budget, count: int, now: float) -> float:
    """When the last of `count` more requests is sent if there is no trouble."""
    gap, burst = budget.spacing()
    evenly = budget.through(1, now) + max(0, count - burst) * gap * _MARGIN
    return max(evenly, budget.through(count, now))


class ConcurrencyLimit:
    """Slots for requests in flight, as many as the pacer currently allows."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self._taken = 0
        self._open = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Take a slot as soon as there is one."""
        if not self._open and (self._waiting or self._taken >= self._pacer.concurrency):
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
        """Release a slot."""
        self._taken -= 1
        self._admit()

    def open(self) -> None:
        """Admit everything from now on."""
        self._open = True
        self._admit()

    def _admit(self) -> None:
        while self._waiting and (self._open or self._taken < self._pacer.concurrency):
            waiting = self._waiting.popleft()
            if not waiting.done():
                self._taken += 1
                waiting.set_result(None)


_MOST_SPANS = 300
_RECENT = 5.0


class RequestStats:
    """Requests and finished contacts by second since `start`, and the budget at the time."""

    def __init__(self, start: float, budget: Budget) -> None:
        self._start = start
        self._budget = budget
        self._sent: Counter[int] = Counter()
        self._limited: Counter[int] = Counter()
        self._remaining: dict[int, int | None] = {}
        self._done: deque[tuple[int, int]] = deque()

    def count_sent(self, now: float) -> None:
        """Count a request."""
        self._sent[self._second(now)] += 1

    def count_limited(self, now: float) -> None:
        """Count a refusal by the rate limit."""
        self._limited[self._second(now)] += 1

    def count_done(self, now: float) -> None:
        """Count a contact whose outcome is known."""
        second = int(now)
        if self._done and self._done[-1][0] == second:
            self._done[-1] = second, self._done[-1][1] + 1
        else:
            self._done.append((second, 1))
        while self._done[0][0] < now - _RECENT - 1:
            self._done.popleft()

    def rate(self, now: float) -> float:
        """Contacts per second over the last few seconds."""
        recent = [(second, count) for second, count in self._done if second >= now - _RECENT - 1]
        if not recent:
            return 0.0
        return sum(count for _, count in recent) / max(1.0, now - max(recent[0][0], self._start))

    def timeline(self) -> Timeline:
        """Second since the start, requests sent, 429s, and requests left.

        For a long apply a row covers several seconds, so that there are at most about 300 rows.
        """
        width = max(self._remaining, default=0) // _MOST_SPANS + 1
        spans: dict[int, list[int]] = {}
        for second in sorted(self._remaining):
            spans.setdefault(second // width * width, []).append(second)
        return Timeline(
            [
                start,
                sum(self._sent[second] for second in span),
                sum(self._limited[second] for second in span),
                self._remaining[span[-1]],
            ]
            for start, span in spans.items()
        )

    def _second(self, now: float) -> int:
        second = int(max(0.0, now - self._start))
        if second not in self._remaining:
            remaining = (left for _, left in self._budget.left(now))
            self._remaining[second] = min(remaining, default=None)
        return second
