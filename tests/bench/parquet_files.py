"""A million contacts in Parquet, read beside pandas: CPU seconds and memory above the imports."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from contactkit._frames.arrow import schema_of, to_table
from contactkit._frames.decode import read_rows
from contactkit._providers import find
from tests.bench import contacts
from tests.bench.measure import Row

SIZE, BLOCK = 1_000_000, 50_000
_READ = """
import json, sys, time
import pandas as pd
import pyarrow.parquet
import contactkit as ck
ck.read_contacts, ck.schema("sent")

def peak():
    status = open("/proc/self/status").read()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

start, base = time.process_time(), peak()
frame = {call}
cpu, most = time.process_time() - start, peak() - base
print(json.dumps([cpu, most]))
"""


def rows() -> Iterator[Row]:
    """Reading a file beside pandas, each in a process of its own; the memory of the frame."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.parquet"
        write(path)
        cpu, peak = measured(f"ck.read_contacts({str(path)!r})")
        pandas_cpu, pandas_peak = measured(f"pd.read_parquet({str(path)!r})")
    subject = f"read_contacts of {SIZE:,} rows of Parquet"
    yield Row(
        subject=f"{subject}, CPU",
        measured=f"{cpu:.1f} s",
        beside="pd.read_parquet",
        against=f"{pandas_cpu:.1f} s",
        outcome=f"{cpu / pandas_cpu:.1f}x",
        wanted="≤ 3x",
    )
    yield Row(
        subject=f"{subject}, peak",
        measured=f"{peak:,.0f} MiB",
        beside="pd.read_parquet",
        against=f"{pandas_peak:,.0f} MiB",
        outcome=f"{peak / pandas_peak:.1f}x",
        wanted="≤ 2x",
    )


def measured(call: str) -> tuple[float, float]:
    """The CPU seconds of a call, and the peak of its memory in MiB above the imports."""
    code = _READ.replace("{call}", call)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    cpu, peak = json.loads(done.stdout)
    return cpu, peak


def write(path: Path) -> None:
    """A file of Sent's contacts in the declared schema."""
    sent = find("sent")
    with pq.ParquetWriter(path, schema_of(sent), compression="zstd") as writer:
        for first in range(0, SIZE, BLOCK):
            people = map(contacts.contact, range(first, first + BLOCK))
            writer.write_table(to_table(sent, [read_rows(sent.record, [*people])]))
