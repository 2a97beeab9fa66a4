"""The command line, run in process and as the installed program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contactkit.cli import app, main
from contactkit.declarations import find, names
from contactkit.demo import STORIES
from contactkit.record import fields_of

PROGRAM = Path(sys.executable).parent / "contactkit"


def test_the_demo_has_a_story_for_every_provider():
    assert set(STORIES) == set(names())


def test_the_demo_runs_piped_and_tells_the_whole_job():
    done = subprocess.run([PROGRAM, "demo"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    for story in STORIES.values():
        assert done.stdout.count(story.key) >= 3
    assert done.stdout.count("│ updated │") == len(STORIES)
    assert "InvalidRequestError: sent update: 400 VALIDATION_001" in done.stdout
    assert "InvalidRequestError: privy update: 422 validation_failed" in done.stdout
    assert "simulator-" not in done.stdout


def test_describe_shows_every_field(name):
    done = CliRunner().invoke(app, ["describe", name])
    assert done.exit_code == 0
    shown = re.sub(r"[^\w]", "", done.stdout)
    for field in fields_of(find(name).record):
        assert re.sub(r"[^\w]", "", field) in shown


def test_an_unknown_provider_is_one_line_and_status_1(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["contactkit", "describe", "snet"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert "Did you mean 'sent'?" in capsys.readouterr().err


def test_without_arguments_it_shows_its_help():
    done = CliRunner().invoke(app, [])
    assert "demo" in done.output and "describe" in done.output
