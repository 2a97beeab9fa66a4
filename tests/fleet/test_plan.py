"""Plans of a fleet on threads: a part at a time, applied, resumed, undone, and in the journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._fleet import disk_journals
from contactkit._fleet.fleet import Fleet as CkFleet
from contactkit._journal import sqlite
from contactkit._providers import names
from tests.support.consent import NO
from tests.support.fleets import Fleet, served_fleet
from tests.support.providers import lift_suppressions

CONTACTS = 30
EXPECTED = {"updated", "skipped"}


def opt_out(frame: pd.DataFrame) -> pd.DataFrame:
    """Opt out every contact."""
    return frame.assign(**NO[frame.attrs["provider"]])


@pytest.fixture
def served(environment: dict[str, str]) -> Iterator[Fleet]:
    with served_fleet({name: (name, CONTACTS) for name in names()}) as served:
        lift_suppressions(served["privy"].app.simulator)
        yield served


@pytest.fixture
def fleet(served: Fleet, tmp_path: Path) -> CkFleet:
    fleet = ck.fleet(served.accounts, journal=tmp_path / "journals")
    fleet.export(tmp_path / "people", rows_per_file=10)
    return fleet


def noes(served: Fleet, name: str) -> int:
    """How many contacts have a no."""
    state = served[name].app.simulator.state()
    matches = [state[field].eq(value).fillna(False) for field, value in NO[name].items()]
    return int(pd.concat(matches, axis=1).all(axis=1).sum())


def test_plan_sends_nothing_and_apply_sends_it_once(
    served: Fleet, fleet: CkFleet, tmp_path: Path
) -> None:
    before = served.requests
    plan = fleet.plan(tmp_path / "people", opt_out)
    assert served.requests == before
    frame = plan.report.frame.set_index("account")
    assert frame["outcome"].eq("done").all()
    total = frame[["planned", "refused", "unchanged"]].sum(axis=1)
    assert total.tolist() == [CONTACTS] * 4
    report = plan.apply()
    assert report.frame["outcome"].eq("done").all(), report.frame["message"].tolist()
    written = report.frame.set_index("account")["updated"]
    for name in names():
        assert written[name] == frame["planned"][name] > 0
        assert noes(served, name) >= written[name]
        assert sum(served[name].writes) == written[name]
    again = plan.apply().frame.set_index("account")
    assert again["skipped"].equals(written.rename("skipped"))
    assert again["requests"].eq(0).all()


def test_reports_have_the_same_dtypes_when_all_accounts_fail(
    served: Fleet, fleet: CkFleet, tmp_path: Path
) -> None:
    plan = fleet.plan(tmp_path / "people", opt_out)
    account = {"provider": "sent", "api_key": "$NOT_SET"}
    bad = ck.fleet({"one": account, "two": account})
    export = bad.export(tmp_path / "none")
    bad_plan = bad.plan(tmp_path / "none", opt_out)
    pairs = [
        (bad_plan.report, plan.report),
        (bad_plan.apply(), plan.apply(dry_run=True)),
        (bad.check(), fleet.check()),
        (export, fleet.export(tmp_path / "again")),
    ]
    for failed, whole in pairs:
        assert len(failed.failed()) == 2
        assert failed.frame.dtypes.equals(whole.frame.dtypes)
    assert bad_plan.count("planned") == 0


def test_plan_is_loaded_in_another_process(served: Fleet, fleet: CkFleet, tmp_path: Path) -> None:
    plan = fleet.plan(tmp_path / "people", opt_out)
    loaded = ck.fleet(served.accounts, journal=tmp_path / "journals").read_plan(plan.path)
    pd.testing.assert_frame_equal(loaded.report.frame, plan.report.frame)
    assert repr(loaded) == repr(plan)
    assert loaded.apply().frame["updated"].sum() == plan.report.frame["planned"].sum()
    assert plan.apply().frame["updated"].sum() == 0


def test_plan_keeps_a_plan_for_each_part(fleet: CkFleet, tmp_path: Path) -> None:
    plan = fleet.plan(tmp_path / "people", opt_out)
    files = [*plan.path.rglob("*.parquet")]
    assert len(files) > 4
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    assert "kept in" in repr(plan) and "planned" in plan._repr_html_()


def test_undo_of_a_plan_restores_the_contacts(
    served: Fleet, fleet: CkFleet, tmp_path: Path
) -> None:
    before = {name: noes(served, name) for name in names()}
    plan = fleet.plan(tmp_path / "people", opt_out)
    written = plan.apply().frame.set_index("account")["updated"]
    back = plan.undo(opt_in=True)
    report = back.apply().frame.set_index("account")
    # Privy opts nobody in again who has unsubscribed by the API.
    for name in {*names()} - {"privy"}:
        assert report["updated"][name] == written[name]
        assert noes(served, name) == before[name]


def test_undo_without_opt_in_is_refused(fleet: CkFleet, tmp_path: Path) -> None:
    plan = fleet.plan(tmp_path / "people", opt_out)
    plan.apply()
    undoing = plan.undo()
    back = undoing.report.frame.set_index("account")
    assert back["planned"].sum() < back["refused"].sum()
    reason = f"{back['refused']['sent']} times: refused: opt_out: would opt in a contact"
    assert back["message"]["sent"].startswith(reason)
    assert reason in repr(undoing) and back["outcome"].eq("done").all()


def test_an_edit_that_raises_is_a_row(served: Fleet, fleet: CkFleet, tmp_path: Path) -> None:
    def edit(frame: pd.DataFrame) -> pd.DataFrame:
        if frame.attrs["provider"] == "privy":
            raise KeyError("+12125550123")
        if frame.attrs["provider"] == "sent":
            raise SystemExit(1)
        if frame.attrs["provider"] == "sendblue":
            return None  # pyright: ignore[reportReturnType]
        return opt_out(frame)

    plan = fleet.plan(tmp_path / "people", edit)
    outcomes = plan.report.frame.set_index("account")
    assert outcomes["outcome"]["digital_onboarding"] == "done"
    message = outcomes["message"]["privy"]
    assert "KeyError" in message and "raised by the edit of part 1" in message
    assert "5550123" not in message
    assert "SystemExit" in outcomes["message"]["sent"]
    assert "must be a DataFrame" in outcomes["message"]["sendblue"]
    report = plan.apply().frame.set_index("account")
    assert report["outcome"]["digital_onboarding"] == "done"
    assert "is not whole" in report["message"]["privy"]
    assert sum(served["privy"].writes) == 0


def test_plan_of_an_account_without_an_export_is_a_row(
    served: Fleet, fleet: CkFleet, tmp_path: Path
) -> None:
    accounts = served.accounts | {"new": served.accounts["sent"]}
    plan = ck.fleet(accounts, journal=tmp_path / "journals").plan(tmp_path / "people", opt_out)
    assert plan.failed()["account"].tolist() == ["new"]
    assert "call fleet.export first" in plan.failed()["message"].iloc[0]


def test_a_no_that_came_meanwhile_stands(served: Fleet, fleet: CkFleet, tmp_path: Path) -> None:
    def opt_in(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(opt_out=False)

    plan = ck.fleet({"sent": served.accounts["sent"]}, journal=tmp_path / "journals").plan(
        tmp_path / "people", opt_in, opt_in=True
    )
    simulator = served["sent"].app.simulator
    written = plan.report.frame["planned"].iloc[0]
    file = next(plan.path.rglob("account=sent/*.parquet"))
    with ck.connect("sent", via=ck.Simulator()) as client:
        key = next(w.key for w in ck.read_plan(file, client).contacts if not w.problems)
    simulator.put(key, opt_out=True)
    report = plan.apply().frame.iloc[0]
    assert report["refused"] >= 1 and report["updated"] < written
    state = simulator.state().set_index("id")
    assert state["opt_out"][key]


def test_two_names_of_one_account_write_once(
    served: Fleet, environment: dict[str, str], tmp_path: Path
) -> None:
    accounts = {f"privy-{number}": served.accounts["privy"] for number in range(2)}
    fleet = ck.fleet(accounts, journal=tmp_path / "journals")
    fleet.export(tmp_path / "people")
    report = fleet.plan(tmp_path / "people", opt_out).apply().frame
    assert sorted(report["updated"]) == [0, report["skipped"].max()]
    assert max(served["privy"].writes) == 1
    assert len([*(tmp_path / "journals").glob("*.sqlite3")]) == 1


def test_journal_has_the_writes_of_all_accounts(fleet: CkFleet, tmp_path: Path) -> None:
    assert len(fleet.journal()) == 0
    report = fleet.plan(tmp_path / "people", opt_out).apply().frame.set_index("account")
    journal = fleet.journal()
    assert journal.columns[0] == "name"
    assert journal["made_at"].is_monotonic_increasing
    counts = journal[journal["outcome"] == "updated"]["name"].value_counts()
    for name in names():
        assert counts[name] == report["updated"][name]
    one = fleet.journal(account=journal["account"].iloc[0])
    assert one["name"].nunique() == 1
    with pytest.raises(ck.InvalidInputError, match="8 digits"):
        fleet.journal(account="acme")


def test_journal_that_another_process_holds_fails_its_account_alone(
    served: Fleet, fleet: CkFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = fleet.plan(tmp_path / "people", opt_out)
    monkeypatch.setattr(sqlite, "PATIENCE", 0.05)
    folder, account = tmp_path / "journals", fleet.accounts["sent"]
    with account.connect() as client:
        file = folder / fleet.journals.name(account, client._session)
    folder.mkdir()
    # As one that is stopped in the middle of a write.
    with closing(sqlite3.connect(file, isolation_level=None)) as holding:
        holding.execute("BEGIN IMMEDIATE")
        report = plan.apply()
    assert report.failed()["account"].tolist() == ["sent"]
    assert "is locked by another process" in report.failed()["message"].iloc[0]
    report = plan.apply()
    assert report.frame["outcome"].eq("done").all()
    for name in names():
        planned = plan.report.frame.set_index("account")["planned"][name]
        assert sum(served[name].writes) == planned and max(served[name].writes) == 1


def test_journals_on_a_network_disk_are_refused(
    served: Fleet, fleet: CkFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, mounts = fleet.plan(tmp_path / "people", opt_out), tmp_path / "mounts"
    monkeypatch.setattr(disk_journals, "_MOUNTS", mounts)
    for kind in ("nfs4", "cifs", "fuse.sshfs", "smb3"):
        journals = f"host:/x {tmp_path}/journals {kind} rw 0 0"
        mounts.write_text(f"overlay / overlay rw 0 0\n{journals}\n")
        report = plan.apply()
        assert report.frame["outcome"].eq("failed").all()
        assert f"on a network disk ({kind})" in report.frame["message"].iloc[0]
        assert all(sum(each.writes) == 0 for each in served.served.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"edit": "opt_out"}, "edit: must be a function"),
        ({"edit": opt_out, "create": "yes"}, "create: must be True or False"),
    ],
)
def test_plan_checks_its_arguments(
    fleet: CkFleet, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ck.InvalidInputError, match=message):
        fleet.plan(tmp_path / "people", **options)


@pytest.mark.parametrize(
    "options", [{"concurrency": 0}, {"dry_run": 1}, {"on_conflict": "skip"}, {"patience": -1}]
)
def test_apply_checks_its_options_once(
    served: Fleet, fleet: CkFleet, tmp_path: Path, options: dict[str, Any]
) -> None:
    plan = fleet.plan(tmp_path / "people", opt_out)
    with pytest.raises(ck.InvalidInputError, match=f"fleet apply: {next(iter(options))}: must be"):
        plan.apply(**options)
    assert all(sum(each.writes) == 0 for each in served.served.values())


def test_apply_on_several_machines_is_refused(
    fleet: CkFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = fleet.plan(tmp_path / "people", opt_out)
    monkeypatch.setattr(type(fleet.engine), "hosts", lambda engine: {"10.0.0.1", "10.0.0.2"})
    for call in (plan.apply, plan.undo):
        with pytest.raises(ck.ConfigurationError, match="the workers are on 2 machines"):
            call()
