"""How far it is: one line of a real terminal, one output of a real kernel's cell, or nothing."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from contactkit._plans.progress import Progress
from tests.support.terminal import COLUMNS, on_a_terminal

SET_UP = """\
import sys
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

from contactkit._plans.progress import shown
from contactkit._plans.progress import Progress

def moment(updated, **others):
    counts = {"updated": updated, "refused": others.pop("refused", 0), "failed": 0}
    return Progress(total=400, counts=counts, **others)

def in_a_thread(*calls):
    thread = Thread(target=lambda: [watch(each) for each in calls])
    thread.start()
    thread.join()

watch = shown()
"""
CELLS = (
    SET_UP
    + "in_a_thread(moment(0, rate=1.5), moment(200))\n"
    + "print('said beside it')\n"
    + "in_a_thread(moment(399, refused=1, finished=True))",
    """\
going, gone = Event(), Event()

def late():
    going.wait()
    other(moment(7))
    gone.set()

other = shown()
Thread(target=late).start()""",
    "going.set()\nassert gone.wait(30)",
    "watch = shown()\nwatch(moment(1))\nwatch(Progress(total=0, counts={}, finished=True))",
    """\
import contactkit as ck

privy = ck.connect("privy", via=ck.Simulator(contacts=8))
people = privy.contacts.list()
result = privy.contacts.plan(people.assign(first_name="Jan"), people).apply()""",
)


def watched(code: str) -> list[str]:
    """What the code shows on a terminal."""
    return on_a_terminal([sys.executable, "-c", SET_UP + code])


def test_a_terminal_has_one_line_that_stays():
    shown_there = watched("""
soon = datetime.now(UTC) + timedelta(seconds=90.5)
in_a_thread(moment(0), moment(100, refused=100, rate=49.54, eta=soon))
in_a_thread(moment(100, refused=100, waiting=datetime(2026, 1, 2, 12, tzinfo=UTC), eta=soon))
in_a_thread(moment(100, refused=300, rate=9.0, eta=soon, finished=True))
""")
    assert all(len(each) <= COLUMNS for each in shown_there)
    told = [each.partition("|")[::2] for each in shown_there if "%" in each]
    percents = [percent.strip() for percent, _ in told]
    assert percents == sorted(percents, key=lambda each: int(each[:-1]))
    notes = [rest.rpartition("| ")[2] for _, rest in told]
    assert notes[0].startswith("0/400 [00:00")
    assert any(each.endswith("<01:30, 49.5/s, 100 refused]") for each in notes)
    assert any(", rate limit until 12:00:00 UTC, 100 refused]" in each for each in notes)
    assert notes[-1].startswith("400/400 [") and notes[-1].endswith(", 300 refused]")
    assert "/s" not in notes[-1] and "<" not in notes[-1].replace("<end>", "")
    assert shown_there[-1] == "<end>"


def test_a_narrow_terminal_shows_what_has_room():
    counts = "{'failed': 10**12, 'unknown': 10**12, 'refused': 10**12, 'skipped': 10**12}"
    lines = watched(f"watch(Progress(total=5 * 10**12, counts={counts}, finished=True))")
    assert {len(each) for each in lines if each.startswith(" 80%|")} == {COLUMNS - 1}


def test_a_plan_about_nobody_ends_as_well():
    shown_there = watched("watch(Progress(total=0, counts={}, finished=True))")
    assert "0/0" in shown_there[-2] and shown_there[-1] == "<end>"


@pytest.mark.parametrize("lost", ["", "sys.stderr = None; watch = shown()"])
def test_without_a_terminal_there_is_nothing(lost):
    code = f"{SET_UP}{lost}\nin_a_thread(moment(1), moment(400, finished=True))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_program_gets_no_ipython_that_it_did_not_load():
    done = subprocess.run(
        [sys.executable, "-c", f"{SET_UP}print('IPython' in sys.modules)"],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "False\n", done.stderr


def test_ipython_without_a_kernel_is_a_terminal():
    shown_there = watched("""
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance()
watch = shown()
watch(moment(400, finished=True))
""")
    assert "400/400" in shown_there[-2]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[nbformat.NotebookNode]:
    """The cells of a notebook that was run."""
    folder = tmp_path_factory.mktemp("kernel")
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, CELLS)])
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(folder / name))
        NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    return notebook.cells


def test_a_notebook_keeps_the_last_state_as_text_and_as_html(cells):
    display, said = cells[0].outputs
    last = Progress(total=400, counts={"updated": 399, "refused": 1}, finished=True)
    assert display["output_type"] == "display_data"
    assert display["data"]["text/plain"] == str(last)
    html = '<progress max="400" value="400" aria-hidden="true"></progress>'
    assert display["data"]["text/html"] == f"<div>{html} {last}</div>"
    assert said["text"] == "said beside it\n"


def test_a_thread_does_not_write_into_a_cell_that_runs_later(cells):
    assert cells[2].outputs == []


def test_each_is_an_output_of_its_own_and_nothing_has_no_bar(cells):
    (only,) = cells[3].outputs
    assert only["data"] == {"text/plain": "0 of 0", "text/html": "<div>0 of 0</div>"}


def test_an_apply_is_one_output_of_its_cell(cells):
    (only,) = cells[4].outputs
    assert only["data"]["text/plain"] == "8 of 8 · 8 updated"
