"""What a row of an apply costs among few and among many: time, CPU and memory.

Run as a program it applies one plan in its own process, so that its memory is all it measures. The
server is the stub, without latency, so that the client is what takes the time.
"""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.apply_peers import ours
from tests.bench.measure import ROOT, Row, times
from tests.bench.stub import stub

FEW, MANY, ROUNDS = 1_000, 100_000, 5
IN_FLIGHT = 64


def rows() -> Iterator[Row]:
    """Among many beside among few, which are measured before and after."""
    few, many = [alone(FEW) for _ in range(ROUNDS)], alone(MANY)
    few += [alone(FEW) for _ in range(ROUNDS)]
    subject, beside = f"a row of {MANY:,} applied", f"of {FEW:,}"
    for name, told in (("seconds", "time"), ("cpu", "CPU")):
        more, less = many[name] / MANY, median(each[name] for each in few) / FEW
        yield Row(
            subject=f"{subject}, {told}",
            measured=f"{more * 1e6:,.0f} µs",
            beside=beside,
            against=f"{less * 1e6:,.0f} µs",
            outcome=times(more / less),
            wanted="≤ 1.2x",
        )
    grown, base = many["bytes"], median(each["bytes"] for each in few)
    yield Row(
        subject=f"{subject}, memory",
        measured=f"{grown / 2**20:,.1f} MiB",
        beside=beside,
        against=f"{base / 2**20:,.1f} MiB",
        outcome=f"{(grown - base) / (MANY - FEW) / 1000:.2f} kB a row",
        wanted="≤ 3 kB a row",
    )


def alone(size: int) -> dict[str, float]:
    """Seconds, seconds of CPU and bytes of one apply in a fresh process."""
    command = [sys.executable, "-m", "tests.bench.apply_growth", str(size)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def main(size: int) -> None:
    """Apply one plan, and print what that took and how far it raised the peak, on Linux.

    A plan before it is not counted: it imports and fills caches.
    """
    applied(FEW)
    print(json.dumps(applied(size)))


def applied(size: int) -> dict[str, float]:
    """What applying one plan takes, and by how many bytes it raises the peak."""
    with stub() as address, ours(IN_FLIGHT)(address, size) as send:
        gc.collect()
        # From here on the peak is that of what follows: proc(5).
        Path("/proc/self/clear_refs").write_text("5")
        before = _resident("VmRSS")
        cpu, started = time.process_time(), time.perf_counter()
        kept = send()
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        grown = _resident("VmHWM") - before
        del kept
    return {"seconds": seconds, "cpu": cpu, "bytes": grown}


def _resident(name: str) -> int:
    found = re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    main(int(sys.argv[1]))
