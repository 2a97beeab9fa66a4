"""What `contactkit apply` says and asks before it sends, and plans made without an account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import contactkit as ck
from contactkit._providers import find
from contactkit.cli.main import app
from tests.cli.test_plan import rows
from tests.plans.test_home import HARMLESS, SAMPLES
from tests.support.providers import Example
from tests.support.simulator_server import PROGRAM, Served, served
from tests.support.terminal import answer

QUESTION = "Send them? [y/N] "


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files(name: str, example: Example) -> None:
    """One contact before and after an edit, as files."""
    with ck.connect(name, via=ck.Simulator(8)) as client:
        row = client.contacts.get(example.key)
    row.to_csv("before.csv", index=False)
    row.assign(**HARMLESS[name]).to_csv("edited.csv", index=False)


@pytest.fixture
def account(name: str, example: Example, monkeypatch: pytest.MonkeyPatch) -> str:
    """Credentials in the environment, and the digest of their account."""
    for variable, value in example.environment.items():
        monkeypatch.setenv(variable, value)
    with ck.connect(name) as client:
        return client._session.account


def run(*arguments: object, status: int = 0) -> str:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    if isinstance(done.exception, ck.ContactKitError):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


def plan(name: str, *options: object) -> str:
    return run("plan", name, "edited.csv", "--out", "plan.parquet", *options)


def place(name: str, world: str) -> str:
    return f"{find(name).title} at {find(name).base_url}, {world}"


@pytest.mark.parametrize("option", ["--simulator=8", "--simulator 8", "--simulator"])
def test_plan_and_apply_on_a_simulator(files: None, name: str, option: str) -> None:
    printed = plan(name, "--original", "before.csv", *option.split())
    assert f"home: {find(name).base_url}, simulator, account " in printed
    printed = run("apply", *option.split(), "plan.parquet")
    assert printed.startswith(f"1 update to {place(name, 'simulator')}\n")
    assert rows(printed) == [["updated", "1"]]


def test_plan_on_a_simulator_reads_its_contacts(files: None, name: str) -> None:
    assert ["update", "planned", "1"] in rows(plan(name, "--simulator", 8))


def test_simulated_plan_is_not_applied_live(files: None, name: str, account: str) -> None:
    plan(name, "--original", "before.csv", "--simulator")
    base_url = find(name).base_url
    with pytest.raises(ck.ConfigurationError) as caught:
        run("apply", "plan.parquet", "--yes")
    for home in (f"{base_url}, simulator, account ", f"{base_url}, live, account {account}"):
        assert home in str(caught.value)
    assert "(contactkit apply --anyway)" in str(caught.value)


def test_plan_with_an_original_needs_no_credentials(files: None, name: str) -> None:
    printed = plan(name, "--original", "before.csv")
    assert f"home: {find(name).base_url}, live, no account yet\n" in printed
    assert ck.read_plan("plan.parquet").requests == 1
    printed = run("apply", "plan.parquet", "--simulator", "--anyway")
    assert rows(printed) == [["updated", "1"]]
    Path("plan.parquet").unlink()
    with pytest.raises(ck.ConfigurationError, match="needs"):
        plan(name)


def test_plan_with_an_original_knows_the_account_of_the_environment(
    files: None, name: str, account: str
) -> None:
    assert f", live, account {account}\n" in plan(name, "--original", "before.csv")


def test_live_apply_without_a_terminal_needs_yes(files: None, name: str, account: str) -> None:
    plan(name, "--original", "before.csv")
    printed = run("apply", "plan.parquet", status=2)
    assert printed.startswith(f"1 update to {place(name, 'live')}\n")
    assert "without a terminal, sending to a live provider needs --yes" in printed
    assert len(ck.journal()) == 0


def test_first_plan_file_needs_anyway(name: str) -> None:
    sample = SAMPLES / f"{name}_0_1.parquet"
    with pytest.raises(ck.ConfigurationError, match="home is unknown"):
        run("apply", sample, "--simulator", 8)
    assert rows(run("apply", sample, "--simulator", 8, "--anyway")) == [["updated", "1"]]


@pytest.mark.filterwarnings("ignore:Sent deprecated deleting")
@pytest.mark.parametrize("option", ["--create", "--delete"])
def test_announcement_counts_what_is_sent(name: str, example: Example, option: str) -> None:
    with ck.connect(name, via=ck.Simulator(8)) as client:
        people = client.contacts.list()
    new = pd.DataFrame([example.create] if option == "--create" else [])
    edited = pd.concat([people.iloc[2:].assign(**HARMLESS[name]), new])
    edited.to_csv("edited.csv", index=False)
    plan(name, option, "--simulator", 8)
    rows = ck.read_plan("plan.parquet").rows.query("outcome == 'planned'")
    updates = int(rows["operation"].eq("update").sum())
    counted = {0: [], 1: ["1 update"]}.get(updates, [f"{updates} updates"])
    counts = ["1 create", *counted] if option == "--create" else [*counted, "2 deletes"]
    printed = CliRunner().invoke(app, ["apply", "plan.parquet", "--simulator=8"]).output
    assert printed.startswith(f"{', '.join(counts)} to {place(name, 'simulator')}\n")


def test_nothing_to_send_asks_nothing(name: str, account: str) -> None:
    with ck.connect(name, via=ck.Simulator(8)) as client:
        client.contacts.list().to_csv("edited.csv", index=False)
    plan(name, "--original", "edited.csv")
    assert run("apply", "plan.parquet").startswith(f"nothing to {place(name, 'live')}\n")


# live, over a socket


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served("digital_onboarding", "--contacts", "8") as found:
        yield found


@pytest.fixture
def there(server: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("DIGITAL_ONBOARDING_TOKEN", server.credentials["token"])
    server.control("reset")
    with ck.connect(server.provider, base_url=server.base_url) as client:
        people = client.contacts.list()
    people.to_csv("before.csv", index=False)
    people.assign(name_first="Jan").to_csv("edited.csv", index=False)
    return server


def written(server: Served) -> int:
    return sum(contact["writes"] for contact in server.contacts())


@pytest.mark.parametrize(
    ("keys", "status", "writes"),
    [("y\n", 0, 8), ("YES\n", 0, 8), ("n\n", 1, 0), ("\n", 1, 0), ("\x04", 1, 0), ("\x03", 130, 0)],
)
def test_live_apply_asks_on_a_terminal(there: Served, keys: str, status: int, writes: int) -> None:
    plan(there.provider, "--original", "before.csv", "--base-url", there.base_url)
    command = [PROGRAM, "apply", "plan.parquet", "--base-url", there.base_url]
    command += ["--journal", "own.sqlite3"]
    found, shown = answer(command, QUESTION, keys)
    line = f"8 updates to Digital Onboarding at {there.base_url}, live\n{QUESTION}"
    assert shown.startswith(line) and (found, written(there)) == (status, writes), shown
    assert "Traceback" not in shown and len(ck.journal("own.sqlite3")) == writes
    assert status != 1 or shown.endswith("nothing was sent\n")


def test_dry_run_does_not_ask(there: Served) -> None:
    plan(there.provider, "--base-url", there.base_url)
    printed = run("apply", "plan.parquet", "--dry-run", "--base-url", there.base_url)
    assert printed.startswith(f"dry run: 8 updates to Digital Onboarding at {there.base_url}, live")
    assert written(there) == 0


def test_plan_is_bound_at_its_first_apply(there: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIGITAL_ONBOARDING_TOKEN")
    base_url = "--base-url", there.base_url
    assert "no account yet" in plan(there.provider, "--original", "before.csv", *base_url)
    monkeypatch.setenv("DIGITAL_ONBOARDING_TOKEN", there.credentials["token"])
    apply = "apply", "plan.parquet", *base_url, "--yes"
    assert rows(run(*apply, "--limit", 3))[0] == ["updated", "3"]
    monkeypatch.setenv("DIGITAL_ONBOARDING_TOKEN", "of another account")
    with pytest.raises(ck.ConfigurationError, match=r"account .* account"):
        run(*apply)
    monkeypatch.setenv("DIGITAL_ONBOARDING_TOKEN", there.credentials["token"])
    assert sorted(rows(run(*apply))) == [["skipped", "3"], ["updated", "5"]]


def test_plan_is_refused_at_another_address(there: Served) -> None:
    plan(there.provider, "--base-url", there.base_url)
    with pytest.raises(ck.ConfigurationError) as caught:
        run("apply", "plan.parquet", "--yes")
    assert there.base_url in str(caught.value)
    assert find(there.provider).base_url in str(caught.value)
    assert written(there) == 0 and len(ck.journal()) == 0
