"""Modes, and what happens when recorded responses have run out."""

from __future__ import annotations

import subprocess
import sys

import pytest

import contactkit as ck
from contactkit.cassette.player import default_exhausted, effective_mode, recording_advice


@pytest.mark.parametrize("mode", ["replay", "once", "new", "refresh", "verify", "off"])
def test_effective_mode_is_the_given_one(mode, tmp_path):
    assert effective_mode(mode, tmp_path / "none.jsonl", "live") == mode


def test_effective_mode_once_replays_an_existing_file(tmp_path):
    path = tmp_path / "cassette.jsonl"
    path.touch()
    assert effective_mode("once", path, "live") == "replay"


@pytest.mark.parametrize(
    ("mode", "ci"),
    [("once", "True"), ("new", "1"), ("refresh", "ci"), ("verify", "true"), ("off", "true")],
)
def test_effective_mode_in_ci_is_replay_with_a_warning(mode, ci, tmp_path, monkeypatch):
    monkeypatch.setenv("CI", ci)
    with pytest.warns(ck.ContactKitWarning, match="CI is set"):
        assert effective_mode(mode, tmp_path / "cassette.jsonl", "live") == "replay"


@pytest.mark.parametrize("mode", ["replay", "once"])
def test_effective_mode_in_ci_replays_without_a_warning(mode, tmp_path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    path = tmp_path / "cassette.jsonl"
    path.touch()
    assert effective_mode(mode, path, "live") == "replay"


def test_effective_mode_in_ci_records_the_simulator(tmp_path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert effective_mode("refresh", tmp_path / "cassette.jsonl", "simulator") == "refresh"


@pytest.mark.parametrize("mode", ["rewrite", "none", "all", "new_episodes"])
def test_effective_mode_refuses_an_unknown_mode(mode, tmp_path):
    with pytest.raises(ck.ConfigurationError, match=rf"mode='{mode}' must be one of replay, once"):
        effective_mode(mode, tmp_path / "cassette.jsonl", "live")


@pytest.mark.parametrize(("ci", "mentioned"), [("", False), ("true", True)])
def test_recording_advice_fits_the_machine_and_the_world(ci, mentioned, monkeypatch):
    monkeypatch.setenv("CI", ci)
    live, simulated = recording_advice("live"), recording_advice("simulator")
    assert live.startswith("Nothing is recorded where CI is set.") is mentioned
    assert 'mode="new");' in live
    assert simulated.startswith("To record missing requests, use contactkit.Cassette(")
    assert 'mode="new", world=contactkit.Simulator())' in simulated


def test_default_exhausted_is_an_error_in_a_program():
    assert default_exhausted() == "error"


def test_default_exhausted_is_the_last_response_in_a_notebook():
    code = (
        "from IPython.testing.globalipapp import start_ipython; start_ipython();"
        "from contactkit.cassette.player import default_exhausted; print(default_exhausted())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.strip() == "last", ran.stderr
