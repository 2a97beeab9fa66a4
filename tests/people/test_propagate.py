"""A no is carried to every contact of the same person, and nowhere else."""

from __future__ import annotations

import pytest

import contactkit as ck
from contactkit._providers import names


@pytest.fixture
def clients() -> dict[str, ck.Client]:
    return {name: ck.connect(name, via=ck.Simulator()) for name in names()}


def test_propagate_writes_every_missing_no_once(clients: dict[str, ck.Client]) -> None:
    plans = ck.people(**clients).propagate()
    assert sum(map(len, plans.values())) == 48
    result = plans.apply(progress=False)
    assert set(result["outcome"]) == {"updated"}
    assert result.columns[:4].tolist() == ["source", "outcome", "key", "message"]
    again = ck.people(**clients)
    assert "denied_elsewhere" not in again.conflicts()["kind"].tolist()
    assert sum(map(len, again.propagate().values())) == 0
