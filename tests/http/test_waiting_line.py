"""The order of calls that wait for a rate budget, whichever of them wakes first."""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._http.flow import acquire
from contactkit._http.rate_limits import Budget
from contactkit._http.request import build_operation
from contactkit._http.session import Wait
from contactkit._http.waiting_line import _GRACE
from contactkit.spec.terms import Limit

START, LATE = 1_000.0, 0.5
LIMIT = Limit(requests=3, seconds=10)
SEEDS = st.integers(0, 10_000)


class Calls:
    """Calls that came one after the other, and when each asks the budget next."""

    def __init__(self, stack: ExitStack, count: int, late: float) -> None:
        self.budget = Budget([LIMIT])
        self.served: list[int] = []
        self.now = START
        self._late = late
        self._left = [stack.enter_context(ExitStack()) for _ in range(count)]
        self._places = [each.enter_context(self.budget.line.join()) for each in self._left]
        self._asks_at = dict.fromkeys(range(count), START)
        for number in range(count):
            self._ask(number)

    def _ask(self, number: int) -> None:
        until = self._places[number].reserve(self.budget, self.now)
        if until <= self.now:
            self.served.append(number)
            self._left[number].close()
            del self._asks_at[number]
        else:
            # Threads wake late.
            self._asks_at[number] = until + random.uniform(0, self._late)

    def run(self, *, without: int | None = None) -> None:
        """Let all calls ask until they have had their turn, but for one that never asks again."""
        if without is not None:
            del self._asks_at[without]
        while self._asks_at:
            number = min(self._asks_at, key=lambda each: self._asks_at[each])
            self.now = self._asks_at[number]
            assert self.now < START + 1_000, "they wait for ever"
            self._ask(number)


@given(SEEDS, st.integers(1, 30))
def test_calls_go_in_the_order_in_which_they_came(seed: int, count: int) -> None:
    random.seed(seed)
    with ExitStack() as stack:
        calls = Calls(stack, count, LATE)
        calls.run()
    assert calls.served == [*range(count)]


@given(SEEDS, st.integers(4, 30))
def test_call_that_never_asks_again_holds_up_no_other(seed: int, count: int) -> None:
    random.seed(seed)
    with ExitStack() as stack:
        calls = Calls(stack, count, 0.0)
        calls.run(without=3)
    assert sorted(calls.served) == [each for each in range(count) if each != 3]
    windows = (count - 2) // LIMIT.requests
    assert calls.now < START + windows * (LIMIT.seconds * 1.01 + 0.1) + _GRACE


def test_call_that_is_abandoned_leaves_the_line() -> None:
    budget = Budget([LIMIT])
    for _ in range(3):
        assert budget.reserve(START) <= START
    with budget.line.join() as other:
        with pytest.raises(KeyboardInterrupt), budget.line.join() as place:
            assert place.reserve(budget, START) == START + 10.1
            raise KeyboardInterrupt
        assert other.reserve(budget, START + 10.1) <= START + 10.1


def test_calls_behind_many_others_have_the_same_patience() -> None:
    held = ck.connect("sent", via=ck.Simulator(), rate_limit="5/minute", patience=61)._session
    ask = build_operation(held, held.provider.endpoint("get"), key="k")
    flows = [acquire(held, ask) for _ in range(500)]
    for flow in flows[:5]:
        with pytest.raises(StopIteration):
            next(flow)
    assert all(isinstance(next(flow), Wait) for flow in flows[5:])
    impatient = replace(held, patience=60)
    with pytest.raises(ck.RateLimitError, match="used up for 61 s"):
        next(acquire(impatient, ask))
