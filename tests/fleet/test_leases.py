"""An account whose lease is lost: its task stops, and goes on in another turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._client.export_folder import ExportFolder
from contactkit._fleet import controls, export, plan_steps
from contactkit._fleet.controls import LeaseLostError, ThreadControl
from contactkit._journal.store import Journal
from contactkit._providers import names
from tests.support.consent import NO
from tests.support.fleets import Call, Fleet, served_fleet, wait_until
from tests.support.providers import lift_suppressions

CONTACTS = 40


@dataclass
class FrailLease:
    """A lease that is lost after some checks."""

    checks: float
    is_lost: bool = False

    def check(self) -> None:
        self.checks -= 1
        if self.checks < 0:
            self.is_lost = True
            raise LeaseLostError("its worker stood still")


@dataclass
class Turns:
    """The leases that the tasks of each account get."""

    checks: list[float] = field(default_factory=list[float])
    leases: dict[str, list[FrailLease]] = field(default_factory=dict[str, list[FrailLease]])

    @contextmanager
    def lease(self, name: str) -> Iterator[FrailLease]:
        had = self.leases.setdefault(name, [])
        had.append(FrailLease(dict(enumerate(self.checks)).get(len(had), float("inf"))))
        yield had[-1]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    turns = Turns()
    monkeypatch.setattr(ThreadControl, "lease", lambda control, name: turns.lease(name))
    return turns


def opt_out(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**NO[frame.attrs["provider"]])


@pytest.fixture
def served(environment: dict[str, str]) -> Iterator[Fleet]:
    with served_fleet({name: (name, CONTACTS) for name in names()}) as served:
        lift_suppressions(served["privy"].app.simulator)
        yield served


def test_an_apply_without_its_lease_stops_and_goes_on(
    served: Fleet, turns: Turns, tmp_path: Path
) -> None:
    fleet = ck.fleet(served.accounts, journal=tmp_path / "journals")
    fleet.export(tmp_path / "people", rows_per_file=25)
    plan = fleet.plan(tmp_path / "people", opt_out)
    turns.leases.clear()
    turns.checks = [0, 7, 12]
    report = plan.apply().frame.set_index("account")
    assert report["outcome"].tolist() == ["done"] * 4, report["message"].tolist()
    planned = plan.report.frame.set_index("account")["planned"].to_dict()
    for name, each in served.served.items():
        assert sum(each.writes) == planned[name]
        assert max(each.writes) == 1
    for leases in turns.leases.values():
        assert [lease.is_lost for lease in leases] == [True, True, True, False]
    assert not [*(tmp_path / "journals").glob("*-claims/*")]
    assert {*fleet.journal()["outcome"]} <= {"updated", "unchanged"}


def test_an_export_without_its_lease_stops_and_goes_on(turns: Turns, tmp_path: Path) -> None:
    accounts = {name: {"provider": name, "via": ck.Simulator(contacts=2_300)} for name in names()}
    turns.checks = [0, 2]
    report = ck.fleet(accounts).export(tmp_path, rows_per_file=1_000).frame
    assert report["outcome"].tolist() == ["done"] * 4, report["message"].tolist()
    assert report["rows"].tolist() == [2_300] * 4
    assert all(0 < rows < 2_300 for rows in report["resumed"])
    for leases in turns.leases.values():
        assert [lease.is_lost for lease in leases] == [True, True, False]


def test_ctrl_c_ends_the_wait_for_another_turn(
    turns: Turns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns.checks = [0]

    def stop_at_second_turn(control: ThreadControl, name: str) -> Any:
        if turns.leases.get(name):
            control.stopping.set()
            controls._check_stopped(control)
        return turns.lease(name)

    monkeypatch.setattr(ThreadControl, "lease", stop_at_second_turn)
    accounts = {"acme": {"provider": "sent", "via": ck.Simulator(contacts=5)}}
    report = ck.fleet(accounts).export(tmp_path).frame
    assert report["outcome"].tolist() == ["stopped"]
    assert report["message"].tolist() == ["the call was stopped while it waited for the account"]


def test_an_export_waits_for_the_folder_of_a_task_that_lost_the_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = {"acme": {"provider": "sent", "via": ck.Simulator(contacts=5)}}
    fleet = ck.fleet(accounts)
    with ExportFolder(tmp_path / "account=acme", "test").locked():
        monkeypatch.setattr(export, "OTHERS_PATIENCE", 0.1)
        assert "another export into it is running" in fleet.export(tmp_path).frame["message"][0]
        monkeypatch.undo()
        call = Call(fleet.export, tmp_path)
        wait_until((tmp_path / "_export/acme.begun").exists)
        call.join(0.3)
        assert call.is_alive()
    assert call.result().frame["outcome"].tolist() == ["done"]


def test_an_apply_sends_what_a_task_still_had_that_lost_the_account(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served_fleet({"acme": ("sent", 20)}) as served:
        fleet = ck.fleet(served.accounts, journal=tmp_path / "journals")
        fleet.export(tmp_path / "people")
        plan = fleet.plan(tmp_path / "people", opt_out)
        begun, commit = [], Journal.begin

        def begin_under_two(journal: Journal, intents: Any, lease: Any = None) -> Any:
            """Another task has the first contact."""
            if not begun:
                begun.append((journal, journal.claim()))
                begun.append(commit(journal, intents[:1], begun[0][1]))
            return commit(journal, intents, lease)

        monkeypatch.setattr(Journal, "begin", begin_under_two)
        monkeypatch.setattr(plan_steps, "OTHERS_PATIENCE", 0.1)
        report = plan.apply().frame
        assert report["outcome"].tolist() == ["failed"]
        assert report["message"].tolist()[0].startswith("another process is applying it")
        planned = plan.report.frame["planned"].tolist()[0]
        assert sum(served["acme"].writes) == report["updated"].tolist()[0] == planned - 1
        monkeypatch.setattr(plan_steps, "OTHERS_PATIENCE", 30.0)
        call = Call(plan.apply)
        call.join(0.5)
        assert call.is_alive()
        # It ends without an outcome.
        begun[0][1].close()
        report = call.result().frame
        assert report["outcome"].tolist() == ["done"]
        assert report["updated"].tolist() == [1]
        assert sum(served["acme"].writes) == planned
