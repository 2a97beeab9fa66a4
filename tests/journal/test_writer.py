"""Many writes at once on one event loop: they share commits, and none waits forever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import contactkit as ck
from contactkit._journal.store import Journal
from contactkit._journal.writer import JournalWriter
from tests.journal.test_store import ended, intent


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.sqlite3")) as journal:
        yield journal


async def test_waiting_writes_share_one_commit(journal: Journal) -> None:
    with journal.claim() as lease:
        statements: list[str] = []
        assert journal._file._connection
        journal._file._connection.set_trace_callback(statements.append)
        writer = JournalWriter(journal, lease)
        ids = await asyncio.gather(*(writer.begin(intent(n, plan="p")) for n in range(30)))
        assert ids == list(range(1, 31))
        assert statements.count("COMMIT") == 1
        for id in range(1, 31):
            writer.end(id, ended())
        await writer.flush()
        assert statements.count("COMMIT") == 2
    assert {entry["outcome"] for entry in journal.entries()} == {"updated"}


async def test_unexpected_error_ends_every_waiting_write(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with journal.claim() as lease:
        writer = JournalWriter(journal, lease)
        monkeypatch.setattr(asyncio, "to_thread", no_thread)
        begun = [writer.begin(intent(n, plan="p")) for n in range(3)]
        results = await asyncio.gather(*begun, return_exceptions=True)
        assert [type(result) for result in results] == [ck.JournalError] * 3
        with pytest.raises(ck.JournalError, match="can't start new thread"):
            await writer.flush()


async def test_flush_ends_when_the_loop_cancels_the_writer(journal: Journal) -> None:
    with journal.claim() as lease:
        writer = JournalWriter(journal, lease)
        writer.end(1, {})
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.wait_for(writer.flush(), 5)
