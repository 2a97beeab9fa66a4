"""Exports on a real cluster, whole and within their limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import contactkit as ck
from tests.support.fleets import check_whole, served_fleet

FOUR = {
    "acme": ("sent", 500),
    "birch": ("sendblue", 2_500),
    "cedar": ("privy", 500),
    "dahlia": ("digital_onboarding", 500),
}


def test_export_on_a_cluster_is_whole(dask: Any, tmp_path: Path) -> None:
    with served_fleet(FOUR) as served:
        fleet = ck.fleet(served.accounts, on=dask)
        assert fleet.engine.hosts() == {"127.0.0.1"}
        assert "Dask: 2 workers with 8 threads" in repr(fleet)
        report = fleet.export(tmp_path / "people")
        assert report.frame["outcome"].eq("done").all(), report.frame["message"].tolist()
        assert (tmp_path / "people/_SUCCESS").exists()
        assert report.frame["requests"].sum() == served.requests
        check_whole(served, tmp_path / "people")


def test_limit_is_kept_over_all_workers_and_leases_end_in_time(dask: Any) -> None:
    with served_fleet({"acme": ("sent", 20)}, rate_limit="5/s") as served:
        # All are one account, so each task goes on from what those on any worker spent.
        account = served.accounts["acme"]
        fleet = ck.fleet({f"a{number}": account for number in range(12)}, on=dask)
        dask.run_on_scheduler(set_interval, 10_000.0)
        try:
            report = fleet.check()
            assert dask.run_on_scheduler(set_interval) == 200.0
        finally:
            dask.run_on_scheduler(set_interval, 200.0)
        assert report.frame["outcome"].eq("done").all(), report.frame["message"].tolist()
        times = served["acme"].times
        assert len(times) == 12
        assert all(late - early > 1 for early, late in zip(times, times[5:], strict=False))


def set_interval(interval: float = 0.0, dask_scheduler: Any = None) -> float:
    """How often the scheduler looks at leases, in milliseconds, after setting it if it is given."""
    looking = dask_scheduler.periodic_callbacks["semaphore-lease-timeout"]
    looking.callback_time = interval or looking.callback_time
    return looking.callback_time
