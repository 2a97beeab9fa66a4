"""When a writer creates a file, and when a new file replaces an older one."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from contactkit.cassette.file import CassetteFile, CassetteWriter, ReplacingWriter
from tests.support.exchanges import begun, exchange

LOST = exchange(status=None, failure="ConnectError", sent=False, body=b"")


def growing(path: Path) -> CassetteWriter:
    return CassetteWriter(lambda: begun(path))


def test_writer_creates_no_file_for_failures_alone(tmp_path):
    recording = growing(tmp_path / "cassette.jsonl")
    recording.add(LOST, {})
    recording.close(True)
    assert list(tmp_path.iterdir()) == []


def test_writer_saves_failures_before_the_first_response(tmp_path):
    recording = growing(tmp_path / "cassette.jsonl")
    recording.add(LOST, {"Tofira": "a" * 16})
    recording.add(exchange(), {})
    recording.add(LOST, {})
    file = CassetteFile.load(tmp_path / "cassette.jsonl")
    assert [entry.exchange.response.failure for entry in file.entries] == [
        "ConnectError",
        "",
        "ConnectError",
    ]
    assert file.owners == {"Tofira": "a" * 16}


@pytest.fixture
def older(tmp_path: Path) -> CassetteFile:
    file = begun(tmp_path / "cassette.jsonl")
    for path in ("/contacts", "/contacts", "/me"):
        file.append(exchange(path, body={"old": True}))
    return file


def answers(path: Path) -> list[tuple[str, bool]]:
    file = CassetteFile.load(path)
    return [(entry.url[-3:], b"true" in entry.exchange.response.body) for entry in file.entries]


def test_replacing_writer_replaces_at_a_clean_end(older):
    replacement = ReplacingWriter(older)
    replacement.add(exchange("/contacts", body={"old": False}), {})
    assert answers(older.path) == [("cts", True), ("cts", True), ("/me", True)]
    replacement.close(True)
    assert answers(older.path) == [("cts", False), ("/me", True)]
    assert [child.name for child in older.path.parent.iterdir()] == ["cassette.jsonl"]


@pytest.mark.parametrize("answered", [True, False])
def test_replacing_writer_leaves_the_file_after_an_error(older, answered):
    before = older.path.read_bytes()
    replacement = ReplacingWriter(older)
    replacement.add(exchange("/contacts", body={"old": False}) if answered else LOST, {})
    replacement.close(not answered)
    assert older.path.read_bytes() == before
    assert [child.name for child in older.path.parent.iterdir()] == ["cassette.jsonl"]


def test_replacing_writer_records_after_an_end(older):
    replacement = ReplacingWriter(older)
    for path in ("/contacts", "/me"):
        replacement.add(exchange(path, body={"old": False}), {})
        replacement.close(True)
    assert sorted(answers(older.path)) == [("/me", False), ("cts", False)]


def test_replacing_writer_keeps_what_an_earlier_end_saved(older):
    replacement = ReplacingWriter(older)
    for _ in range(3):
        replacement.add(exchange("/contacts", body={"old": False}), {})
        replacement.close(True)
    assert answers(older.path) == [("cts", False)] * 3 + [("/me", True)]


def test_replacing_writer_that_is_never_closed_leaves_no_file(older):
    replacement = ReplacingWriter(older)
    replacement.add(exchange("/contacts", body={"old": False}), {})
    del replacement
    gc.collect()
    assert [child.name for child in older.path.parent.iterdir()] == ["cassette.jsonl"]


def test_replacing_writer_keeps_what_another_process_added(older):
    replacement = ReplacingWriter(older)
    replacement.add(exchange("/contacts", body={"old": False}), {})
    CassetteFile.load(older.path).append(exchange("/you", body={"old": True}))
    replacement.close(True)
    assert answers(older.path) == [("cts", False), ("/me", True), ("you", True)]


def test_replacing_writers_do_not_share_a_file(older):
    replacements = [ReplacingWriter(older), ReplacingWriter(CassetteFile.load(older.path))]
    for replacement in replacements:
        replacement.add(exchange("/contacts", body={"old": False}), {})
    for replacement in replacements:
        replacement.close(True)
    assert answers(older.path) == [("cts", False), ("/me", True)]


def test_replacing_writer_keeps_the_owners(tmp_path):
    older = begun(tmp_path / "cassette.jsonl")
    older.append(exchange("/contacts"), {"Tofira": "a" * 16, "Nevala": "b" * 16})
    older.append(exchange("/me"), {})
    replacement = ReplacingWriter(older)
    replacement.add(exchange("/contacts"), {"Nevala": "b" * 16})
    replacement.close(True)
    assert CassetteFile.load(older.path).owners == {"Nevala": "b" * 16, "Tofira": "a" * 16}
    assert older.path.read_bytes().count(b"Nevala") == 1
