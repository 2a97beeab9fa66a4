"""Exports of a fleet on threads: whole, resumed, and with accounts that fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import contactkit as ck
from contactkit._fleet import progress
from contactkit._providers import names
from tests.support.fleets import keys_in, served_fleet


def simulated(count: int = 3, contacts: int = 20) -> dict[str, dict[str, Any]]:
    return {
        f"{name}-{number}": {"provider": name, "via": ck.Simulator(contacts=contacts, seed=number)}
        for name in names()
        for number in range(count)
    }


def test_export_has_a_folder_for_each_account_and_one_schema(tmp_path: Path) -> None:
    accounts = simulated()
    report = ck.fleet(accounts).export(tmp_path / "people", rows_per_file=7)
    assert report.frame["account"].tolist() == [*accounts]
    assert report.frame["outcome"].eq("done").all()
    assert report.frame["rows"].tolist() == [20] * 12
    assert not len(report.failed())
    assert (tmp_path / "people/_SUCCESS").exists()
    for name in names():
        folders = (tmp_path / "people").glob(f"account={name}-*")
        files = [file for folder in folders for file in folder.glob("*.parquet")]
        schemas = {parquet.read_schema(file).remove_metadata().to_string() for file in files}
        assert len(files) > 3 and len(schemas) == 1
    # The columns that providers share have one type, so that all can be read together.
    pa.unify_schemas([ck.schema(name) for name in names()])


def test_read_contacts_reads_all_accounts_of_a_provider(tmp_path: Path) -> None:
    accounts = {name: each for name, each in simulated().items() if each["provider"] == "sent"}
    ck.fleet(accounts).export(tmp_path / "people")
    assert len(ck.read_contacts(tmp_path / "people", "sent")) == 60


def test_export_again_goes_on_with_the_accounts_that_failed(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "people"
    with served_fleet({name: (name, 5) for name in names()}) as served:
        accounts = served.accounts
        accounts["late"] = accounts["sent"] | {"api_key": "$LATE_KEY"}
        monkeypatch.setenv("LATE_KEY", "00000000-0000-4000-8000-00000000dead")
        fleet = ck.fleet(accounts)
        report = fleet.export(folder)
        assert report.failed()["account"].tolist() == ["late"]
        assert "AuthenticationError" in report.failed()["message"].iloc[0]
        assert not (folder / "_SUCCESS").exists()
        first, requests = report.frame, served.requests
        monkeypatch.setenv("LATE_KEY", environment["FLEET_SENT_API_KEY"])
        report = fleet.export(folder)
        assert not len(report.failed())
        assert (folder / "_SUCCESS").exists()
        assert served.requests == requests + 1
        others = report.frame["account"] != "late"
        assert report.frame.loc[others, "requests"].eq(0).all()
        assert report.frame.loc[others, "rows"].equals(first.loc[others, "rows"])


def test_export_begins_a_new_run_once_all_are_whole(tmp_path: Path) -> None:
    fleet = ck.fleet(simulated(1))
    folder = tmp_path / "people"
    for _ in range(2):
        report = fleet.export(folder)
        assert report.frame["requests"].eq(1).all()
        assert report.frame["resumed"].eq(0).all()
    assert not (folder / "_export").exists()
    assert sorted(path.name for path in folder.iterdir() if path.name[0] != ".") == [
        "_SUCCESS",
        "_folder",
        *sorted(f"account={name}" for name in fleet.accounts),
    ]


def test_export_of_two_names_of_one_account_takes_turns(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with served_fleet({"acme": ("sent", 300)}) as served:
        accounts = {"acme": served.accounts["acme"], "acme-again": served.accounts["acme"]}
        report = ck.fleet(accounts).export(tmp_path)
        assert report.frame["rows"].tolist() == [300, 300]
        # One waits until the other has read all pages.
        pages = [int(query["page"]) for query in served["acme"].queries]
        assert sorted(pages[:3]) == sorted(pages[3:]) == [1, 2, 3]
        for name in accounts:
            assert sorted(keys_in(tmp_path, name, "id")) == sorted(served["acme"].rows)


def test_export_warns_of_accounts_that_the_fleet_lacks(tmp_path: Path) -> None:
    ck.fleet(simulated(2)).export(tmp_path)
    with pytest.warns(ck.ContactKitWarning, match=r"accounts that the fleet lacks: .*sent-1"):
        ck.fleet(simulated(1)).export(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folder": ""}, "folder: must be the path"),
        ({"folder": "x", "resume": "yes"}, "resume: must be True or False"),
        ({"folder": "x", "rows_per_file": 0}, "rows_per_file: must be a whole number"),
    ],
)
def test_export_checks_its_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ck.InvalidInputError, match=message):
        ck.fleet(simulated(1)).export(**options)


def test_export_without_resume_replaces_another_export(tmp_path: Path) -> None:
    folder = tmp_path / "account=sent-0"
    with ck.connect("sent", via=ck.Simulator(contacts=3)) as other:
        other.contacts.export(folder, channel="sms")
    fleet = ck.fleet(simulated(1))
    report = fleet.export(tmp_path)
    assert "another filter" in report.failed()["message"].iloc[0]
    report = fleet.export(tmp_path, resume=False)
    assert report.frame["rows"].tolist() == [20] * 4


def test_interrupt_lets_what_has_begun_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet = ck.fleet(simulated(12))
    look, interrupted = progress._Watch.look, []

    def interrupt(watch: Any) -> None:
        look(watch)
        if watch.rows and not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt

    monkeypatch.setattr(progress._Watch, "look", interrupt)
    monkeypatch.setattr("contactkit._fleet.local_engines._MOST_THREADS", 2)
    report = fleet.export(tmp_path)
    assert {*report.frame["outcome"]} == {"done", "stopped"}
    assert report.failed()["message"].eq("not begun").all()
    assert "stopping: what has begun goes on" in capsys.readouterr().err
    assert not (tmp_path / "_SUCCESS").exists()
    again = fleet.export(tmp_path)
    assert again.frame["outcome"].eq("done").all()
    assert again.frame["requests"].sum() == len(report.failed())
    assert (tmp_path / "_SUCCESS").exists()
