"""A call that is abandoned by a second Ctrl-C: its tasks send nothing more, and it is resumed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._fleet import progress
from contactkit._providers import names
from tests.support.consent import NO
from tests.support.fleets import Fleet, served_fleet, wait_until
from tests.support.providers import lift_suppressions

CONTACTS = 300


@pytest.fixture
def served(environment: dict[str, str]) -> Iterator[Fleet]:
    with served_fleet({name: (name, CONTACTS) for name in names()}) as served:
        lift_suppressions(served["privy"].app.simulator)
        yield served


def opt_out(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**NO[frame.attrs["provider"]])


def abandon(monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any], served: Fleet) -> None:
    """Make a call, and interrupt it twice once each account has had a request of it."""
    before = {name: each.requests for name, each in served.served.items()}
    look = progress._Watch.look

    def interrupt(watch: Any) -> None:
        look(watch)
        if all(each.requests > before[name] for name, each in served.served.items()):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(progress._Watch, "look", interrupt)
        with pytest.raises(KeyboardInterrupt):
            call()
    wait_until(lambda: not [t for t in threading.enumerate() if t.name.startswith("contactkit-fl")])


def test_an_abandoned_export_sends_nothing_more(
    served: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = ck.fleet(served.accounts, journal=tmp_path / "journals")
    for each in served.served.values():
        each.slow = 0.3
    abandon(monkeypatch, lambda: fleet.export(tmp_path / "people", rows_per_file=50), served)
    # Alone, Sent and Privy have three pages each.
    assert served.requests < 8
    for each in served.served.values():
        each.slow = 0.0
    report = fleet.export(tmp_path / "people", rows_per_file=50).frame
    assert report["rows"].tolist() == [CONTACTS] * 4


def test_an_abandoned_apply_sends_nothing_more(
    served: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = ck.fleet(served.accounts, journal=tmp_path / "journals")
    fleet.export(tmp_path / "people", rows_per_file=50)
    plan = fleet.plan(tmp_path / "people", lambda frame: opt_out(frame.head(10)))
    for each in served.served.values():
        each.slow = 0.1
    planned = plan.report.frame.set_index("account")["planned"]
    abandon(monkeypatch, plan.apply, served)
    assert all(sum(each.writes) < planned[name] for name, each in served.served.items())
    for each in served.served.values():
        each.slow = 0.0
    assert plan.apply().frame["outcome"].tolist() == ["done"] * 4
    for name, each in served.served.items():
        assert sum(each.writes) == planned[name] and max(each.writes) == 1
