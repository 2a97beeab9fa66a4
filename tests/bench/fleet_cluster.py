"""Two worker processes for the measures of a fleet, and accounts of one page."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import contactkit as ck
from tests.bench.measure import serving

MANY, LEASE = 200, 5.0


@contextmanager
def cluster() -> Iterator[Any]:
    """A client of two worker processes with four threads each, which have imported everything."""
    import dask.config
    from distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 4, "dashboard_address": ":0"}
    for number in range(MANY):
        os.environ[f"FLEET_{number}"] = str(uuid.UUID(int=number, version=4))
    with (
        dask.config.set({"distributed.scheduler.locks.lease-timeout": f"{LEASE}s"}),
        LocalCluster(**options, silence_logs=50) as local,
        Client(local) as client,
    ):
        export_many(client, 16)
        yield client


def account(number: int, **options: Any) -> dict[str, Any]:
    """An account with a key of its own."""
    return {"provider": "sent", "api_key": f"$FLEET_{number}", **options}


def export_many(client: Any, count: int) -> tuple[float, float]:
    """The seconds of CPU and of the clock in which so many accounts of one page are exported."""
    with serving(pages=1) as address, tempfile.TemporaryDirectory() as folder:
        options = {"base_url": address, "rate_limit": "100000/second"}
        fleet = ck.fleet({f"a{n}": account(n, **options) for n in range(count)}, on=client)
        cpu, started = _cpu(client), time.perf_counter()
        check(fleet.export(folder), count * 100)
        return _cpu(client) - cpu, time.perf_counter() - started


def _cpu(client: Any) -> float:
    """The seconds of CPU of this process, which has the scheduler, and of the workers."""
    return time.process_time() + sum(client.run(time.process_time).values())


def check(report: ck.FleetReport, contacts: int) -> None:
    """RuntimeError unless all accounts are whole."""
    if len(report.failed()) or report.frame["rows"].sum() != contacts:
        raise RuntimeError(repr(report))
