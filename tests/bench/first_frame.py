"""The time to the first frame, without the installation: in a terminal and in a notebook.

The time in a browser, without any installation, is printed by tests/browser/check_site.py.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from sysconfig import get_path

import nbformat
from nbclient import NotebookClient

from tests.bench.measure import Row, ms
from tests.support.markdown import blocks_of

ROOT = Path(__file__).parents[2]
ROUNDS = 5
HEADING = "phone_number"


def rows() -> Iterator[Row]:
    """Seconds until the first contacts are on the screen."""
    for subject, path, wanted in (
        ("contactkit demo, to its first frame", in_terminal, "≤ 3 s"),
        ("README's first cell, with the start of its kernel", in_notebook, "≤ 4 s"),
    ):
        seconds = [path() for _ in range(ROUNDS)]
        spread = f"{ms(min(seconds))} to {ms(max(seconds))}"
        yield Row(
            subject=subject,
            measured=spread,
            outcome=f"{statistics.median(seconds):.1f} s",
            wanted=wanted,
        )


def in_terminal() -> float:
    """Seconds until the demonstration prints a frame."""
    program = Path(get_path("scripts")) / "contactkit"
    started = time.perf_counter()
    with subprocess.Popen([program, "demo"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        next(line for line in process.stdout if line.strip().startswith(HEADING))
        seconds = time.perf_counter() - started
        process.stdout.read()
    return seconds


def in_notebook() -> float:
    """Seconds until the first cell of the README has a frame as its output."""
    code, _ = blocks_of((ROOT / "README.md").read_text())[0]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    started = time.perf_counter()
    NotebookClient(notebook, timeout=60).execute()
    seconds = time.perf_counter() - started
    assert HEADING in notebook.cells[0].outputs[-1]["data"]["text/plain"]
    return seconds
