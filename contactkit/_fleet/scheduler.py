"""What a fleet needs of a Dask scheduler: leases that end in time, what accounts have spent, and
journals.

The scheduler has what the last task of an account spent, so that the next one goes on from there on
any worker. Ages are by its clock, as those of the workers may differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from contactkit._fleet.journal_service import serve_journals

_OPERATION = "contactkit_spent"
_LEASES = "semaphore-lease-timeout"
_LOOK_EVERY_MS = 200.0
_PATIENCE = 30.0


def prepare_scheduler(dask_scheduler: Any) -> None:
    """Prepare a scheduler for the tasks of a fleet; Dask passes it by this name."""
    _look_at_leases_often(dask_scheduler)
    if _OPERATION not in dask_scheduler.handlers:
        dask_scheduler.handlers[_OPERATION] = SpentRequests().answer
    serve_journals(dask_scheduler)


def _look_at_leases_often(scheduler: Any) -> None:
    """Let the lease of a dead worker end when it is over; by default Dask looks every 10 s."""
    looking = scheduler.periodic_callbacks.get(_LEASES)
    if looking and looking.callback_time > _LOOK_EVERY_MS:
        looking.stop()
        looking.callback_time = _LOOK_EVERY_MS
        looking.start()


class SpentRequests:
    """What each account has spent, and when that was noted."""

    def __init__(self) -> None:
        self._noted: dict[str, tuple[float, Any]] = {}

    def answer(self, account: str, spent: Any = None) -> tuple[float, Any] | None:
        """Note what is `spent`, or else return what was, and how many seconds ago it was noted."""
        now = time.monotonic()
        if spent is not None:
            self._noted[account] = now, spent
        elif noted := self._noted.get(account):
            return now - noted[0], noted[1]
        return None


def note_of_task(account: str) -> Callable[..., Any]:
    """`SpentRequests.answer` for an account, from any thread of a task.

    It returns None where the scheduler does not answer, as after a restart.
    """
    from distributed import get_worker
    from distributed.utils import sync

    worker = get_worker()
    ask = getattr(worker.scheduler, _OPERATION)

    def note(spent: Any = None) -> Any:
        with suppress(OSError, RuntimeError):
            return sync(worker.loop, ask, account=account, spent=spent, callback_timeout=_PATIENCE)
        return None

    return note
