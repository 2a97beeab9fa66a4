"""What a resume makes of an apply that was killed, cut off or told nothing, at every provider."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pandas as pd
import pytest

import contactkit as ck
from tests.support import Wire, loses, says
from tests.test_applying import counts, opted_out


@pytest.fixture
def sent(wire: Wire) -> Iterator[ck.Client]:
    with ck.connect("sent", via=wire) as found:
        yield found


@pytest.fixture
def sendblue(wire: Wire) -> Iterator[ck.Client]:
    with ck.connect("sendblue", via=wire) as found:
        yield found


# What is in doubt


def in_doubt(plan: ck.Plan, wire: Wire, *, done: bool) -> None:
    """Leave it open whether the first contact's write was carried out; it was if it is `done`."""
    wire.faults = [loses(httpx.ReadError, after=done)] * 4
    assert counts(plan.apply(progress=False, concurrency=1, limit=1))["unknown"] == 1
    wire.faults.clear()


NO_ANSWER_TO_THE_REPEAT = {
    "still in flight": [says(409, b"{}")],
    "a wrong key": [says(401, b"{}")],
    "no permission": [says(403, b"{}")],
    "the rate limit": [says(429, b"{}", Retry_After="5000")],
    "no connection": [loses(httpx.ConnectError, after=False)] * 4,
}


@pytest.mark.parametrize("why", NO_ANSWER_TO_THE_REPEAT)
def test_what_says_nothing_of_the_first_attempt_leaves_it_in_doubt(
    sent: ck.Client, wire: Wire, why: str
) -> None:
    plan = opted_out(sent)
    in_doubt(plan, wire, done=True)
    wire.faults = [*NO_ANSWER_TO_THE_REPEAT[why]]
    again = plan.apply(progress=False, concurrency=1, limit=1, patience=60)
    assert counts(again)["unknown"] == 1
    wire.faults.clear()
    assert counts(plan.apply(progress=False, patience=6000))["updated"] == plan.requests
    assert wire.simulator.state()["writes"].max() == 1


def test_what_is_refused_under_the_same_key_was_never_carried_out(
    sent: ck.Client, wire: Wire
) -> None:
    plan = opted_out(sent)
    in_doubt(plan, wire, done=False)
    wire.faults = [says(400, b"{}")]
    again = plan.apply(progress=False, concurrency=1, limit=1)
    assert "unknown" not in counts(again)


def test_a_key_is_as_old_as_its_first_use(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    in_doubt(plan, wire, done=True)
    for _ in range(2):
        wire.clock.sleep(wire.clock.now() + 20 * 3600)
        in_doubt(plan, wire, done=False)
    plan.apply(progress=False)
    assert wire.simulator.state()["writes"].max() == 1


# The same edit at another time


def test_what_was_changed_back_is_written_again(sendblue: ck.Client, wire: Wire) -> None:
    for name in ("Zara", "Zelda", "Zara", "Zelda"):
        people = sendblue.contacts.list()
        plan = sendblue.contacts.plan(people.assign(first_name=name), people)
        assert counts(plan.apply(progress=False)) == {"updated": len(people)}
        assert counts(plan.apply(progress=False)) == {"skipped": len(people)}
        wire.clock.sleep(wire.clock.now() + 30 * 86_400)
    assert set(sendblue.contacts.list()["first_name"]) == {"Zelda"}


def test_who_was_created_without_a_key_is_not_created_twice(sent: ck.Client, wire: Wire) -> None:
    new = pd.DataFrame({"phone_number": ["+12125550187"]})
    for expected in ("created", "skipped"):
        people = sent.contacts.list()
        plan = sent.contacts.plan(pd.concat([people, new]), people, create=True)
        assert counts(plan.apply(progress=False)) == {expected: 1}
        wire.clock.sleep(wire.clock.now() + 30 * 86_400)
