"""A clock that is set, forward or back, makes a resume write nothing twice and forget nothing."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._journal.reading import Reading, parse_reading
from contactkit._providers import names
from contactkit.spec.record import key_of
from tests.journal.test_versions import EDITS
from tests.plans.test_apply import counts
from tests.plans.test_resume import KEYED, in_doubt
from tests.support.examples import examples
from tests.support.providers import EXAMPLES, SteppedWire, lift_suppressions, loses

HOUR, DAY = 3600.0, 86_400.0
BACK = {"a minute": -60.0, "an hour": -HOUR, "a day": -DAY, "a year ahead": 365 * DAY}


@pytest.fixture
def wire() -> SteppedWire:
    return SteppedWire()


def edited(client: ck.Client, name: str, **cells: Any) -> ck.Plan:
    """Every contact with the same new values."""
    people = client.contacts.list()
    values = {n: [value] * len(people) for n, value in (cells or EDITS[name]).items()}
    return client.contacts.plan(people.assign(**values), people)


def most_writes(wire: SteppedWire) -> int:
    return int(wire.simulator.state()["writes"].max())


@pytest.mark.parametrize("step", BACK.values(), ids=BACK)
def test_clock_set_between_listing_and_apply(client, wire, name, step):
    plan = edited(client, name)
    wire.clock.step = step
    first = plan.apply(progress=False)
    assert set(first["outcome"]) <= {"updated", "refused"}
    for again in (plan.apply(progress=False), plan.apply(progress=False)):
        assert set(again["outcome"]) <= {"skipped", "refused"}
    assert most_writes(wire) == 1


@pytest.mark.parametrize("step", BACK.values(), ids=BACK)
def test_clock_set_after_a_part_was_applied(client, wire, name, step):
    plan = edited(client, name)
    plan.apply(progress=False, limit=3)
    wire.clock.step = step
    result = plan.apply(progress=False)
    assert counts(result)["skipped"] == 3
    assert counts(result)["updated"] == plan.requests - 3
    assert most_writes(wire) == 1


@pytest.mark.parametrize("other", ["attrs", "file"])
def test_frame_that_another_machine_read(client, wire, name, other, tmp_path):
    with ck.connect(name, via=wire, journal=tmp_path / "other") as machine:
        machine.contacts.create(**EXAMPLES[name].create)
        wire.clock.step = 30 * DAY
        theirs = machine.contacts.list()
        wire.clock.step = 0.0
    if other == "file":
        theirs.to_pickle(tmp_path / "people")
        theirs = pd.read_pickle(tmp_path / "people")
    values = {n: [value] * len(theirs) for n, value in EDITS[name].items()}
    plan = client.contacts.plan(theirs.assign(**values), theirs)
    for outcome in ("updated", "skipped"):
        assert set(plan.apply(progress=False)["outcome"]) <= {outcome, "refused"}
    assert wire.simulator.state().head(8)["writes"].max() == 1


@pytest.mark.parametrize("name", sorted(KEYED))
def test_key_that_was_not_sent_is_not_taken_for_sent(client, wire, name):
    plan = edited(client, name)
    for step in (0.0, -HOUR, 0.0):
        wire.clock.step = step
        carry_out(client, wire, name, plan, "crash")
        del client._session.plan_journal.end
    assert most_writes(wire) == 1


# What a new reading means


@pytest.mark.parametrize("step", [0.0, *BACK.values()])
def test_contact_changed_back_is_written_again_whatever_the_clock_says(wire, step):
    with ck.connect("privy", via=wire) as client:
        lift_suppressions(wire.simulator)
        for time, name in enumerate(("Zara", "Zelda", "Zara", "Zelda")):
            wire.clock.step = step * time
            plan = edited(client, "privy", first_name=name)
            assert counts(plan.apply(progress=False)) == {"updated": 8}
            assert counts(plan.apply(progress=False)) == {"skipped": 8}
            wire.clock.sleep(wire.clock.now() + 1)


def test_contact_that_has_not_changed_since_is_not_written_again(wire):
    with ck.connect("privy", via=wire) as client:
        lift_suppressions(wire.simulator)
        plan = edited(client, "privy", first_name="Zara")
        plan.apply(progress=False)
        # The frame has the old values, but they are not what was read.
        now = client.contacts.list()
        stale = now.assign(first_name=[write.before["first_name"] for write in plan.contacts])
        again = client.contacts.plan(now, stale)
        assert again.digest == plan.digest
        assert counts(again.apply(progress=False)) == {"skipped": 8}


def test_write_in_flight_while_contacts_are_read_is_not_past(wire, tmp_path):
    path = tmp_path / "journal.sqlite3"
    with ck.connect("sendblue", via=wire, journal=path) as client:
        plan = edited(client, "sendblue")
        people: list[pd.DataFrame] = []

        def read(request: httpx.Request, answer: Any) -> httpx.Response:
            # The write is recorded as begun, and carried out only after this reading.
            people.append(client.contacts.list())
            return answer(request)

        wire.faults = [read]
        plan.apply(progress=False, limit=1, concurrency=1)
        (during,) = people
        values = {n: [value] * 8 for n, value in EDITS["sendblue"].items()}
        again = client.contacts.plan(during.assign(**values), during)
        assert again.digest == plan.digest
        assert counts(again.apply(progress=False)) == {"skipped": 1, "updated": 7}
    assert most_writes(wire) == 1


def test_reading_as_text():
    for reading in (Reading("0" * 16, 0), Reading("9f" * 8, 120, frozenset({118, 9}))):
        assert parse_reading(str(reading)) == reading
    for text in (None, "", "2026-10-01T09:00:00+00:00", 7, f"{'0' * 16}:-1:", f"{'0' * 16}:1:2,"):
        assert parse_reading(text) is None
    reading = Reading("0" * 16, 7, frozenset({3}))
    assert [reading.shows("0" * 16, id) for id in (2, 3, 7, 8)] == [True, False, True, False]
    assert not reading.shows("1" * 16, 2)


def test_reading_survives_a_plan_file(client, name, tmp_path):
    edited(client, name).apply(progress=False, limit=1)
    plan = edited(client, name)
    assert plan.read and plan.read.last == 1
    plan.to_parquet(tmp_path / "plan")
    assert ck.read_plan(tmp_path / "plan", client).read == plan.read


# The age of an idempotency key


@pytest.mark.parametrize("name", sorted(KEYED))
@pytest.mark.parametrize(("passed", "step"), [(30 * HOUR, -29 * HOUR), (HOUR, -2 * HOUR), (0, DAY)])
def test_key_of_unknown_age_is_not_used_again(client, wire, name, passed, step):
    plan = edited(client, name)
    in_doubt(plan, wire, done=True)
    wire.clock.sleep(wire.clock.now() + passed)
    wire.clock.step = step
    before = len(wire.requests)
    result = plan.apply(progress=False, limit=1, concurrency=1)
    assert [request.method for request in wire.requests[before:]] == ["GET"]
    assert counts(result)["updated"] == 1
    assert most_writes(wire) == 1


@pytest.mark.parametrize("name", sorted(KEYED))
def test_key_of_known_age_is_used_again(client, wire, name):
    plan = edited(client, name)
    in_doubt(plan, wire, done=True)
    wire.clock.sleep(wire.clock.now() + 20 * HOUR)
    before = len(wire.requests)
    plan.apply(progress=False, limit=1, concurrency=1)
    assert [request.method for request in wire.requests[before:]] == ["PATCH"]
    assert most_writes(wire) == 1


# Any steps at any time

STEPS = st.sampled_from([0.0, 0.0, -60.0, -HOUR, -DAY, HOUR, 3 * DAY])
ACTS = st.sampled_from(["apply", "some", "crash", "lose", "undo", "again", "wait"])


def received(name: str, acts: list[tuple[str, float]], *, stepped: bool) -> dict[str, Any]:
    """How often the provider wrote each contact, with its values at the end."""
    wire = SteppedWire()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.sqlite3")
        with ck.connect(name, via=wire, journal=path) as client:
            plan = edited(client, name)
        for act, step in acts:
            wire.clock.step += step if stepped else 0.0
            with ck.connect(name, via=wire, journal=path) as client:
                plan = replace(plan, runner=client.contacts.runner)
                plan = carry_out(client, wire, name, plan, act)
        with ck.connect(name, via=wire, journal=path) as client:
            plan = replace(plan, runner=client.contacts.runner)
            plan.apply(progress=False)
            assert set(plan.apply(progress=False)["outcome"]) <= {"skipped", "refused"}
            assert ck.journal(path)["outcome"].ne("unknown").any()
    state = wire.simulator.state()
    columns = [key_of(plan.provider.record).name, "writes", *EDITS[name]]
    return state[columns].astype(str).to_dict("list")


def carry_out(client: ck.Client, wire: SteppedWire, name: str, plan: ck.Plan, act: str) -> ck.Plan:
    """One act of a user or of the world; returns the plan that goes on."""
    match act:
        case "apply":
            plan.apply(progress=False)
        case "some":
            plan.apply(progress=False, limit=2, concurrency=1)
        case "crash":
            # As if the process were killed before it recorded what came of its writes.
            client._session.plan_journal.end = lambda rows: None
            plan.apply(progress=False, limit=3, concurrency=1)
        case "lose":
            wire.faults = [loses(httpx.ReadError, after=True)] * 4
            plan.apply(progress=False, limit=1, concurrency=1)
            wire.faults.clear()
        case "undo":
            plan.undo().apply(progress=False)
        case "again":
            return replace(edited(client, name), runner=plan.runner)
        case _:
            wire.clock.sleep(wire.clock.now() + 7 * HOUR)
    return plan


@pytest.mark.parametrize("name", names())
@settings(max_examples=examples(12))
@given(acts=st.lists(st.tuples(ACTS, STEPS), min_size=2, max_size=6))
def test_provider_receives_the_same_writes_as_with_a_steady_clock(name, acts):
    assert received(name, acts, stepped=True) == received(name, acts, stepped=False)
