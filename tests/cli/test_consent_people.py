"""`contactkit consent`: what it shows, plans, applies and guards, and its exit status."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import contactkit as ck
from contactkit._providers import names
from contactkit.cli.main import app

ALL = [*names(), "--simulator"]
SENT = "id,phone_number,opt_out,is_inherited\n"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["consent", *map(str, arguments)])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sources(opt_out: str, is_inherited: str = "false", key: str = "1") -> list[str]:
    """A file in which somebody says no, and another with the same number."""
    Path("blue.csv").write_text("phone,opt_out\n+12025550123,true\n")
    Path("sent.csv").write_text(f"{SENT}{key},+12025550123,{opt_out},{is_inherited}\n")
    return ["sendblue=blue.csv", "sent=sent.csv"]


def test_show_counts_people_and_ages():
    done = run("show", *ALL)
    assert done.exit_code == 1
    assert "denied_elsewhere" in done.output and "from privy: " in done.output


@pytest.mark.parametrize("command", ["show", "conflicts"])
@pytest.mark.parametrize(
    ("opt_out", "is_inherited", "status"),
    [("true", "false", 0), ("false", "false", 1), ("false", "true", 3)],
)
def test_status_says_what_is_left(command, opt_out, is_inherited, status):
    done = run(command, *sources(opt_out, is_inherited))
    assert done.exit_code == status, done.output


def test_text_of_a_file_controls_no_terminal():
    done = run("conflicts", *sources("false", "true", key="\x1b[2J"))
    assert done.exit_code == 3
    assert "\x1b[2J" not in done.output and "stuck" in done.output


def test_plans_are_saved_and_applied_together(folder):
    planned = run("plan", *ALL, "--out", "plans")
    assert planned.exit_code == 1, planned.output
    assert {path.stem for path in (folder / "plans").iterdir()} == {*names()}
    again = run("plan", *ALL, "--out", "plans")
    assert again.exit_code == 2 and "must be a new or an empty folder" in again.output
    done = run("apply", "plans", "--simulator")
    assert done.exit_code == 1 and "updated" in done.output and "read-only" in done.output


def test_a_folder_without_plans_is_refused(folder):
    assert isinstance(run("apply", folder).exception, ck.ConfigurationError)


def test_apply_refuses_a_plan_of_something_else(folder):
    client = ck.connect("sent", via=ck.Simulator(contacts=8))
    no = client.contacts.list().query("opt_out")
    plan = client.contacts.plan(no.assign(opt_out=False), no, opt_in=True)
    plan.to_parquet(folder / "yes.parquet")
    refused = run("apply", folder, "--simulator").exception
    assert "yes.parquet: is not a plan of `contactkit consent plan`" in str(refused)


def test_guard_keeps_the_rows_that_may_be_written_to():
    Path("campaign.csv").write_text("to,name\n+12025550123,Ada\n+12025550124,Kofi\nx,Mara\n")
    Path("sent.csv").write_text(f"{SENT}1,+12025550123,true,false\n2,+12025550124,false,false\n")
    command = ["guard", "campaign.csv", "sent=sent.csv", "--channel", "text", "--out", "a.csv"]
    assert isinstance(run(*command).exception, ck.InvalidInputError)  # its age is not known
    assert not Path("a.csv").exists()
    done = run(*command, "--max-age", "any")
    assert done.exit_code == 0, done.output
    assert "1 of 3 rows" in done.output and "left out, denied: 1" in done.output
    assert pd.read_csv("a.csv")["name"].tolist() == ["Kofi"]


@pytest.mark.parametrize(
    "cell", ["=1+1", "'=1+1", "-5", "0044", "a\rb", "a\r\nb", " x", "NA", "1.50", "a,b"]
)
def test_guard_writes_the_cells_as_they_were(cell: str):
    Path("sent.csv").write_text(f"{SENT}2,+12025550124,false,false\n")
    with open("campaign.csv", "w", newline="") as file:
        csv.writer(file).writerows([["to", "note"], ["+12025550124", cell]])
    command = ["guard", "campaign.csv", "sent=sent.csv", "--channel", "text", "--out", "a.csv"]
    done = run(*command, "--max-age", "any")
    assert done.exit_code == 0, done.output
    assert Path("a.csv").read_bytes() == Path("campaign.csv").read_bytes()


def test_history_lists_what_a_person_said():
    done = run("history", "+12025550123", *sources("false"))
    assert done.exit_code == 0 and "opt_out=True" in done.output and "nan" not in done.output
    unknown = run("history", "+12025550199", *sources("false"))
    assert unknown.output == "no source has this address\n"


def test_a_source_that_is_no_provider_is_named():
    assert "nobody" in str(run("show", "nobody").exception)


def test_two_sources_with_one_name_are_refused():
    done = run("show", *sources("false"), "sent=blue.csv")
    assert done.exit_code == 2
    assert "sent: two sources have this name" in " ".join(done.output.split())
