"""Journals on the scheduler's disk, for workers that share no disk."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._fleet import engines
from contactkit._fleet.journal_service import OPERATION, JournalService
from contactkit._fleet.plan import FleetPlan
from contactkit._providers import names
from tests.support.clusters import kill
from tests.support.consent import NO
from tests.support.dask_programs import programs
from tests.support.fleets import Call, Fleet, served_fleet, variables, wait_until, worker_of
from tests.support.providers import lift_suppressions

FOUR = {
    "acme": ("sent", 60),
    "birch": ("sendblue", 60),
    "cedar": ("privy", 60),
    "dahlia": ("digital_onboarding", 60),
}
HOSTS = ("127.0.0.1", "127.0.0.2")


def opt_out(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**NO[frame.attrs["provider"]])


def slow_down(served: Fleet) -> None:
    """Let each request take some time, so that an apply can be met in the middle."""
    for each in served.served.values():
        each.slow = 0.03


def check_written_once(served: Fleet, plan: FleetPlan) -> None:
    """No write of a plan is lost, and none is made twice, also where the provider would do so."""
    planned = plan.report.frame.set_index("account")["planned"].to_dict()
    for name, each in served.served.items():
        assert sum(each.writes) >= planned[name], name
        assert max(each.writes) == 1, name


@pytest.fixture(scope="module")
def inside() -> Iterator[Any]:
    """A client of a cluster on threads of this process."""
    from distributed import Client, LocalCluster

    options: dict[str, Any] = {"host": "127.0.0.1", "protocol": "tcp://", "processes": False}
    options |= {"n_workers": 2, "threads_per_worker": 4, "dashboard_address": ":0"}
    with LocalCluster(**options, silence_logs=50) as cluster:
        with Client(cluster, set_as_default=False) as client:
            yield client


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What workers send to the scheduler for their journals."""
    calls: list[bytes] = []
    answer = JournalService._answer

    def noted(service: JournalService, *args: Any) -> bytes:
        calls.append(args[-1])
        return answer(service, *args)

    monkeypatch.setattr(JournalService, "_answer", noted)
    return calls


def test_the_scheduler_keeps_the_journals_of_all_accounts(
    inside: Any, environment: dict[str, str], tmp_path: Path, sent: list[bytes]
) -> None:
    folder = tmp_path / "journals"
    with served_fleet({name: (name, 30) for name in names()}) as served:
        lift_suppressions(served["privy"].app.simulator)
        fleet = ck.fleet(served.accounts, on=inside, journal=f"scheduler:{folder}")
        fleet.export(tmp_path / "people", rows_per_file=10)
        plan = fleet.plan(tmp_path / "people", opt_out)
        report = plan.apply().frame
        assert report["outcome"].tolist() == ["done"] * 4, report["message"].tolist()
        updated = report.set_index("account")["updated"].to_dict()
        again = plan.apply().frame
        assert again["requests"].tolist() == [0] * 4
        assert again["skipped"].tolist() == [*updated.values()]
        assert max(max(each.writes) for each in served.served.values()) == 1
        assert len([*folder.glob("*.sqlite3")]) == 4
        assert fleet.journal()["name"].value_counts().to_dict() == updated
        back = plan.undo(opt_in=True)
        undone = back.apply().frame
        assert undone["outcome"].tolist() == ["done"] * 4
        assert any(undone["updated"])
        assert not [*folder.glob("*-claims/*")]
    begun = [call for call in sent if pickle.loads(call)[2] == "begin"]
    assert len(begun) >= 8
    assert not any(secret.encode() in call for call in sent for secret in variables().values())


def forget_journals(dask_scheduler: Any) -> None:
    """What a scheduler knows that was started again."""
    dask_scheduler.handlers.pop(OPERATION, None)


def test_a_scheduler_without_an_answer_stops_the_account(
    inside: Any, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served_fleet({"acme": ("sent", 5)}) as served:
        fleet = ck.fleet(served.accounts, on=inside, journal=f"scheduler:{tmp_path}/journals")
        fleet.export(tmp_path / "people")
        plan = fleet.plan(tmp_path / "people", opt_out)
        with monkeypatch.context() as patch:
            patch.setattr(engines, "prepare_scheduler", forget_journals)
            report = plan.apply().frame
        assert report["outcome"].tolist() == ["failed"]
        assert "which has the journal, has begun anew" in report["message"][0]
        assert sum(served["acme"].writes) == 0
        assert plan.apply().frame["outcome"].tolist() == ["done"]


def test_apply_on_two_machines_goes_on_after_a_killed_worker(tmp_path: Path) -> None:
    with served_fleet(FOUR) as served, programs(tmp_path, *HOSTS) as (_, client):
        lift_suppressions(served["cedar"].app.simulator)
        on_disk = ck.fleet(served.accounts, on=client, journal=tmp_path / "journals")
        on_disk.export(tmp_path / "people", rows_per_file=20)
        refused = on_disk.plan(tmp_path / "people", opt_out)
        for call in (refused.apply, refused.undo, on_disk.journal):
            with pytest.raises(ck.ConfigurationError, match=r"2 machines.*journal='scheduler'"):
                call()
        fleet = ck.fleet(served.accounts, on=client, journal=f"scheduler:{tmp_path}/journals")
        plan = fleet.read_plan(refused.path)
        slow_down(served)
        processes = client.run(os.getpid)
        call = Call(plan.apply)
        wait_until(lambda: sum(served["acme"].writes) > 5)
        kill(processes[worker_of(client, "acme")])
        report = call.result().frame
        assert report["outcome"].tolist() == ["done"] * 4, report["message"].tolist()
        check_written_once(served, plan)
        assert report["skipped"].tolist()[0] > 0
        assert plan.apply().frame["requests"].tolist() == [0] * 4
        # The entries that the killed worker left open are closed.
        assert {*fleet.journal()["outcome"]} <= {"updated", "unchanged", "unknown"}
    # Nothing is on the disks of the workers.
    assert not [*tmp_path.glob("127*/**/*.sqlite3")]


def test_apply_goes_on_from_the_files_of_a_lost_scheduler(tmp_path: Path) -> None:
    journal = f"scheduler:{tmp_path}/journals"
    with served_fleet(FOUR) as served:
        lift_suppressions(served["cedar"].app.simulator)
        with programs(tmp_path, "127.0.0.1") as (cluster, client):
            fleet = ck.fleet(served.accounts, on=client, journal=journal)
            fleet.export(tmp_path / "people", rows_per_file=20)
            plan = fleet.plan(tmp_path / "people", opt_out)
            slow_down(served)
            call = Call(plan.apply)
            wait_until(lambda: sum(served["acme"].writes) > 5)
            cluster.scheduler.kill()
            lost = call.result().frame
            assert "Lost: the cluster lost it" in lost["message"][0]
        with programs(tmp_path, "127.0.0.2") as (_, client):
            fleet = ck.fleet(served.accounts, on=client, journal=journal)
            doubts = "unknown" in set(fleet.journal()["outcome"])
            report = fleet.read_plan(plan.path).apply().frame
        assert doubts
        assert report["outcome"].tolist() == ["done"] * 4, report["message"].tolist()
        assert report["skipped"].tolist()[0] > 0
        check_written_once(served, plan)


def test_a_worker_that_joins_from_another_machine_fails_its_accounts(tmp_path: Path) -> None:
    with served_fleet({"acme": ("sent", 20)}) as served:
        with programs(tmp_path, HOSTS[0], threads=1) as (cluster, client):
            fleet = ck.fleet(served.accounts, on=client)
            fleet.export(tmp_path / "people")
            plan = fleet.plan(tmp_path / "people", opt_out)
            slow_down(served)
            processes = client.run(os.getpid)
            call = Call(plan.apply)
            wait_until(lambda: sum(served["acme"].writes) > 2)
            cluster.add_worker(HOSTS[1])
            kill(*processes.values())
            report = call.result().frame
            assert report["outcome"].tolist() == ["failed"]
            assert f"not those with which {plan.path} was begun" in report["message"][0]
        had = sum(served["acme"].writes)
        with programs(tmp_path, HOSTS[0]) as (_, client):
            fleet = ck.fleet(served.accounts, on=client)
            report = fleet.read_plan(plan.path).apply().frame
        assert report["outcome"].tolist() == ["done"]
        assert had <= sum(served["acme"].writes) == plan.count("planned")
        assert max(served["acme"].writes) == 1
