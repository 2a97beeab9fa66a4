"""The engines of this process: threads, and a browser's page, which has none."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from contactkit._fleet.accounts import Account
from contactkit._fleet.controls import ThreadControl
from contactkit._fleet.engines import Run
from contactkit._fleet.work import Row, Step, perform

_MOST_THREADS = 32


class Threads:
    """Threads of this process."""

    place = "threads of this process"

    def begin(self, step: Step, accounts: Sequence[Account]) -> Run:
        return _ThreadRun(step, accounts)

    def missing(self, accounts: Sequence[Account]) -> dict[str, str]:
        # A task has the same environment as all others.
        return {}

    def hosts(self) -> set[str]:
        return {"localhost"}


class _ThreadRun:
    def __init__(self, step: Step, accounts: Sequence[Account]) -> None:
        self.ended: SimpleQueue[Row] = SimpleQueue()
        self.requests: dict[str, int] = {}
        self._control = ThreadControl(self.requests.__setitem__)
        self._pool = ThreadPoolExecutor(min(_MOST_THREADS, len(accounts)), "contactkit-fleet")
        for account in accounts:
            self._pool.submit(self._perform, step, account)

    def _perform(self, step: Step, account: Account) -> None:
        self.ended.put(perform(step, account, self._control))

    def stop(self) -> None:
        self._control.stopping.set()

    def look(self) -> None:
        pass

    def has_workers(self) -> bool:
        return True

    def close(self) -> None:
        self.stop()
        # What still runs sends nothing more, and so does not keep the process alive for long.
        self._control.abandoned.set()
        self._pool.shutdown(wait=False)


class Page(Threads):
    """A page of a browser, which has no threads: one account after the other."""

    place = "this page, one account after the other"

    def begin(self, step: Step, accounts: Sequence[Account]) -> Run:
        return _PageRun(step, accounts)


class _PageRun:
    def __init__(self, step: Step, accounts: Sequence[Account]) -> None:
        self.ended: SimpleQueue[Row] = SimpleQueue()
        self.requests: dict[str, int] = {}
        self._control = ThreadControl(self.requests.__setitem__)
        self._step, self._left = step, deque(accounts)

    def stop(self) -> None:
        self._control.stopping.set()

    def look(self) -> None:
        if self._left:
            self.ended.put(perform(self._step, self._left.popleft(), self._control))

    def has_workers(self) -> bool:
        return True

    def close(self) -> None:
        self._left.clear()
