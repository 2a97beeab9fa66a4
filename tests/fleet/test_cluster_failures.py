"""What goes wrong on a real cluster: the accounts that it does not concern are whole."""

from __future__ import annotations

import errno
import io
import logging
import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import contactkit as ck
from contactkit._fleet import progress
from contactkit._fleet.controls import DaskControl
from contactkit._fleet.export import ExportStep
from contactkit._fleet.work import perform
from tests.support.fleets import Call, check_whole, served_fleet, variables, wait_until
from tests.support.sockets import listening

pytestmark = pytest.mark.xdist_group("cluster")
FOUR = {
    "acme": ("sent", 300),
    "birch": ("sendblue", 50),
    "cedar": ("privy", 50),
    "dahlia": ("digital_onboarding", 50),
}


def read_all(connection: socket.socket) -> None:
    """Take every request, and never answer."""
    while connection.recv(65_536):
        pass


def set_variable(name: str, value: str | None) -> None:
    """Set a variable of this process, or take it away."""
    os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value


def fill_disk(folder: str) -> None:
    """Let this process write no more files into a folder, as on a full disk."""
    replace = os.replace

    def refuse(source: Any, target: Any) -> None:
        if str(target).startswith(folder):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    os.replace = refuse
    os.replace.undo = lambda: setattr(os, "replace", replace)  # pyright: ignore[reportFunctionMemberAccess]


def free_disk() -> None:
    os.replace.undo()  # pyright: ignore[reportFunctionMemberAccess]


def test_others_are_whole_whatever_an_account_meets(dask: Any, tmp_path: Path) -> None:
    first, second = dask.scheduler_info()["workers"]
    folder = tmp_path / "people"
    dask.run(set_variable, "BAD_KEY", "00000000-0000-4000-8000-00000000dead")
    dask.run(set_variable, "LONE_KEY", variables()["FLEET_SENT_API_KEY"], workers=[first])
    dask.run(set_variable, "LONE_KEY", None, workers=[second])
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
        dask.run(set_variable, "BAD_KEY", variables()["FLEET_SENT_API_KEY"])
        dask.run(set_variable, "LONE_KEY", variables()["FLEET_SENT_API_KEY"])
        accounts["silent"] = sent
        requests, failed = served.requests, len(report.failed())
        report = ck.fleet(accounts, on=dask).export(folder, rows_per_file=100)
        assert report.frame["outcome"].eq("done").all(), report.failed()["message"].tolist()
        assert served.requests - requests == 3 * failed
        assert (folder / "_SUCCESS").exists()


def test_a_full_disk_on_one_worker_stops_only_its_accounts(dask: Any, tmp_path: Path) -> None:
    folder = tmp_path / "people"
    first, _ = dask.scheduler_info()["workers"]
    with served_fleet({f"a{number}": ("sent", 150) for number in range(8)}) as served:
        fleet = ck.fleet(served.accounts, on=dask)
        dask.run(fill_disk, str(folder), workers=[first])
        try:
            report = fleet.export(folder)
        finally:
            dask.run(free_disk, workers=[first])
        failed = report.failed()
        assert 0 < len(failed) < 8
        assert failed["message"].str.contains("the disk is full").all()
        again = fleet.export(folder)
        assert again.frame["outcome"].eq("done").all()
        check_whole(served, folder)


def test_two_drivers_at_once_share_a_run(dask: Any, tmp_path: Path) -> None:
    from distributed import Client

    folder = tmp_path / "people"
    with served_fleet(FOUR) as served, Client(dask.scheduler.address, set_as_default=False) as two:
        for each in served.served.values():
            each.slow = 0.1
        calls = [Call(ck.fleet(served.accounts, on=on).export, folder) for on in (dask, two)]
        reports = [call.result().frame for call in calls]
        for frame in reports:
            assert frame["outcome"].eq("done").all(), frame["message"].tolist()
        check_whole(served, folder)
        assert served.requests == 3 + 1 + 1 + 1


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A scheduler and a worker as programs of their own."""
    file = folder / f"scheduler-{time.monotonic_ns()}.json"
    command = [sys.executable, "-m", "distributed.cli"]
    base = [sys.executable, "-c"]
    scheduler = subprocess.Popen(
        [*base, _MAIN, "dask_scheduler", "--scheduler-file", str(file), *_SCHEDULER],
        stderr=subprocess.DEVNULL,
    )
    wait_until(file.exists)
    worker = subprocess.Popen(
        [*base, _MAIN, "dask_worker", "--scheduler-file", str(file), *_WORKER],
        stderr=subprocess.DEVNULL,
        env=os.environ | variables(),
    )
    del command
    try:
        yield scheduler, str(file)
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


_MAIN = (
    "import sys, importlib; importlib.import_module('distributed.cli.' + sys.argv.pop(1)).main()"
)
_SCHEDULER = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
_WORKER = ["--host", "127.0.0.1", "--no-nanny", "--nthreads", "4", "--no-dashboard"]


def test_export_goes_on_after_a_lost_scheduler(tmp_path: Path) -> None:
    from distributed import Client

    folder = tmp_path / "people"
    with served_fleet(FOUR) as served:
        for each in served.served.values():
            each.slow = 0.3
        with started(tmp_path) as (scheduler, file):
            client = Client(scheduler_file=file, set_as_default=False, timeout=60)
            call = Call(ck.fleet(served.accounts, on=client).export, folder, rows_per_file=100)
            state = folder / ".account=acme.export/state.json"
            wait_until(lambda: state.exists() and b"part-" in state.read_bytes())
            scheduler.kill()
            report = call.result()
            client.close(timeout=1)
        assert "Lost: the cluster lost it" in report.frame["message"][0]
        assert not (folder / "_SUCCESS").exists()
        with started(tmp_path) as (_, file):
            with Client(scheduler_file=file, set_as_default=False, timeout=60) as client:
                report = ck.fleet(served.accounts, on=client).export(folder, rows_per_file=100)
        assert report.frame["outcome"].eq("done").all(), report.failed()["message"].tolist()
        assert report.frame["resumed"][0] > 0
        check_whole(served, folder)


def test_no_worker_is_said_and_ctrl_c_ends_the_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client, LocalCluster

    monkeypatch.setattr(progress, "NO_WORKER_AFTER", 0.2)
    monkeypatch.setattr(progress, "_ASK_EVERY", 0.1)
    look, interrupted = progress._Watch.look, []

    def interrupt(watch: Any) -> None:
        look(watch)
        if watch._notice.startswith("no worker") and not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt

    monkeypatch.setattr(progress._Watch, "look", interrupt)
    options: dict[str, Any] = {"n_workers": 0, "processes": True, "dashboard_address": ":0"}
    with LocalCluster(host="127.0.0.1", **options) as cluster, Client(cluster) as client:
        accounts = {"acme": {"provider": "sent", "api_key": "$ACME_KEY"}}
        fleet = ck.fleet(accounts, on=client)
        assert "0 workers" in repr(fleet)
        with pytest.warns(ck.ContactKitWarning, match=r"no worker for 0\.2 s"):
            report = fleet.export(tmp_path)
    assert report.frame["outcome"].tolist() == ["stopped"]
    assert interrupted


def test_nothing_that_leaves_a_worker_holds_a_secret(
    dask: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = {f"PLANTED_{n}": f"00000000-0000-4000-8000-{n:04}5ec4e7{n:02}" for n in range(24)}
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger("distributed").addHandler(handler)
    with served_fleet({"acme": ("sent", 20)}) as served:
        sent = served.accounts["acme"]
        accounts = {f"a{n}": sent | {"api_key": f"${name}"} for n, name in enumerate(secrets)}
        for name, value in secrets.items():
            dask.run(set_variable, name, value)
        fleet = ck.fleet(accounts, on=dask, journal=tmp_path / "journals")
        reports = [fleet.check(), fleet.export(tmp_path / "people")]
        assert reports[1].frame["outcome"].eq("failed").all()
        step = ExportStep(str(tmp_path), 100, True)
        tasks = [(perform, step, each, DaskControl("run")) for each in fleet.accounts.values()]
        files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        logs = [repr([*dask.get_worker_logs().values(), dask.get_scheduler_logs()])]
        dumps = [*dask.run(dump).values()]
        frames = [report.frame.to_csv() + repr(report) for report in reports]
        texts = [repr(fleet), log.getvalue(), *capfd.readouterr(), *frames, *logs, *dumps]
        texts += [repr(dask.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.tasks]))]
        everything = [*files, cloudpickle.dumps(tasks), pickle.dumps(fleet.accounts)]
        everything += [text.encode() for text in texts]
    logging.getLogger("distributed").removeHandler(handler)
    assert sum(map(len, everything)) > 10_000
    for value in secrets.values():
        assert not any(value.encode() in each for each in everything)
    # The server has seen them, so that the search would find one.
    assert len(served["acme"].queries) >= 24


def dump(dask_worker: Any) -> str:
    """The reprs of all objects of contactkit in this process."""
    import gc

    own = [each for each in gc.get_objects() if str(type(each)).startswith("<class 'contactkit")]
    state = [*dask_worker.state.tasks.values(), *dask_worker.data.values()]
    return "\n".join(map(safe_repr, [*own, *state]))


def safe_repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:
        return type(error).__name__
