"""When a recording begins, and when one takes the place of another."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from contactkit.cassette.file import CassetteFile, CassetteWriter, ReplacingWriter
from tests.support.exchanges import begun, exchange

LOST = exchange(status=None, failure="ConnectError", sent=False, body=b"")


def growing(path: Path) -> CassetteWriter:
    return CassetteWriter(lambda: begun(path))


def test_failures_alone_begin_no_file(tmp_path):
    recording = growing(tmp_path / "tape.jsonl")
    recording.add(LOST, {})
    recording.close(True)
    assert list(tmp_path.iterdir()) == []


def test_failures_before_the_first_answer_are_kept_with_it(tmp_path):
    recording = growing(tmp_path / "tape.jsonl")
    recording.add(LOST, {"Tofira": "a" * 16})
    recording.add(exchange(), {})
    recording.add(LOST, {})
    tape = CassetteFile.load(tmp_path / "tape.jsonl")
    assert [each.exchange.response.failure for each in tape.entries] == [
        "ConnectError",
        "",
        "ConnectError",
    ]
    assert tape.owners == {"Tofira": "a" * 16}


@pytest.fixture
def older(tmp_path: Path) -> CassetteFile:
    tape = begun(tmp_path / "tape.jsonl")
    for path in ("/contacts", "/contacts", "/me"):
        tape.append(exchange(path, body={"old": True}))
    return tape


def answers(path: Path) -> list[tuple[str, bool]]:
    tape = CassetteFile.load(path)
    return [(each.url[-3:], b"true" in each.exchange.response.body) for each in tape.entries]


def test_a_good_end_puts_it_in_the_older_ones_place(older):
    replacement = ReplacingWriter(older)
    replacement.add(exchange("/contacts", body={"old": False}), {})
    assert answers(older.path) == [("cts", True), ("cts", True), ("/me", True)]
    replacement.close(True)
    assert answers(older.path) == [("cts", False), ("/me", True)]
    assert [each.name for each in older.path.parent.iterdir()] == ["tape.jsonl"]


@pytest.mark.parametrize("answered", [True, False])
def test_a_bad_end_leaves_the_older_one_as_it_is(older, answered):
    before = older.path.read_bytes()
    replacement = ReplacingWriter(older)
    replacement.add(exchange("/contacts", body={"old": False}) if answered else LOST, {})
    replacement.close(not answered)
    assert older.path.read_bytes() == before
    assert [each.name for each in older.path.parent.iterdir()] == ["tape.jsonl"]


def test_what_comes_after_an_end_is_recorded_too(older):
    replacement = ReplacingWriter(older)
    for path in ("/contacts", "/me"):
        replacement.add(exchange(path, body={"old": False}), {})
        replacement.close(True)
    assert sorted(answers(older.path)) == [("/me", False), ("cts", False)]


def test_what_is_recorded_after_an_end_does_not_replace_what_was_before_it(older):
    replacement = ReplacingWriter(older)
    for _ in range(3):
        replacement.add(exchange("/contacts", body={"old": False}), {})
        replacement.close(True)
    assert answers(older.path) == [("cts", False)] * 3 + [("/me", True)]


def test_who_never_comes_to_an_end_leaves_nothing_behind(older):
    replacement = ReplacingWriter(older)
    replacement.add(exchange("/contacts", body={"old": False}), {})
    del replacement
    gc.collect()
    assert [each.name for each in older.path.parent.iterdir()] == ["tape.jsonl"]


def test_what_others_added_meanwhile_is_kept(older):
    replacement = ReplacingWriter(older)
    replacement.add(exchange("/contacts", body={"old": False}), {})
    CassetteFile.load(older.path).append(exchange("/you", body={"old": True}))
    replacement.close(True)
    assert answers(older.path) == [("cts", False), ("/me", True), ("you", True)]


def test_two_replacements_at_once_do_not_meet(older):
    replacements = [ReplacingWriter(older), ReplacingWriter(CassetteFile.load(older.path))]
    for each in replacements:
        each.add(exchange("/contacts", body={"old": False}), {})
    for each in replacements:
        each.close(True)
    assert answers(older.path) == [("cts", False), ("/me", True)]


def test_whose_a_pseudonym_is_stays_with_what_is_kept(tmp_path):
    older = begun(tmp_path / "tape.jsonl")
    older.append(exchange("/contacts"), {"Tofira": "a" * 16, "Nevala": "b" * 16})
    older.append(exchange("/me"), {})
    replacement = ReplacingWriter(older)
    replacement.add(exchange("/contacts"), {"Nevala": "b" * 16})
    replacement.close(True)
    assert CassetteFile.load(older.path).owners == {"Nevala": "b" * 16, "Tofira": "a" * 16}
    assert older.path.read_bytes().count(b"Nevala") == 1
