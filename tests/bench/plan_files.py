"""A plan of 100,000 contacts, written to a file and read back, each in a process of its own."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from contactkit._plans.build import build_plan
from contactkit._plans.load import read_plan
from tests.bench import contacts, frames
from tests.bench.measure import Row, memory, mib, run_alone

SIZE, MOST = 100_000, 250 * 2**20
assert pq  # Its import is not what is measured.


def rows() -> Iterator[Row]:
    """Memory above the imports, and for writing above the plan."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.parquet"
        for step in ("write", "read"):
            size, seconds = run_alone("plan_files", step, path)
            subject = {"write": "plan.to_parquet", "read": "read_plan"}[step]
            yield Row(
                subject=f"{subject}, {SIZE:,} contacts: memory",
                measured=mib(size),
                beside="CPU",
                against=f"{seconds:.1f} s",
                outcome="good" if size <= MOST else "too much",
                wanted=f"≤ {mib(MOST)}",
            )


def main(step: str, path: str) -> None:
    """Measure one step, and print its memory and its seconds as JSON."""
    if step == "write":
        people = frames.frame(SIZE)
        plan = build_plan(contacts.session(), frames.opt_out(people), people)
        del people
        # The kernel then forgets how much the process has held.
        Path("/proc/self/clear_refs").write_text("5")
        before, start = memory("VmRSS"), time.process_time()
        plan.to_parquet(path)
    else:
        before, start = memory("VmRSS"), time.process_time()
        read_plan(path)
    print(json.dumps([memory("VmHWM") - before, time.process_time() - start]))


if __name__ == "__main__":
    main(*sys.argv[1:])
