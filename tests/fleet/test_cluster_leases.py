"""Workers that stand still for longer than their lease, and then go on."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dask import config

import contactkit as ck
from contactkit._fleet.dask_lease import AccountLease
from tests.support.consent import NO
from tests.support.dask_programs import programs
from tests.support.fleets import LEASE_SECONDS, Call, served_fleet, wait_until, worker_of

pytestmark = pytest.mark.xdist_group("cluster")
CONTACTS = 120


def opt_out(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**NO[frame.attrs["provider"]])


async def lose(dask_scheduler: Any, address: str) -> None:
    """What a scheduler does once it has not heard from a worker for long."""
    await dask_scheduler.remove_worker(address, stimulus_id="lost", close=False)


@contextmanager
def frozen(process: int, journal: Path) -> Iterator[None]:
    """Let a process stand still, but not in the middle of a commit, which keeps all others out."""
    os.kill(process, signal.SIGSTOP)
    try:
        for _ in range(100):
            if is_unlocked(journal):
                break
            os.kill(process, signal.SIGCONT)
            time.sleep(0.01)
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def is_unlocked(journal: Path) -> bool:
    """Whether a process can write to a journal."""
    with closing(sqlite3.connect(journal, timeout=0.1, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
    return True


def wait_until_still(count: Callable[[], int]) -> None:
    """Wait until nothing is counted for a while."""
    last, since = count(), time.monotonic()
    while time.monotonic() - since < 2 * LEASE_SECONDS:
        if count() != last:
            last, since = count(), time.monotonic()
        time.sleep(0.05)


@pytest.mark.parametrize(("place", "is_removed"), [("scheduler:", True), ("", False)])
def test_a_worker_that_stood_still_sends_nothing_that_another_one_may(
    tmp_path: Path, place: str, is_removed: bool
) -> None:
    journals, hosts = tmp_path / "journals", ("127.0.0.1", "127.0.0.1")
    with (
        served_fleet({"acme": ("sent", CONTACTS)}) as served,
        programs(tmp_path, *hosts, threads=1) as (_, client),
    ):
        fleet = ck.fleet(served.accounts, on=client, journal=f"{place}{journals}")
        fleet.export(tmp_path / "people")
        plan = fleet.plan(tmp_path / "people", opt_out)
        acme, planned = served["acme"], plan.report.frame["planned"].tolist()[0]
        acme.slow = 0.1
        processes = client.run(os.getpid)
        calls = [Call(plan.apply)]
        wait_until(lambda: sum(acme.writes) > 5, 60)
        first = worker_of(client, "acme")
        # Another call takes the account, or the same one on the other worker.
        calls += [] if is_removed else [Call(plan.apply)]
        (file,) = journals.glob("*.sqlite3")
        with frozen(processes[first], file):
            if is_removed:
                client.run_on_scheduler(lose, address=first)
            wait_until(lambda: sum(acme.writes) > planned // 2, 60)
            wait_until_still(lambda: sum(acme.writes))
            had, continued = sum(acme.writes), pd.Timestamp.now("UTC")
        frames = [call.result().frame for call in calls]
        for frame in frames:
            assert frame["outcome"].tolist() == ["done"], frame["message"].tolist()
            assert sum(frame[["updated", "skipped"]].to_numpy().ravel()) == planned
        # None is lost, and none is written twice.
        assert sum(acme.writes) == planned
        assert max(acme.writes) == 1
        # What the other worker could not take at once, it has sent once it could.
        journal = ck.journal(file)
        updated = journal[journal["outcome"] == "updated"]
        assert len(updated) == planned
        assert updated["key"].is_unique
        late = journal[journal["made_at"] > continued]
        assert len(late) >= planned - had
        assert late["key"].is_unique
        assert processes[first] not in set(late["process"])
        assert not (place and len(late))
        assert plan.apply().frame["requests"].tolist() == [0]


def hold_for_ever(name: str) -> tuple[float, bool]:
    with config.set({"distributed.scheduler.locks.lease-timeout": "inf"}):
        lease = AccountLease(name)
    try:
        return lease.lasts, bool(lease.acquire(timeout=1))
    finally:
        lease.end()


def test_a_lease_without_an_end_is_never_lost(dask: Any) -> None:
    assert dask.submit(hold_for_ever, "endless").result(timeout=60) == (float("inf"), True)
