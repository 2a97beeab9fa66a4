"""A Dask cluster of two worker processes, and what kills them at any moment."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psutil

from tests.support.fleets import LEASE_SECONDS, Fleet, variables, wait_until

_LOCKS = "distributed.scheduler.locks"
# What a worker needs is imported once, by the process that all of them are forked from.
_PRELOAD = ["distributed.nanny", "contactkit", "pyarrow.parquet", "aiohttp", "tests.support.edits"]
_CONFIG = {
    "distributed.worker.multiprocessing-method": "forkserver",
    f"{_LOCKS}.lease-timeout": f"{LEASE_SECONDS}s",
    f"{_LOCKS}.lease-validation-interval": "200ms",
    # On a busy machine a worker takes long to start again.
    "distributed.deploy.lost-worker-timeout": "10 minutes",
}


@contextmanager
def started_cluster() -> Iterator[Any]:
    """Two workers with short leases, and the variables of all accounts."""
    import dask.config
    from distributed import LocalCluster

    with dask.config.set(_CONFIG):
        forking()
        with LocalCluster(
            n_workers=2,
            threads_per_worker=4,
            processes=True,
            host="127.0.0.1",
            dashboard_address=":0",
            silence_logs=50,
            env=variables(),
        ) as cluster:
            yield cluster
            workers = [each.pid for each in cluster.workers.values()]
    wait_until(lambda: not any(map(psutil.pid_exists, workers)))


def forking() -> Any:
    """What starts processes that have what a worker needs, of Dask's own and any others."""
    import dask.config
    from distributed.utils import get_mp_context

    with dask.config.set(_CONFIG):
        context = get_mp_context()
    # It counts until the first process is started.
    context.set_forkserver_preload(_PRELOAD)
    return context


class Kills(threading.Thread):
    """Kills workers when a fleet's servers have had some numbers of requests, from now on.

    One worker each time, any of them, and every third time both.
    """

    def __init__(self, cluster: Any, fleet: Fleet, moments: Sequence[int]) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self._cluster, self._fleet = cluster, fleet
        self._moments = [fleet.requests + moment for moment in moments]
        self.start()

    def run(self) -> None:
        for number, moment in enumerate(self._moments, 1):
            wait_until(lambda moment=moment: self._fleet.requests >= moment, 120)
            time.sleep(random.uniform(0, 0.1))
            # A nanny gives up a worker that is killed before it has begun to work.
            wait_until(lambda: bool(self._processes()), 60)
            processes = self._processes()
            kill(*(processes if number % 3 == 0 else random.sample(processes, 1)))
            self.count += 1

    def _processes(self) -> list[int]:
        """The workers that work."""
        working = self._cluster.scheduler.workers
        nannies = [each for each in self._cluster.workers.values() if each.pid]
        return [each.pid for each in nannies if each.worker_address in working]


def random_moments(requests: int, count: int) -> list[int]:
    """Numbers of requests after which a worker is killed, over a whole run of so many."""
    return sorted(random.sample(range(requests), min(count, requests)))


def call_until_done(call: Callable[[], Any]) -> list[Any]:
    """Make the same call again until all accounts are done; returns the reports."""
    reports = [call()]
    while len(reports[-1].failed()):
        assert len(reports) < 10, reports[-1].failed()["message"].tolist()
        reports.append(call())
    return reports


def kill(*processes: int) -> None:
    """Kill processes at once."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
