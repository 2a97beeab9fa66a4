"""What an account's task may ask while it runs: whether to stop, its lease, and a place to report.

On threads these are Python's own; on Dask, the cluster's event, lock and log.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from contactkit._fleet.budgets import Lease, NotedBudget
from contactkit._fleet.scheduler import note_of_task
from contactkit._http.session import Session
from contactkit._plans.steps import Stopped

_PREFIX = "contactkit-fleet"
_WAIT = 0.5
_ABANDONED = "the call was abandoned"
OTHERS_PATIENCE = 60.0
"""The longest wait in seconds for what a task that has lost its account still has."""
NAP = 0.2


class StoppedError(Exception):
    """The fleet was stopped while this account waited for its turn."""


class LeaseLostError(Stopped):
    """Another task may have the account by now, so this one must send nothing more."""


class Control(Protocol):
    """What a task asks the side that began it."""

    def is_stopped(self) -> bool:
        """Whether nothing more may begin."""
        ...

    def lease(self, name: str) -> AbstractContextManager[Lease]:
        """A context in which no other task has the lease of this name; waits for it."""
        ...

    def budget(self, name: str, session: Session, lease: Lease) -> Any:
        """A context that has the session's budget, which goes on from the last one of this name."""
        ...

    def reporter(self) -> Callable[[str, int], None]:
        """A function, for any thread, that says how many requests an account has sent so far."""
        ...


@dataclass
class ThreadLease:
    """A lease that is lost only if the call that has it is abandoned."""

    abandoned: threading.Event
    is_lost: bool = False

    def check(self) -> None:
        if self.abandoned.is_set():
            self.is_lost = True
            raise LeaseLostError(_ABANDONED)


@dataclass
class ThreadControl:
    """The control of tasks on threads of this process."""

    reported: Callable[[str, int], None]
    stopping: threading.Event = field(default_factory=threading.Event)
    abandoned: threading.Event = field(default_factory=threading.Event)

    def is_stopped(self) -> bool:
        return self.stopping.is_set()

    @contextmanager
    def lease(self, name: str) -> Generator[Lease]:
        if self.abandoned.is_set():
            raise StoppedError(_ABANDONED)
        lock = _locks[name]
        while not lock.acquire(timeout=_WAIT):
            _check_stopped(self)
        try:
            yield ThreadLease(self.abandoned)
        finally:
            lock.release()

    def budget(self, name: str, session: Session, lease: Lease) -> Any:
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
    def lease(self, name: str) -> Generator[Lease]:
        """Dask frees it when its worker has not renewed it for `lease-timeout`."""
        from contactkit._fleet.dask_lease import AccountLease

        lease = AccountLease(f"{_PREFIX}-{name}")
        try:
            while not lease.acquire(timeout=_WAIT):
                _check_stopped(self)
            yield lease
        finally:
            lease.end()

    @contextmanager
    def budget(self, name: str, session: Session, lease: Lease) -> Generator[Any]:
        budget = session.budget
        if session.world.real and budget.left(session.uptime()):
            noted = NotedBudget(budget, note_of_task(name), session.uptime)
            try:
                yield noted
            finally:
                # Without the lease, another task notes more.
                if not lease.is_lost:
                    noted.close()
        else:
            yield budget

    def reporter(self) -> Callable[[str, int], None]:
        from distributed import get_worker

        worker, topic = get_worker(), self.topic
        return lambda account, requests: worker.log_event(topic, (account, requests))


def _check_stopped(control: Control) -> None:
    if control.is_stopped():
        raise StoppedError("the call was stopped while it waited for the account")
