"""An even pace within the rate limits, slower in trouble; slots; and counts by the second."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._http.rate_limits import Budget
from contactkit._plans.pacing import ConcurrencyLimit, Pacer, RequestStats, finish_time
from contactkit.spec.terms import Limit

FIFTY = Limit(requests=50, seconds=1)
SENT = Limit(requests=200, seconds=60)
DAY = Limit(requests=1000, seconds=86_400)


def turns(pacer: Pacer, count: int, now: float = 0.0) -> list[float]:
    """When so many turns are taken by a caller that asks again at the time it is given."""
    times: list[float] = []
    while len(times) < count:
        ready = pacer.take_turn(now)
        if ready <= now:
            times.append(now)
        else:
            now = ready
    return times


@pytest.mark.parametrize("limit", [FIFTY, SENT, Limit(requests=1, seconds=5)])
def test_pacer_keeps_every_window_within_the_limit(limit: Limit):
    times = turns(Pacer(Budget([limit]), 16), limit.requests * 4)
    for first, last in zip(times, times[limit.requests :], strict=False):
        assert last - first > limit.seconds


def test_pacer_spreads_turns_over_the_window_and_loses_little_of_it():
    times = turns(Pacer(Budget([FIFTY]), 16), 500)
    assert max(b - a for a, b in pairwise(times)) < 0.04
    assert times[-1] < 10 * 1.03


def test_pacer_trusts_retry_after_for_a_while():
    pacer, now = Pacer(Budget([]), 16), 1.0
    for step in range(20):
        pacer.slow_down(now, now, limited=True, timed=True)
        hold = pacer.take_turn(now) - now
        assert hold <= 1.0 if step < 9 else hold >= 1.0
        now += hold + 0.01


def test_pacer_in_trouble_slows_a_slow_limit_no_further():
    pacer = Pacer(Budget([Limit(requests=1, seconds=60)]), 16)
    for now in range(9):
        pacer.slow_down(now, now, limited=False)
    assert turns(pacer, 3, 9.0)[-1] < 9 + 2 * 62


def test_limited_until_ignores_the_even_pace():
    pacer = Pacer(Budget([SENT]), 16)
    turns(pacer, 100)
    assert pacer.limited_until(30.0) == 30.0
    turns(pacer, 100)
    assert pacer.limited_until(30.0) > 60.0


def test_pacer_sends_few_requests_at_once():
    assert turns(Pacer(Budget([SENT]), 16), 10) == [0.0] * 10


@pytest.mark.parametrize("limits", [[DAY], []])
def test_pacer_does_not_spread_a_daily_limit_or_none(limits: list[Limit]):
    assert turns(Pacer(Budget(limits), 16), 1000)[-1] == 0.0


def test_pacer_shares_the_budget_with_other_calls():
    budget = Budget([Limit(requests=10, seconds=10)])
    for _ in range(10):
        budget.reserve(0.0)
    assert Pacer(budget, 16).take_turn(0.0) > 10.0


def test_trouble_halves_concurrency_once_for_requests_in_flight_together():
    pacer = Pacer(Budget([]), 16)
    for _ in range(16):
        pacer.slow_down(1.0, 1.5, limited=False)
    assert pacer.concurrency == 8
    pacer.slow_down(1.6, 1.7, limited=False)
    assert pacer.concurrency == 4


def test_good_responses_restore_concurrency():
    pacer = Pacer(Budget([]), 16)
    pacer.slow_down(1.0, 1.5, limited=False)
    for _ in range(16 * 16):
        pacer.speed_up()
    assert pacer.concurrency == 16


def test_refusals_hold_everything_back_longer_each_time():
    pacer, now, holds = Pacer(Budget([]), 16), 1.0, list[float]()
    for _ in range(12):
        pacer.slow_down(now, now, limited=True)
        holds.append(pacer.take_turn(now) - now)
        now += holds[-1] + 0.01
    assert holds[:3] == pytest.approx([0.5, 1.0, 2.0])
    assert holds[-1] > 900
    pacer.speed_up()
    pacer.slow_down(now, now, limited=True)
    assert pacer.take_turn(now) - now == pytest.approx(0.5)


@given(st.lists(st.sampled_from(["turn", "good", "trouble", "limited"]), max_size=200))
def test_pacer_always_goes_on_and_never_passes_a_window(events: list[str]):
    pacer, now, sent = Pacer(Budget([FIFTY]), 4), 0.0, list[float]()
    for event in events:
        if event == "turn":
            sent.append(turns(pacer, 1, now)[0])
            now = sent[-1]
        elif event == "good":
            pacer.speed_up()
        else:
            pacer.slow_down(now, now, limited=event == "limited")
            now += 0.001
        assert 1 <= pacer.concurrency <= 4
    assert all(b - a > 1.0 for a, b in zip(sent, sent[50:], strict=False))


@pytest.mark.parametrize("count", [1, 7, 60, 250, 1300])
def test_finish_time_is_when_the_last_request_goes(count: int):
    limits = [Limit(requests=60, seconds=60), DAY]
    expected = finish_time(Budget(limits), count, 0.0)
    assert turns(Pacer(Budget(limits), 16), count)[-1] == pytest.approx(expected, rel=0.02)


def slots(most: int) -> ConcurrencyLimit:
    return ConcurrencyLimit(Pacer(Budget([]), most))


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_slots_admit_the_next_when_one_leaves():
    limit, inside = slots(2), list[int]()

    async def enter(number: int) -> None:
        await limit.enter()
        inside.append(number)

    tasks = [asyncio.create_task(enter(number)) for number in range(4)]
    await settle()
    assert inside == [0, 1]
    limit.leave()
    await settle()
    assert inside == [0, 1, 2]
    limit.leave()
    await asyncio.gather(*tasks)
    assert inside == [0, 1, 2, 3]


async def test_slots_admit_fewer_once_the_pacer_slows_down():
    pacer = Pacer(Budget([]), 3)
    limit = ConcurrencyLimit(pacer)
    for _ in range(3):
        await limit.enter()
    waiting = asyncio.create_task(limit.enter())
    pacer.slow_down(1.0, 1.5, limited=False)
    limit.leave()
    limit.leave()
    await settle()
    assert not waiting.done()
    limit.leave()
    await waiting


async def test_a_task_cancelled_while_waiting_takes_no_slot():
    limit = slots(1)
    await limit.enter()
    given_up, waiting = (asyncio.create_task(limit.enter()) for _ in range(2))
    await settle()
    given_up.cancel()
    limit.leave()
    given_up.cancel()
    await waiting
    limit.leave()
    await asyncio.wait_for(limit.enter(), 1)


async def test_a_task_cancelled_as_it_is_admitted_gives_its_slot_back():
    limit = slots(1)
    await limit.enter()
    waiting = asyncio.create_task(limit.enter())
    await settle()
    limit.leave()
    waiting.cancel()
    await settle()
    await asyncio.wait_for(limit.enter(), 1)


async def test_open_slots_admit_every_task():
    limit = slots(1)
    await limit.enter()
    tasks = [asyncio.create_task(limit.enter()) for _ in range(3)]
    await settle()
    limit.open()
    await asyncio.gather(*tasks)
    await limit.enter()


def test_timeline_counts_requests_and_refusals_by_the_second():
    budget = Budget([Limit(requests=9, seconds=1e6)])
    stats = RequestStats(100.0, budget)
    stats.count_sent(100.2)
    budget.reserve(100.2)
    stats.count_sent(100.9)
    stats.count_limited(102.0)
    assert stats.timeline() == [[0, 2, 0, 9], [2, 0, 1, 8]]


def test_timeline_of_a_long_apply_is_coarser_and_loses_nothing():
    stats = RequestStats(0.0, Budget([]))
    for second in range(86_400):
        stats.count_sent(float(second))
    rows = stats.timeline()
    assert len(rows) <= 301
    assert sum(row[1] or 0 for row in rows) == 86_400


def test_rate_is_that_of_the_last_seconds():
    stats = RequestStats(0.0, Budget([]))
    assert stats.rate(0.0) == 0.0
    for step in range(1000):
        stats.count_done(step / 50)
    assert 45 < stats.rate(20.0) < 55
    assert stats.rate(100.0) == 0.0


def test_rate_after_the_first_contact_is_moderate():
    stats = RequestStats(0.0, Budget([]))
    stats.count_done(0.01)
    assert stats.rate(0.02) == 1.0
