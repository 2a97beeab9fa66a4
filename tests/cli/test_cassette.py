"""`contactkit cassette` as it is typed: what it prints, what it leaves, and its status.

The people are invented: their addresses end in .invalid.
"""

from __future__ import annotations

import gzip
import re
import sys
import time
import warnings
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

import contactkit as ck
from contactkit.cassette.file import CassetteFile
from contactkit.cli.main import app, main
from contactkit.errors import CassetteError
from tests.support.exchanges import begun, exchange
from tests.support.simulator_server import served

WITNESSES = Path(__file__).parents[1] / "cassette" / "convert" / "witnesses"
EMAIL, PHONE, DAY = "zenobia.quill@post.invalid", "+14155552671", 86_400
NUMBER = "+12025550123"


def run(*arguments: object, status: int = 0) -> str:
    """What the command prints; an error of contactkit is raised."""
    done: Result = CliRunner().invoke(app, ["cassette", *map(str, arguments)])
    if isinstance(done.exception, ck.ContactKitError):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


def rows(printed: str) -> list[list[str]]:
    """The cells of a table, what was folded put together again."""
    found: list[list[str]] = []
    for line in printed.splitlines():
        if not line.startswith("│"):
            continue
        cells = [each.strip() for each in line.split("│")[1:-1]]
        if cells[0]:
            found.append(cells)
        else:
            found[-1] = [a + b for a, b in zip(found[-1], cells, strict=True)]
    return found


def aged(path: Path, *ages: float) -> CassetteFile:
    """A recording whose exchanges are so many seconds old."""
    tape = begun(path)
    for number, age in enumerate(ages):
        tape.append(exchange(f"/contacts/{number}", body=number, at=time.time() - age))
    return tape


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tape.jsonl"


# show


def test_show_lists_the_exchanges(path, name):
    client = ck.connect(name, via=ck.Simulator(contacts=8, seed=7))
    with ck.record(client, path):
        client.contacts.list()
    first, *table = run("show", path).splitlines()
    held = CassetteFile.load(path).entries
    output = rf"{name}, recorded from the simulator on \d{{4}}-\d\d-\d\d: (\d exchanges?) in (\S+) "
    found = re.fullmatch(output + "bytes, under your pseudonym key", first)
    assert found and found[1] == ("1 exchange" if len(held) == 1 else f"{len(held)} exchanges")
    assert found[2] == f"{path.stat().st_size:,}"
    shown = rows("\n".join(table))
    assert [each[0] for each in shown] == [each.method for each in held]
    assert [each[3:5] for each in shown] == [
        ["200", str(len(each.exchange.response.body))] for each in held
    ]
    assert {len(each) for each in table} <= {len(table[0])} and len(table[0]) <= 120


def test_show_ages_in_their_largest_unit_and_failures(path):
    tape = aged(path, 3.2 * DAY, 1.5 * DAY, 7_300, 3_700, 65)
    lost = exchange("/me", at=time.time() - 5, failure="ReadTimeout", status=None, body=b"")
    tape.append(lost)
    first, *table = run("show", path).splitlines()
    ages = ["3 days", "1 day", "2 hours", "1 hour", "1 minute"]
    shown = rows("\n".join(table))
    assert [each[5] for each in shown[:5]] == ages
    assert re.fullmatch(r"\d+ seconds", shown[5][5]) and shown[5][3] == "ReadTimeout"
    days = [time.strftime("%F", time.gmtime(tape.entries[n].at)) for n in (0, -1)]
    assert f" between {days[0]} and {days[1]}: 6 exchanges in " in first


@pytest.mark.parametrize(
    ("world", "output"), [("live", "the provider"), ("wire", "the world 'wire'")]
)
def test_show_the_origin_and_another_pseudonym_key(path, world, output):
    begun(path, world=world, key="00000000")
    first = run("show", path).splitlines()[0]
    size = path.stat().st_size
    held = f"0 exchanges in {size} bytes, under another pseudonym key"
    assert first == f"sent, recorded from {output}: {held}"


def test_show_never_reads_text_as_markup(path):
    begun(path, provider="[red]x\x1b[2J").append(exchange("/[bold]a%1B[2J?q=:cat:"))
    printed = run("show", path)
    assert r"[red]x\x1b[2J, recorded" in printed
    assert rows(printed)[0][1:3] == [r"/v3/[bold]a\x1b[2J", "q=:cat:"]


@pytest.mark.parametrize("command", ["show", "audit", "verify", "prune --days=1"])
def test_show_of_a_missing_file_is_an_error(path, command):
    with pytest.raises(CassetteError, match="no such file"):
        run(*command.split()[:1], path, *command.split()[1:])


def test_main_prints_errors_and_warnings_on_one_line(path, monkeypatch, capsys):
    aged(path, DAY)
    path.write_bytes(path.read_bytes() + b'{"id":')
    cut = f"ContactKitWarning: {path}: the last exchange is incomplete and was dropped\n"
    monkeypatch.setattr(sys, "argv", ["contactkit", "cassette", "convert", str(path), str(path)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert capsys.readouterr().err == f"CassetteError: {path}: the file already exists\n"
    monkeypatch.setattr(sys, "argv", ["contactkit", "cassette", "show", str(path)])
    with warnings.catch_warnings(), pytest.raises(SystemExit) as caught:
        warnings.simplefilter("always")
        main()
    output = capsys.readouterr()
    assert caught.value.code == 0 and output.err == cut and "1 exchange in" in output.out


# audit


@pytest.mark.parametrize("name", ["tape.jsonl", "tape.jsonl.gz"])
def test_audit_finds_nothing_in_a_recording(tmp_path, name):
    client = ck.connect("privy", via=ck.Simulator(contacts=8, seed=7))
    with ck.record(client, tmp_path / name):
        client.contacts.list()
    assert run("audit", tmp_path / name) == "nothing found\n"


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_audit_lists_findings_without_repeating_them(tmp_path, ending):
    tape = begun(tmp_path / f"tape.{ending}")
    for body in ({"to": PHONE}, {"a": "+1%20415%20555%202671"}, {"b": EMAIL}):
        tape.append(exchange(body=body))
    printed = run("audit", tape.path, status=1)
    found = rows(printed)
    assert [each[:2] for each in found] == [
        ["2", "phone number"],
        ["3", "phone number"],
        ["4", "e-mail address"],
    ]
    read = gzip.decompress if ending.endswith("gz") else bytes
    line = read(tape.path.read_bytes()).splitlines()[1]
    assert found[0][2] == f"byte {line.index(PHONE.encode())}"
    assert found[1][2] == "in percent-encoding"
    assert EMAIL not in printed and PHONE[2:] not in printed


def test_audit_accepts_the_pseudonyms_that_the_recording_lists(path):
    begun(path).append(exchange(body={"to": PHONE}), {PHONE: "a" * 16})
    assert run("audit", path) == "nothing found\n"


HEADER = '{"kind":"contactkit-cassette","version":1,"provider":"sent"}\n'


@pytest.mark.parametrize("header", ["", HEADER])
def test_audit_reads_the_lines_of_any_text_file(path, header):
    path.write_text(f"{header}to {PHONE}\n")
    with pytest.warns(ck.ContactKitWarning, match=rf"line {1 + bool(header)}") as output:
        found = rows(run("audit", path, status=1))
    assert found == [[str(1 + bool(header)), "phone number", "byte 3"]]
    assert str(output[0].message).endswith("; its lines are audited anyway")


# verify


def test_verify_shows_changes_and_counts_reads(path, monkeypatch):
    client = ck.connect("sendblue", via=ck.Simulator(contacts=2, seed=7))
    with ck.record(client, path):
        client.contacts.list()
        client.contacts.get(NUMBER)
    with served("sendblue", "--contacts", "2", "--seed", "7") as provider:
        for name, value in provider.credentials.items():
            monkeypatch.setenv(f"SENDBLUE_API_{name.upper()}", value)
        before = run("verify", path, "--base-url", provider.base_url)
        provider.control("contacts", key=NUMBER, opt_out=True)
        printed = run("verify", path, "--base-url", provider.base_url, status=1)
    counts = "1 read sent again, 1 skipped because they name a person"
    assert before == f"{counts}; nothing has changed\n"
    assert printed.splitlines()[-1] == counts
    changes = [each for each in rows(printed) if each[2].endswith("opt_out")]
    place = ["GET", "/api/v2/contacts", f"[{NUMBER}].opt_out"]
    assert changes == [[*place, "value changed", "false", "true"]]


def test_verify_needs_credentials_and_an_answer(path, monkeypatch):
    aged(path, DAY)
    with pytest.raises(ck.ConfigurationError, match="SENT_DM_API_KEY"):
        run("verify", path)
    monkeypatch.setenv("SENT_DM_API_KEY", "canary-4f1d")
    with pytest.raises(ck.TransportError, match="cannot be verified"):
        run("verify", path, "--base-url", "http://127.0.0.1:9")


# convert


def test_convert_writes_the_target(tmp_path):
    ours, archive, back = (tmp_path / each for each in ("a.jsonl", "a.har", "b.jsonl.gz"))
    binary = "--allow", "application/octet-stream"
    output = run("convert", WITNESSES / "vcrpy/httpx.yaml", ours, *binary)
    assert output == f"{ours}: {run('show', ours).splitlines()[0]}\n"
    assert "sent, recorded from the provider on 2026-01-05: 6 exchanges in" in output
    assert "under your pseudonym key" in output
    written = f"{archive}: an HTTP archive of "
    assert run("convert", ours, archive) == f"{written}{archive.stat().st_size:,} bytes\n"
    assert ": 6 exchanges in" in run("convert", archive, back, "--provider", "sent", *binary)
    assert run("audit", back) == "nothing found\n"


@pytest.mark.parametrize("arguments", [["a.jsonl", "--provider", "snet"], ["a.txt"]])
def test_convert_refuses_and_writes_nothing(tmp_path, arguments):
    target, *rest = arguments
    with pytest.raises(ck.ContactKitError, match=r"did you mean 'sent'|must end in one of"):
        run("convert", WITNESSES / "vcrpy/httpx.yaml", tmp_path / target, *rest)
    assert list(tmp_path.iterdir()) == []


# prune


def test_prune_drops_old_exchanges(path):
    tape = aged(path, 9 * DAY, 2.1 * DAY, 1.9 * DAY, 60)
    before, kept = path.read_bytes(), [each.data for each in tape.entries[2:]]
    output = run("prune", path, "--days", 2)
    copy = path.with_name("tape.jsonl.bak")
    assert output.splitlines()[-1] == f"2 exchanges dropped, 2 left; {copy} is the file before"
    # It says what it drops, and no more.
    assert "/contacts/0" in output and "/contacts/1" in output and "9 days" in output
    assert "/contacts/2" not in output
    assert [each.data for each in CassetteFile.load(path).entries] == kept
    assert copy.read_bytes() == before
    assert sorted(path.parent.iterdir()) == [path, copy]


def test_prune_keeps_an_earlier_copy(path):
    aged(path, 9 * DAY, 5 * DAY, 60)
    for days in (7, 3):
        run("prune", path, "--days", days)
    assert len(CassetteFile.load(path.with_name("tape.jsonl.bak")).entries) == 3
    assert len(CassetteFile.load(path.with_name("tape.jsonl.bak1")).entries) == 2


def test_prune_leaves_a_file_without_old_exchanges_unchanged(path):
    aged(path, DAY, 60)
    # Neither its spelling nor its last end of line is what would be written.
    path.write_bytes(path.read_bytes().replace(b'"epoch":', b'"epoch": ').rstrip())
    before = path.read_bytes()
    assert run("prune", path, "--days", 2) == "nothing is older; 2 exchanges left\n"
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_prune_leaves_nothing_only_if_told_so(path):
    aged(path, 9 * DAY, 8 * DAY)
    before = path.read_bytes()
    with pytest.raises(ck.CassetteError, match=r"all 2 exchanges are older.*use --all"):
        run("prune", path, "--days", 2)
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]
    assert "2 exchanges dropped, 0 left" in run("prune", path, "--days", 2, "--all")


def test_ages_of_a_simulated_recording_are_by_the_clock_of_the_simulator(path):
    simulator = ck.Simulator()
    with ck.connect("sent", via=ck.Cassette(path, world=simulator)) as client:
        client.contacts.list()
        simulator.clock.sleep(simulator.clock.now() + 3 * DAY)
        client.contacts.list()
    shown = run("show", path)
    assert "3 days" in shown and "0 seconds" in shown
    assert "1 exchange dropped, 1 left" in run("prune", path, "--days", 2)


@pytest.mark.parametrize("arguments", [[], ["--days", "-1"], ["--days", "many"]])
def test_prune_requires_days(path, arguments):
    aged(path, 9 * DAY)
    before = path.read_bytes()
    assert "--days" in run("prune", path, *arguments, status=2)
    assert path.read_bytes() == before
