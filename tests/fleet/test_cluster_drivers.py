"""Drivers and schedulers: two drivers at once, a scheduler that is lost, and no worker at all."""

from __future__ import annotations

import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import contactkit as ck
from contactkit._fleet import progress
from contactkit._fleet.engines import Dask
from tests.support.clusters import call_until_done
from tests.support.dask_programs import programs
from tests.support.edits import change_and_add
from tests.support.fleets import Call, Fleet, check_whole, check_written, served_fleet, wait_until
from tests.support.providers import lift_suppressions

FOUR = {
    "acme": ("sent", 120),
    "birch": ("sendblue", 60),
    "cedar": ("privy", 60),
    "dahlia": ("digital_onboarding", 60),
}
PAGES = 2 + 1 + 1 + 1


@pytest.fixture
def served() -> Any:
    with served_fleet(FOUR) as served:
        lift_suppressions(served["cedar"].app.simulator)
        yield served


def test_two_drivers_at_once_share_their_work(dask: Any, served: Fleet, tmp_path: Path) -> None:
    from distributed import Client

    folder, journals = tmp_path / "people", tmp_path / "journals"
    with Client(dask.scheduler.address, set_as_default=False) as other:
        fleets = [ck.fleet(served.accounts, on=on, journal=journals) for on in (dask, other)]
        for each in served.served.values():
            each.slow = 0.1
        for frame in at_once(*(lambda each=each: each.export(folder) for each in fleets)):
            assert frame["outcome"].eq("done").all(), frame["message"].tolist()
        check_whole(served, folder)
        assert served.requests == PAGES
        for each in served.served.values():
            each.slow = 0.005
        plan = fleets[0].plan(folder, change_and_add, create=True)
        plans = [each.read_plan(plan.path) for each in fleets]
        for frame in at_once(*(each.apply for each in plans)):
            assert frame["outcome"].eq("done").all(), frame["message"].tolist()
        check_written(served, plan)


def at_once(*calls: Any) -> list[Any]:
    """The frames of calls that run at the same time."""
    return [call.result().frame for call in [Call(each) for each in calls]]


def test_calls_go_on_after_a_lost_scheduler(served: Fleet, tmp_path: Path) -> None:
    folder = tmp_path / "people"
    with ExitStack() as stack:

        def fleet() -> tuple[Any, Any]:
            """A fleet on a new cluster; the workers of the last one have not noticed its end."""
            cluster, client = stack.enter_context(programs(tmp_path, "127.0.0.1"))
            fleet = ck.fleet(served.accounts, on=client, journal=tmp_path / "journals")
            return cluster.scheduler, fleet

        def lose(scheduler: Any, call: Any, requests: int) -> None:
            """Kill the scheduler at a random moment of a call."""
            moment = served.requests + 1 + random.randrange(requests)
            calling = Call(call)
            wait_until(lambda: served.requests >= moment, 100)
            scheduler.kill()
            failed = calling.result().failed()
            assert failed["message"].str.contains("Lost: the cluster lost it").all()

        for each in served.served.values():
            each.slow = 0.3
        scheduler, first = fleet()
        lose(scheduler, lambda: first.export(folder, rows_per_file=20), PAGES)
        with pytest.raises(ck.ConfigurationError, match="the Dask scheduler does not answer"):
            first.export(folder)
        assert "the scheduler does not answer" in repr(first)
        scheduler, second = fleet()
        call_until_done(lambda: second.export(folder, rows_per_file=20))
        check_whole(served, folder)
        plan = second.plan(folder, change_and_add, create=True)
        for each in served.served.values():
            each.slow = 0.01
        lose(scheduler, plan.apply, plan.count("to_send"))
        _, third = fleet()
        # The same plan is made again, and goes on where the first one was.
        again = third.plan(folder, change_and_add, create=True)
        call_until_done(again.apply)
        check_written(served, again)
        report = third.read_plan(plan.path).apply()
        assert not len(report.failed()) and report.frame["requests"].eq(0).all()


def test_a_connection_that_is_lost_during_a_call_is_a_lost_scheduler(dask: Any) -> None:
    from distributed import Client

    with Client(dask.scheduler.address, set_as_default=False) as client:
        engine = ck.fleet({"acme": {"provider": "sent", "api_key": "$ACME_KEY"}}, on=client).engine
        assert isinstance(engine, Dask)

        def fail(*, connected: bool) -> None:
            if not connected:
                client.close()
            raise NameError

        with pytest.raises(NameError):
            engine._ask(lambda: fail(connected=True))
        with pytest.raises(ck.ConfigurationError, match="the Dask scheduler does not answer"):
            engine._ask(lambda: fail(connected=False))


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
