"""`contactkit plan` and `apply` opt in nobody who opted out, unless the plan says --opt-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

import contactkit as ck
from contactkit.cli.main import app
from tests.support.simulator_server import PROGRAM, Served, served
from tests.support.terminal import answer

NAME = "digital_onboarding"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(NAME, "--contacts", "8") as server:
        yield server


@pytest.fixture
def live(server: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Served:
    """The provider, begun again, with its credentials in the environment."""
    monkeypatch.setenv("DIGITAL_ONBOARDING_TOKEN", server.credentials["token"])
    monkeypatch.chdir(tmp_path)
    server.control("reset")
    return server


def run(live: Served, *arguments: object, status: int = 0) -> str:
    command = [*map(str, arguments), "--base-url", live.base_url]
    done: Result = CliRunner().invoke(app, command)
    assert done.exit_code == status, done.output
    return done.output


def opted_out(live: Served) -> int:
    return sum(contact["sms_unsubscribed"] for contact in live.contacts())


@pytest.fixture
def edited(live: Served) -> Path:
    """A file that opts in everybody."""
    with ck.connect(NAME, base_url=live.base_url) as client:
        people = client.contacts.list()
    everybody = people.assign(sms_opted_in=True, sms_authorized=True, sms_unsubscribed=False)
    everybody.to_csv("edited.csv", index=False)
    return Path("edited.csv")


def test_plan_without_opt_in_refuses_contacts_that_opted_out(live, edited):
    before = opted_out(live)
    assert before
    printed = run(live, "plan", NAME, edited, "--out", "plan.parquet")
    assert "opts in:" not in printed
    assert "first consent for" in printed
    run(live, "apply", "plan.parquet", "--yes", status=1)
    assert opted_out(live) == before


def test_plan_with_opt_in_counts_them_first(live, edited):
    before = opted_out(live)
    printed = run(live, "plan", NAME, edited, "--opt-in", "--out", "plan.parquet")
    people = "1 person" if before == 1 else f"{before} people"
    assert printed.startswith(f"opts in: {people} who had opted out\n")
    run(live, "apply", "plan.parquet", "--yes")
    assert opted_out(live) == 0


def test_old_file_opts_in_nobody_who_opted_out_since(live, edited):
    # Another journal: the no is not our own write.
    with ck.connect(NAME, base_url=live.base_url, journal="other.sqlite3") as client:
        people = client.contacts.list()
        people.to_csv("old.csv", index=False)
        row = people[~people["sms_unsubscribed"]].head(1)
        client.contacts.update(row, sms_unsubscribed=True)
    before = opted_out(live)
    run(live, "plan", NAME, "old.csv", "--on-conflict", "overwrite", "--out", "plan.parquet")
    run(live, "apply", "plan.parquet", "--yes", status=1)
    assert opted_out(live) == before


@pytest.mark.parametrize(("keys", "status"), [("n\n", 1), ("\n", 1), ("y\n", 0)])
def test_yes_does_not_answer_the_question_about_opting_in(live, edited, keys, status):
    before = opted_out(live)
    run(live, "plan", NAME, edited, "--opt-in", "--out", "plan.parquet")
    command = [PROGRAM, "apply", "plan.parquet", "--yes", "--base-url", live.base_url]
    people = "1 person" if before == 1 else f"{before} people"
    question = f"Opt in {people} who had opted out? [y/N] "
    found, shown = answer([*command, "--journal", "own.sqlite3"], question, keys)
    assert question in shown and found == status, shown
    assert opted_out(live) == (before if status else 0)


def test_dry_run_asks_nothing_about_opting_in(live, edited):
    before = opted_out(live)
    run(live, "plan", NAME, edited, "--opt-in", "--out", "plan.parquet")
    command = [PROGRAM, "apply", "plan.parquet", "--dry-run", "--base-url", live.base_url]
    found, shown = answer(command, "?", "")
    assert found == 0 and "[y/N]" not in shown, shown
    assert opted_out(live) == before
