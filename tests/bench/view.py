"""A plan's view over 100,000 cells, beside pandas drawing as many rows of `plan.cells`.

It is measured from `plan.view()` to what a front end is sent that says it is ready, and the plan's
digest, which it shows, is made anew each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import ipywidgets

from contactkit.forms.plan_table import PAGE
from tests.bench import contacts
from tests.bench.forms import sent_by
from tests.bench.measure import Row, medians, ms, times
from tests.bench.plan import SIZE, flipped, frame

ROUNDS = 7


def rows() -> Iterator[Row]:
    """Time until the first page is sent, and its bytes."""
    people = frame(SIZE)
    plan = contacts.client().contacts.plan(flipped(people, 1), people)

    def ours() -> str:
        return sent_by(replace(plan).view().widget)

    def bare() -> str:
        return plan.cells.head(PAGE).to_html()

    shown, drawn = medians(ROUNDS, ours, bare)
    first = ours()
    if len(plan.cells) != SIZE or first.count("<tr>") != 1 + PAGE:
        raise RuntimeError("the first page was not sent, or more than it, or it is not of so many")
    size, bare_size = len(first.encode()), len(bare().encode())
    ipywidgets.Widget.close_all()
    yield Row(
        subject=f"plan.view() of {SIZE:,} cells, first page sent",
        measured=ms(shown),
        beside=f"plan.cells.head({PAGE}).to_html()",
        against=ms(drawn),
        outcome=times(shown / drawn),
        wanted="≤ 1,000 ms",
    )
    yield Row(
        subject=f"plan.view() of {SIZE:,} cells, first page sent",
        measured=f"{size:,} bytes",
        beside=f"plan.cells.head({PAGE}).to_html()",
        against=f"{bare_size:,} bytes",
        outcome=times(size / bare_size),
        wanted="≤ 200,000 bytes",
    )
