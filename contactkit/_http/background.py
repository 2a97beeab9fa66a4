"""Flows in the background of another flow: the steps that begin one and wait for it, and threads.

The sync client runs such a flow on a thread with its usual connection, and so without aiohttp; the
async client runs it as a task.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from contactkit._http.session import Answer, Flow, Request, Step
from contactkit._http.world import RealClock

T = TypeVar("T")
# Some systems deliver an interrupt only between two waits.
_WAIT = 0.2
_LONGEST_WAIT = 3600.0


class Job(Protocol):
    """A flow that runs in the background."""

    def cancel(self) -> object:
        """Abandon it: it sends nothing more."""
        ...

    def result(self) -> Any:
        """The result of the flow, which has ended; raises what the flow raised."""
        ...


@dataclass(eq=False)
class Begin:
    """Begin a flow in the background; where the driver runs none there, it gets no `job`."""

    flow: Flow[Any]
    job: Job | None = None


@dataclass(frozen=True, eq=False)
class Finish:
    """Wait until a job has ended."""

    job: Job


ParallelFlow: TypeAlias = Generator[Step | Begin | Finish, Answer, T]


class _Cancelled(BaseException):
    """The job was cancelled, so that its flow ends."""


class ThreadJob:
    """A flow on a thread of its own, which does not keep the process alive."""

    def __init__(
        self,
        drive: Callable[[Callable[[Step], Answer]], object],
        send: Callable[[Request], Answer],
        clock: RealClock,
    ) -> None:
        self._drive = drive
        self._send = send
        self._clock = clock
        self._cancelled = threading.Event()
        self._ended = threading.Event()
        self._result: object = None
        self._error: BaseException | None = None
        context = copy_context()
        threading.Thread(target=context.run, args=(self._work,), daemon=True).start()

    def cancel(self) -> None:
        self._cancelled.set()

    def result(self) -> Any:
        if self._error:
            raise self._error
        return self._result

    def join(self) -> None:
        """Wait until it has ended; an interrupt ends the wait."""
        while not self._ended.wait(_WAIT):
            pass

    def _work(self) -> None:
        try:
            self._result = self._drive(self._perform)
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()

    def _perform(self, step: Step) -> Answer:
        if not isinstance(step, Request):
            self._pause(step.until)
        if self._cancelled.is_set():
            raise _Cancelled
        return self._send(step) if isinstance(step, Request) else None

    def _pause(self, until: float) -> None:
        while (remaining := until - self._clock.uptime()) > 0:
            if self._cancelled.wait(min(remaining, _LONGEST_WAIT)):
                return
