"""Fleets of served simulators, and a cluster of real processes to run them on."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

import contactkit as ck
from contactkit._fleet.plan import FleetPlan
from contactkit._plans.change import PlannedWrite
from contactkit._providers import find, names
from contactkit.simulator.serve.app import SimulatorApp
from contactkit.spec.record import key_of
from tests.support.apply_processes import served

LEASE_SECONDS = 2


def variables() -> dict[str, str]:
    """The variables of the environment that the accounts of all served fleets name."""
    found: dict[str, str] = {}
    for name in names():
        credentials = ck.Simulator(0).credentials(find(name)) or {}
        found |= {_variable(name, argument): value for argument, value in credentials.items()}
    return found


def set_variables(values: Mapping[str, str | None]) -> None:
    """Set variables of this process, or take those away that are None."""
    for name, value in values.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def _variable(provider: str, argument: str) -> str:
    return f"FLEET_{provider}_{argument}".upper()


@dataclass
class Served:
    """A served simulator, its account, and the requests that it got."""

    app: SimulatorApp
    account: dict[str, Any]
    slow: float = 0.0
    queries: list[Mapping[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        engine = self.app.engine
        respond = engine._respond

        def counted(request: Any, *args: Any) -> Any:
            self.queries.append(request.query)
            self.times.append(time.monotonic())
            time.sleep(self.slow)
            return respond(request, *args)

        engine._respond = counted

    @property
    def requests(self) -> int:
        """How many requests it got."""
        return len(self.queries)

    @property
    def rows(self) -> dict[str, Mapping[str, Any]]:
        """Its contacts by key."""
        contacts = self.app.engine.contacts
        return {str(each.row[contacts.key]): each.row for each in contacts if not each.deleted}

    @property
    def writes(self) -> list[int]:
        """How often each of its contacts was written."""
        with self.app.engine.lock:
            return [each.writes for each in self.app.engine.contacts]


@contextmanager
def served_fleet(accounts: Mapping[str, tuple[str, int]], **options: Any) -> Iterator[Fleet]:
    """Serve a simulator for each account, given its provider and its number of contacts."""
    with ExitStack() as stack:
        found: dict[str, Served] = {}
        for name, (provider, contacts) in accounts.items():
            app, address = stack.enter_context(served(provider, contacts))
            credentials = app.simulator.credentials(app.provider)
            account = {
                "provider": provider,
                "base_url": address,
                "rate_limit": "100000/s",
                **{argument: f"${_variable(provider, argument)}" for argument in credentials},
                **options,
            }
            found[name] = Served(app, account)
        yield Fleet(found)


@dataclass
class Fleet:
    """Served accounts by name."""

    served: dict[str, Served]

    def __getitem__(self, name: str) -> Served:
        return self.served[name]

    @property
    def accounts(self) -> dict[str, dict[str, Any]]:
        """What `ck.fleet` takes."""
        return {name: dict(each.account) for name, each in self.served.items()}

    @property
    def requests(self) -> int:
        """The requests to all of them."""
        return sum(each.requests for each in self.served.values())


def keys_in(folder: Path, account: str, key: str) -> list[str]:
    """The keys of the contacts in an account's folder, in any order."""
    files = sorted((folder / f"account={account}").glob("*.parquet"))
    return [each for file in files for each in pd.read_parquet(file, columns=[key])[key]]


def worker_of(client: Any, account: str) -> str:
    """The address of the worker that has an account's task."""
    found = client.processing().items()
    (worker,) = (address for address, keys in found if any(k.startswith(account) for k in keys))
    return worker


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition; TimeoutError if it does not come."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.01)


def check_whole(fleet: Fleet, folder: Path) -> None:
    """Every contact is in the folder, and none twice."""
    for name, each in fleet.served.items():
        key = key_of(each.app.provider.record).name
        assert sorted(keys_in(folder, name, key)) == sorted(each.rows), name


def writes_in(plan: FleetPlan, account: str, served: Served) -> list[PlannedWrite]:
    """The writes of an account's plans, without refused ones."""
    with ck.connect(served.app.provider, via=ck.Simulator()) as client:
        files = sorted(plan.path.glob(f"account={account}/*.parquet"))
        writes = [write for file in files for write in ck.read_plan(file, client).contacts]
    return [write for write in writes if not write.problems]


def check_written(fleet: Fleet, plan: FleetPlan, accounts: Iterable[str] | None = None) -> None:
    """Every contact of a plan is as it wants, and none was written twice."""
    for name in fleet.served if accounts is None else accounts:
        each = fleet[name]
        writes, rows = writes_in(plan, name, each), each.rows
        assert sum(each.writes) == len(writes), name
        assert max(each.writes) == 1, name
        assert all(_holds(rows, write) for write in writes), name


def _holds(rows: Mapping[str, Any], write: PlannedWrite) -> bool:
    """Whether a contact, or for a creation just one of them, has the values of a write."""
    among = [rows[write.key]] if write.key else rows.values()
    return sum(write.changes.items() <= row.items() for row in among) == 1


class Call(threading.Thread):
    """A call on a thread of its own."""

    def __init__(self, function: Any, *args: Any, **options: Any) -> None:
        super().__init__(daemon=True)
        self._call = lambda: function(*args, **options)
        self.start()

    def run(self) -> None:
        self.value = self._call()

    def result(self) -> Any:
        self.join(120)
        assert not self.is_alive()
        return self.value
