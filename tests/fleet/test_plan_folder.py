"""The folder of a fleet's plan, when it is damaged or of other accounts: nothing is left out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._fleet.fleet import Fleet
from tests.support.consent import NO

ROW = {
    "account": "acme",
    "provider": "sent",
    "outcome": "done",
    "requests": 0,
    "message": "",
    "seconds": 0.0,
}


def opt_out(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**NO[frame.attrs["provider"]])


def make_fleet(folder: Path, *names: str) -> Fleet:
    accounts = {name: {"provider": "sent", "via": ck.Simulator(contacts=30)} for name in names}
    return ck.fleet(accounts, journal=folder / "journals")


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    fleet = make_fleet(tmp_path, "acme", "birch")
    fleet.export(tmp_path / "people", rows_per_file=10)
    return fleet


def remove_plan(folder: Path) -> None:
    next(folder.glob("*.parquet")).unlink()


def add_plan(folder: Path) -> None:
    shutil.copy(next(folder.glob("*.parquet")), folder / "part-99999-00000000.parquet")


def damage_note(folder: Path) -> None:
    (folder / "whole.json").write_bytes(b"\xff")


def remove_note(folder: Path) -> None:
    (folder / "whole.json").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove_plan, "lacks files or has other ones"),
        (add_plan, "lacks files or has other ones"),
        (damage_note, "is not whole"),
        (remove_note, "is not whole"),
        (shutil.rmtree, "was not made with the others"),
    ],
)
def test_a_plan_that_is_damaged_is_not_applied_in_part(
    fleet: Fleet, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    plan = fleet.plan(tmp_path / "people", opt_out)
    damage(plan.path / "account=acme")
    for report in (plan.apply(), plan.undo().report):
        assert report.failed()["account"].tolist() == ["acme"]
        assert f"the plan of acme {message}" in report.failed()["message"].iloc[0]
        assert report.frame["requests"].tolist()[0] == 0


def test_report_adds_a_reason_of_all_parts(tmp_path: Path) -> None:
    rarest = ["last_name", "company_name", "assigned_to_email"] * 3 + ["first_name"]
    wrong = iter([rarest, ["first_name"] * 10])

    def write_numbers(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype(object)
        for row, name in enumerate(next(wrong)):
            frame.iloc[row, frame.columns.get_loc(name)] = 5
        return frame

    accounts = {"acme": {"provider": "sendblue", "via": ck.Simulator(contacts=20)}}
    fleet = ck.fleet(accounts, journal=tmp_path / "journals")
    fleet.export(tmp_path / "people", rows_per_file=10)
    (message,) = fleet.plan(tmp_path / "people", write_numbers).report.frame["message"]
    reason = "refused: first_name: must be text, not a number"
    assert message.startswith(f"11 times: {reason}; 3 times: refused: ")


def test_read_plan_names_accounts_that_the_fleet_lacks(fleet: Fleet, tmp_path: Path) -> None:
    plan = fleet.plan(tmp_path / "people", opt_out)
    with pytest.warns(ck.ContactKitWarning, match="plans for accounts that the fleet lacks: birch"):
        read = make_fleet(tmp_path, "acme").read_plan(plan.path)
    assert read.report.frame["account"].tolist() == ["acme"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        json.dumps({"rows": [ROW]}),
        json.dumps({"format": 2, "rows": [ROW]}),
        json.dumps({"format": 1, "rows": [ROW, ROW]}),
        json.dumps({"format": 1, "rows": [ROW | {"account": "other"}]}),
        json.dumps({"format": 1, "rows": [ROW | {"account": ["acme"]}]}),
        json.dumps({"format": 1, "rows": [ROW | {"outcome": "other"}]}),
        json.dumps({"format": 1, "rows": [ROW | {"planned": "many"}]}),
        json.dumps({"format": 1, "rows": [{"account": "acme"}]}),
    ],
)
def test_read_plan_refuses_what_is_no_plan(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(ck.ConfigurationError, match=r"no plan of a fleet|no account of this"):
        make_fleet(tmp_path, "acme").read_plan(tmp_path)


@pytest.mark.parametrize("path", [None, 5, ["people"]])
def test_read_plan_needs_a_path(tmp_path: Path, path: Any) -> None:
    with pytest.raises(ck.InvalidInputError, match="path: must be the path of a folder"):
        make_fleet(tmp_path, "acme").read_plan(path)
