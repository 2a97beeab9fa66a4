"""`contactkit export` as it is typed."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import contactkit as ck
from contactkit._providers import names
from contactkit.cli.main import app
from tests.support.listing_server import ListingServer, serving_contacts
from tests.support.simulator_server import PROGRAM


def run(*arguments: object):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


@pytest.mark.parametrize("provider", names())
def test_export_says_what_it_wrote(provider: str, tmp_path: Path) -> None:
    folder = tmp_path / "people"
    result = run(provider, folder, "--simulator", 120, "--rows-per-file", 50)
    assert result.exit_code == 0, result.output
    contacts = ck.read_contacts(folder, provider)
    title = ck.connect(provider, via=ck.Simulator()).contacts.export(tmp_path / "other").provider
    assert result.output == f"120 contacts of {title} in 3 files: {folder}\n"
    assert len(contacts) == 120


def test_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    result = run("sent", tmp_path, "--simulator")
    assert isinstance(result.exception, ck.InvalidInputError)


def test_export_of_another_provider_needs_no_resume(tmp_path: Path) -> None:
    folder = tmp_path / "people"
    assert run("sent", folder, "--simulator").exit_code == 0
    assert isinstance(run("privy", folder, "--simulator").exception, ck.InvalidInputError)
    assert run("privy", folder, "--simulator", "--no-resume").exit_code == 0


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENT_DM_API_KEY", "test")
    with serving_contacts(3_000, latency=0.1) as server:
        yield server


def command(server: ListingServer, folder: Path) -> list[str]:
    return [str(PROGRAM), "export", "sent", str(folder), "--base-url", server.address]


def test_interrupt_says_how_to_go_on_and_the_same_command_does(
    far: ListingServer, tmp_path: Path
) -> None:
    typed = command(far, tmp_path / "people")
    with subprocess.Popen(typed, text=True, stdout=-1, stderr=-1) as process:
        while len(far.requests) < 6 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    *_, word, note = err.splitlines()
    assert word == "interrupted" and note.endswith("saved; the same export goes on after them")
    saved = int(note.split()[0].replace(",", ""))
    far.requests.clear()
    finished = subprocess.run(typed, text=True, capture_output=True, timeout=60)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.startswith("3,000 contacts of Sent in 2 files: ")
    people = pd.read_parquet(tmp_path / "people")
    assert sorted(people["id"]) == [row["id"] for row in far.contacts]
    assert saved >= 100 and len(far.requests) == 30 - saved // 100


def test_error_says_how_much_is_saved(far: ListingServer, tmp_path: Path) -> None:
    far.faults = {8: [401] * 2}
    finished = subprocess.run(
        command(far, tmp_path / "people"), text=True, capture_output=True, timeout=60
    )
    assert finished.returncode == 1
    first, *_, last = finished.stderr.rstrip("\n").split("\n")
    # A bar, which a slow machine shows, is cleared before the error takes its line.
    assert first.rsplit("\r", 1)[-1].startswith("AuthenticationError: sent list: 401")
    assert last == "700 contacts are saved; the same export goes on after them"
