"""An even pace: never past a provider's window wherever that begins, and slower in trouble."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._http.rate_limits import Budget
from contactkit._plans.pacing import Pacer, through
from contactkit.spec.provider import Limit

FIFTY = Limit(requests=50, seconds=1)
SENT = Limit(requests=200, seconds=60)
DAY = Limit(requests=1000, seconds=86_400)


def turns(pace: Pacer, count: int, now: float = 0.0) -> list[float]:
    """When so many turns are had by who asks again as told."""
    found: list[float] = []
    while len(found) < count:
        at = pace.ready(now)
        if at <= now:
            found.append(now)
        else:
            now = at
    return found


@pytest.mark.parametrize("limit", [FIFTY, SENT, Limit(requests=1, seconds=5)])
def test_no_window_ever_holds_more_than_is_allowed(limit: Limit):
    found = turns(Pacer(Budget([limit]), 16), limit.requests * 4)
    for first, last in zip(found, found[limit.requests :], strict=False):
        assert last - first > limit.seconds


def test_turns_are_spread_over_the_window_and_lose_little_of_it():
    found = turns(Pacer(Budget([FIFTY]), 16), 500)
    assert max(b - a for a, b in pairwise(found)) < 0.04
    assert found[-1] < 10 * 1.03


def test_who_says_when_to_come_again_is_believed_for_a_while():
    pace, now = Pacer(Budget([]), 16), 1.0
    for step in range(20):
        pace.trouble(now, now, refused=True, told=True)
        hold = pace.ready(now) - now
        assert hold <= 1.0 if step < 9 else hold >= 1.0
        now += hold + 0.01


def test_trouble_slows_a_slow_limit_down_no_further():
    pace = Pacer(Budget([Limit(requests=1, seconds=60)]), 16)
    for now in range(9):
        pace.trouble(now, now, refused=False)
    assert turns(pace, 3, 9.0)[-1] < 9 + 2 * 62


def test_no_limit_holds_what_only_goes_evenly():
    pace = Pacer(Budget([SENT]), 16)
    turns(pace, 100)
    assert pace.limited(30.0) == 30.0
    turns(pace, 100)
    assert pace.limited(30.0) > 60.0


def test_few_requests_go_at_once():
    assert turns(Pacer(Budget([SENT]), 16), 10) == [0.0] * 10


def test_the_requests_of_a_day_are_not_spread_over_it():
    assert turns(Pacer(Budget([DAY]), 16), 1000)[-1] == 0.0


def test_nothing_limits_where_no_limit_is_known():
    assert turns(Pacer(Budget([]), 16), 1000)[-1] == 0.0


def test_the_budget_is_shared_with_every_other_call():
    budget = Budget([Limit(requests=10, seconds=10)])
    for _ in range(10):
        budget.reserve(0.0)
    assert Pacer(budget, 16).ready(0.0) > 10.0


def test_trouble_halves_what_may_be_on_the_wire_once_for_what_was_there_together():
    pace = Pacer(Budget([]), 16)
    for _ in range(16):
        pace.trouble(1.0, 1.5, refused=False)
    assert pace.in_flight == 8
    pace.trouble(1.6, 1.7, refused=False)
    assert pace.in_flight == 4


def test_good_answers_give_it_back():
    pace = Pacer(Budget([]), 16)
    pace.trouble(1.0, 1.5, refused=False)
    for _ in range(16 * 16):
        pace.well()
    assert pace.in_flight == 16


def test_refusals_hold_everything_back_longer_and_longer():
    pace, now, holds = Pacer(Budget([]), 16), 1.0, list[float]()
    for _ in range(12):
        pace.trouble(now, now, refused=True)
        holds.append(pace.ready(now) - now)
        now += holds[-1] + 0.01
    assert holds[:3] == pytest.approx([0.5, 1.0, 2.0])
    assert holds[-1] > 900
    pace.well()
    pace.trouble(now, now, refused=True)
    assert pace.ready(now) - now == pytest.approx(0.5)


@given(st.lists(st.sampled_from(["turn", "well", "trouble", "refused"]), max_size=200))
def test_whatever_happens_somebody_may_go_and_no_window_is_passed(events: list[str]):
    pace, now, sent = Pacer(Budget([FIFTY]), 4), 0.0, list[float]()
    for event in events:
        if event == "turn":
            sent.append(turns(pace, 1, now)[0])
            now = sent[-1]
        elif event == "well":
            pace.well()
        else:
            pace.trouble(now, now, refused=event == "refused")
            now += 0.001
        assert 1 <= pace.in_flight <= 4
    assert all(b - a > 1.0 for a, b in zip(sent, sent[50:], strict=False))


@pytest.mark.parametrize("count", [1, 7, 60, 250, 1300])
def test_it_is_told_when_the_last_goes(count: int):
    limits = [Limit(requests=60, seconds=60), DAY]
    told = through(Budget(limits), count, 0.0)
    assert turns(Pacer(Budget(limits), 16), count)[-1] == pytest.approx(told, rel=0.02)
