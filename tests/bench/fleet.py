"""A fleet on two worker processes: its pace, what it adds, its memory, and a dead worker.

Run as a program it measures one part and prints the figures; each has a cluster of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

import contactkit as ck
from tests.bench.export import Made
from tests.bench.measure import Row, memory, mib, run_alone, serving, times
from tests.bench.server import PAGES
from tests.support.far_world import FarAccount

ACCOUNTS, RATE, SERVED_RATE = 8, 5, 7
MANY, LARGE = 400, 3_000_000
PARTS, PART = 200, 50_000
LEASE = 5.0
_IDEAL = PAGES / RATE


def rows() -> Iterator[Row]:
    """The pace beside the limits and a bare loop, then the other figures."""
    pace = run_alone("fleet", "pace")
    yield Row(
        subject=f"export of {ACCOUNTS} accounts of {PAGES} pages at {RATE}/s, 2 workers",
        measured=f"{pace['fleet']:.1f} s, {pace['refused']} answers of 429",
        beside="pages ÷ rate",
        against=f"{_IDEAL:.1f} s",
        outcome=times(pace["fleet"] / _IDEAL),
        wanted="≤ 1.10x, none",
    )
    loop = f"{pace['loop']:.1f} s"
    yield Row(subject="the same by a loop of contacts.list()", measured=loop, outcome=loop)
    size = mib(run_alone("fleet", "export_memory"))
    yield Row(subject=f"a worker that exports {LARGE:,} contacts", outcome=size, wanted="≤ 300 MiB")
    added = f"{run_alone('fleet', 'overhead') * 1000:.1f} ms"
    yield Row(subject=f"an account of {MANY}, after start-up", outcome=added, wanted="≤ 50 ms")
    lost = f"{run_alone('fleet', 'dead_worker'):.1f} s"
    subject = f"a dead worker, with leases of {LEASE:g} s"
    yield Row(subject=subject, outcome=lost, wanted="≤ the lease and one part")
    size = mib(run_alone("fleet", "plan_memory"))
    subject = f"a worker that plans {PARTS * PART:,} rows, 1 % of them changed"
    yield Row(subject=subject, outcome=size, wanted="≤ 400 MiB")


@contextmanager
def cluster() -> Iterator[Any]:
    """A client of two worker processes with four threads each."""
    import dask.config
    from distributed import Client, LocalCluster

    locks = "distributed.scheduler.locks"
    settings = {f"{locks}.lease-timeout": f"{LEASE}s", f"{locks}.lease-validation-interval": "1s"}
    os.environ["FLEET_KEY"] = "test"
    options = {"n_workers": 2, "threads_per_worker": 4, "dashboard_address": ":0"}
    with dask.config.set(settings), LocalCluster(**options, silence_logs=50) as local:
        with Client(local) as client:
            # Each worker imports everything once.
            with tempfile.TemporaryDirectory() as folder:
                accounts = {
                    f"a{n}": {"provider": "sent", "via": FarAccount(n, 1)} for n in range(8)
                }
                ck.fleet(accounts, on=client).export(folder)
            yield client


def _small(count: int) -> dict[str, dict[str, Any]]:
    """Accounts of one contact."""
    return {f"a{n}": {"provider": "sent", "via": FarAccount(n, 1)} for n in range(count)}


def _account(**options: Any) -> dict[str, Any]:
    return {"provider": "sent", "api_key": "$FLEET_KEY", **options}


@contextmanager
def served() -> Iterator[dict[str, dict[str, Any]]]:
    """Accounts that are told a lower rate than their server has, whose window is a second."""
    with ExitStack() as stack:
        addresses = [stack.enter_context(serving(rate=SERVED_RATE)) for _ in range(ACCOUNTS)]
        yield {
            f"a{number}": _account(base_url=address, rate_limit=f"{RATE}/second")
            for number, address in enumerate(addresses)
        }


def pace() -> dict[str, float]:
    """The seconds of a fleet's export and of a loop, and the answers of 429 to the fleet."""
    with cluster() as client, served() as accounts, tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        report = ck.fleet(accounts, on=client).export(folder)
        seconds = time.perf_counter() - started
        _check(report, ACCOUNTS * PAGES * 100)
        refused = sum(_counts(account)["refused"] for account in accounts.values())
        started = time.perf_counter()
        for account in accounts.values():
            options = account | {"api_key": "test"}
            with ck.connect(options.pop("provider"), **options) as alone:
                alone.contacts.list()
        return {"fleet": seconds, "refused": refused, "loop": time.perf_counter() - started}


def _counts(account: dict[str, Any]) -> dict[str, Any]:
    return httpx.get(f"{account['base_url']}/counts", trust_env=False).json()


def _check(report: ck.FleetReport, contacts: int) -> None:
    if len(report.failed()) or report.frame["rows"].sum() != contacts:
        raise RuntimeError(repr(report))


def export_memory() -> int:
    """The most memory of a worker that exports one large account."""
    with cluster() as client, tempfile.TemporaryDirectory() as folder:
        accounts = {"large": _account(via=Made(LARGE), rate_limit="1000000/second")}
        _check(ck.fleet(accounts, on=client).export(folder), LARGE)
        return max(client.run(memory, "VmHWM").values())


def overhead() -> float:
    """The seconds that an account of one page takes of a large fleet."""
    with cluster() as client, tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        _check(ck.fleet(_small(MANY), on=client).export(folder), MANY)
        return (time.perf_counter() - started) / MANY


def dead_worker() -> float:
    """The seconds that an export takes longer if a worker is killed."""
    with cluster() as client, served() as accounts, tempfile.TemporaryDirectory() as folder:
        fleet, processes = ck.fleet(accounts, on=client), [*client.run(os.getpid).values()]
        killing = threading.Timer(_IDEAL / 3, os.kill, (processes[0], signal.SIGKILL))
        killing.start()
        started = time.perf_counter()
        _check(fleet.export(folder, rows_per_file=1_000), ACCOUNTS * PAGES * 100)
        return time.perf_counter() - started - _IDEAL


def plan_memory() -> int:
    """The most memory of a worker that plans a dataset of many parts."""
    with cluster() as client, tempfile.TemporaryDirectory() as folder:
        accounts = {"large": _account(via=Made(PART), rate_limit="1000000/second")}
        fleet = ck.fleet(accounts, on=client)
        _check(fleet.export(folder), PART)
        (file,) = Path(folder, "account=large").glob("*.parquet")
        for number in range(1, PARTS):
            shutil.copy(file, file.with_name(file.name.replace("00000", f"{number:05}", 1)))
        plan = fleet.plan(folder, _opt_out)
        if len(plan.failed()) or plan.count("planned") < PARTS:
            raise RuntimeError(repr(plan))
        return max(client.run(memory, "VmHWM").values())


def _opt_out(people: pd.DataFrame) -> pd.DataFrame:
    return people.assign(opt_out=people["opt_out"] | (people.index % 100 == 0))


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
