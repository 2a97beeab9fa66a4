"""The journal as many writes at once see it: what waits at the same time shares one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from contactkit._journal.sqlite import Lease
from contactkit._journal.store import Intent, Journal
from contactkit.errors import JournalError

_GATHERING = 0.002

_Waiting = tuple[Intent, "asyncio.Future[int | None]"]


class JournalWriter:
    """Begins and ends entries of one event loop's writes under one claim.

    Commits are made on another thread, one after the other, so that none holds up what is on the
    wire. `error` is what the journal failed with; nothing is begun from then on.
    """

    def __init__(self, journal: Journal, claim: Lease) -> None:
        self.error: JournalError | None = None
        self._journal = journal
        self._claim = claim
        self._begun: list[_Waiting] = []
        self._ended: dict[int, Mapping[str, Any]] = {}
        self._writer: asyncio.Task[None] | None = None

    async def begin(self, intent: Intent) -> int | None:
        """The entry's id once it is durable; None where it is not the caller's to write."""
        waiting = asyncio.get_running_loop().create_future()
        self._begun.append((intent, waiting))
        self._write()
        return await waiting

    def end(self, id: int, row: Mapping[str, Any]) -> None:
        """Close an entry with its result row, as soon as may be."""
        self._ended[id] = row
        self._write()

    async def flush(self) -> None:
        """Wait until all is written; JournalError where it cannot be."""
        # The end of the loop cancels the writer too.
        while self._writer and not self._writer.done():
            await asyncio.wait([self._writer])
        if self.error:
            raise self.error

    def _write(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._written())

    async def _written(self) -> None:
        while self._begun or self._ended:
            # Whoever is about to wait, or to end, comes along: a commit costs more than a moment.
            await asyncio.sleep(_GATHERING)
            begun, self._begun = self._begun, []
            ended, self._ended = self._ended, {}
            try:
                ids = await asyncio.to_thread(self._commit, [each for each, _ in begun], ended)
            except Exception as error:
                # Whoever waits would wait for ever for what nobody foresaw, such as no thread left.
                failed = error if isinstance(error, JournalError) else _unforeseen(error)
                self.error = self.error or failed
                _answer(begun, [failed] * len(begun))
            else:
                _answer(begun, ids)

    def _commit(self, begun: list[Intent], ended: dict[int, Mapping[str, Any]]) -> list[int | None]:
        if ended:
            self._journal.end(ended)
        if self.error:
            raise self.error
        return self._journal.begin(begun, self._claim) if begun else []


def _unforeseen(error: Exception) -> JournalError:
    return JournalError(f"the journal cannot be written: {type(error).__name__}: {error}")


def _answer(begun: list[_Waiting], answers: list[Any]) -> None:
    for (_, waiting), answer in zip(begun, answers, strict=True):
        if waiting.done():
            continue
        if isinstance(answer, JournalError):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)
