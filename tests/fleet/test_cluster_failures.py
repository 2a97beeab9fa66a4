"""What goes wrong on a real cluster: the accounts that it does not concern are whole."""

from __future__ import annotations

import os
import resource
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

import contactkit as ck
from tests.support.clusters import kill
from tests.support.consent import NO, SILENCE, YES
from tests.support.edits import Assign, KillWorkerOf, RaiseAt, change_all, change_and_add
from tests.support.fleets import (
    Call,
    Fleet,
    Served,
    check_whole,
    check_written,
    served_fleet,
    set_variables,
    variables,
    wait_until,
    writes_in,
)
from tests.support.providers import lift_suppressions
from tests.support.sockets import listening

FOUR = {
    "acme": ("sent", 300),
    "birch": ("sendblue", 50),
    "cedar": ("privy", 50),
    "dahlia": ("digital_onboarding", 50),
}
KEY = variables()["FLEET_SENT_API_KEY"]
WRONG = "00000000-0000-4000-8000-00000000dead"


def read_all(connection: socket.socket) -> None:
    """Take every request, and never answer."""
    while connection.recv(65_536):
        pass


def limit_files(size: int) -> None:
    """Let this process write no file beyond a size, as a full disk does; -1 for no limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


def addresses(dask: Any) -> tuple[str, str]:
    """The workers."""
    first, second = dask.scheduler_info()["workers"]
    return first, second


def test_others_are_exported_whatever_an_account_meets(dask: Any, tmp_path: Path) -> None:
    first, second = addresses(dask)
    folder = tmp_path / "people"
    dask.run(set_variables, {"BAD_KEY": WRONG})
    dask.run(set_variables, {"LONE_KEY": KEY}, workers=[first])
    dask.run(set_variables, {"LONE_KEY": None}, workers=[second])
    # A silent provider takes a connection and never answers.
    with served_fleet(FOUR) as served, listening(read_all) as port:
        accounts, sent = served.accounts, served.accounts["acme"]
        accounts["bad"] = sent | {"api_key": "$BAD_KEY"}
        accounts["silent"] = sent | {
            "base_url": f"http://127.0.0.1:{port}",
            "timeout": 0.2,
            "patience": 0,
        }
        accounts["lone"] = sent | {"api_key": "$LONE_KEY"}
        accounts["acme-again"] = sent
        served["birch"].slow = 0.5
        check = ck.fleet({"lone": accounts["lone"]}, on=dask).check().frame["message"][0]
        assert "1 of 2 workers lack LONE_KEY" in check or "no LONE_KEY" in check
        report = ck.fleet(accounts, on=dask).export(folder, rows_per_file=100)
        frame = report.frame.set_index("account")
        for name in (*FOUR, "acme-again"):
            assert frame["outcome"][name] == "done", frame["message"][name]
        check_whole(served, folder)
        assert "AuthenticationError" in frame["message"]["bad"]
        assert "TransportError: sent list: timeout" in frame["message"]["silent"]
        assert frame["outcome"]["lone"] == "done" or "LONE_KEY" in frame["message"]["lone"]
        assert not (folder / "_SUCCESS").exists()
        # Mended, only what failed is exported.
        dask.run(set_variables, {"BAD_KEY": KEY})
        dask.run(set_variables, {"LONE_KEY": KEY})
        accounts["silent"] = sent
        requests, failed = served.requests, len(report.failed())
        report = ck.fleet(accounts, on=dask).export(folder, rows_per_file=100)
        assert report.frame["outcome"].eq("done").all(), report.failed()["message"].tolist()
        assert served.requests - requests == 3 * failed
        assert (folder / "_SUCCESS").exists()


def test_others_are_written_whatever_an_account_meets(dask: Any, tmp_path: Path) -> None:
    _, second = addresses(dask)
    small = {name: (provider, 30) for name, (provider, _) in FOUR.items()}
    broken = {name: ("sent", 10) for name in ("bad", "silent", "lone")}
    for name in ("BAD_KEY", "LONE_KEY"):
        dask.run(set_variables, {name: KEY})
    with served_fleet(small | broken) as served:
        lift_suppressions(served["cedar"].app.simulator)
        accounts = served.accounts
        accounts["bad"]["api_key"], accounts["lone"]["api_key"] = "$BAD_KEY", "$LONE_KEY"
        accounts["silent"] |= {"timeout": 0.3, "patience": 0}
        fleet = ck.fleet(accounts, on=dask, journal=tmp_path / "journals")
        fleet.export(tmp_path / "people")
        plan = fleet.plan(tmp_path / "people", change_and_add, create=True)
        assert not len(plan.failed()), plan.failed()["message"].tolist()
        dask.run(set_variables, {"BAD_KEY": WRONG})
        dask.run(set_variables, {"LONE_KEY": None}, workers=[second])
        # It carries out what nobody waits for any more.
        served["silent"].app.simulator.fault("latency", seconds=1.0, probability=1.0)
        served["birch"].slow = 0.05
        frame = plan.apply().frame.set_index("account")
        for name in small:
            assert frame["outcome"][name] == "done", frame["message"][name]
        check_written(served, plan, small)
        assert frame["outcome"]["bad"] == "failed" and sum(served["bad"].writes) == 0
        assert "timeout" in frame["message"]["silent"]
        assert frame["outcome"]["lone"] == "done" or "LONE_KEY" in frame["message"]["lone"]
        # Mended, only what failed is sent, and at no time twice.
        for name in ("BAD_KEY", "LONE_KEY"):
            dask.run(set_variables, {name: KEY})
        served["silent"].app.simulator.faults.clear()
        again = plan.apply().frame.set_index("account")
        assert again["outcome"].eq("done").all(), again["message"].tolist()
        assert again["requests"][list(small)].eq(0).all()
        check_written(served, plan)


def test_a_full_disk_on_one_worker_stops_only_its_accounts(dask: Any, tmp_path: Path) -> None:
    first, _ = addresses(dask)

    def on_a_full_disk(call: Any) -> None:
        """Some accounts fail and the others are done, until the disk has room again."""
        dask.run(limit_files, 0, workers=[first])
        try:
            failed = call().failed()
        finally:
            dask.run(limit_files, -1, workers=[first])
        assert 0 < len(failed) < 8
        assert failed["message"].str.contains("cannot be written").all(), failed["message"]
        assert call().frame["outcome"].eq("done").all()

    with served_fleet({f"a{number}": ("sent", 30) for number in range(8)}) as served:
        fleet = ck.fleet(served.accounts, on=dask, journal=tmp_path / "journals")
        on_a_full_disk(lambda: fleet.export(tmp_path / "people"))
        check_whole(served, tmp_path / "people")
        plan = fleet.plan(tmp_path / "people", change_and_add, create=True)
        on_a_full_disk(plan.apply)
        check_written(served, plan)


@pytest.fixture
def served() -> Any:
    with served_fleet({name: (provider, 30) for name, (provider, _) in FOUR.items()}) as served:
        lift_suppressions(served["cedar"].app.simulator)
        yield served


def test_an_edit_that_raises_fails_only_its_account(
    dask: Any, served: Fleet, tmp_path: Path
) -> None:
    fleet = ck.fleet(served.accounts, on=dask, journal=tmp_path / "journals")
    assert "Dask: 2 workers with 8 threads" in repr(fleet)
    assert fleet.engine.hosts() == {"127.0.0.1"}
    report = fleet.export(tmp_path / "people", rows_per_file=10)
    assert report.frame["requests"].sum() == served.requests
    key = [*served["cedar"].rows][15]
    plan = fleet.plan(tmp_path / "people", RaiseAt(key, change_all))
    (failed,) = plan.failed().to_dict("records")
    assert failed["account"] == "cedar"
    assert "RuntimeError: no such customer" in failed["message"]
    assert "raised by the edit of part 2" in failed["message"]
    report = plan.apply()
    assert report.failed()["account"].tolist() == ["cedar"]
    check_written(served, plan, {*FOUR} - {"cedar"})
    assert sum(served["cedar"].writes) == 0
    # Mended, the rest is written; what is as it should be is no longer planned.
    plan = fleet.plan(tmp_path / "people", change_all)
    assert plan.apply().frame["outcome"].eq("done").all()
    check_written(served, plan)


def test_an_edit_that_kills_its_worker_fails_only_its_account(
    dask: Any, served: Fleet, tmp_path: Path
) -> None:
    fleet = ck.fleet(served.accounts, on=dask, journal=tmp_path / "journals")
    fleet.export(tmp_path / "people", rows_per_file=10)
    plan = fleet.plan(tmp_path / "people", KillWorkerOf("privy", change_all))
    (failed,) = plan.failed().to_dict("records")
    assert failed["account"] == "cedar"
    assert "KilledWorker" in failed["message"]


def test_an_edit_that_cannot_be_sent_is_an_error(dask: Any, served: Fleet, tmp_path: Path) -> None:
    fleet = ck.fleet(served.accounts, on=dask, journal=tmp_path / "journals")
    lock = threading.Lock()
    with pytest.raises(ck.ConfigurationError, match="such as the edit: TypeError: cannot pickle"):
        fleet.plan(tmp_path, lambda frame: (lock, frame)[1])


def test_a_no_that_came_meanwhile_stands(dask: Any, served: Fleet, tmp_path: Path) -> None:
    for each in served.served.values():
        # Sent knows no silence, but says when a no was said again.
        for key in each.rows:
            each.app.simulator.put(key, **(SILENCE.get(each.app.provider.name) or NO["sent"]))
    fleet = ck.fleet(served.accounts, on=dask, journal=tmp_path / "journals")
    fleet.export(tmp_path / "people", rows_per_file=10)
    plan = fleet.plan(tmp_path / "people", Assign(YES), opt_in=True)
    keys = {name: [write.key for write in writes_in(plan, name, served[name])] for name in FOUR}
    for name, each in served.served.items():
        say_no(each, keys[name][:2])
        each.slow = 0.05
    processes = dask.run(os.getpid).values()
    call = Call(plan.apply)
    wait_until(lambda: all(any(each.writes) for each in served.served.values()))
    kill(*processes)
    # What they have sent has arrived before they run again.
    wait_until(lambda: not any(each.app.engine.in_flight for each in served.served.values()))
    for name, each in served.served.items():
        say_no(each, keys[name][-4:])
    report = call.result().frame.set_index("account")
    assert report["outcome"].eq("done").all(), report["message"].tolist()
    for name, each in served.served.items():
        rows, noes = each.rows, {*keys[name][:2], *keys[name][-4:]}
        no, yes = NO[each.app.provider.name], YES[each.app.provider.name]
        assert all(no.items() <= rows[key].items() for key in noes), name
        assert all(yes.items() <= rows[key].items() for key in {*keys[name]} - noes), name


def say_no(served: Served, keys: list[str]) -> None:
    """Let contacts reply STOP that are not written yet."""
    for key in keys:
        stored = served.app.engine.contacts.find(key)
        assert stored and not stored.writes
        served.app.simulator.put(key, **NO[served.app.provider.name])
