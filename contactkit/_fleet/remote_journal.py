"""A journal on the scheduler's disk, as a task on a worker uses it.

It has the methods of `Journal` that plans use. What it sends is what the journal's file has. No
call is made twice: where its answer is lost, the entry stays open, as after a killed process.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from contactkit._fleet.journal_service import OPERATION
from contactkit._journal.reading import Reading
from contactkit._journal.rows import CLOSING
from contactkit._journal.store import Intent
from contactkit.errors import JournalError
from contactkit.spec.consent import Address

_PATIENCE = 30.0


class RemoteJournal:
    """The journal with a name in a folder on the scheduler's disk; made in a task."""

    def __init__(self, folder: str | None, name: str) -> None:
        from distributed import get_worker

        self._worker = get_worker()
        self._place = folder, name
        self.suppression = RemoteSuppressions(self)

    def call(self, method: str, *args: Any) -> Any:
        """The result of a method on the scheduler; JournalError if it does not answer."""
        from distributed.utils import sync

        worker, call = self._worker, pickle.dumps((*self._place, method, args))
        ask = getattr(worker.scheduler, OPERATION)
        try:
            answer = sync(worker.loop, ask, worker=worker.id, call=call, callback_timeout=_PATIENCE)
        except (OSError, RuntimeError) as error:
            raise JournalError(f"{self._where} does not answer ({type(error).__name__})") from None
        if answer is None:
            raise JournalError(f"{self._where} has begun anew; call the fleet again")
        result, error = pickle.loads(answer)
        if error:
            raise error
        return result

    @property
    def _where(self) -> str:
        return f"the scheduler {self._worker.scheduler.address}, which has the journal,"

    def begin(self, intents: Sequence[Intent], lease: RemoteLease) -> list[int | None]:
        """As `Journal.begin`."""
        return self.call("begin", intents, lease.name)

    def end(self, rows: Mapping[int, Mapping[str, Any]]) -> None:
        """As `Journal.end`."""
        self.call("end", {id: {n: row.get(n) for n in CLOSING} for id, row in rows.items()})

    def claim(self) -> RemoteLease:
        """As `Journal.claim`; the lease also ends when the cluster loses the worker."""
        return RemoteLease(self, self.call("claim"))

    def close_ended(self, ids: Iterable[int], at: float) -> set[int]:
        """As `Journal.close_ended`."""
        return self.call("close_ended", [*ids], at)

    def last(self, plan: str, account: str) -> dict[int, dict[str, Any]]:
        """As `Journal.last`."""
        return self.call("last", plan, account)

    def reading(self) -> Reading | None:
        """As `Journal.reading`."""
        return self.call("reading")

    def folder(self) -> str:
        """What identifies the folder of the journal."""
        return self.call("folder")

    @property
    def id(self) -> str:
        """As `Journal.id`."""
        return self.call("id")

    def accounts(self, plan: str, base_url: str) -> list[str]:
        """As `Journal.accounts`."""
        return self.call("accounts", plan, base_url)

    def entries(
        self, since: float | None = None, plan: str = "", account: str = ""
    ) -> list[dict[str, Any]]:
        """As `Journal.entries`."""
        return self.call("entries", since, plan, account)


@dataclass(frozen=True)
class RemoteLease:
    """A lease that the scheduler keeps for a task."""

    journal: RemoteJournal
    name: str

    def __enter__(self) -> RemoteLease:
        return self

    def __exit__(self, *error: object) -> None:
        # If the scheduler is gone, so is the lease.
        with suppress(JournalError):
            self.journal.call("release", self.name)


@dataclass(frozen=True)
class RemoteSuppressions:
    """The suppression list of a journal on the scheduler's disk; its key stays there."""

    journal: RemoteJournal

    def find(self, provider: str, addresses: Iterable[Address], since: float = 0.0) -> set[Address]:
        """As `SuppressionList.find`."""
        return self.journal.call("find_suppressed", provider, [*addresses], since)
