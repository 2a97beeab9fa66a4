"""Paths that name no regular file, wherever a file of contacts is read or written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import contactkit as ck
from contactkit._frames.files import write_private
from contactkit._frames.paths import check_file, has_file, status_of

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no pipes in folders")
IMPOSSIBLE = ["a\x00b.csv", "\ud800.csv", "x" * 300 + ".csv"]


@pytest.mark.parametrize("name", IMPOSSIBLE)
@pytest.mark.parametrize("look", [status_of, has_file, check_file])
def test_impossible_path_is_an_os_error(tmp_path, look, name):
    with pytest.raises(OSError, match=r"character that no path|File name too long"):
        look(tmp_path / name)


def test_has_file_follows_links(tmp_path):
    path, link = tmp_path / "a", tmp_path / "link"
    link.symlink_to(path)
    assert not has_file(path) and not has_file(link) and status_of(link) is None
    path.touch()
    assert has_file(path) and has_file(link)


@posix
def test_has_file_refuses_folders_and_pipes(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is not a regular file"):
        has_file(tmp_path / "pipe")
    with pytest.raises(IsADirectoryError):
        has_file(tmp_path)
    assert status_of(tmp_path) is not None


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_read_contacts_names_an_impossible_path(tmp_path, name):
    for path in (tmp_path / name, (tmp_path / name).with_suffix(".parquet")):
        with pytest.raises(ck.ConfigurationError, match=r"cannot be read: (has a char|File name)"):
            ck.read_contacts(path)


@posix
@pytest.mark.parametrize("name", ["people.csv", "people.parquet"])
def test_read_contacts_does_not_wait_for_a_pipe(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(ck.ConfigurationError, match=f"{name}: cannot be read: is not a regular"):
        ck.read_contacts(tmp_path / name)


def test_read_contacts_expands_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    Path(tmp_path / "people.csv").write_text("id,email\nc1,a@example.com\n")
    assert ck.read_contacts("~/people.csv", "privy")["id"].tolist() == ["c1"]


@posix
def test_write_private_does_not_wait_for_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is not a regular file"):
        write_private(tmp_path / "pipe", b"x")


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_plan_names_an_impossible_path(tmp_path, name):
    contacts = ck.connect("sent", via=ck.Simulator(contacts=8)).contacts
    people = contacts.list()
    plan = contacts.plan(people.assign(opt_out=True), people)
    with pytest.raises(ck.ConfigurationError, match=r"\.csv: (has a char|File name)"):
        plan.to_parquet(tmp_path / name)
    with pytest.raises(IsADirectoryError):
        plan.to_parquet(tmp_path)


def test_empty_path_is_not_the_current_folder():
    with pytest.raises(ck.ConfigurationError, match="the path is empty"):
        ck.read_contacts("", "privy")
