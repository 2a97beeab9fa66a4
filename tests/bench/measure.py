"""Medians of interleaved calls, processes that run alone, and the rows of the table."""

from __future__ import annotations

import gc
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A comparison: a figure, another beside it, the outcome and what is wanted of it."""

    subject: str
    measured: str = ""
    beside: str = ""
    against: str = ""
    outcome: str
    wanted: str = ""


def ms(seconds: float) -> str:
    """Seconds as milliseconds, three digits of them."""
    milliseconds = seconds * 1000
    digits = 0 if milliseconds >= 100 else 1 if milliseconds >= 10 else 3
    return f"{milliseconds:,.{digits}f} ms"


def us(seconds: float) -> str:
    """Seconds as microseconds."""
    return f"{seconds * 1e6:,.0f} µs"


def mib(size: float) -> str:
    """Bytes as MiB."""
    return f"{size / 2**20:,.2f} MiB"


def times(ratio: float) -> str:
    """A ratio, as 2.34x."""
    return f"{ratio:.2f}x"


def ratio(
    subject: str,
    ours: float,
    beside: str,
    other: float,
    wanted: str = "",
    unit: Callable[[float], str] = ms,
) -> Row:
    """Two figures, and how many times the other ours is."""
    return Row(
        subject=subject,
        measured=unit(ours),
        beside=beside,
        against=unit(other),
        outcome=times(ours / other),
        wanted=wanted,
    )


def medians(rounds: int, *subjects: Callable[[], object], calls: int = 1) -> list[float]:
    """Seconds a call takes, one median for each subject.

    The subjects take turns, so that the load of the machine affects all of them alike. Each runs
    once before it counts, and starts without the garbage of the one before.
    """
    rows: list[list[float]] = [[] for _ in subjects]
    for subject in subjects:
        subject()
    for _ in range(rounds):
        for row, subject in zip(rows, subjects, strict=True):
            gc.collect()
            started = time.perf_counter()
            for _ in range(calls):
                subject()
            row.append((time.perf_counter() - started) / calls)
    return [statistics.median(row) for row in rows]


def run_alone(module: str, *arguments: object) -> Any:
    """Run a program of this package in a fresh process; the JSON that it prints."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


@contextmanager
def serving(
    latency: float = 0, rate: int = 0, window: str = "sliding", pages: int = 100
) -> Iterator[str]:
    """The address of the server, in a process of its own that ends with the block."""
    options = [f"--latency={latency}", f"--rate={rate}", f"--window={window}", f"--pages={pages}"]
    command = [sys.executable, "-m", "tests.bench.server", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def memory(name: str) -> int:
    """Bytes that this process holds, `VmRSS`, or has held at most, `VmHWM`; on Linux.

    `ru_maxrss` would count the peak of the parent process, too.
    """
    match = re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(match[1]) * 1024 if match else 0
