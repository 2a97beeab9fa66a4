"""The order in which calls that wait for a rate budget get their requests.

Without it the first that happens to wake has the next request, and a page that is needed now may
come after many that were requested ahead.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

# Calls that wait ask again one after the other, so that few find that it is not their turn.
_STEP = 0.0005
# A call that does not ask when it is due, as its event loop may be blocked, holds up no others.
_GRACE = 1.0


class _Reserving(Protocol):
    def reserve(self, now: float) -> float: ...


class WaitingLine:
    """The calls that wait for one budget, in the order in which they came."""

    def __init__(self) -> None:
        self._due: dict[Place, float] = {}

    @contextmanager
    def join(self) -> Generator[Place]:
        """A place in the line, which the call takes once it has to wait."""
        place = Place(self._due)
        try:
            yield place
        finally:
            self._due.pop(place, None)


class Place:
    """A call's place in a line; `step` is how much later it asks than the first one, in seconds."""

    def __init__(self, due: dict[Place, float]) -> None:
        self._due = due
        self.step = 0.0

    def reserve(self, budget: _Reserving, now: float) -> float:
        """Spend one request if it may be sent now; otherwise return when to try again."""
        ready = self._turn(now)
        if ready <= now:
            ready = budget.reserve(now)
        if ready > now:
            self._due[self] = ready
        return ready

    def _turn(self, now: float) -> float:
        """When it is this call's turn to ask the budget."""
        places = [*self._due]
        before = places.index(self) if self in places else len(places)
        due = self._due.get(places[0], now) if before else now
        self.step = 0.0 if now > due + _GRACE else before * _STEP
        return max(now, due) + self.step if self.step else now
