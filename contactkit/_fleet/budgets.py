"""The budget of an account's task: it counts requests, and goes on from what tasks before spent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from contactkit._http.rate_limits import Budget

_REPORT_EVERY = 0.5
# This part of a window's requests is noted in advance.
_PART = 1 / 20


class Lease(Protocol):
    """The right to use an account; `is_lost` once a check has failed."""

    is_lost: bool

    def check(self) -> None:
        """LeaseLostError if another task may have it."""
        ...


class MeteredBudget:
    """A budget that counts the requests of one account's task, and reports them now and then.

    Nothing is spent without the account's lease.
    """

    def __init__(self, budget: Any, lease: Lease, report: Callable[[int], None]) -> None:
        self.requests = 0
        self._budget = budget
        self._lease = lease
        self._report_to = report
        self._reported_at = time.monotonic()

    def reserve(self, now: float) -> float:
        """Spend one request if it may be sent now; otherwise return when to try again.

        LeaseLostError if nothing may be sent.
        """
        self._lease.check()
        ready = self._budget.reserve(now)
        if ready <= now:
            self.requests += 1
            self._report()
        return ready

    def _report(self) -> None:
        if (now := time.monotonic()) - self._reported_at >= _REPORT_EVERY:
            self._reported_at = now
            self._report_to(self.requests)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._budget, name)


class NotedBudget:
    """A budget that goes on from what tasks elsewhere have noted, and notes what it spends.

    `note` keeps what is spent, or without it returns what was, with its age in seconds. Before
    requests are sent some are noted in advance, which count as sent if the process is killed.
    """

    def __init__(
        self, budget: Budget, note: Callable[..., Any], uptime: Callable[[], float]
    ) -> None:
        self._budget = budget
        self._note = note
        self._uptime = uptime
        self._lock = threading.Lock()
        self._noted = 0
        if found := note():
            now = uptime()
            age, (spent, ahead, blocked) = found
            budget.resume([(0.0, ahead), *((each + age, count) for each, count in spent)], now)
            budget.block(now + blocked - age)

    def reserve(self, now: float) -> float:
        """Spend one request if it may be sent now; otherwise return when to try again."""
        ready = self._budget.reserve(now)
        if ready <= now:
            with self._lock:
                if not self._noted:
                    self._noted = _ahead(self._budget, now)
                    self._keep()
                self._noted -= 1
        return ready

    def close(self) -> None:
        """Note what is spent at the end of the task."""
        with self._lock:
            self._noted = 0
            self._keep()

    def _keep(self) -> None:
        now = self._uptime()
        blocked = max(0.0, self._budget.blocked_until() - now)
        self._note((self._budget.spent(now), self._noted, blocked))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._budget, name)


def _ahead(budget: Budget, now: float) -> int:
    """How many requests to note in advance: few of those that the limits allow."""
    return max(1, int(min(limit.requests * _PART for limit, _ in budget.left(now))))
