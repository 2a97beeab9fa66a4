"""What an account's task may ask while it runs: whether to stop, its lease, and a place to report.

On threads these are Python's own; on Dask, the cluster's event, lock and log.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from contactkit._fleet.budgets import NotedBudget
from contactkit._fleet.scheduler import note_of_task
from contactkit._http.session import Session

_PREFIX = "contactkit-fleet"
_WAIT = 0.5


class StoppedError(Exception):
    """The fleet was stopped before this account began."""


class Control(Protocol):
    """What a task asks the side that began it."""

    def is_stopped(self) -> bool:
        """Whether nothing more may begin."""
        ...

    def lease(self, name: str) -> Any:
        """A context in which no other task has the lease of this name; waits for it."""
        ...

    def budget(self, name: str, session: Session) -> Any:
        """A context that has the session's budget, which goes on from the last one of this name."""
        ...

    def reporter(self) -> Callable[[str, int], None]:
        """A function, for any thread, that says how many requests an account has sent so far."""
        ...


@dataclass
class ThreadControl:
    """The control of tasks on threads of this process."""

    reported: Callable[[str, int], None]
    stopping: threading.Event = field(default_factory=threading.Event)

    def is_stopped(self) -> bool:
        return self.stopping.is_set()

    @contextmanager
    def lease(self, name: str) -> Generator[None]:
        lock = _locks[name]
        while not lock.acquire(timeout=_WAIT):
            _check_stopped(self)
        try:
            yield
        finally:
            lock.release()

    def budget(self, name: str, session: Session) -> Any:
        # A process remembers its budgets.
        return nullcontext(session.budget)

    def reporter(self) -> Callable[[str, int], None]:
        return self.reported


_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class DaskControl:
    """The control of tasks on Dask workers; `run` names one call of a fleet."""

    run: str

    @property
    def topic(self) -> str:
        """The name of the call's event and of its messages."""
        return f"{_PREFIX}-{self.run}"

    def is_stopped(self) -> bool:
        from distributed import Event

        return bool(Event(self.topic).is_set())

    @contextmanager
    def lease(self, name: str) -> Generator[None]:
        """Dask frees it when its worker has not renewed it for `lease-timeout`."""
        from distributed import Lock

        lock = Lock(f"{_PREFIX}-{name}")
        try:
            while not lock.acquire(timeout=_WAIT):
                _check_stopped(self)
            try:
                yield
            finally:
                lock.release()
        finally:
            # It would be called for as long as the worker lives.
            if lock.loop and (renewing := getattr(lock, "refresh_callback", None)):
                lock.loop.add_callback(renewing.stop)

    @contextmanager
    def budget(self, name: str, session: Session) -> Generator[Any]:
        budget = session.budget
        if session.world.real and budget.left(session.uptime()):
            noted = NotedBudget(budget, note_of_task(name), session.uptime)
            try:
                yield noted
            finally:
                noted.close()
        else:
            yield budget

    def reporter(self) -> Callable[[str, int], None]:
        from distributed import get_worker

        worker, topic = get_worker(), self.topic
        return lambda account, requests: worker.log_event(topic, (account, requests))


def _check_stopped(control: Control) -> None:
    if control.is_stopped():
        raise StoppedError("not begun")
