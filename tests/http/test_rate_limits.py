"""The rate budget: never more than a limit allows, and what the provider says counts."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._http.flow import acquire
from contactkit._http.rate_limits import Budget, parse_rate, rate, retry_after
from contactkit._http.request import build_operation
from contactkit._http.session import Wait
from contactkit._http.world import VirtualClock
from contactkit.errors import ConfigurationError
from contactkit.spec.terms import Limit
from tests.bench.contacts import session

LIMITS = st.lists(
    st.builds(Limit, requests=st.integers(1, 5), seconds=st.integers(1, 20)), max_size=3
)
GAPS = st.lists(st.floats(0, 10) | st.just(0.0), max_size=60)
START = 1_775_034_000.0


def headers(limit: object, remaining: object, reset: object, form: str = "x-ratelimit-{}"):
    said = {"limit": limit, "remaining": remaining, "reset": reset}
    return {form.format(name): str(value) for name, value in said.items()}


def spent(budget: Budget, now: float) -> int:
    """How many requests go at once."""
    count = 0
    while budget.reserve(now) <= now:
        count += 1
    return count


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("200/minute", Limit(requests=200, seconds=60)),
        (" 5 / s ", Limit(requests=5, seconds=1)),
        ("1/hour", Limit(requests=1, seconds=3600)),
        ("10000/day", Limit(requests=10_000, seconds=86_400)),
    ],
)
def test_rate_is_a_count_and_a_unit(text: str, limit: Limit) -> None:
    assert parse_rate(text) == limit


@pytest.mark.parametrize(
    "text", ["", "200", "200/", "/minute", "0/minute", "-1/s", "2.5/s", "9/week"]
)
def test_any_other_rate_is_refused_with_the_units(text: str) -> None:
    with pytest.raises(ConfigurationError, match="'200/minute'; units: s, second"):
        parse_rate(text)


@given(LIMITS, GAPS)
def test_no_window_ever_holds_more_than_its_limit(limits: list[Limit], gaps: list[float]) -> None:
    budget, now, sent = Budget(limits), START, []
    for gap in gaps:
        now += gap
        if budget.reserve(now) <= now:
            sent.append(now)
    for limit in limits:
        for early, late in zip(sent, sent[limit.requests :], strict=False):
            assert late - early > limit.seconds


FLIGHTS = st.lists(
    st.tuples(st.floats(0, 10) | st.just(0.0), st.floats(0, 30), st.floats(0, 1)), max_size=60
)


@given(LIMITS, FLIGHTS)
def test_no_window_holds_more_whenever_the_requests_arrive(
    limits: list[Limit], flights: list[tuple[float, float, float]]
) -> None:
    budget, now = Budget(limits), START
    arrivals, ends = list[float](), list[float]()
    for gap, flight, share in flights:
        now += gap
        for end in sorted(end for end in ends if end <= now):
            budget.end_request(end)
            ends.remove(end)
        if budget.reserve(now) <= now:
            budget.begin_request()
            arrivals.append(now + flight * share)
            ends.append(now + flight)
    arrivals.sort()
    for limit in limits:
        for early, late in zip(arrivals, arrivals[limit.requests :], strict=False):
            assert late - early > limit.seconds


def test_request_without_response_counts_until_it_ends() -> None:
    budget = Budget([Limit(requests=1, seconds=1)])
    assert budget.reserve(START) <= START
    budget.begin_request()
    # The response may come at any time, so this is when to ask again.
    assert budget.reserve(START + 9) == START + 9 + 1.01
    assert budget.left(START + 9)[0][1] == 0
    budget.end_request(START + 9)
    assert budget.reserve(START + 10) == START + 10.01


def test_another_process_goes_on_from_what_was_spent() -> None:
    minute, day = Limit(requests=60, seconds=60), Limit(requests=9_000, seconds=86_400)
    first, second, now = Budget([minute, day]), Budget([minute, day]), START
    for _ in range(2_000):
        while (ready := first.reserve(now)) > now:
            now = ready
    spent = first.spent(now)
    assert len(spent) < 250 and sum(count for _, count in spent) == 2_000
    # What is known already is not counted twice.
    for _ in range(2):
        second.resume(spent, START)
        assert [left for _, left in second.left(START)] == [left for _, left in first.left(now)]
    assert second.through(60, START) - START == pytest.approx(first.through(60, now) - now, abs=0.7)
    assert second.left(START + 2 * 86_400)[1][1] == 9_000 and second.is_idle(START + 2 * 86_400)


@given(LIMITS, GAPS)
def test_request_may_go_at_the_time_that_reserve_says(
    limits: list[Limit], gaps: list[float]
) -> None:
    budget, now = Budget(limits), START
    for gap in gaps:
        now += gap
        until = budget.reserve(now)
        if until > now:
            now = until
            assert budget.reserve(now) <= now


def test_budget_without_limits_admits_everything() -> None:
    budget = Budget([])
    assert all(budget.reserve(START) <= START for _ in range(1000))
    assert budget.left(START) == []


def test_tightest_of_several_limits_counts() -> None:
    budget = Budget([Limit(requests=5, seconds=1), Limit(requests=7, seconds=60)])
    assert spent(budget, START) == 5
    assert spent(budget, START + 2) == 2
    assert budget.reserve(START + 4) > START + 60
    assert [left for _, left in budget.left(START + 4)] == [5, 0]


def test_refused_request_spends_nothing() -> None:
    budget = Budget([Limit(requests=1, seconds=1), Limit(requests=9, seconds=60)])
    assert spent(budget, START) == 1
    assert [left for _, left in budget.left(START)] == [0, 8]


def test_learned_limit_replaces_the_declared_one() -> None:
    budget = Budget([Limit(requests=200, seconds=60)])
    budget.learn({"x-ratelimit-limit": "3"}, START, START)
    assert budget.left(START) == [(Limit(requests=3, seconds=60), 3)]
    assert spent(budget, START) == 3


def test_remaining_holds_until_reset() -> None:
    budget = Budget([Limit(requests=200, seconds=60)])
    budget.learn(headers(200, 2, START + 30), START, START)
    assert budget.left(START)[0][1] == 2
    assert spent(budget, START) == 2
    assert budget.reserve(START + 1) == START + 30
    assert spent(budget, START + 30) == 198


def test_older_answer_gives_nothing_back() -> None:
    budget = Budget([Limit(requests=200, seconds=60)])
    budget.learn(headers(200, 1, START + 30), START, START)
    budget.learn(headers(200, 9, START + 30), START, START)
    assert spent(budget, START) == 1


def test_new_window_counts_afresh() -> None:
    budget = Budget([Limit(requests=200, seconds=60)])
    budget.learn(headers(200, 0, START + 30), START, START)
    budget.learn(headers(200, 9, START + 90), START + 31, START + 31)
    assert spent(budget, START + 31) == 9


@pytest.mark.parametrize(
    "said",
    [
        {},
        headers("many", "none", "soon"),
        headers(0, "", ""),
        headers(200, 0, START - 1),
        headers(200, 0, 30),
        headers(200, 0, int(START) * 1000),
        headers(200, -1, START + 30),
        headers(200, "9" * 400, "9" * 400),
        {"x-ratelimit-remaining": "0"},
    ],
)
def test_senseless_headers_change_nothing(said: dict[str, str]) -> None:
    budget = Budget([Limit(requests=200, seconds=60)])
    budget.learn(said, START, START)
    assert budget.left(START) == [(Limit(requests=200, seconds=60), 200)]


def test_each_limit_reads_its_own_headers() -> None:
    minute = Limit(requests=60, seconds=60, header="X-RateLimit-{}-Minute")
    day = Limit(requests=10_000, seconds=86_400, header="X-RateLimit-{}-Day")
    budget = Budget([minute, day])
    budget.learn(headers(60, 4, START + 9, "x-ratelimit-{}-minute"), START, START)
    budget.learn(headers(10_000, 2, START + 999, "x-ratelimit-{}-day"), START, START)
    assert [left for _, left in budget.left(START)] == [4, 2]
    assert spent(budget, START) == 2
    assert budget.reserve(START + 10) == START + 999


def test_block_stops_everything_until_then() -> None:
    budget = Budget([])
    budget.block(START + 5)
    budget.block(START + 3)
    assert budget.reserve(START) == START + 5
    assert budget.reserve(START + 5) <= START + 5


def test_threads_share_one_budget() -> None:
    budget, counts = Budget([Limit(requests=100, seconds=60)]), []
    threads = [threading.Thread(target=lambda: counts.append(spent(budget, START))) for _ in "abcd"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(counts) == 100


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0.0), ("30", 30.0), (" 1.5 ", 1.5), ("9" * 11, 99_999_999_999.0)]
)
def test_retry_after_is_a_number_of_seconds(text: str, seconds: float) -> None:
    assert retry_after({"retry-after": text}, START) == seconds


@given(st.integers(-100_000, 100_000))
def test_retry_after_is_a_date(seconds: int) -> None:
    date = datetime.fromtimestamp(START, UTC) + timedelta(seconds=seconds)
    for text in (format_datetime(date, usegmt=True), format_datetime(date.replace(tzinfo=None))):
        assert retry_after({"retry-after": text}, START) == max(0, seconds)


@pytest.mark.parametrize(
    "text", ["", "soon", "-5", "1e3", "9" * 400, "Mon, 99 Foo 2026", "1 Jan 99999999999 0:0:0"]
)
def test_retry_after_of_rubbish_says_nothing(text: str) -> None:
    assert retry_after({"retry-after": text}, START) is None
    assert retry_after({}, START) is None


@given(st.text())
def test_no_retry_after_raises(text: str) -> None:
    assert (retry_after({"retry-after": text}, START) or 0.0) >= 0.0


@pytest.mark.parametrize("text", ["200/minute", "60/s", "10000/day", "3/hour"])
def test_rate_is_written_as_it_is_read(text: str) -> None:
    assert parse_rate(rate(parse_rate(text))) == parse_rate(text)
    assert rate(parse_rate("200/min")) == "200/minute"


@given(LIMITS, GAPS, st.integers(1, 40), st.integers(0, 9), st.floats(0, 30))
def test_through_is_when_many_requests_really_are_through(
    limits: list[Limit], gaps: list[float], count: int, left: int, blocked: float
) -> None:
    budget, now = Budget(limits), START
    for gap in gaps:
        now += gap
        budget.reserve(now)
    budget.learn(headers("", left, now + 5), now, now)
    budget.block(now + blocked)
    told = budget.through(count, now)
    assert budget.through(count, now) == told
    for _ in range(count):
        while (ready := budget.reserve(now)) > now:
            now = ready
    assert told == now


def test_flow_on_a_virtual_clock_takes_as_long_as_through_says() -> None:
    clock = VirtualClock(START)
    limits = [Limit(requests=60, seconds=60), Limit(requests=1_000, seconds=86_400)]
    held = replace(session(), budget=Budget(limits), clock=clock, patience=1e9)
    told = held.budget.through(2_500, START)
    ask = build_operation(held, held.provider.endpoint("get"), key="k")
    for _ in range(2_500):
        for step in acquire(held, ask):
            assert isinstance(step, Wait)
            clock.sleep(step.until)
    assert clock.now() == told > START + 2 * 86_400


def test_through_without_a_limit_is_now() -> None:
    assert Budget([]).through(10**9, START) == START
    assert Budget([Limit(requests=1, seconds=60)]).through(0, START) == START
