"""Applies plans to a served simulator in processes of their own, for tests that kill them.

Run as a program, it forks a process for each apply or export, which starts at once. It reads one
command a line: JSON starts an apply, or with a `folder` an export, and is answered by the number of
its process; the number of a process is answered by its status, once it has ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pyarrow.parquet  # noqa: F401

import contactkit as ck
import contactkit._http.aiohttp_transport  # so that no fork imports it
from contactkit._http.world import RealClock
from contactkit._providers import find, names
from contactkit.simulator.serve.app import SimulatorApp, address_of, create_server, listen

ROOT = Path(__file__).parents[2]


@contextmanager
def served(name: str, contacts: int) -> Iterator[tuple[SimulatorApp, str]]:
    """A simulator without its provider's limits behind a socket, and its address."""
    app = SimulatorApp(replace(find(name), limits=()), contacts, seed=7)
    with listen("127.0.0.1", 0) as listening:
        up = threading.Event()
        server = create_server(app, up.set)
        running = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        running.start()
        up.wait()
        try:
            yield app, address_of(listening) + urlsplit(app.provider.base_url).path
        finally:
            server.should_exit = True
            running.join()


class Forks:
    """The program, ready to fork an apply."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.support.apply_processes"]
        self._program = subprocess.Popen(command, cwd=ROOT, text=True, stdin=-1, stdout=-1)

    def ask(self, line: str) -> int:
        program = self._program
        assert program.stdin and program.stdout
        program.stdin.write(f"{line}\n")
        program.stdin.flush()
        return int(program.stdout.readline())

    def close(self) -> None:
        self._program.communicate()


@dataclass
class ApplyProcess:
    """A process that applies a plan."""

    forks: Forks
    number: int
    file: Path

    def kill(self) -> None:
        os.kill(self.number, signal.SIGKILL)
        assert self.forks.ask(f"{self.number}") == signal.SIGKILL

    def interrupt(self) -> None:
        os.kill(self.number, signal.SIGINT)

    def result(self) -> pd.DataFrame:
        """The result frame, once the process has ended."""
        assert self.forks.ask(f"{self.number}") == 0
        return pd.read_pickle(self.file)


class Applies:
    """A served simulator, its clients, and the processes that apply a plan to it."""

    def __init__(self, forks: Forks, app: SimulatorApp, address: str, folder: Path) -> None:
        self.app = app
        self.journal = folder / "journal.sqlite3"
        self._forks = forks
        self._folder = folder
        self._count = 0
        self.options: dict[str, Any] = {
            "base_url": address,
            "journal": str(self.journal),
            # So that no test waits for a rate; the simulator has none.
            "rate_limit": "100000/s",
            **app.simulator.credentials(app.provider),
        }

    def connect(self, **options: Any) -> ck.Client:
        return ck.connect(self.app.provider.name, **self.options | options)

    def start(
        self, plan: ck.Plan, *, journal: Path | None = None, step: float = 0.0, **options: Any
    ) -> ApplyProcess:
        """Apply a plan in a new process, which reads it from a file.

        It may have another journal, and a clock that is set by `step` seconds.
        """
        self._count += 1
        file, result = (self._folder / f"{name}{self._count}" for name in ("plan", "result"))
        plan.to_parquet(file)
        command = {
            "provider": self.app.provider.name,
            "client": self.options | ({"journal": str(journal)} if journal else {}),
            "plan": str(file),
            "step": step,
            "options": options,
            "result": str(result),
        }
        return ApplyProcess(self._forks, self._forks.ask(json.dumps(command)), result)

    @property
    def writes(self) -> int:
        """The number of writes that the provider has carried out."""
        with self.app.engine.lock:
            return sum(contact.writes for contact in self.app.engine.contacts)

    @property
    def most_writes(self) -> int:
        """The most writes of any contact."""
        with self.app.engine.lock:
            return max(contact.writes for contact in self.app.engine.contacts)

    def until(self, writes: int) -> None:
        """Wait until the provider has carried out this many writes."""
        _wait_for(lambda: self.writes >= writes)

    def until_in_flight(self) -> None:
        """Wait until a write is in flight."""
        _wait_for(lambda: bool(self.app.engine.in_flight))

    def rows(self) -> dict[str, Mapping[str, Any]]:
        """The contacts by key, without deleted ones."""
        contacts = self.app.engine.contacts
        return {str(c.row[contacts.key]): c.row for c in contacts if not c.deleted}


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(60_000):
        if condition():
            return
        time.sleep(0.0005)
    raise TimeoutError("the process that applies the plan has ended, or does nothing")


@contextmanager
def applies(forks: Forks, name: str, contacts: int, folder: Path) -> Iterator[Applies]:
    with served(name, contacts) as (app, address):
        yield Applies(forks, app, address, folder)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in names():
            warm_up(name, Path(folder) / "plan")
    for line in sys.stdin:
        if not line.startswith("{"):
            print(os.waitpid(int(line), 0)[1], flush=True)
        elif number := os.fork():
            print(number, flush=True)
        else:
            command = json.loads(line)
            (export_contacts if "folder" in command else apply_plan)(**command)


def warm_up(name: str, file: Path) -> None:
    """Import and build everything that an apply needs."""
    with ck.connect(name, via=ck.Simulator(contacts=1)) as client:
        people = client.contacts.list()
        client.contacts.plan(people, people).to_parquet(file)
        ck.read_plan(file, client).apply(progress=False)


class SetClock(RealClock):
    """The machine's clock, set forward or back."""

    def __init__(self, step: float) -> None:
        self.step = step

    def now(self) -> float:
        return super().now() + self.step

    def sleep(self, until: float) -> None:
        super().sleep(until - self.step)

    async def asleep(self, until: float) -> None:
        await super().asleep(until - self.step)


def apply_plan(
    provider: str,
    client: dict[str, Any],
    plan: str,
    step: float,
    options: dict[str, Any],
    result: str,
) -> None:
    """Apply the plan of one file and write the result to another."""
    status = 1
    ck.Live.clock = SetClock(step)
    try:
        with ck.connect(provider, **client) as sender:
            ck.read_plan(plan, sender).apply(progress=False, **options).to_pickle(result)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        # Skip the clean-up of the program that it was forked from.
        os._exit(status)


def export_contacts(
    provider: str, client: dict[str, Any], folder: str, options: dict[str, Any]
) -> None:
    """Export contacts to a folder."""
    status = 1
    try:
        with ck.connect(provider, **client) as reader:
            reader.contacts.export(folder, **options)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
