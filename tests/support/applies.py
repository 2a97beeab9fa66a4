"""Plans applied in processes of their own to a served simulator, for tests that kill them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

import contactkit as ck
from contactkit._providers import find
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
    """A warm program, of which every apply is a fork."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.support.apply_forks"]
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
class Started:
    """A process that applies the plan."""

    forks: Forks
    number: int
    file: Path

    def kill(self) -> None:
        os.kill(self.number, signal.SIGKILL)
        assert self.forks.ask(f"{self.number}") == signal.SIGKILL

    def interrupt(self) -> None:
        os.kill(self.number, signal.SIGINT)

    def result(self) -> pd.DataFrame:
        """The frame that it leaves."""
        assert self.forks.ask(f"{self.number}") == 0
        return pd.read_pickle(self.file)


class Applies:
    """A served simulator, clients of it, and processes that apply one plan to it."""

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

    def start(self, plan: ck.Plan, **options: Any) -> Started:
        """Apply a plan in a process of its own, which reads it from a file."""
        self._count += 1
        file, result = (self._folder / f"{name}{self._count}" for name in ("plan", "result"))
        plan.to_parquet(file)
        command = {
            "provider": self.app.provider.name,
            "client": self.options,
            "plan": str(file),
            "options": options,
            "result": str(result),
        }
        return Started(self._forks, self._forks.ask(json.dumps(command)), result)

    @property
    def writes(self) -> int:
        """How many writes the provider has carried out."""
        with self.app.engine.lock:
            return sum(each.writes for each in self.app.engine.contacts)

    @property
    def most_writes(self) -> int:
        """How often the contact was written that was written most often."""
        with self.app.engine.lock:
            return max(each.writes for each in self.app.engine.contacts)

    def until(self, writes: int) -> None:
        """Wait until the provider has carried out so many."""
        _wait_for(lambda: self.writes >= writes)

    def until_in_flight(self) -> None:
        """Wait until a write is there that a latency holds up."""
        _wait_for(lambda: bool(self.app.engine.in_flight))

    def rows(self) -> dict[str, Mapping[str, Any]]:
        """The contacts that are there, by key."""
        contacts = self.app.engine.contacts
        return {str(each.row[contacts.key]): each.row for each in contacts if not each.deleted}


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
