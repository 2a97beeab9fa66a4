"""Exports on a real cluster, whose processes are killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import contactkit as ck
from tests.support.fleets import (
    Call,
    check_whole,
    kill,
    served_fleet,
    wait_until,
    worker_of,
)

pytestmark = pytest.mark.xdist_group("cluster")
FOUR = {
    "acme": ("sent", 500),
    "birch": ("sendblue", 2_500),
    "cedar": ("privy", 500),
    "dahlia": ("digital_onboarding", 500),
}
PART = 100


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


@pytest.mark.parametrize("both", [False, True])
def test_export_goes_on_after_killed_workers(dask: Any, tmp_path: Path, both: bool) -> None:
    folder = tmp_path / "people"
    with served_fleet(FOUR) as served:
        for each in served.served.values():
            each.slow = 0.2
        fleet, processes = ck.fleet(served.accounts, on=dask), dask.run(os.getpid)
        call = Call(fleet.export, folder, rows_per_file=PART)
        state = folder / ".account=acme.export/state.json"
        wait_until(lambda: state.exists() and b"part-" in state.read_bytes())
        kill(*(processes.values() if both else [processes[worker_of(dask, "acme")]]))
        report = call.result()
        assert report.frame["outcome"].eq("done").all(), report.frame["message"].tolist()
        check_whole(served, folder)
        assert report.frame["resumed"].iloc[0] > 0
