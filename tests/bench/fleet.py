"""A fleet on two worker processes: its pace, what it adds to an account, and a dead worker.

Run as a program it measures them on one cluster and prints the figures. `python -m tests.bench
fleet` also has the memory of workers at a tenth of the sizes that `fleet-memory` measures.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx

import contactkit as ck
from tests.bench import fleet_memory
from tests.bench.fleet_cluster import LEASE, MANY, account, check, cluster, export_many
from tests.bench.measure import Row, ms, ratio, run_alone, serving, times
from tests.bench.server import PAGES

ACCOUNTS, LOOPED, RATE, SERVED_RATE = 8, 2, 5, 7
PART = 10
_IDEAL = PAGES / RATE


def rows() -> Iterator[Row]:
    """The pace beside the limits and a bare loop, then the other figures."""
    found = run_alone("fleet")
    yield Row(
        subject=f"export of {ACCOUNTS} accounts of {PAGES} pages at {RATE}/s, {_load(found)}",
        measured=f"{found['pace']:.1f} s, {found['refused']} answers of 429",
        beside="pages ÷ rate",
        against=f"{_IDEAL:.1f} s",
        outcome=times(found["pace"] / _IDEAL),
        wanted="≤ 1.10x, none",
    )
    loop = found["loop"] * ACCOUNTS / LOOPED
    subject = f"the same by a loop of contacts.list(), from {LOOPED} of the accounts"
    yield ratio(subject, loop, "the fleet", found["pace"], unit=lambda each: f"{each:.1f} s")
    yield Row(
        subject=f"an account of {MANY} with one page, after start-up, {_load(found)}",
        measured=f"{ms(found['cpu'])} CPU of all processes",
        outcome=ms(found["added"]),
        wanted="≤ 50 ms",
    )
    yield Row(
        subject=f"a worker dies, with leases of {LEASE:g} s, {_load(found)}",
        measured=f"{found['killed']:.1f} s",
        beside="none dies",
        against=f"{found['pace']:.1f} s",
        outcome=f"{found['killed'] - found['pace']:.1f} s more",
        wanted=f"≤ {LEASE:g} s and a part of {PART / RATE:g} s",
    )
    yield from fleet_memory.rows(tenth=True)


def _load(found: dict[str, float]) -> str:
    return f"load {found['load']:.1f}"


def paced(address: str) -> dict[str, dict[str, Any]]:
    """Accounts that are told a lower rate than the server has, whose window is a second."""
    options = {"base_url": address, "rate_limit": f"{RATE}/second"}
    return {f"a{number}": account(number, **options) for number in range(ACCOUNTS)}


def measure() -> dict[str, float]:
    """All figures; the worker dies last."""
    with cluster() as client, serving(rate=SERVED_RATE) as address:
        accounts, found = paced(address), {"load": os.getloadavg()[0]}
        found["pace"] = _export_paced(client, accounts)
        found["refused"] = _refused(address)
        found["loop"] = _list_alone([*accounts.values()][:LOOPED])
        found["cpu"], found["added"] = (each / MANY for each in export_many(client, MANY))
        (process, *_) = client.run(os.getpid).values()
        threading.Timer(_IDEAL / 3, os.kill, (process, signal.SIGKILL)).start()
        found["killed"] = _export_paced(client, accounts)
        found["load"] = max(found["load"], os.getloadavg()[0])
        return found


def _export_paced(client: Any, accounts: dict[str, dict[str, Any]]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        report = ck.fleet(accounts, on=client).export(folder, rows_per_file=PART * 100)
        check(report, ACCOUNTS * PAGES * 100)
        return time.perf_counter() - started


def _refused(address: str) -> int:
    return httpx.get(f"{address}/counts", trust_env=False).json()["refused"]


def _list_alone(accounts: list[dict[str, Any]]) -> float:
    started = time.perf_counter()
    for options in accounts:
        key = os.environ[options["api_key"].removeprefix("$")]
        with ck.connect(**{**options, "api_key": key}) as alone:
            alone.contacts.list()
    return time.perf_counter() - started


if __name__ == "__main__":
    print(json.dumps(measure()))
