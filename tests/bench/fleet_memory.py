"""The memory of a worker that exports millions of contacts, and of one that plans over them.

Run as a program it measures one of them and prints the bytes.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

import contactkit as ck
from tests.bench.export import Made
from tests.bench.fleet_cluster import account, check, cluster
from tests.bench.measure import Row, memory, mib, run_alone

EXPORTED, PARTS, PART = 3_000_000, 200, 50_000


def rows(*, tenth: bool = False) -> Iterator[Row]:
    """The most memory of both; with `tenth`, of a tenth of the contacts, which takes less long."""
    exported, parts = (EXPORTED // 10, PARTS // 10) if tenth else (EXPORTED, PARTS)
    more = "; for ten times as many: python -m tests.bench fleet-memory" if tenth else ""
    size = mib(run_alone("fleet_memory", "export", exported))
    subject = f"a worker that exports {exported:,} contacts{more}"
    yield Row(subject=subject, outcome=size, wanted="≤ 300 MiB")
    size = mib(run_alone("fleet_memory", "plan", parts))
    subject = f"a worker that plans {parts * PART:,} rows, 1 % of them changed{more}"
    yield Row(subject=subject, outcome=size, wanted="≤ 400 MiB")


def export(contacts: int) -> int:
    """The most memory of a worker that exports one account of so many contacts."""
    with cluster() as client, tempfile.TemporaryDirectory() as folder:
        accounts = {"large": account(0, via=Made(contacts), rate_limit="1000000/second")}
        check(ck.fleet(accounts, on=client).export(folder), contacts)
        return max(client.run(memory, "VmHWM").values())


def plan(parts: int) -> int:
    """The most memory of a worker that plans a dataset of so many parts."""
    with cluster() as client, tempfile.TemporaryDirectory() as folder:
        accounts = {"large": account(0, via=Made(PART), rate_limit="1000000/second")}
        made = ck.fleet(accounts, on=client)
        check(made.export(folder), PART)
        (file,) = Path(folder, "account=large").glob("*.parquet")
        for number in range(1, parts):
            shutil.copy(file, file.with_name(file.name.replace("00000", f"{number:05}", 1)))
        planned = made.plan(folder, _opt_out)
        if len(planned.failed()) or planned.count("planned") < parts:
            raise RuntimeError(repr(planned))
        return max(client.run(memory, "VmHWM").values())


def _opt_out(people: pd.DataFrame) -> pd.DataFrame:
    return people.assign(opt_out=people["opt_out"] | (people.index % 100 == 0))


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](int(sys.argv[2]))))
