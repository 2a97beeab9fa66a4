"""The journals that the scheduler of a Dask cluster has on its disk, for tasks on all workers.

The scheduler outlives its workers, and the files outlive the scheduler: where it is started again
on the same disk, calls go on from them. It keeps the lease of a task until the task ends it, or its
worker is no longer one of the cluster.
"""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contactkit._fleet.disk_journals import journal_folder
from contactkit._fleet.folders import identify
from contactkit._journal.lease import Lease
from contactkit._journal.store import Intent, Journal
from contactkit.errors import ContactKitError, JournalError

OPERATION = "contactkit_journal"
"""The scheduler's operation that calls a method of a journal."""
_METHODS = {"end", "close_ended", "last", "accounts", "reading", "id", "entries"}


def serve_journals(scheduler: Any) -> None:
    """Let a scheduler answer calls of journals."""
    if OPERATION not in scheduler.handlers:
        scheduler.handlers[OPERATION] = JournalService(scheduler).answer


@dataclass
class _Served:
    """A journal, and the leases of tasks with the workers that have them, by name."""

    journal: Journal
    leases: dict[str, tuple[str, Lease]] = field(default_factory=dict[str, tuple[str, Lease]])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, worker: str, workers: set[str]) -> str:
        """The name of a new lease; those of workers that have left the cluster end."""
        for name, (owner, _) in [*self.leases.items()]:
            if owner not in workers:
                self.release(name)
        lease = self.journal.claim()
        self.leases[lease.name] = worker, lease
        return lease.name

    def release(self, lease: str) -> None:
        """End a lease, unless that has been done."""
        if found := self.leases.pop(lease, None):
            found[1].close()

    def begin(self, intents: Sequence[Intent], lease: str) -> list[int | None]:
        """As `Journal.begin`; JournalError if the lease was ended."""
        if lease not in self.leases:
            message = "the cluster lost the worker of this task"
            raise JournalError(f"{message}, so that another one may write to {self.journal.path}")
        return self.journal.begin(intents, self.leases[lease][1])

    def call(self, method: str, args: Sequence[Any]) -> Any:
        """The result of a method of the journal."""
        if method in ("begin", "release"):
            return getattr(self, method)(*args)
        if method == "find_suppressed":
            return self.journal.suppression.find(*args)
        if method not in _METHODS:
            raise JournalError(f"a journal on the scheduler has no {method}")
        found = getattr(self.journal, method)
        return found(*args) if callable(found) else found


class JournalService:
    """Answers calls; the journals of different accounts do not wait for each other."""

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self._served: dict[Path, _Served] = {}
        self._lock = threading.Lock()

    async def answer(self, worker: str, call: bytes) -> bytes:
        """The pickled result of a call, and the error that it raised, if any.

        `worker` is the id of the calling worker, and `call` is pickled: the folder and the name of
        a journal, a method and its arguments.
        """
        workers = {each.server_id for each in self._scheduler.workers.values()}
        # A commit waits for the disk, and the scheduler must not.
        return await asyncio.to_thread(self._answer, worker, workers, call)

    def _answer(self, worker: str, workers: set[str], call: bytes) -> bytes:
        folder, name, method, args = pickle.loads(call)
        try:
            return pickle.dumps((self._call(worker, workers, folder, name, method, args), None))
        except ContactKitError as error:
            return pickle.dumps((None, error))
        except Exception as error:
            # Its text may contain anything.
            return pickle.dumps((None, JournalError(f"{method} failed: {type(error).__name__}")))

    def _call(
        self, worker: str, workers: set[str], folder: str | None, name: str, method: str, args: Any
    ) -> Any:
        place = journal_folder(folder)
        if method == "folder":
            return identify(place)
        served = self._find(place / name)
        with served.lock:
            try:
                if method == "claim":
                    return served.claim(worker, workers)
                return served.call(method, args)
            finally:
                if not served.leases:
                    # A scheduler may have more journals than it may have open files.
                    served.journal.close()

    def _find(self, path: Path) -> _Served:
        with self._lock:
            return self._served.setdefault(path, _Served(Journal(path)))
