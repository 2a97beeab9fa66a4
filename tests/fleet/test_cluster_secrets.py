"""Nothing that leaves a worker, or that a crash report of it would have, holds a secret."""

from __future__ import annotations

import gc
import io
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import contactkit as ck
from tests.support.edits import change_all
from tests.support.fleets import Call, Fleet, served_fleet, set_variables
from tests.support.providers import lift_suppressions

FOUR = {
    "acme": ("sent", 20),
    "birch": ("sendblue", 20),
    "cedar": ("privy", 20),
    "dahlia": ("digital_onboarding", 20),
}
# What each way to authenticate is called in the simulators, and has all rights.
_LOOKS = 2
WAYS = ("organisation", "account", "token", "oauth")


def plant(served: Fleet) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Accounts with credentials of their own, and those by the names of their variables."""
    accounts: dict[str, dict[str, Any]] = {}
    secrets: dict[str, str] = {}

    def name_secret() -> str:
        name = f"PLANTED_{len(secrets):02}"
        secrets[name] = f"00000000-0000-4000-8000-{len(secrets):02}5ec4e75ec4"
        return name

    for each in served.served.values():
        known, options = each.app.engine.accounts, ("provider", "base_url", "rate_limit")
        ways = [known[way] for way in WAYS if way in known]
        for way in ways:
            names = {argument: name_secret() for argument in way.credentials}
            credentials = {argument: secrets[name] for argument, name in names.items()}
            known[f"planted-{len(known)}"] = replace(way, credentials=credentials)
            account = {option: each.account[option] for option in options}
            accounts[f"a{len(accounts)}"] = account | {a: f"${n}" for a, n in names.items()}
    while len(secrets) < 24:
        # The provider knows nothing of these, and says so.
        accounts[f"wrong-{len(secrets)}"] = served.accounts["acme"] | {
            "api_key": f"${name_secret()}"
        }
    return accounts, secrets


class Logs(logging.StreamHandler):
    """All that a worker logs, in its memory."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())

    @staticmethod
    def start() -> None:
        root = logging.getLogger()
        root.addHandler(Logs())
        for name in (None, "distributed", "contactkit", "httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.DEBUG)

    @staticmethod
    def end() -> str:
        root = logging.getLogger()
        (logs,) = (each for each in root.handlers if type(each).__name__ == "Logs")
        root.removeHandler(logs)
        root.setLevel(logging.WARNING)
        for name in ("distributed", "contactkit", "httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.CRITICAL if name == "distributed" else 0)
        return logs.stream.getvalue()


def graph(dask_scheduler: Any) -> bytes:
    """The tasks as the scheduler has them, pickled."""
    return cloudpickle.dumps([task.run_spec for task in dask_scheduler.tasks.values()])


def memory(dask_worker: Any) -> str:
    """The reprs of what a worker has in its memory, and of the variables of all that it does."""
    ours = ("<class 'contactkit", "<class 'distributed")
    found = [each for each in gc.get_objects() if str(type(each)).startswith(ours)]
    found += [*dask_worker.state.tasks.values(), *dask_worker.data.values()]
    return "\n".join([*map(safe_repr, found), *map(safe_repr, variables_of_frames())])


def variables_of_frames() -> Iterator[Any]:
    """The local variables of contactkit in all threads."""
    for frame in sys._current_frames().values():
        while frame:
            if frame.f_globals.get("__name__", "").startswith("contactkit"):
                yield from [*frame.f_locals.values()]
            frame = frame.f_back


def safe_repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:
        return type(error).__name__


class Search:
    """Gathers everything while calls run."""

    def __init__(self, dask: Any, folder: Path) -> None:
        self.graphs, self.rest = b"", b""
        self._dask, self._folder = dask, folder

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a function, and look at all that it makes meanwhile."""
        call = Call(function, *args, **options)
        for _ in range(_LOOKS):
            self.graphs += self._dask.run_on_scheduler(graph)
            self.look()
            time.sleep(0.2)
        result = call.result()
        self.add(
            result.frame.to_csv() if hasattr(result, "frame") else result.report.frame.to_csv()
        )
        self.add(repr(result))
        return result

    def look(self) -> None:
        for text in self._dask.run(memory).values():
            self.add(text)
        self.files()

    def files(self) -> None:
        for folder, _, names in os.walk(self._folder):
            for name in names:
                # It may be replaced at this moment.
                with suppress(FileNotFoundError):
                    self.rest += Path(folder, name).read_bytes()

    def add(self, text: str) -> None:
        self.rest += text.encode()


def test_nothing_that_leaves_a_worker_holds_a_secret(
    dask: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    search = Search(dask, tmp_path)
    with served_fleet(FOUR) as served:
        lift_suppressions(served["cedar"].app.simulator)
        accounts, secrets = plant(served)
        assert len(secrets) == 24
        dask.run(set_variables, secrets)
        dask.run(Logs.start)
        for each in served.served.values():
            each.slow = 0.02
        fleet = ck.fleet(accounts, on=dask, journal=tmp_path / "journals")
        reports = [
            search.call(fleet.check),
            search.call(fleet.export, tmp_path / "people", rows_per_file=10),
        ]
        plan = search.call(fleet.plan, tmp_path / "people", change_all)
        reports.append(search.call(plan.apply))
        search.add(repr(fleet))
        search.add(fleet.journal().to_csv())
        for report in reports:
            failed = report.failed().set_index("account")["message"].to_dict()
            assert {*failed} == {name for name in accounts if name.startswith("wrong")}, failed
        for text in (*dask.run(Logs.end).values(), *capfd.readouterr()):
            search.add(text)
        search.add(repr([dask.get_worker_logs(), dask.get_scheduler_logs(), dask.get_events()]))
    # The search would find them: it finds their names.
    assert all(name.encode() in search.graphs for name in secrets)
    assert b"people" in search.rest and b"AuthenticationError" in search.rest
    everything = search.graphs + search.rest
    found = {name: everything.find(value.encode()) for name, value in secrets.items()}
    leaks = {name: everything[at - 300 : at + 50] for name, at in found.items() if at >= 0}
    assert not leaks
