"""`contactkit plan` and `contactkit apply` as they are typed, against a served simulator."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result
from typer.testing import CliRunner

import contactkit as ck
import contactkit.cli.apply
from contactkit._frames.frame import RESULT_COLUMNS, STRING
from contactkit._frames.nested import CONTACT
from contactkit.cli.apply import _save
from contactkit.cli.main import app
from tests.support.simulator_server import PROGRAM, Served, served
from tests.support.terminal import on_a_terminal

NAME = "digital_onboarding"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """A provider that has no rate limit."""
    with served(NAME, "--contacts", "8") as found:
        yield found


@pytest.fixture
def there(server: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Served:
    """The same, begun again, with its credentials in the environment."""
    monkeypatch.setenv("DIGITAL_ONBOARDING_TOKEN", server.credentials["token"])
    monkeypatch.chdir(tmp_path)
    server.control("faults")
    server.control("reset")
    return server


@pytest.fixture(scope="module")
def limited() -> Iterator[Served]:
    """A provider with a rate limit, under which fifty contacts take a while."""
    with served("sent", "--contacts", "50") as found:
        yield found


@pytest.fixture
def slowly(limited: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Served:
    monkeypatch.setenv("SENT_DM_API_KEY", limited.credentials["api_key"])
    monkeypatch.chdir(tmp_path)
    limited.control("reset")
    return limited


@pytest.fixture
def people(there: Served) -> pd.DataFrame:
    with ck.connect(there.provider, base_url=there.base_url) as client:
        return client.contacts.list()


def run(at: Served, *arguments: object, status: int = 0) -> str:
    """What the command prints, however it is folded; an error of contactkit is raised."""
    command = [*map(str, arguments), "--base-url", at.base_url]
    command += ["--yes"] if command[0] == "apply" else []
    done: Result = CliRunner().invoke(app, command)
    if isinstance(done.exception, ck.ContactKitError):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


def rows(printed: str) -> list[list[str]]:
    """The cells of all tables."""
    lines = [each for each in printed.splitlines() if each.startswith("│")]
    return [[cell.strip() for cell in each.split("│")[1:-1]] for each in lines]


def planned(at: Served, frame: pd.DataFrame, *options: object) -> Path:
    """The file of a plan that makes the contacts this frame."""
    edited, plan = Path("edited.csv"), Path("plan.parquet")
    frame.to_csv(edited, index=False)
    run(at, "plan", at.provider, edited, "--out", plan, *options)
    return plan


# plan


def test_plan_is_shown_and_saved(there, people):
    people.to_csv("before.csv", index=False)
    people.loc[1, "email"] = "no address"
    people.assign(name_first="Jan").to_csv("edited.csv", index=False)
    asked = "plan", NAME, "edited.csv", "--original", "before.csv", "--out", "plan.parquet"
    printed = run(there, *asked)
    plan = ck.read_plan("plan.parquet")
    output = rows(printed)
    assert ["update", "refused", "1"] in output
    key = people.loc[1, "id"]
    wrong = [each for each in output if each[0] == key and each[1] == "email"]
    assert wrong[0][3] == "no address" and wrong[0][4].startswith("row 2: must be")
    assert "requests: 7, one per contact; no known rate limit\n" in printed
    assert f"digest: {plan.digest[:12]}\nsaved to plan.parquet\n" in printed
    assert len(plan) == 8 and all(each["writes"] == 0 for each in there.contacts())


def test_plan_shows_the_first_cells_and_counts_the_rest(there, people):
    people.assign(name_first="Jan", name_last="Doe").to_csv("edited.csv", index=False)
    printed = run(there, "plan", NAME, "edited.csv")
    changed = (people["name_first"] != "Jan").sum() + (people["name_last"] != "Doe").sum()
    assert f"and {changed - 10} more cells\n" in printed
    assert len([each for each in rows(printed) if len(each) == 5 and each[0]]) == 10


def test_plan_shows_its_eta(slowly):
    with ck.connect("sent", base_url=slowly.base_url) as client:
        everybody = client.contacts.list()
    everybody.assign(opt_out=True).to_csv("edited.csv", index=False)
    assert "; the last is sent " in run(slowly, "plan", "sent", "edited.csv")


def test_plan_reads_csv_and_parquet(there, people):
    edited = people.assign(name_first="Jan", active_journey_ids=[["a", "b"]] * len(people))
    edited.to_csv("edited.csv", index=False)
    edited.set_index("id").to_parquet("edited.parquet")
    digests = [
        run(there, "plan", NAME, f"edited.{each}").rsplit("digest: ")[1]
        for each in ("csv", "parquet")
    ]
    assert digests[0] == digests[1]


def test_plan_reads_excel_and_other_columns(there, people):
    edited = people[["id"]].assign(Given="Jan", Mobile="(202) 555-0123", Notes="x")
    edited.to_excel("edited.xlsx", index=False)
    rename = "{'Given': 'name_first', 'Mobile': 'phone_mobile', 'Notes': None}"
    options = ["edited.xlsx", "--rename", rename, "--region", "US"]
    output = rows(run(there, "plan", NAME, *options))
    assert {each[3] for each in output if each[1:2] == ["phone_mobile"]} == {"+12025550123"}
    with pytest.raises(ck.ConfigurationError) as caught:
        run(there, "plan", NAME, "edited.xlsx")
    suggested = re.search(r"rename=(\{.*\}),", str(caught.value))[1]
    run(there, "plan", NAME, "edited.xlsx", "--rename", suggested, "--region", "US")


def test_plan_of_excel_without_its_extra_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with zipfile.ZipFile(tmp_path / "edited.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "")
    done = CliRunner().invoke(app, ["plan", NAME, str(tmp_path / "edited.xlsx")])
    assert isinstance(done.exception, ck.ConfigurationError)
    assert 'pip install "contactkit[excel]"' in str(done.exception)


def test_plan_reads_each_file_in_its_encoding(there, people):
    people.assign(name_first="Zoë").to_csv("edited.csv", index=False, encoding="cp1252")
    people.assign(name_first="Łucja").to_csv("before.csv", index=False, encoding="utf-16-le")
    options = ["edited.csv", "--encoding", "cp1252", "--original", "before.csv"]
    output = run(there, "plan", NAME, *options, "--original-encoding", "utf-16-le")
    assert any(each[1:4] == ["name_first", "Łucja", "Zoë"] for each in rows(output))
    with pytest.raises(ck.ConfigurationError, match=r"before\.csv: .* fits encoding='utf-16-le'"):
        run(there, "plan", NAME, *options)


def test_plan_of_equal_or_empty_cells_changes_nothing(there, people):
    people.assign(name_first=pd.NA).to_csv("edited.csv", index=False)
    printed = run(there, "plan", NAME, "edited.csv")
    assert rows(printed) == [["update", "unchanged", str(len(people))]]
    assert "requests: none\n" in printed


def test_plan_creates_and_deletes_only_with_its_options(there, people):
    new = pd.DataFrame({"unique_id": ["core-30001"], "email": ["new@example.com"]})
    edited = pd.concat([people.head(len(people) - 2), new])
    edited.to_csv("edited.csv", index=False)
    output = rows(run(there, "plan", NAME, "edited.csv", "--create"))
    assert ["create", "planned", "1"] in output and ["absent", "unchanged", "2"] in output
    output = rows(run(there, "plan", NAME, "edited.csv", "--create", "--delete"))
    assert ["create", "planned", "1"] in output and ["delete", "refused", "2"] in output
    people.head(len(people) - 2).to_csv("fewer.csv", index=False)
    output = rows(run(there, "plan", NAME, "fewer.csv", "--create", "--delete"))
    assert ["delete", "planned", "2"] in output
    output = rows(run(there, "plan", NAME, "edited.csv", "--delete"))
    assert ["create", "refused", "1"] in output and ["delete", "refused", "2"] in output


def test_plan_without_original_refuses_contacts_that_have_changed(there, people):
    people.to_csv("before.csv", index=False)
    people.assign(name_first="Jan").to_csv("edited.csv", index=False)
    there.control("contacts", key=people.loc[0, "id"], name_last="Zoe")
    plan = "plan", NAME, "edited.csv"
    printed = run(there, *plan)
    assert ["update", "refused", "1"] in rows(printed)
    assert "changed since it was read" in printed and "read-only" not in printed
    overwriting = rows(run(there, *plan, "--on-conflict", "overwrite"))
    assert ["update", "planned", "8"] in overwriting and ["Zoe"] in [r[2:3] for r in overwriting]
    assert "Zoe" not in run(there, *plan, "--original", "before.csv")
    with pytest.raises(ck.InvalidInputError, match="only for a plan without original"):
        run(there, *plan, "--original", "before.csv", "--on-conflict", "overwrite")


def test_plan_of_a_provider_without_a_time_of_last_change_says_so(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with served("sendblue", "--contacts", "3") as there:
        monkeypatch.setenv("SENDBLUE_API_API_KEY", there.credentials["api_key"])
        monkeypatch.setenv("SENDBLUE_API_API_SECRET", there.credentials["api_secret"])
        with ck.connect("sendblue", base_url=there.base_url) as client:
            client.contacts.list().assign(first_name="Jan").to_csv("edited.csv", index=False)
        printed = run(there, "plan", "sendblue", "edited.csv")
    assert "note: Sendblue tells no time of last change; give the frame" in printed


def test_plan_shows_unreadable_cells_and_stops(there, people):
    words = people.astype({"birthdate": "string"})
    words.loc[2, "birthdate"] = "last May"
    words.to_csv("edited.csv", index=False)
    arguments = ["plan", NAME, "edited.csv", "--out", "plan.parquet"]
    with pytest.warns(ck.ContactKitWarning, match="became NA"):
        done = CliRunner().invoke(app, [*arguments, "--base-url", there.base_url])
    assert rows(done.output)[0][:3] == ["3", people.loc[2, "id"], "birthdate"]
    output = "edited.csv: 1 cell cannot be read; row 1 is the first contact"
    assert str(done.exception) == output and not Path("plan.parquet").exists()


def test_plan_refuses_contacts_of_another_provider(there, people):
    people.to_csv("edited.csv", index=False)
    with pytest.raises(ck.ConfigurationError, match=r"edited\.csv: Privy has no field"):
        run(there, "plan", "privy", "edited.csv")


@pytest.mark.parametrize(
    ("options", "output"),
    [
        (["nobody.csv"], "does not exist"),
        (["."], "is a directory"),
        (["there.csv", "--original", "nobody.csv"], "does not exist"),
        (["there.csv", "--out", "there.csv"], "the file already exists"),
        (["there.csv", "--out", "nowhere/plan.parquet"], "the folder does not exist"),
        (["there.csv", "--out", f"{'x' * 300}.parquet"], "File name too long"),
        (
            ["there.csv", "--rename", "Phone"],
            "must be a mapping, such as {'Phone': 'phone_number'}",
        ),
    ],
)
def test_plan_checks_its_files_first(tmp_path, monkeypatch, options, output):
    monkeypatch.chdir(tmp_path)
    Path("there.csv").write_text("id\n")
    done = CliRunner().invoke(app, ["plan", NAME, *options])
    assert done.exit_code == 2 and output in " ".join(done.output.replace("│", " ").split())
    assert Path("there.csv").read_text() == "id\n"


# apply


def test_apply_writes_once_and_shows_no_personal_value(there, people):
    plan = planned(there, people.assign(name_first="Jan"))
    assert rows(run(there, "apply", plan)) == [["updated", "8"]]
    assert [each["writes"] for each in there.contacts()] == [1] * 8
    assert {each["name_first"] for each in there.contacts()} == {"Jan"}
    printed = run(there, "apply", plan)
    assert rows(printed) == [["skipped", "8"]] and "stopped" not in printed
    assert [each["writes"] for each in there.contacts()] == [1] * 8


def test_apply_shows_refusals_with_status_1(there, people):
    people.loc[1, "email"] = "no address"
    plan = planned(there, people.assign(name_first="Jan"))
    with ck.connect(NAME, base_url=there.base_url) as client:
        client.contacts.delete(people.loc[4, "id"], confirm=True)
    printed = run(there, "apply", plan, status=1)
    output = rows(printed)
    assert output[:2] == [["updated", "6"], ["refused", "2"]]
    assert [each[:3] for each in output[2:] if each[0]] == [
        [people.loc[at, "id"], "update", "refused"] for at in (1, 4)
    ]
    assert "Jan" not in printed and "no address" not in printed
    # Hers is the example in the reason.
    emails = set(people["email"].dropna()) - {"janet@example.com"}
    assert emails and not [each for each in emails if each in printed]


def test_apply_names_a_refused_new_contact_by_its_row(there, people):
    new = pd.DataFrame({"unique_id": people["unique_id"].dropna().head(1), "name_first": "Jan"})
    plan = planned(there, pd.concat([people, new]), "--create")
    output = rows(run(there, "apply", plan, status=1))
    assert output[1][:3] == ["row 9", "create", "refused"]


def test_apply_shows_only_the_first_failures(there):
    for number in range(6):
        there.control("contacts", name_first=f"Jan {number}")
    with ck.connect(NAME, base_url=there.base_url) as client:
        everybody = client.contacts.list()
    plan = planned(there, everybody.assign(email="no address"))
    printed = run(there, "apply", plan, status=1)
    assert len([each for each in rows(printed) if each[0] and len(each) == 4]) == 10
    assert "and 4 more\n" in printed


def test_apply_with_failures_is_status_1(there, people, monkeypatch):
    plan = planned(there, people.assign(name_first="Jan"))
    monkeypatch.setenv("DIGITAL_ONBOARDING_TOKEN", "nobody's")
    with pytest.raises(ck.ConfigurationError, match=r"account .* account .*--anyway"):
        run(there, "apply", plan)
    printed = run(there, "apply", plan, "--concurrency", 1, "--anyway", status=1)
    assert rows(printed)[:2] == [["planned", "7"], ["failed", "1"]]
    assert rows(printed)[2][:3] == [people.loc[0, "id"], "update", "failed"]
    assert "nobody's" not in printed


def test_apply_with_dry_run_or_limit_is_status_0(there, people):
    plan = planned(there, people.assign(name_first="Jan"))
    assert rows(run(there, "apply", plan, "--dry-run")) == [["planned", "8"]]
    assert not any(each["writes"] for each in there.contacts())
    output = rows(run(there, "apply", plan, "--limit", 3, "--concurrency", 2))
    assert output == [["updated", "3"], ["planned", "5"]]


@pytest.mark.parametrize("most", ["1", "5%"])
def test_apply_stops_after_failures(there, people, most):
    plan = planned(there, people.assign(name_first="Jan"))
    with ck.connect(NAME, base_url=there.base_url) as client:
        for key in people["id"]:
            client.contacts.delete(key, confirm=True)
    options = "--stop-after-failures", most, "--concurrency", 1
    printed = run(there, "apply", plan, *options, status=1)
    assert rows(printed)[:2] == [["planned", "7"], ["refused", "1"]]
    assert "stopped: 1 contacts were refused" in printed
    assert printed.endswith("; apply the same plan again to resume\n")


def test_apply_on_conflict(there, people):
    plan = planned(there, people.assign(name_first="Jan"))
    there.control("contacts", key=people.loc[0, "id"], name_first="Zoe")
    output = rows(run(there, "apply", plan, "--on-conflict", "refuse", status=1))
    assert output[:2] == [["updated", "7"], ["refused", "1"]]
    assert output[2][0] == people.loc[0, "id"]


def test_apply_past_its_patience_says_when_to_resume(slowly):
    with ck.connect("sent", base_url=slowly.base_url) as client:
        everybody = client.contacts.list()
    plan = planned(slowly, everybody.assign(opt_out=True))
    slowly.control("faults", kind="rate_limited", retry_after=600)
    printed = run(slowly, "apply", plan, "--patience", 60, "--journal", "own.sqlite3", status=1)
    assert "stopped: the rate limit is used up until 20" in printed
    assert "; apply the same plan again to resume, not before 20" in printed
    entries = ck.journal("own.sqlite3")
    assert entries["outcome"].eq("updated").sum() == sum(
        each["writes"] for each in slowly.contacts()
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_apply_saves_the_result(there, people, ending):
    path = f"result.{ending}"
    run(there, "apply", planned(there, people.assign(name_first="Jan")), "--result", path)
    kept = pd.read_csv(path, index_col=0) if ending == "csv" else pd.read_parquet(path)
    assert kept["key"].tolist() == people["id"].tolist()
    assert set(kept["outcome"]) == {"updated"}
    assert json.loads(kept["before"][1])["name_first"] == people.loc[0, "name_first"]
    assert json.loads(kept["changed"][1]) == ["name_first"]
    assert os.name != "posix" or Path(path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("-2", "'-2"),
        ("+x", "'+x"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("+1=1", "'+1=1"),
        ("+12025550123\n", "'+12025550123\n"),
        ("+12025550123", "+12025550123"),
        ("plain = text", "plain = text"),
        ("two\r=1", "two\r=1"),
        ("two\n=1", "two\n=1"),
    ],
)
def test_saved_csv_holds_no_formula_and_parquet_holds_the_text(tmp_path, cell, written):
    """In every text column, in the caller's labels, and in the names of their levels."""
    texts = [name for name, kind in RESULT_COLUMNS.items() if kind in (STRING, object, CONTACT)]
    rows = pd.DataFrame({name: [cell, None] for name in texts})
    for index in (
        pd.Index([cell, "b"], name=cell),
        pd.MultiIndex.from_tuples([(cell, 1), (cell, 2)], names=[cell, None]),
    ):
        for name in ("result.csv", "result.parquet"):
            _save(rows.set_axis(index), tmp_path / name)
        with open(tmp_path / "result.csv", newline="") as file:
            header, first, _ = csv.reader(file)
        assert header[0] == written and first[0] == written
        nested = {name: json.dumps(cell) for name in ("changed", "before", "after")}
        kept = dict(zip(header[index.nlevels :], first[index.nlevels :], strict=True))
        assert kept == {name: nested.get(name, written) for name in texts}
        whole = pd.read_parquet(tmp_path / "result.parquet")
        assert whole["message"].iloc[0] == cell and whole.index.equals(index)


@pytest.mark.parametrize(
    ("options", "output"),
    [
        (["--result", "result.xls"], "must end in .csv or .parquet"),
        (["--result", "plan.parquet"], "the file already exists"),
        (["--result", "r" * 252 + ".csv"], "File name too long"),
        (["--result", "a\0.csv"], "embedded null byte"),
        (["--simulator=many"], "'--simulator'"),
        (["--stop-after-failures", "some"], "is neither a number nor a percentage such as 5%"),
        (["--stop-after-failures", "x%"], "is neither a number nor a percentage such as 5%"),
        (["--limit", "0"], "'--limit'"),
        (["--on-conflict", "ignore"], "'--on-conflict'"),
    ],
)
def test_apply_with_bad_options_is_status_2(tmp_path, monkeypatch, options, output):
    monkeypatch.chdir(tmp_path)
    Path("plan.parquet").write_text("a plan")
    done = CliRunner().invoke(app, ["apply", "plan.parquet", *options])
    assert done.exit_code == 2 and output in " ".join(done.output.replace("│", " ").split())
    assert Path("plan.parquet").read_text() == "a plan"


def test_apply_refuses_bad_values_before_sending(there, people):
    plan = planned(there, people.assign(name_first="Jan"))
    with pytest.raises(ck.InvalidInputError, match="stop_after_failures: must be"):
        run(there, "apply", plan, "--stop-after-failures", "100%")
    assert not any(each["writes"] for each in there.contacts())


def test_apply_refuses_a_file_that_is_not_an_unchanged_plan(there, people):
    plan = planned(there, people.assign(name_first="Jan"))
    frame = pd.read_parquet(plan)
    frame["changes"] = frame["changes"].str.replace("Jan", "Eve")
    frame.to_parquet(plan)
    with pytest.raises(ck.ConfigurationError, match="was changed after the plan was saved"):
        run(there, "apply", plan)
    people.to_parquet("people.parquet")
    with pytest.raises(ck.ConfigurationError, match=r"people\.parquet: is not a plan"):
        run(there, "apply", "people.parquet")


def test_apply_reports_an_unwritable_result_after_the_counts(there, people, monkeypatch):
    plan = planned(there, people.assign(name_first="Jan"))

    def write_private(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(contactkit.cli.apply, "write_private", write_private)
    arguments = ["apply", str(plan), "--result", "r.csv", "--base-url", there.base_url, "--yes"]
    done = CliRunner().invoke(app, arguments)
    assert rows(done.output) == [["updated", "8"]]
    assert str(done.exception) == "r.csv: cannot be written: No space left on device"


# as programs


def test_plan_without_its_extra_names_it(there, people):
    people.assign(name_first="Jan").to_csv("edited.csv", index=False)
    Path("plan.parquet").touch()
    code = """if True:
        import sys
        sys.modules["pyarrow"] = None
        from contactkit.cli.main import main
        for sys.argv[1:] in COMMANDS:
            try:
                main()
            except SystemExit as end:
                print("status", end.code, flush=True)
        """
    plan = ["plan", NAME, "edited.csv", "--base-url", there.base_url]
    campaign = ["edited.csv", "nobody", "--channel", "text", "--out", "kept.parquet"]
    guard = ["consent", "guard", *campaign]
    commands = [plan, [*plan, "--out", "new.parquet"], ["apply", "plan.parquet"], guard]
    program = [sys.executable, "-c", code.replace("COMMANDS", str(commands))]
    done = subprocess.run(program, text=True, capture_output=True, timeout=60)
    statuses = re.findall(r"^status (.*)", done.stdout, re.MULTILINE)
    assert statuses == ["0", "1", "1", "1"] and "digest: " in done.stdout
    assert done.stderr.count('pip install "contactkit[parquet]"') == 3
    assert done.stderr.count("\n") == 3


def test_apply_shows_a_bar_on_a_terminal(there, people):
    plan = planned(there, people.assign(name_first="Jan"))
    command = ["apply", plan, "--yes", "--base-url", there.base_url, "--journal", "own.sqlite3"]
    shown = on_a_terminal([PROGRAM, *command])
    assert "| 8/8 [" in shown[-2] and shown[-1] == "<end>"


def test_apply_interrupted_finishes_in_flight_and_resumes(slowly):
    with ck.connect("sent", base_url=slowly.base_url) as client:
        everybody = client.contacts.list().query("not is_inherited")
    plan = planned(slowly, everybody.assign(opt_out=True))
    again = ["apply", str(plan), "--yes", "--base-url", slowly.base_url, "--journal", "own.sqlite3"]
    with subprocess.Popen(
        [PROGRAM, *again], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while not written(slowly) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert out.endswith("stopped: interrupted; apply the same plan again to resume\n")
    counts = dict(each for each in rows(out) if len(each) == 2)
    assert int(counts["updated"]) == written(slowly) < len(everybody)
    assert sum(map(int, counts.values())) == len(ck.read_plan(plan))
    output = rows(run(slowly, *again[:-4], *again[-2:], "--limit", 1))
    assert [each for each in output if each[0] == "skipped"] == [["skipped", counts["updated"]]]


def written(at: Served) -> int:
    """How many contacts were written there."""
    return sum(each["writes"] for each in at.contacts())


def test_whole_contacts_are_sent_to_a_provider_that_demands_them(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with served(NAME, "--contacts", "3", "--strict") as strict:
        monkeypatch.setenv("DIGITAL_ONBOARDING_TOKEN", strict.credentials["token"])
        with ck.connect(NAME, base_url=strict.base_url) as client:
            edited = client.contacts.list().assign(city="Troy")
        refused = run(strict, "apply", planned(strict, edited), status=1)
        assert "try whole=True" in refused
        Path("plan.parquet").unlink()
        run(strict, "apply", planned(strict, edited, "--whole"), "--whole")
        assert {contact["city"] for contact in strict.contacts()} == {"Troy"}
