"""Exports and applies whose workers are killed at random moments: nothing is lost or doubled.

CONTACTKIT_FLEET_KILLS has another number of kills of each.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import contactkit as ck
from contactkit._fleet.plan import FleetPlan
from tests.support.clusters import Kills, call_until_done, random_moments
from tests.support.edits import change_and_add
from tests.support.fleets import Fleet, check_whole, check_written, served_fleet
from tests.support.providers import lift_suppressions

KILLS = int(os.environ.get("CONTACTKIT_FLEET_KILLS", "5"))
_MOST = 5
ROUNDS = [min(_MOST, KILLS - start) for start in range(0, KILLS, _MOST)]
PART = 100
PAGES = 5 + 3 + 5 + 5


@pytest.mark.parametrize("kills", ROUNDS, ids=range(len(ROUNDS)))
def test_exports_are_whole_after_kills(dask: Any, cluster: Any, tmp_path: Path, kills: int) -> None:
    folder = tmp_path / "people"
    accounts = {
        "acme": ("sent", 500),
        "birch": ("sendblue", 2_500),
        "cedar": ("privy", 500),
        "dahlia": ("digital_onboarding", 500),
    }
    with served_fleet(accounts) as served:
        for each in served.served.values():
            each.slow = 0.2
        fleet = ck.fleet(served.accounts, on=dask)
        killing = Kills(cluster, served, random_moments(PAGES, kills))
        call_until_done(lambda: fleet.export(folder, rows_per_file=PART))
        killing.join(60)
        assert killing.count == kills
        check_whole(served, folder)
        assert (folder / "_SUCCESS").exists()
        assert not [*folder.glob(".*")]


@pytest.fixture
def planned(dask: Any, tmp_path: Path) -> Any:
    """A plan that changes every contact of four accounts, one of which has two names."""
    accounts = {
        "acme": ("sent", 60),
        "birch": ("sendblue", 60),
        "cedar": ("privy", 60),
        "dahlia": ("digital_onboarding", 60),
    }
    with served_fleet(accounts) as served:
        lift_suppressions(served["cedar"].app.simulator)
        both = served.accounts | {"acme-again": served.accounts["acme"]}
        fleet = ck.fleet(both, on=dask, journal=tmp_path / "journals")
        fleet.export(tmp_path / "people", rows_per_file=20)
        plan = fleet.plan(tmp_path / "people", change_and_add, create=True)
        assert not len(plan.failed()), plan.failed()["message"].tolist()
        for each in served.served.values():
            each.app.simulator.fault("latency", up_to=0.3, probability=1.0)
        yield served, plan


@pytest.mark.parametrize("kills", ROUNDS, ids=range(len(ROUNDS)))
def test_applies_write_every_contact_once_after_kills(
    cluster: Any, planned: tuple[Fleet, FleetPlan], kills: int
) -> None:
    served, plan = planned
    to_send = plan.report.frame.set_index("account")["to_send"]
    killing = Kills(cluster, served, random_moments(to_send.drop("acme-again").sum(), kills))
    call_until_done(plan.apply)
    killing.join(60)
    assert killing.count == kills
    check_written(served, plan)
    again = plan.apply().frame
    assert again["outcome"].eq("done").all() and again["requests"].eq(0).all()
