"""Which mode is on, and when a request's last answer may be given again."""

from __future__ import annotations

import subprocess
import sys

import pytest

import contactkit as ck
from contactkit.cassette.player import advice, exhaustion, settled


@pytest.mark.parametrize(
    ("told", "on"),
    [("none", "replay"), ("all", "refresh"), ("new_episodes", "new")]
    + [(mode, mode) for mode in ("replay", "once", "new", "refresh", "verify", "off")],
)
def test_each_mode_has_one_name_of_ours_and_some_a_classic_one(told, on, tmp_path):
    assert settled(told, tmp_path / "none.jsonl", "live") == on


def test_once_replays_what_is_there(tmp_path):
    path = tmp_path / "tape.jsonl"
    path.touch()
    assert settled("once", path, "live") == "replay"


@pytest.mark.parametrize("ci", ["true", "True", "1", "woodpecker"])
@pytest.mark.parametrize("told", ["once", "new", "refresh", "verify", "off", "all"])
def test_ci_replays_and_says_so(told, ci, tmp_path, monkeypatch):
    monkeypatch.setenv("CI", ci)
    with pytest.warns(ck.ContactKitWarning, match="CI is set"):
        assert settled(told, tmp_path / "tape.jsonl", "live") == "replay"


def test_ci_has_nothing_to_say_of_a_replay(tmp_path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    path = tmp_path / "tape.jsonl"
    path.touch()
    assert [settled(told, path, "live") for told in ("replay", "none", "once")] == ["replay"] * 3


def test_ci_may_record_from_the_simulator_which_needs_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert settled("refresh", tmp_path / "tape.jsonl", "simulator") == "refresh"


@pytest.mark.parametrize(("ci", "told"), [("", False), ("true", True)])
def test_what_to_do_is_what_can_be_done_here(ci, told, monkeypatch):
    monkeypatch.setenv("CI", ci)
    assert advice("live").startswith("Where CI is set nothing is recorded.") is told
    assert advice("simulator").startswith("To record what is missing, use contactkit.Cassette(")
    assert 'mode="new", world=contactkit.Simulator())' in advice("simulator")
    assert 'mode="new");' in advice("live")


def test_an_unknown_mode_is_refused_by_name(tmp_path):
    with pytest.raises(ck.ConfigurationError, match=r"mode='rewrite' must be one of replay, once"):
        settled("rewrite", tmp_path / "tape.jsonl", "live")


def test_answers_run_out_in_a_program():
    assert exhaustion() == "error"


def test_the_last_answer_is_given_again_in_a_notebook():
    code = (
        "from IPython.testing.globalipapp import start_ipython; start_ipython();"
        "from contactkit.cassette.player import exhaustion; print(exhaustion())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.strip() == "last", ran.stderr
