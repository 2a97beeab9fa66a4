"""A simulator of many contacts beside one of few: listings, pages between writes, new contacts.

Run as a program it creates a simulator and measures its CPU time and its memory.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from statistics import median

import contactkit as ck
from contactkit._providers import find, names
from tests.bench.measure import Row, memory, ratio, run_alone, us

FEW, MANY, ROUNDS, PAGES = 1_000, 100_000, 3, 100


def rows() -> Iterator[Row]:
    """For each provider the CPU time of a row, of a page after a write, and of a new contact."""
    for name in names():
        few, many = Simulated(name, FEW), Simulated(name, MANY)
        for subject, measure, wanted in (
            ("list(), a row", Simulated.list_row, "≤ 1.3x"),
            ("a page after a write", Simulated.read_page, ""),
        ):
            ours, other = in_turn(partial(measure, many), partial(measure, few))
            subject = f"{name}: {subject}, {MANY:,} contacts"
            yield ratio(subject, ours, f"{FEW:,} contacts", other, wanted, us)
        seconds, size = run_alone("simulator", name, MANY)
        created = f"{name}: one of {MANY:,} contacts is created"
        yield Row(subject=created, measured=us(seconds), outcome=f"{size:,.0f} B")


class Simulated:
    """A client, its simulator, and the key of one contact."""

    def __init__(self, name: str, contacts: int) -> None:
        self.simulator = ck.Simulator(contacts)
        self.contacts = ck.connect(name, via=self.simulator).contacts
        self.key = next(iter(self.contacts.pages())).iloc[-1, 0]

    def list_row(self) -> float:
        """CPU seconds of a row, in as many listings as make `MANY` rows."""
        listings = MANY // len(self.simulator.engine.contacts)
        with redirect_stderr(StringIO()):  # The progress bar.
            return cpu_seconds(self.contacts.list, listings) * listings / MANY

    def read_page(self) -> float:
        """CPU seconds of a write and the first page of a listing."""
        return cpu_seconds(self._write_and_read, PAGES)

    def _write_and_read(self) -> None:
        self.simulator.put(self.key)
        next(iter(self.contacts.pages()))


def cpu_seconds(call: Callable[[], object], calls: int) -> float:
    """CPU seconds of a call."""
    gc.collect()
    started = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - started) / calls


def in_turn(*subjects: Callable[[], float]) -> list[float]:
    """The median of what each subject measures in rounds in which they take turns."""
    results = [[subject() for subject in subjects] for _ in range(ROUNDS)]
    return [median(column) for column in zip(*results, strict=True)]


def main(name: str, contacts: int) -> None:
    """Create a simulator and print its CPU seconds and bytes a contact, on Linux."""
    ck.Simulator(10).start(find(name))
    size, started = memory("VmRSS"), time.process_time()
    simulator = ck.Simulator(contacts)
    simulator.start(find(name))
    seconds, size = time.process_time() - started, memory("VmHWM") - size
    print(json.dumps([seconds / contacts, size / contacts]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
