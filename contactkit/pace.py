"""How fast the requests of an apply go: evenly, within the session's budget, slower in trouble.

A budget alone lets a whole window go at once, which no provider promises to take: an even pace
keeps to the rate wherever the provider's window begins.
"""

from __future__ import annotations

from contactkit.limits import Budget

# What left evenly spaced may arrive closer together.
_MARGIN = 1.015
_FIRST_HOLD, _LONGEST_HOLD = 0.5, 1e6
_SLOWEST = 1 / 64
# However slow trouble makes it, it goes on.
_LONGEST_GAP = 30.0
# So many times in a row a provider is believed when to come again.
_TRUST = 8


class Pace:
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
