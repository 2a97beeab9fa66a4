"""Folders that some process of a fleet does not see, as on a machine with a disk of its own."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._fleet import folders
from contactkit._fleet.folders import identify, is_folder, note_once
from contactkit._fleet.local_engines import Threads
from contactkit._fleet.plan_steps import PlanFolder
from tests.support.consent import NO
from tests.support.fleets import served_fleet


def opt_out(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**NO[frame.attrs["provider"]])


@contextmanager
def before_tasks(change: Any) -> Iterator[None]:
    """Change the disk after a call has begun, as if its tasks ran on another machine."""
    begin = Threads.begin

    def changed(engine: Threads, *args: Any) -> Any:
        change()
        return begin(engine, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Threads, "begin", changed)
        yield


def test_all_processes_read_what_the_first_one_has_noted(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        noted = {*pool.map(lambda n: note_once(tmp_path / "file", str(n)), range(64))}
    assert len(noted) == 1
    assert (tmp_path / "file").stat().st_mode & 0o077 == 0
    assert identify(tmp_path) == identify(tmp_path)
    assert is_folder(tmp_path, identify(tmp_path))
    assert not is_folder(tmp_path / "new", identify(tmp_path))


def note_without_links(file: Path, text: str) -> str:
    """As on a disk that has no links."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", refuse_link)
        return note_once(file, text)


def refuse_link(*_: Any) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("note", [note_once, note_without_links])
def test_a_note_is_a_file_of_its_own(tmp_path: Path, note: Any) -> None:
    assert note(tmp_path / "file", "first") == "first"
    assert note(tmp_path / "file", "second") == "first"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_no_empty_file(tmp_path: Path) -> None:
    program = """
import resource, signal, sys
from pathlib import Path
from contactkit import ConfigurationError
from contactkit._fleet.folders import note_once

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
try:
    note_once(Path(sys.argv[1]), "text")
except ConfigurationError as error:
    print(error)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert "file: cannot be written: " in done.stdout
    assert not [*tmp_path.iterdir()]


def test_a_note_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name, reason in {"folder": "Is a directory", "bytes": "is not text"}.items():
        with pytest.raises(ck.ConfigurationError, match=f"{name}: cannot be read: {reason}"):
            note_once(tmp_path / name, "text")


@pytest.mark.parametrize("note", [b"\xff", b"5", b"{}", b""])
def test_an_account_with_a_damaged_note_is_exported_again(tmp_path: Path, note: bytes) -> None:
    fleet = ck.fleet({"acme": {"provider": "sent", "via": ck.Simulator(contacts=5)}})
    fleet.export(tmp_path)
    (tmp_path / "_export").mkdir()
    (tmp_path / "_export/acme.json").write_bytes(note)
    report = fleet.export(tmp_path).frame
    assert report["outcome"].tolist() == ["done"], report["message"].tolist()
    assert report["rows"].tolist() == [5]
    assert (tmp_path / "_SUCCESS").exists()


def test_what_cannot_be_noted_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").touch()
    monkeypatch.setattr(folders, "_PATIENCE", 0.05)
    with pytest.raises(ck.ConfigurationError, match="is empty: remove it"):
        note_once(tmp_path / "empty", "text")
    with pytest.raises(ck.ConfigurationError, match="cannot be written: "):
        note_once(tmp_path / "empty/file", "text")


def test_an_export_into_another_folder_of_this_name_is_refused(tmp_path: Path) -> None:
    fleet = ck.fleet({"acme": {"provider": "sent", "via": ck.Simulator(contacts=5)}})
    people, other = tmp_path / "people", tmp_path / "other"
    fleet.export(other)

    def swap() -> None:
        shutil.move(people, tmp_path / "driver")
        shutil.copytree(other, people)

    with before_tasks(swap):
        report = fleet.export(people).frame
    assert report["outcome"].tolist() == ["failed"]
    assert "is not the folder that the call began in" in report["message"].tolist()[0]


def test_a_plan_in_a_folder_that_a_worker_does_not_see_is_refused(tmp_path: Path) -> None:
    fleet = ck.fleet({"acme": {"provider": "sent", "via": ck.Simulator(contacts=5)}})
    fleet.export(tmp_path)
    with pytest.raises(ck.ConfigurationError, match="is not the folder that the call began in"):
        PlanFolder(tmp_path / "_plans/other", "acme").begin()
    plan = fleet.plan(tmp_path, opt_out)
    with before_tasks(lambda: shutil.move(tmp_path / "_plans", tmp_path / "away")):
        report = plan.apply().frame
    assert "is not the folder that the call began in" in report["message"].tolist()[0]


def test_a_plan_is_applied_and_undone_with_the_journals_with_which_it_was_begun(
    environment: dict[str, str], tmp_path: Path
) -> None:
    journals = tmp_path / "journals"
    with served_fleet({"acme": ("sent", 10), "birch": ("privy", 10)}) as served:
        fleet = ck.fleet(served.accounts, journal=journals)
        fleet.export(tmp_path / "people")
        plan = fleet.plan(tmp_path / "people", opt_out)
        # A dry run binds nothing.
        ck.fleet(served.accounts).read_plan(plan.path).apply(dry_run=True)
        updated = plan.apply().frame["updated"].tolist()
        assert all(updated)
        requests = served.requests
        with before_tasks(lambda: shutil.move(journals, tmp_path / "away")):
            for call in (plan.apply, lambda: plan.undo().report):
                report = call().frame
                assert report["outcome"].tolist() == ["failed"] * 2
                assert f"not those with which {plan.path} was begun" in report["message"][0]
                shutil.rmtree(journals)
                shutil.move(tmp_path / "away", journals)
        assert served.requests == requests
        assert plan.apply().frame["skipped"].tolist() == updated
