"""The journal for concurrent writes on one event loop: waiting writes share one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeAlias

from contactkit._journal.lease import Lease
from contactkit._journal.store import Intent, Journal
from contactkit.errors import JournalError

_GATHERING = 0.002

_Begun: TypeAlias = "list[tuple[Intent, asyncio.Future[int | None]]]"


class JournalWriter:
    """Begins and ends entries under one lease.

    Commits are made on another thread, one after the other, so that they do not delay requests in
    flight. `error` is the journal's failure, after which nothing is begun.
    """

    def __init__(self, journal: Journal, lease: Lease) -> None:
        self.error: JournalError | None = None
        self._journal = journal
        self._lease = lease
        self._begun: _Begun = []
        self._ended: dict[int, Mapping[str, Any]] = {}
        self._task: asyncio.Task[None] | None = None

    async def begin(self, intent: Intent) -> int | None:
        """The entry's id once it is on disk; None if the caller must not send the write."""
        begun = asyncio.get_running_loop().create_future()
        self._begun.append((intent, begun))
        self._start()
        return await begun

    def end(self, id: int, row: Mapping[str, Any]) -> None:
        """Close an entry with its result row, as soon as possible."""
        self._ended[id] = row
        self._start()

    async def flush(self) -> None:
        """Wait until everything is written; JournalError if that fails."""
        # When the event loop ends, it cancels the task too.
        while self._task and not self._task.done():
            await asyncio.wait([self._task])
        if self.error:
            raise self.error

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._begun or self._ended:
            # A commit takes longer than this, so more writes can join it.
            await asyncio.sleep(_GATHERING)
            begun, self._begun = self._begun, []
            ended, self._ended = self._ended, {}
            intents = [intent for intent, _ in begun]
            try:
                ids = await asyncio.to_thread(self._commit, intents, ended)
            except Exception as error:
                # Waiting writes must also end after an unexpected error.
                failure = error if isinstance(error, JournalError) else _unexpected(error)
                self.error = self.error or failure
                _resolve(begun, [failure] * len(begun))
            else:
                _resolve(begun, ids)

    def _commit(
        self, intents: list[Intent], ended: dict[int, Mapping[str, Any]]
    ) -> list[int | None]:
        if ended:
            self._journal.end(ended)
        if self.error:
            raise self.error
        return self._journal.begin(intents, self._lease) if intents else []


def _unexpected(error: Exception) -> JournalError:
    return JournalError(f"the journal cannot be written: {type(error).__name__}: {error}")


def _resolve(begun: _Begun, results: list[Any]) -> None:
    for (_, future), result in zip(begun, results, strict=True):
        if future.done():
            continue
        if isinstance(result, JournalError):
            future.set_exception(result)
        else:
            future.set_result(result)
