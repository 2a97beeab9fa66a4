"""Drives one call of a fleet: its progress in one display, Ctrl-C, and missing workers."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty

from contactkit._fleet.accounts import Account
from contactkit._fleet.engines import Engine, Run
from contactkit._fleet.work import Row, Step
from contactkit._plans.progress import Progress, display
from contactkit.errors import warn

NO_WORKER_AFTER = 30.0
_LOOK_EVERY = 0.05
_SHOW_EVERY = 0.5
_ASK_EVERY = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetProgress(Progress):
    """The accounts that have ended, by outcome, and the requests of all."""

    requests: int = 0
    notice: str = ""

    def __str__(self) -> str:
        counts = [f"{count:,} {outcome}" for outcome, count in self.counts.items() if count]
        parts = [f"{self.done:,} of {self.total:,} accounts", *counts]
        parts += [f"{self.requests:,} requests"] if self.requests else []
        return " · ".join([*parts, self.notice] if self.notice else parts)


def drive(engine: Engine, step: Step, accounts: Sequence[Account]) -> list[Row]:
    """Do a step for all accounts; returns their rows, as they end.

    Ctrl-C begins nothing more and waits for what has begun; the second one raises.
    """
    if not accounts:
        return []
    run = engine.begin(step, accounts)
    watch = _Watch(run, len(accounts), display())
    try:
        while len(watch.rows) < len(accounts):
            try:
                watch.look()
            except KeyboardInterrupt:
                watch.interrupt()
        watch.show(finished=True)
    finally:
        run.close()
    return watch.rows


class _Watch:
    """What the driver knows of a run."""

    def __init__(self, run: Run, total: int, show: Callable[[Progress], None]) -> None:
        self.rows: list[Row] = []
        self._run = run
        self._total = total
        self._display = show
        self._stopping = False
        self._shown_at = self._asked_at = float("-inf")
        self._worker_seen_at = time.monotonic()
        self._notice = ""

    def look(self) -> None:
        """Take the rows that have arrived, and show the progress now and then."""
        self._run.look()
        try:
            self.rows.append(self._run.ended.get(timeout=_LOOK_EVERY))
            while True:
                self.rows.append(self._run.ended.get_nowait())
        except Empty:
            pass
        now = time.monotonic()
        if now - self._asked_at >= _ASK_EVERY:
            self._asked_at = now
            self._look_for_workers(now)
        if now - self._shown_at >= _SHOW_EVERY:
            self._shown_at = now
            self.show()

    def _look_for_workers(self, now: float) -> None:
        if self._run.has_workers():
            self._worker_seen_at, self._notice = now, "stopping" * self._stopping
            return
        if self._stopping or self._notice or now - self._worker_seen_at < NO_WORKER_AFTER:
            return
        self._notice = f"no worker for {NO_WORKER_AFTER:g} s"
        warn(f"{self._notice}: the work goes on when there is one; Ctrl-C ends the wait")

    def interrupt(self) -> None:
        """Stop at the first Ctrl-C; raise at the second."""
        if self._stopping:
            raise KeyboardInterrupt
        self._stopping, self._notice = True, "stopping"
        self._asked_at = float("-inf")
        print("stopping: what has begun goes on; Ctrl-C again abandons it", file=sys.stderr)
        self._run.stop()

    def show(self, *, finished: bool = False) -> None:
        """Show the progress."""
        done = {row["account"]: row["requests"] for row in self.rows}
        progress = FleetProgress(
            total=self._total,
            counts=Counter(row["outcome"] for row in self.rows),
            requests=sum({**self._run.requests, **done}.values()),
            notice=self._notice,
            finished=finished,
        )
        self._display(progress)
