"""Applies that are killed on machines whose clock is set, or that have a journal each."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import contactkit as ck
from tests.plans.test_apply import counts
from tests.plans.test_resume import KEYED, holds, planned
from tests.support.apply_processes import Applies, Forks, applies
from tests.support.providers import EXAMPLES

STEPS = (-60.0, -3600.0, -86_400.0, 3600.0)


@pytest.fixture
def at(forks: Forks, tmp_path: Path) -> Iterator[Callable[..., Applies]]:
    """Serve a provider, with so many contacts, that sometimes loses its response to a write."""
    with ExitStack() as stack:

        def serve(name: str, contacts: int) -> Applies:
            apply = stack.enter_context(applies(forks, name, contacts, tmp_path))
            apply.app.simulator.fault("written_then_dropped", probability=0.02)
            return apply

        yield serve


def moments(plan: ck.Plan, count: int) -> list[int]:
    """Numbers of writes after which a process is killed."""
    return sorted(random.sample(range(1, int(0.9 * plan.requests)), count))


def doubled(apply: Applies, name: str) -> int:
    """The most writes of a contact, where the provider or the journal can prevent a second one."""
    return apply.most_writes if name in KEYED else 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_kills_under_a_clock_that_is_set(at: Callable[..., Applies], name: str) -> None:
    apply = at(name, 40)
    with apply.connect() as client:
        plan = planned(client, name, new=8)
        for moment in moments(plan, 4):
            process = apply.start(plan, step=random.choice(STEPS))
            apply.until(writes=moment)
            process.kill()
        apply.app.simulator.faults.clear()
        # Under another clock a key seems too old, and some creations cannot be read back.
        holds(apply, plan, apply.start(plan, step=-86_400.0).result())
        assert set(plan.apply(progress=False)["outcome"]) <= {"skipped", "refused"}
    assert doubled(apply, name) == 1


@pytest.mark.parametrize("name", sorted(KEYED))
def test_kills_on_two_machines_write_every_contact_once(
    at: Callable[..., Applies], name: str, tmp_path: Path
) -> None:
    apply = at(name, 60)
    journals = [tmp_path / "one.sqlite3", tmp_path / "other.sqlite3"]
    with apply.connect() as client:
        plan = planned(client, name, new=8)
        for moment in moments(plan, 6):
            process = apply.start(plan, journal=random.choice(journals), step=random.choice(STEPS))
            apply.until(writes=moment)
            process.kill()
        apply.app.simulator.faults.clear()
        for journal in journals:
            # Under another clock a key seems too old, and some creations cannot be read back.
            holds(apply, plan, apply.start(plan, journal=journal, step=-86_400.0).result())
    assert_once(apply, plan)


@pytest.mark.parametrize("name", sorted(KEYED))
def test_two_machines_at_once_write_every_contact_once(
    at: Callable[..., Applies], name: str, tmp_path: Path
) -> None:
    apply = at(name, 60)
    journals = [tmp_path / "one.sqlite3", tmp_path / "other.sqlite3"]
    with apply.connect() as client:
        plan = planned(client, name, new=4)
        apply.app.simulator.fault("latency", up_to=0.02, probability=1.0)
        processes = [apply.start(plan, journal=journal, concurrency=8) for journal in journals]
        results = [process.result() for process in processes]
        apply.app.simulator.faults.clear()
        assert all(counts(result)["updated"] for result in results)
        for journal in journals:
            holds(apply, plan, apply.start(plan, journal=journal).result())
    assert_once(apply, plan)


def assert_once(apply: Applies, plan: ck.Plan) -> None:
    assert apply.most_writes == 1
    assert apply.writes == plan.requests
