"""CONTRIBUTING.md is true: its commands can be run, its paths exist and it lists every package."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import pytest

from tests.bench.__main__ import PARTS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, MARKERS = SETTINGS["project"], SETTINGS["tool"]["pytest"]["ini_options"]["markers"]
BIN = Path(sys.executable).parent
SHELL = TEXT.partition("```sh\n")[2].partition("```")[0].splitlines()
COMMANDS = [
    [word for word in words if "=" not in word.partition("/")[0] or word.startswith("-")]
    for line in [*SHELL, *re.findall(r"`(python [^`]+)`", TEXT)]
    for is_and, group in groupby(shlex.split(line, comments=True), lambda word: word == "&&")
    if not is_and and (words := list(group))
]


def test_contributing_has_at_most_60_lines():
    assert len(TEXT.splitlines()) <= 60


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_command_can_be_run(command):
    match command:
        case ["python", "-m", "pip", "install", "-e", requirement]:
            assert (
                requirement.removeprefix(".[").removesuffix("]") in PROJECT["optional-dependencies"]
            )
        case ["python", "-m", "pytest", "-m", groups]:
            assert any(line.startswith(f"{groups.removeprefix('not ')}:") for line in MARKERS)
        case ["python", "-m", "pytest", *arguments]:
            check_pytest(arguments)
        case ["python", "-m", "tests.bench", *parts]:
            assert set(parts) <= set(PARTS)
        case ["python", "-m", module, *_]:
            assert find_spec(module)
        case ["python", path]:
            assert (ROOT / path).is_file()
        case ["npm", "install", "--prefix", _, package]:
            assert package in (ROOT / ".ci" / "run").read_text()
        case ["ruff" | "pyright" | "lint-imports" as tool, *_]:
            assert shutil.which(tool, path=BIN)
        case [path]:
            assert os.access(ROOT / path, os.X_OK)
        case _:
            pytest.fail("no check for this command")


def check_pytest(arguments: list[str]) -> None:
    """Check that paths exist; collect the tests of a file."""
    places = [argument.removeprefix("--ignore=") for argument in arguments]
    paths = [place.partition("::")[0] for place in places if not place.startswith("-")]
    assert all((ROOT / path).exists() for path in paths)
    if any(path.endswith(".py") for path in paths):
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *arguments]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def test_every_package_is_listed():
    tree = TEXT.split("```")[3]
    listed = set(re.findall(r"^  (\w+)(?:/|\.py) ", tree, re.MULTILINE))
    parts = [path for path in (ROOT / "contactkit").iterdir() if path.suffix in ("", ".py")]
    assert listed == {path.stem for path in parts if not path.stem.startswith("__")}


@pytest.mark.parametrize(
    "path", [path for path in re.findall(r"`([\w./]+)`", TEXT) if "/" in path and "<" not in path]
)
def test_path_exists(path):
    folders = (ROOT, ROOT / "tests", ROOT / "contactkit" / "simulator")
    assert any((folder / path).exists() for folder in folders)
