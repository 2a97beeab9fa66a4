"""A fleet in a browser, where no thread can be started: one account after the other."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import contactkit as ck
from contactkit._providers import names
from tests.support.fleets import keys_in


class PageLoop(asyncio.SelectorEventLoop):
    """Calls at once what others leave to threads, as the loop of pyodide does."""

    def run_in_executor(self, executor: Any, function: Any, *args: Any) -> Any:
        done = self.create_future()
        done.set_result(function(*args))
        return done


def wait_in_page(work: Any) -> Any:
    with asyncio.Runner(loop_factory=PageLoop) as runner:
        return runner.run(work)


@pytest.fixture(autouse=True)
def browser(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    loop = SimpleNamespace(can_run_sync=lambda: True, run_sync=wait_in_page)
    monkeypatch.setattr(sys, "platform", "emscripten")
    monkeypatch.setitem(sys.modules, "pyodide.ffi", loop)
    monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.fixture
def fleet(tmp_path: Path) -> Any:
    accounts = {name: {"provider": name, "via": ck.Simulator(contacts=20)} for name in names()}
    return ck.fleet(accounts, journal=tmp_path / "journals")


def test_each_step_is_done_for_all_accounts(fleet: Any, tmp_path: Path) -> None:
    assert "this page, one account after the other" in repr(fleet)
    assert not len(fleet.check().failed())
    exported = fleet.export(tmp_path / "people")
    assert exported.frame["rows"].tolist() == [20] * 4
    assert len({*keys_in(tmp_path / "people", "sent", "id")}) == 20
    plan = fleet.plan(tmp_path / "people", deny)
    applied = plan.apply()
    assert not [*applied.failed()["message"]]
    frame = applied.frame
    assert sum(frame["updated"] + frame["refused"]) == plan.count("planned") + plan.count("refused")
    assert frame["updated"].gt(1).all()
    assert sum(fleet.journal()["outcome"].eq("updated")) == sum(frame["updated"])
    assert not len(plan.undo().failed())


def deny(people: Any) -> Any:
    no = {
        "sent": {"opt_out": True},
        "sendblue": {"opt_out": True},
        "privy": {"sms_consent": "unsubscribed"},
        "digital_onboarding": {"sms_unsubscribed": True},
    }
    return people.head(5).assign(**no[people.attrs["provider"]])


def test_dask_is_refused(fleet: Any) -> None:
    with pytest.raises(ck.ConfigurationError, match=r"on= must be a distributed\.Client"):
        ck.fleet({"acme": {"provider": "sent", "via": ck.Simulator()}}, on="tcp://127.0.0.1:8786")
