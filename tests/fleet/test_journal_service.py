"""The journals that a scheduler serves, as it answers the calls of workers."""

from __future__ import annotations

import asyncio
import pickle
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import contactkit as ck
from contactkit._fleet import disk_journals
from contactkit._fleet.journal_service import OPERATION, serve_journals
from contactkit._fleet.journals import check_journal
from contactkit._journal.store import Intent, Journal

NAME = "sent-0badcafe.sqlite3"


class Scheduler:
    """A scheduler with two workers, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.handlers: dict[str, Any] = {}
        self.workers = {name: SimpleNamespace(server_id=name) for name in ("one", "two")}
        self.folder = folder
        serve_journals(self)

    def call(self, worker: str, method: str, *args: Any) -> Any:
        call = pickle.dumps((str(self.folder), NAME, method, args))
        result, error = pickle.loads(asyncio.run(self.handlers[OPERATION](worker, call)))
        if error:
            raise error
        return result


@pytest.fixture
def scheduler(tmp_path: Path) -> Scheduler:
    return Scheduler(tmp_path / "journals")


def intent(row: int = 0, seen: int = 0) -> Intent:
    return Intent(
        provider="sent",
        account="0badcafe",
        base_url="https://example.com",
        operation="update",
        request="digest",
        made_at=1.0,
        key=f"key-{row}",
        plan="plan",
        row=row,
        seen=seen,
    )


def test_a_row_is_begun_once_and_closed_by_its_id(scheduler: Scheduler) -> None:
    lease, other = (scheduler.call(worker, "claim") for worker in ("one", "two"))
    assert scheduler.call("one", "begin", [intent(), intent(1)], lease) == [1, 2]
    assert scheduler.call("two", "begin", [intent()], other) == [None]
    row = {"outcome": "updated", "at": datetime(2026, 11, 28, tzinfo=UTC), "after": {}}
    scheduler.call("one", "end", {1: row})
    last = scheduler.call("two", "last", "plan", "0badcafe")
    assert {row: entry["outcome"] for row, entry in last.items()} == {0: "updated", 1: None}
    assert scheduler.call("two", "close_ended", [2], 2.0) == set()
    # The file is that of any journal.
    assert len(Journal(scheduler.folder / NAME).entries()) == 2
    assert scheduler.call("two", "id") == Journal(scheduler.folder / NAME).id


def test_the_lease_of_a_worker_that_has_left_ends_with_the_next_claim(
    scheduler: Scheduler,
) -> None:
    lost = scheduler.call("one", "claim")
    assert scheduler.call("one", "begin", [intent()], lost) == [1]
    scheduler.call("two", "claim")
    assert scheduler.call("two", "close_ended", [1], 2.0) == set()
    del scheduler.workers["one"]
    scheduler.call("two", "claim")
    assert scheduler.call("two", "close_ended", [1], 2.0) == {1}
    with pytest.raises(ck.JournalError, match="the cluster lost the worker of this task"):
        scheduler.call("one", "begin", [intent(1)], lost)
    # Its last responses are still recorded, but not over what is known since.
    row = {"outcome": "updated", "at": datetime(2026, 11, 28, tzinfo=UTC), "after": {}}
    scheduler.call("one", "end", {1: row})
    assert scheduler.call("two", "last", "plan", "0badcafe")[0]["outcome"] == "unknown"


def test_a_scheduler_that_is_started_again_goes_on_from_the_files(scheduler: Scheduler) -> None:
    lease = scheduler.call("one", "claim")
    scheduler.call("one", "begin", [intent()], lease)
    scheduler.call("one", "release", lease)
    again = Scheduler(scheduler.folder)
    with pytest.raises(ck.JournalError, match="the cluster lost the worker of this task"):
        again.call("one", "begin", [intent(1)], lease)
    lease = again.call("one", "claim")
    assert again.call("one", "close_ended", [1], 2.0) == {1}
    assert again.call("one", "begin", [intent(seen=1)], lease) == [2]


def test_a_journal_without_leases_has_no_open_file(scheduler: Scheduler) -> None:
    lease = scheduler.call("one", "claim")
    service = scheduler.handlers[OPERATION].__self__
    (served,) = service._served.values()
    assert served.journal._file._connection
    scheduler.call("one", "release", lease)
    assert not served.journal._file._connection
    assert not [*scheduler.folder.glob("*-claims/*")]


def test_errors_of_the_scheduler_reach_the_worker(
    scheduler: Scheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ck.JournalError, match="a journal on the scheduler has no prune"):
        scheduler.call("one", "prune", 0.0)
    with pytest.raises(ck.JournalError, match=r"^last failed: TypeError$"):
        scheduler.call("one", "last", "+12125550123")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"host:/x {scheduler.folder} nfs4 rw 0 0\n")
    monkeypatch.setattr(disk_journals, "_MOUNTS", mounts)
    with pytest.raises(ck.JournalError, match="is on a network disk"):
        scheduler.call("one", "claim")


@pytest.mark.parametrize(
    ("journal", "message"),
    [
        (1, "must be the path of a folder, or 'scheduler' or 'scheduler:/folder'"),
        ("", "must be the path of a folder, or 'scheduler' or 'scheduler:/folder'"),
        ("scheduler", r"needs the cluster that has it: fleet\(…, on=dask_client\)"),
    ],
)
def test_what_is_no_place_of_journals_is_refused(journal: Any, message: str) -> None:
    with pytest.raises(ck.ConfigurationError, match=message):
        ck.fleet({"acme": {"provider": "sent", "api_key": "$ACME_KEY"}}, journal=journal)


def test_the_folder_of_the_scheduler_is_absolute() -> None:
    with pytest.raises(ck.ConfigurationError, match="must have an absolute path"):
        check_journal("scheduler:journals", has_scheduler=True)
    for folder in ("/data/journals", "C:\\journals"):
        found = check_journal(f"scheduler:{folder}", has_scheduler=True)
        assert (found.folder, found.on_scheduler) == (folder, True)
    assert check_journal("scheduler", has_scheduler=True).folder is None
    # A folder of this name is given as a path.
    assert not check_journal(Path("scheduler"), has_scheduler=True).on_scheduler
