"""Setting the clock changes no wait: windows, pauses and the pace of an apply are in uptime."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import httpx
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._http.rate_limits import Budget, retry_after
from contactkit._http.world import RealClock, VirtualClock, time_of, uptime_of
from contactkit._plans.pacing import Pacer
from contactkit._providers import names
from contactkit.spec.terms import Limit
from tests.support.providers import EXAMPLES, Wire, says

DAY = 86_400.0
START = 1_790_845_200.0
STEPS = st.lists(st.floats(-2 * DAY, 2 * DAY) | st.just(0.0), min_size=1, max_size=20)
LIMIT, WINDOW = 5, 60.0


class SetClock(VirtualClock):
    """A virtual clock that is set whenever it is read; its uptime is the true time."""

    def __init__(self, steps: list[float]) -> None:
        super().__init__(START)
        self._steps = iter(steps)

    def now(self) -> float:
        self._now += next(self._steps, 0.0)
        return self._now


class SetWire(Wire):
    """Requests to a simulator whose clock is right, by a client whose clock is set at times."""

    def __init__(self, steps: list[float]) -> None:
        super().__init__(ck.Simulator(contacts=40, seed=7))
        self._clock = SetClock(steps)
        self.times: list[float] = []

    @property
    def clock(self) -> SetClock:
        return self._clock

    def transport(self, provider: Any) -> httpx.MockTransport:
        handle = super().transport(provider).handler

        def timed(request: httpx.Request) -> httpx.Response:
            now = self._clock.uptime()
            self.simulator.clock.sleep(now)
            self.times.append(now)
            return handle(request)  # type: ignore[return-value]

        return httpx.MockTransport(timed)


def most_in_a_window(times: list[float]) -> int:
    return max(sum(start <= time < start + WINDOW for time in times) for start in times)


def longest_wait(times: list[float]) -> float:
    return max(late - early for early, late in pairwise(times))


@given(st.sampled_from(names()), STEPS, st.booleans())
def test_calls_keep_to_the_limit_and_wait_no_longer_than_its_window(
    name: str, steps: list[float], sync: bool
) -> None:
    wire = SetWire(steps)
    client = ck.connect(name, via=wire, rate_limit=f"{LIMIT}/minute")
    key = EXAMPLES[name].key
    if sync:
        for _ in range(3 * LIMIT):
            client.contacts.get(key)
    else:

        async def read() -> None:
            for _ in range(3 * LIMIT):
                await client.aio.contacts.get(key)

        asyncio.run(read())
    assert len(wire.times) == 3 * LIMIT
    assert most_in_a_window(wire.times) <= LIMIT
    assert longest_wait(wire.times) <= WINDOW * 1.02


@given(st.sampled_from(names()), STEPS)
def test_apply_keeps_to_the_limit_and_waits_no_longer_than_its_window(
    name: str, steps: list[float]
) -> None:
    wire = SetWire([])
    client = ck.connect(name, via=wire, rate_limit=f"{LIMIT}/minute")
    plan = planned(client, name)
    wire.times.clear()
    wire.clock._steps = iter(steps)
    result = plan.apply(progress=False, limit=12)
    assert result["outcome"].isin(["updated", "refused", "planned"]).all()
    assert most_in_a_window(wire.times) <= LIMIT
    assert longest_wait(wire.times) <= WINDOW * 1.02


def planned(client: ck.Client, name: str) -> ck.Plan:
    people = client.contacts.list()
    field = {"sent": "default_channel", "digital_onboarding": "timezone"}.get(name, "first_name")
    value = {"sent": "whatsapp", "digital_onboarding": "America/Denver"}.get(name, "Zoë")
    edited = people.assign(**{field: pd.Series([value] * len(people), dtype=people[field].dtype)})
    plan = client.contacts.plan(edited, people)
    assert plan.requests > LIMIT
    return plan


@pytest.mark.parametrize("hours", [-2, 2])
@pytest.mark.parametrize("sync", [True, False])
def test_used_up_budget_is_free_after_its_window_when_the_clock_is_set(name, wire, hours, sync):
    client = ck.connect(name, via=wire, rate_limit="5/minute", patience=3600)
    key = EXAMPLES[name].key
    for _ in range(5):
        client.contacts.get(key)
    start = wire.clock.uptime()
    wire.clock._now += hours * 3600
    if sync:
        client.contacts.get(key)
    else:
        asyncio.run(client.aio.contacts.get(key))
    assert 60 <= wire.clock.uptime() - start < 61


@pytest.mark.parametrize("hours", [-2, 2])
def test_error_says_when_the_budget_is_free_by_the_clock_as_it_was_set(wire, hours):
    client = ck.connect("sent", via=wire, rate_limit="1/minute", patience=1)
    client.contacts.get(EXAMPLES["sent"].key)
    wire.clock._now += hours * 3600
    with pytest.raises(ck.RateLimitError, match=r"is used up for 61 s") as caught:
        client.contacts.get(EXAMPLES["sent"].key)
    assert caught.value.resume_at.timestamp() == pytest.approx(wire.clock.now() + 60.6)


@pytest.mark.parametrize("hours", [-2, 2])
def test_plan_says_when_it_is_done_by_the_clock_as_it_was_set(wire, hours):
    client = ck.connect("privy", via=wire, rate_limit="1/minute")
    people = client.contacts.list()
    plan = client.contacts.plan(people.assign(first_name="Zoë").head(2), people.head(2))
    before = plan.eta.timestamp() - wire.clock.now()
    wire.clock._now += hours * 3600
    assert plan.eta.timestamp() - wire.clock.now() == pytest.approx(before)


class Stepping:
    """`time.time` and `time.sleep`: the clock is set back during the first sleep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.up, self.slept = START, 1000.0, 0.0
        monkeypatch.setattr("contactkit._http.world.time", self)

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.up

    def clock_gettime(self, clock: int) -> float:
        return self.up

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.up += seconds
        self.wall -= 7200


def test_real_clock_that_is_set_back_sleeps_no_longer(monkeypatch):
    system, clock = Stepping(monkeypatch), RealClock()
    clock.sleep(clock.now() + 30)
    assert system.slept == 30
    clock.pause(clock.uptime() + 30)
    assert system.slept == 60


async def test_real_clock_that_is_set_back_does_not_delay_the_async_client(monkeypatch):
    system, clock = Stepping(monkeypatch), RealClock()

    async def sleep(seconds: float) -> None:
        system.sleep(seconds)

    monkeypatch.setattr("contactkit._http.world.asyncio.sleep", sleep)
    await clock.asleep(clock.now() + 30)
    await clock.apause(clock.uptime() + 30)
    assert system.slept == 60


def test_uptime_of_another_clock_is_its_time():
    class OnlyTime:
        def now(self) -> float:
            return 5.0

        def sleep(self, until: float) -> None: ...

        async def asleep(self, until: float) -> None: ...

    assert uptime_of(OnlyTime())() == time_of(OnlyTime(), 5.0) == 5.0


# What the provider says in times of its own


def limits(left: int, reset: float) -> dict[str, str]:
    said = {"limit": LIMIT, "remaining": left, "reset": int(reset)}
    return {f"x-ratelimit-{name}": str(value) for name, value in said.items()}


def http_date(time: float) -> str:
    return format_datetime(datetime.fromtimestamp(time, UTC), usegmt=True)


@given(st.floats(-2 * DAY, 2 * DAY))
def test_reset_is_no_further_away_than_the_window(step: float) -> None:
    budget = Budget([Limit(requests=LIMIT, seconds=WINDOW)])
    budget.learn(limits(0, START + 40), 0.0, START + step)
    assert budget.reserve(0.0) <= WINDOW + 1


@given(st.floats(-2 * DAY, 2 * DAY))
def test_reset_is_counted_from_the_date_of_the_response(step: float) -> None:
    budget = Budget([Limit(requests=LIMIT, seconds=WINDOW)])
    budget.learn({**limits(0, START + 40), "date": http_date(START)}, 0.0, START + step)
    assert budget.reserve(0.0) == 40.0
    assert budget.reserve(40.0) <= 40.0


def test_reset_that_was_announced_before_is_not_counted_anew() -> None:
    budget = Budget([Limit(requests=LIMIT, seconds=WINDOW)])
    budget.learn(limits(2, START + 40), 0.0, START)
    budget.learn(limits(0, START + 40), 10.0, START + 10 - 7200)
    assert budget.reserve(10.0) == 40.0


@given(st.floats(-2 * DAY, 2 * DAY))
def test_retry_after_as_a_date_is_counted_from_the_date_of_the_response(step: float) -> None:
    headers = {"retry-after": http_date(START + 40), "date": http_date(START)}
    assert retry_after(headers, START + step) == 40.0


@pytest.mark.parametrize("hours", [-2, 0, 2])
@pytest.mark.parametrize("sync", [True, False])
def test_pause_after_a_refusal_is_as_long_as_the_provider_says(name, wire, hours, sync):
    def refuse_and_set_clock(request: httpx.Request, answer: Any) -> httpx.Response:
        wire.clock._now += hours * 3600
        return says(429, b"{}", Retry_After="30")(request, answer)

    client = ck.connect(name, via=wire)
    wire.faults = [refuse_and_set_clock]
    start = wire.clock.uptime()
    key = EXAMPLES[name].key
    found = client.contacts.get(key) if sync else asyncio.run(client.aio.contacts.get(key))
    assert len(found) == 1
    assert 30 <= wire.clock.uptime() - start < 31


def test_pacer_takes_turns_in_uptime() -> None:
    pacer = Pacer(Budget([Limit(requests=60, seconds=60)]), 16)
    turns: Iterator[float] = iter(range(1000))
    now, taken = 0.0, 0
    for _ in turns:
        ready = pacer.take_turn(now)
        taken += ready <= now
        now = max(now, ready)
    assert taken <= now + 5
