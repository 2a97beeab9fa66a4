"""The budget of an account, whose tasks run in one process after the other."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._fleet import scheduler
from contactkit._fleet.budgets import NotedBudget
from contactkit._fleet.scheduler import SpentRequests
from contactkit._http.rate_limits import Budget
from contactkit.spec.terms import Limit

START = 1_000.0


class Clock:
    """A clock for workers and scheduler."""

    def __init__(self) -> None:
        self.now = START

    def monotonic(self) -> float:
        return self.now


TASKS = st.lists(st.tuples(st.integers(0, 12), st.floats(0, 3), st.booleans()), max_size=12)
LIMITS = st.lists(
    st.builds(Limit, requests=st.integers(1, 50), seconds=st.integers(1, 20)),
    min_size=1,
    max_size=2,
)


@given(LIMITS, TASKS)
def test_no_window_holds_more_over_all_tasks(
    limits: list[Limit], tasks: list[tuple[int, float, bool]]
) -> None:
    clock, sent = Clock(), list[float]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scheduler, "time", clock)
        note = partial(SpentRequests().answer, "acme")
        for requests, pause, killed in tasks:
            # Each task runs on a worker that knows nothing yet.
            budget = NotedBudget(Budget(limits), note, clock.monotonic)
            for _ in range(requests):
                while (ready := budget.reserve(clock.now)) > clock.now:
                    clock.now = ready
                budget.begin_request()
                sent.append(clock.now)
                clock.now += pause / 10
                budget.end_request(clock.now)
            if not killed:
                budget.close()
            clock.now += pause
    for limit in limits:
        for early, late in zip(sent, sent[limit.requests :], strict=False):
            assert late - early > limit.seconds


def test_few_notes_are_made() -> None:
    calls = list[Any]()

    def note(spent: Any = None) -> None:
        calls.append(spent)

    limits = [Limit(requests=200, seconds=60), Limit(requests=9_000, seconds=86_400)]
    budget = NotedBudget(Budget(limits), note, lambda: START)
    for _ in range(200):
        assert budget.reserve(START) <= START
    assert len(calls) == 1 + 20


def test_wait_that_a_provider_demands_is_noted() -> None:
    note = partial(SpentRequests().answer, "acme")
    limits = [Limit(requests=200, seconds=60)]
    budget = NotedBudget(Budget(limits), note, lambda: START)
    budget.block(START + 30)
    budget.close()
    other = NotedBudget(Budget(limits), note, lambda: START)
    assert START + 29 < other.reserve(START) <= START + 30


def test_scheduler_that_begins_anew_has_noted_nothing() -> None:
    budget = NotedBudget(
        Budget([Limit(requests=2, seconds=60)]), lambda spent=None: None, lambda: START
    )
    assert budget.reserve(START) <= START
    assert budget.left(START)[0][1] == 1
