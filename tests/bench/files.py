"""100,000 contacts of each provider in a CSV file: read with every cell checked, beside pandas."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd

import contactkit as ck
from contactkit._providers import names
from tests.bench.measure import Row, ratio

SIZE, ROUNDS = 100_000, 5


def rows() -> Iterator[Row]:
    """For each provider the CPU time of `read_contacts`."""
    with TemporaryDirectory() as folder:
        for name in names():
            path = Path(folder, f"{name}.csv")
            simulated(name).to_csv(path, index=False)
            ours, pandas = cpu_medians(
                lambda path=path, name=name: ck.read_contacts(path, name),
                lambda path=path: pd.read_csv(path, dtype=str),
            )
            subject = f"read_contacts of CSV, {SIZE:,} rows, {name}"
            yield ratio(subject, ours, "pd.read_csv(dtype=str)", pandas, "≤ 4x")


def simulated(name: str) -> pd.DataFrame:
    """The contacts of a simulator."""
    with redirect_stderr(StringIO()):  # The progress bar.
        return ck.connect(name, via=ck.Simulator(SIZE)).contacts.list()


def cpu_medians(*subjects: Callable[[], object]) -> list[float]:
    """CPU seconds of a call, one median for each subject; the subjects take turns."""
    seconds: list[list[float]] = [[] for _ in subjects]
    for _ in range(ROUNDS):
        for taken, subject in zip(seconds, subjects, strict=True):
            gc.collect()
            started = time.process_time()
            subject()
            taken.append(time.process_time() - started)
    return list(map(median, seconds))
