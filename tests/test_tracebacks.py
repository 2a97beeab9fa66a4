"""What an error looks like: in a cell and in IPython the caller's line and the message, no more."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import contactkit as ck

CONNECT = "import contactkit as ck; client = ck.connect('sent', via=ck.Simulator())"
WRONG_VALUE = "client.contacts.update('6ba7b810-9dad-41d1-80b4-00c04fd430c8', opt_owt=True)"
UNKNOWN_KEY = "key = '6ba7b810-9dad-41d1-80b4-00c04fd430c8'\nclient.contacts.get(key)"
AWAITED = "await client.aio.contacts.get(key)"
CAUSED = """
try:
    1 / 0
except ZeroDivisionError as cause:
    error = ck.ConfigurationError("no such setting")
    error.add_note("a note of its own")
    raise error from cause
"""
FOREIGN = "1 / 0"
INSIDES = str(Path(ck.__file__).parent)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.fixture(scope="module")
def tracebacks(kernel: Callable[..., Any]) -> dict[str, str]:
    """The error output of each cell, by its source."""
    cells = [CONNECT, WRONG_VALUE, "%tb", UNKNOWN_KEY, AWAITED, CAUSED, FOREIGN]
    notebook = kernel(*cells, allow_errors=True)
    errors = {}
    for cell in notebook.cells:
        outputs = [output for output in cell.outputs if output.output_type == "error"]
        errors[cell.source] = "\n".join(plain("\n".join(each.traceback)) for each in outputs)
    return errors


def test_cell_shows_the_callers_line_and_what_is_allowed(tracebacks):
    shown = tracebacks[WRONG_VALUE]
    assert "Cell In[2], line 1" in shown and f"----> 1 {WRONG_VALUE}" in shown
    assert "InvalidInputError: sent update: opt_owt:" in shown and "did you mean 'opt_out'" in shown
    assert INSIDES not in shown and len(shown.splitlines()) < 10
    assert shown.endswith("%tb shows the whole traceback.")


def test_cell_shows_the_request_and_its_documentation(tracebacks):
    shown = tracebacks[UNKNOWN_KEY]
    assert "----> 2 client.contacts.get(key)" in shown
    assert re.search(r"NotFoundError: sent get: 404 .*\n  request: \S+\n  see https://", shown)
    assert INSIDES not in shown


def test_awaited_call_shows_the_same(tracebacks):
    shown = tracebacks[AWAITED]
    assert f"----> 1 {AWAITED}" in shown and "NotFoundError: sent get: 404" in shown
    assert INSIDES not in shown


def test_magic_tb_shows_the_whole_traceback(tracebacks):
    shown = tracebacks["%tb"]
    assert f"File {INSIDES}" in shown and "did you mean 'opt_out'" in shown
    assert "shows the whole" not in shown


def test_notes_are_shown_and_causes_are_not(tracebacks):
    shown = tracebacks[CAUSED]
    assert "ConfigurationError: no such setting\na note of its own" in shown
    assert "division by zero" not in shown


def test_other_errors_are_unchanged(tracebacks):
    assert "ZeroDivisionError: division by zero" in tracebacks[FOREIGN]
    assert "%tb" not in tracebacks[FOREIGN]


def test_ipython_in_a_terminal_shows_the_same(tmp_path):
    shell = "from IPython import start_ipython; start_ipython()"
    finished = subprocess.run(
        [sys.executable, "-c", shell, "--simple-prompt", f"--ipython-dir={tmp_path}"],
        input="\n".join([CONNECT, WRONG_VALUE, "%tb"]),
        capture_output=True,
        text=True,
    )
    short, whole = plain(finished.stdout).split("%tb shows the whole traceback.")
    assert f"----> 1 {WRONG_VALUE}" in short and "did you mean 'opt_out'" in short
    assert INSIDES not in short and INSIDES in whole


def test_plain_python_begins_with_the_callers_line_and_ends_with_the_message():
    code = f"{CONNECT}\n{WRONG_VALUE}"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    first, *_, last = finished.stderr.splitlines()[1:]
    assert first.strip() == 'File "<string>", line 2, in <module>'
    assert last.startswith("contactkit.errors.InvalidInputError: sent update: opt_owt:")
