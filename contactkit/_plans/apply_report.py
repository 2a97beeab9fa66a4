"""What an apply reports while it runs, but not too often."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from contactkit._frames.moments import time_note
from contactkit._http.response import utc
from contactkit._http.session import Session
from contactkit._http.world import time_of
from contactkit._plans.pacing import RequestStats, finish_time
from contactkit._plans.progress import Progress

_EVERY = 0.1


class ApplyReport:
    """Makes the progress of an apply and gives it to a function, if there is one."""

    def __init__(
        self,
        session: Session,
        total: int,
        stats: RequestStats,
        report: Callable[[Progress], None] | None,
    ) -> None:
        self.in_flight = 0
        self.waiting_until: float | None = None
        self._session = session
        self._total = total
        self._stats = stats
        self._report = report
        self._counts: Counter[str] = Counter()
        self._news: dict[int, str] = {}
        self._shown_at = 0.0

    def add(self, position: int, outcome: str) -> None:
        """Count a contact's outcome."""
        self._counts[outcome] += 1
        if self._report:
            self._news[position] = outcome

    def show(self, *, finished: bool) -> str:
        """Report the progress; returns why the apply must stop, "" if it need not."""
        now = time.monotonic()
        if self._report is None or (now - self._shown_at < _EVERY and not finished):
            return ""
        self._shown_at = now
        try:
            self._report(self._progress(finished))
        except BaseException as error:  # An error in the caller's function must not lose the frame.
            self._report = None
            return f"progress= raised {type(error).__name__}: {error}"
        return ""

    def _progress(self, finished: bool) -> Progress:
        now, rest = self._session.uptime(), self._total - self._counts.total()
        rate = self._stats.rate(now)
        limited = finish_time(self._session.budget, rest, now) if rest else now
        eta = max(limited, now + rest / rate) if rate else None
        news, self._news = self._news, {}
        return Progress(
            total=self._total,
            counts=dict(self._counts),
            in_flight=self.in_flight,
            rate=rate,
            eta=self._time_of(eta),
            waiting=self._time_of(self.waiting_until),
            finished=finished,
            note=time_note(self._session.world.name),
            news=news,
        )

    def _time_of(self, until: float | None) -> datetime | None:
        return None if until is None else utc(time_of(self._session.clock, until))
