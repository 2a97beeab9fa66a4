"""Medians of interleaved repetitions, and the rows that they end in."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison: what was measured, beside what, and what is wanted of the two."""

    subject: str
    measured: str
    beside: str = ""
    against: str = ""
    outcome: str
    wanted: str = ""


def medians(rounds: int, *subjects: Callable[[], object], calls: int = 1) -> list[float]:
    """Seconds a call takes, one median a subject.

    The subjects take turns, so that what else the machine does meets all of them alike; each runs
    once before it counts, and starts without the garbage of the one before.
    """
    times: list[list[float]] = [[] for _ in subjects]
    for each in subjects:
        each()
    for _ in range(rounds):
        for kept, each in zip(times, subjects, strict=True):
            gc.collect()
            started = time.perf_counter()
            for _ in range(calls):
                each()
            kept.append((time.perf_counter() - started) / calls)
    return [statistics.median(kept) for kept in times]


def ms(seconds: float) -> str:
    """Seconds as milliseconds, three digits of them."""
    milliseconds = seconds * 1000
    digits = 0 if milliseconds >= 100 else 1 if milliseconds >= 10 else 3
    return f"{milliseconds:,.{digits}f} ms"


def times(ratio: float) -> str:
    """A ratio, as 2.34x."""
    return f"{ratio:.2f}x"
