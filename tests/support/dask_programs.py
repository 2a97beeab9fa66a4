"""The scheduler and the workers of a Dask cluster as programs of their own.

Workers with other addresses and other folders of the user are to Dask, and to a fleet, those of
other machines.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.clusters import forking
from tests.support.fleets import LEASE_SECONDS, variables, wait_until

_LOCKS = "DASK_DISTRIBUTED__SCHEDULER__LOCKS"
_SETTINGS = {
    f"{_LOCKS}__LEASE_TIMEOUT": f"{LEASE_SECONDS}s",
    f"{_LOCKS}__LEASE_VALIDATION_INTERVAL": "200ms",
}


class Programs:
    """A scheduler, and a worker for each of some hosts."""

    def __init__(self, folder: Path, hosts: Sequence[str], threads: int) -> None:
        self.file = folder / f"scheduler-{uuid4().hex}.json"
        self._folder, self._threads = folder, threads
        self.workers: list[BaseProcess] = []
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        wait_until(self.file.exists)
        for host in hosts:
            self.add_worker(host)

    def add_worker(self, host: str) -> None:
        """Start a worker on a machine that has a disk of its own."""
        options = ["--host", host, "--no-nanny", "--nthreads", str(self._threads)]
        home = {"XDG_DATA_HOME": str(self._folder / host), **variables()}
        self.workers.append(self._start("dask_worker", *options, **home))

    def _start(self, program: str, *arguments: str, **env: str) -> BaseProcess:
        command = [program, "--scheduler-file", str(self.file), *arguments, "--no-dashboard"]
        process = forking().Process(target=run, args=(command, _SETTINGS | env), daemon=True)
        process.start()
        return process

    def end(self) -> None:
        """Kill what still runs, also what is stopped."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.join()


def run(command: list[str], env: dict[str, str]) -> None:
    """Become a program of Dask, with more variables in its environment."""
    import dask.config

    os.environ |= env
    dask.config.refresh()
    nothing = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(nothing, output)
    program, *arguments = command
    importlib.import_module(f"distributed.cli.{program}").main(arguments)


@contextmanager
def programs(folder: Path, *hosts: str, threads: int = 4) -> Iterator[tuple[Programs, Any]]:
    """A cluster and a client of it, once all workers are there."""
    from distributed import Client

    started = Programs(folder, hosts, threads)
    try:
        with Client(scheduler_file=str(started.file), set_as_default=False, timeout=60) as client:
            client.wait_for_workers(len(hosts), timeout=60)
            yield started, client
    finally:
        started.end()
