"""Where the key of pseudonyms comes from, and that its user alone can read it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import contactkit as ck
from contactkit.cassette.redaction.key import (
    VARIABLE,
    ensure_pseudonym_key,
    fingerprint,
    pseudonym_key,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(VARIABLE)
    folder = tmp_path / "configuration"
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: folder / name)
    return folder


def test_pseudonym_key_before_the_first_recording(folder):
    assert pseudonym_key() is None
    assert not folder.exists()


def test_ensure_pseudonym_key_makes_one_for_its_user_alone(folder):
    key = ensure_pseudonym_key()
    (file,) = folder.rglob("*.key")
    assert ensure_pseudonym_key() == pseudonym_key() == key
    assert len(key) >= 32
    assert file.stat().st_mode & 0o077 == 0


def test_ensure_pseudonym_key_in_threads_makes_one():
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: ensure_pseudonym_key(), range(32)))) == 1


def test_pseudonym_key_from_the_environment(folder, monkeypatch):
    monkeypatch.setenv(VARIABLE, "a key that is shared")
    assert ensure_pseudonym_key() == pseudonym_key() == b"a key that is shared"
    assert not folder.exists()


def test_short_key_is_refused_and_not_shown(monkeypatch):
    monkeypatch.setenv(VARIABLE, "guess me")
    with pytest.raises(ck.ConfigurationError, match="16 characters") as caught:
        pseudonym_key()
    assert "guess me" not in str(caught.value)


def test_folder_that_cannot_be_made_is_named(folder):
    folder.write_text("in the way")
    with pytest.raises(ck.ConfigurationError, match=f"cannot be.*{VARIABLE}|cannot be read"):
        ensure_pseudonym_key()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pipes in folders")
def test_pseudonym_key_does_not_wait_for_a_pipe(folder):
    (folder / "contactkit").mkdir(parents=True)
    os.mkfifo(folder / "contactkit/pseudonym.key")
    with pytest.raises(ck.ConfigurationError, match="cannot be read"):
        pseudonym_key()


def test_fingerprint_tells_keys_apart():
    assert fingerprint(b"a" * 16) != fingerprint(b"b" * 16)
    assert fingerprint(b"a" * 16) == fingerprint(b"a" * 16)
    assert len(fingerprint(b"a" * 16)) == 8
