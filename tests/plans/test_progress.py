"""Progress as a line of text, in a real terminal, and in the cell of a real kernel."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from contactkit._plans.progress import Progress
from tests.support.terminal import COLUMNS, on_a_terminal

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SET_UP = """\
import sys
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

from contactkit._plans.progress import Progress, display

def moment(updated, **others):
    counts = {"updated": updated, "refused": others.pop("refused", 0), "failed": 0}
    return Progress(total=400, counts=counts, **others)

def in_thread(*calls):
    thread = Thread(target=lambda: [watch(call) for call in calls])
    thread.start()
    thread.join()

watch = display()
"""
LISTING = """\
import sys
from contactkit._plans.listing import progress_bar
from contactkit._providers import find

print("drawn" if not progress_bar(find("sent")).disable else "hidden", file=sys.stderr)
"""
CELLS = (
    SET_UP
    + "in_thread(moment(0, rate=1.5), moment(200))\n"
    + "print('printed beside it')\n"
    + "in_thread(moment(399, refused=1, finished=True))",
    """\
going, gone = Event(), Event()

def late():
    going.wait()
    other(moment(7))
    gone.set()

other = display()
Thread(target=late).start()""",
    "going.set()\nassert gone.wait(30)",
    "watch = display()\nwatch(moment(1))\nwatch(Progress(total=0, counts={}, finished=True))",
    """\
import contactkit as ck

privy = ck.connect("privy", via=ck.Simulator(contacts=8))
people = privy.contacts.list()
result = privy.contacts.plan(people.assign(first_name="Jan"), people).apply()""",
    """\
sent, privy = (ck.connect(p, via=ck.Simulator(people=ck.Population(60))) for p in ("sent", "privy"))
result = ck.people(us=sent, eu=privy).propagate().apply()""",
    LISTING,
)


def test_line_counts_the_known_outcomes():
    moment = Progress(total=2_000, counts={"updated": 1_200, "failed": 0, "unknown": 3}, rate=49.5)
    assert moment.done == 1_203
    assert str(moment) == "1,203 of 2,000 · 1,200 updated · 3 unknown · 49.5/s"


def test_line_has_the_eta_or_the_end_of_a_wait():
    assert str(Progress(total=1, counts={}, eta=NOON)).endswith("done at 2026-01-02 12:00:00 UTC")
    line = str(Progress(total=1, counts={}, eta=NOON, waiting=NOON))
    assert line.endswith("waiting for the rate limit until 2026-01-02 12:00:00 UTC")


def test_line_of_a_finished_apply_has_no_rate_and_no_eta():
    end = Progress(total=1, counts={"deleted": 1}, rate=3.0, eta=NOON, finished=True)
    assert str(end) == "1 of 1 · 1 deleted"


def shown(code: str) -> list[str]:
    """The lines that the code shows on a terminal."""
    return on_a_terminal([sys.executable, "-c", SET_UP + code])


def test_terminal_shows_one_line_that_stays():
    lines = shown("""
soon = datetime.now(UTC) + timedelta(seconds=90.5)
in_thread(moment(0), moment(100, refused=100, rate=49.54, eta=soon))
in_thread(moment(100, refused=100, waiting=datetime(2026, 1, 2, 12, tzinfo=UTC), eta=soon))
in_thread(moment(100, refused=300, rate=9.0, eta=soon, finished=True))
""")
    assert all(len(line) <= COLUMNS for line in lines)
    rows = [line.partition("|")[::2] for line in lines if "%" in line]
    percents = [percent.strip() for percent, _ in rows]
    assert percents == sorted(percents, key=lambda percent: int(percent[:-1]))
    notes = [rest.rpartition("| ")[2] for _, rest in rows]
    assert notes[0].startswith("0/400 [00:00")
    assert any(note.endswith("<01:30, 49.5/s, 100 refused]") for note in notes)
    assert any(", rate limit until 12:00:00 UTC, 100 refused]" in note for note in notes)
    assert notes[-1].startswith("400/400 [") and notes[-1].endswith(", 300 refused]")
    assert "/s" not in notes[-1] and "<" not in notes[-1].replace("<end>", "")
    assert lines[-1] == "<end>"


def test_terminal_shows_the_title_of_each_plan():
    lines = shown("watch = display('us{0}')\nwatch(moment(400, finished=True))")
    assert any(line.startswith("us{0}: 100%|") for line in lines)


def test_listing_draws_its_bar_where_it_is_watched(cells):
    command = [sys.executable, "-c", LISTING]
    assert "drawn" in on_a_terminal(command)[0]
    assert subprocess.run(command, capture_output=True, text=True).stderr == "hidden\n"
    assert cells[6].outputs[0]["text"].startswith("drawn")


def test_narrow_terminal_cuts_the_line():
    counts = "{'failed': 10**12, 'unknown': 10**12, 'refused': 10**12, 'skipped': 10**12}"
    lines = shown(f"watch(Progress(total=5 * 10**12, counts={counts}, finished=True))")
    (width,) = {len(line) for line in lines if line.startswith(" 80%|")}
    assert COLUMNS - 1 <= width <= COLUMNS


def test_terminal_ends_the_line_of_an_empty_plan():
    lines = shown("watch(Progress(total=0, counts={}, finished=True))")
    assert "0/0" in lines[-2] and lines[-1] == "<end>"


@pytest.mark.parametrize("lost", ["", "sys.stderr = None; watch = display()"])
def test_nothing_is_shown_without_a_terminal(lost):
    code = f"{SET_UP}{lost}\nin_thread(moment(1), moment(400, finished=True))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_display_does_not_import_ipython():
    done = subprocess.run(
        [sys.executable, "-c", f"{SET_UP}print('IPython' in sys.modules)"],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "False\n", done.stderr


def test_ipython_without_a_kernel_is_a_terminal():
    lines = shown("""
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance()
watch = display()
watch(moment(400, finished=True))
""")
    assert "400/400" in lines[-2]


@pytest.fixture(scope="module")
def cells(kernel: Callable[..., Any]) -> list[Any]:
    """The cells of a notebook that was run."""
    return kernel(*CELLS).cells


def test_notebook_keeps_the_last_progress_as_text_and_html(cells):
    displayed, printed = cells[0].outputs
    last = Progress(total=400, counts={"updated": 399, "refused": 1}, finished=True)
    assert displayed["output_type"] == "display_data"
    assert displayed["data"]["text/plain"] == str(last)
    html = '<progress max="400" value="400" aria-hidden="true"></progress>'
    assert displayed["data"]["text/html"] == f"<div>{html} {last}</div>"
    assert printed["text"] == "printed beside it\n"


def test_thread_does_not_write_into_a_later_cell(cells):
    assert cells[2].outputs == []


def test_each_display_is_one_output_and_an_empty_plan_has_no_bar(cells):
    (only,) = cells[3].outputs
    assert only["data"] == {"text/plain": "0 of 0", "text/html": "<div>0 of 0</div>"}


def test_apply_is_one_output_of_its_cell(cells):
    (only,) = cells[4].outputs
    assert only["data"]["text/plain"] == "8 of 8 · 1 refused · 7 updated"


def test_plans_that_are_applied_together_show_their_sources(cells):
    lines = [each["data"]["text/plain"] for each in cells[5].outputs]
    assert {line.partition(":")[0] for line in lines} == {"us", "eu"}
