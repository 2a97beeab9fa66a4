"""Applies on a real cluster, whose workers are killed in the middle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from tests.support.consent import NO
from tests.support.fleets import Call, kill, served_fleet, wait_until, worker_of
from tests.support.providers import lift_suppressions

pytestmark = pytest.mark.xdist_group("cluster")
FOUR = {
    "acme": ("sent", 60),
    "birch": ("sendblue", 60),
    "cedar": ("privy", 60),
    "dahlia": ("digital_onboarding", 60),
}


def opt_out(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**NO[frame.attrs["provider"]])


@pytest.mark.parametrize("both", [False, True])
def test_apply_goes_on_after_killed_workers(dask: Any, tmp_path: Path, both: bool) -> None:
    with served_fleet(FOUR) as served:
        lift_suppressions(served["cedar"].app.simulator)
        fleet = ck.fleet(served.accounts, on=dask, journal=tmp_path / "journals")
        fleet.export(tmp_path / "people", rows_per_file=20)
        plan = fleet.plan(tmp_path / "people", opt_out)
        assert not len(plan.failed()), plan.failed()["message"].tolist()
        for each in served.served.values():
            each.slow = 0.03
        processes = dask.run(os.getpid)
        call = Call(plan.apply)
        wait_until(lambda: sum(served["acme"].writes) > 5)
        kill(*(processes.values() if both else [processes[worker_of(dask, "acme")]]))
        report = call.result()
        assert report.frame["outcome"].eq("done").all(), report.frame["message"].tolist()
        planned = plan.report.frame.set_index("account")["planned"]
        done = report.frame.set_index("account")[["updated", "skipped", "unchanged", "refused"]]
        for name, each in served.served.items():
            # None is lost, and none is written twice: not even where the provider would do so.
            assert sum(each.writes) >= planned[name]
            assert max(each.writes) == 1, (name, done)
        assert done["skipped"]["acme"] > 0
        again = plan.apply().frame
        assert again["requests"].eq(0).all()
