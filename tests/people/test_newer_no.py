"""A no that is newer than a proof of consent keeps its person opted out, wherever it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find, names
from tests.support.shared_people import ALLOWED, PHONES, SharedPeople

DENIER = {name: "sent" if name != "sent" else "privy" for name in names()}
GIVEN_AT = "2026-10-01T09:00:00Z"
PROOF = {"address": PHONES[0], "channel": "text", "given_at": GIVEN_AT, "how": "a signed form"}
GIVEN = pd.DataFrame([PROOF])


@pytest.fixture
def world(tmp_path: Path) -> SharedPeople:
    return SharedPeople(tmp_path / "journal.sqlite3")


def carry(world: SharedPeople, name: str, denier: str = "") -> ck.Plan:
    """An applied plan of one no."""
    denier = denier or DENIER[name]
    world.add(name, 0)
    world.add(denier, 0)
    world.deny(denier, 0)
    plan = world.read().propagate()[name]
    assert plan.apply(progress=False)["outcome"].tolist() == ["updated"]
    return plan


def wait(world: SharedPeople, name: str, **time: float) -> None:
    clock = world.wires[name].simulator.clock
    clock.sleep(clock.now() + timedelta(**time).total_seconds())


def sends(world: SharedPeople, name: str) -> bool:
    return find(name).consent.channels["text"].sends(world.contact(name, 0))


def assert_refused(world: SharedPeople, name: str, back: ck.Plan, why: str) -> None:
    assert why in back.contacts[0].problems[0].message
    assert back.apply(progress=False)["outcome"].tolist() == ["refused"]
    assert not sends(world, name)


def test_who_said_yes_and_no_again_is_not_opted_in(world: SharedPeople, name: str) -> None:
    plan, denier = carry(world, name), DENIER[name]
    world.put(denier, 0, **ALLOWED[denier])
    wait(world, denier, hours=1)
    world.deny(denier, 0)
    back = plan.undo(given=GIVEN)
    assert_refused(world, name, back, "says no, and has changed since the proof of consent")


@pytest.mark.parametrize("other", names())
def test_who_said_no_elsewhere_since_is_not_opted_in(world: SharedPeople, other: str) -> None:
    name = "sendblue" if other != "sendblue" else "sent"
    plan = carry(world, name, next(n for n in names() if n not in (name, other)))
    wait(world, other, hours=1)
    world.add(other, 0)
    world.deny(other, 0)
    assert_refused(world, name, plan.undo(given=GIVEN), f"{other} ")


async def test_asynchronous_code_reads_the_sources_again(world: SharedPeople, name: str) -> None:
    plan = carry(world, name)
    other = "digital_onboarding" if name != "digital_onboarding" else "privy"
    world.add(other, 0)
    wait(world, other, hours=1)
    world.deny(other, 0)
    assert_refused(world, name, await plan.aio.undo(given=GIVEN), "says no too")


def test_suppression_since_counts(world: SharedPeople, name: str, tmp_path: Path) -> None:
    dnc = tmp_path / "dnc.csv"
    dnc.write_text("phone\n")
    world.add(name, 0)
    world.add(DENIER[name], 0)
    world.deny(DENIER[name], 0)
    plan = world.read(suppression=dnc).propagate()[name]
    plan.apply(progress=False)
    dnc.write_text(f"phone\n{PHONES[0]}\n")
    assert_refused(world, name, plan.undo(given=GIVEN), "suppression 0 says no too")


def test_plans_read_their_sources_once(world: SharedPeople) -> None:
    for name in names():
        world.add(name, 0)
    world.deny("sent", 0)
    plans = world.read().propagate()
    plans.apply(progress=False)
    before = {name: len(wire.requests) for name, wire in world.wires.items()}
    back = plans.undo(given=GIVEN)
    assert back.apply(progress=False)["outcome"].tolist() == ["updated"] * 3
    assert len(world.wires["sent"].requests) == before["sent"] + 1
    assert all(sends(world, name) for name in names() if name != "sent")


def test_invalid_proof_is_refused_before_anything_is_read(world: SharedPeople, name: str) -> None:
    plan = carry(world, name)
    before = [len(wire.requests) for wire in world.wires.values()]
    with pytest.raises(ck.InvalidInputError, match="how"):
        plan.undo(given=GIVEN.drop(columns="how"))
    assert [len(wire.requests) for wire in world.wires.values()] == before


def test_plan_of_a_file_needs_people(world: SharedPeople, name: str, tmp_path: Path) -> None:
    carry(world, name).to_parquet(tmp_path / "plan.parquet")
    plan = ck.read_plan(tmp_path / "plan.parquet", world.clients[name])
    with pytest.raises(ck.InvalidInputError, match=r"undo\(given=proofs, people=ck\.people\("):
        plan.undo(given=GIVEN)
    back = plan.undo(given=GIVEN, people=world.read())
    assert back.apply(progress=False)["outcome"].tolist() == ["updated"]


def test_source_without_a_client_needs_people(world: SharedPeople, name: str) -> None:
    denier = DENIER[name]
    world.add(name, 0)
    world.add(denier, 0)
    world.deny(denier, 0)
    frame = world.clients[denier].contacts.list()
    sources: dict[str, Any] = {denier: frame, name: world.clients[name]}
    plan = ck.people(**sources).propagate()[name]
    plan.apply(progress=False)
    with pytest.raises(ck.InvalidInputError, match=f"{denier} cannot be read again without"):
        plan.undo(given=GIVEN)
    back = plan.undo(given=GIVEN, people=world.read())
    assert back.apply(progress=False)["outcome"].tolist() == ["updated"]


def test_people_must_be_read_after_the_plan_was_applied(world: SharedPeople, name: str) -> None:
    world.add(name, 0)
    world.add(DENIER[name], 0)
    world.deny(DENIER[name], 0)
    people = world.read()
    plan = people.propagate()[name]
    wait(world, name, hours=1)
    plan.apply(progress=False)
    with pytest.raises(ck.InvalidInputError, match=f"{name} was read before the plan was applied"):
        plan.undo(given=GIVEN, people=people)
    assert not plan.undo(given=GIVEN, people=world.read()).contacts[0].problems


def test_people_of_an_unknown_age_lift_nothing(world: SharedPeople, name: str) -> None:
    plan = carry(world, name)
    frames: dict[str, Any] = {n: client.contacts.list() for n, client in world.clients.items()}
    frames[DENIER[name]].attrs |= {"at": None, "world": "live"}
    with pytest.raises(ck.InvalidInputError, match="was read at an unknown time"):
        plan.undo(given=GIVEN, people=ck.people(**frames))


def test_people_of_another_account_lift_nothing(world: SharedPeople) -> None:
    """At Sendblue a number is the key of a contact in any account."""
    accounts = {}
    for name in ("here", "there"):
        simulator = ck.Simulator(contacts=0)
        url = f"https://{name}.example.com"
        accounts[name] = ck.connect("sendblue", via=simulator, base_url=url)
        simulator.put(phone=PHONES[0], opt_out=False)
    world.add("sent", 0)
    world.deny("sent", 0)
    sent = world.clients["sent"]
    plans = ck.people(sent=sent, **accounts).propagate()
    plans.apply(progress=False)
    turned = ck.people(sent=sent, here=accounts["there"], there=accounts["here"])
    with pytest.raises(ck.InvalidInputError, match="is not the account of its plan"):
        plans.undo(given=GIVEN, people=turned)
    assert {*plans.undo(given=GIVEN).apply(progress=False)["outcome"]} == {"updated"}


async def test_plan_that_lifts_holds_for_a_day(world: SharedPeople, name: str) -> None:
    back = carry(world, name).undo(given=GIVEN)
    wait(world, name, hours=25)
    for dry_run in (True, False):
        with pytest.raises(ck.ConfigurationError, match=r"over a day ago: undo again"):
            back.apply(progress=False, dry_run=dry_run)
    with pytest.raises(ck.ConfigurationError, match=r"over a day ago: undo again"):
        await back.aio.apply(progress=False)
    assert not sends(world, name)


def test_lifted_no_that_was_written_again_is_not_lifted_by_opt_in_alone(
    world: SharedPeople, name: str
) -> None:
    back = carry(world, name).undo(given=GIVEN)
    back.apply(progress=False)
    again = back.undo()
    assert again.apply(progress=False)["outcome"].tolist() == ["updated"]
    assert not sends(world, name)
    for opt_in in (False, True):
        with pytest.raises(ck.InvalidInputError, match="lifted and written again"):
            again.undo(opt_in=opt_in)


def test_applied_lift_is_not_applied_again_without_its_journal(
    world: SharedPeople, name: str, tmp_path: Path
) -> None:
    """Sendblue tells no time, so that a newer no would look like the one that was lifted."""
    back = carry(world, name).undo(given=GIVEN)
    back.to_parquet(tmp_path / "back.parquet")
    assert back.apply(progress=False)["outcome"].tolist() == ["updated"]
    world.deny(name, 0)
    client = ck.connect(name, via=world.wires[name], journal=tmp_path / "another.sqlite3")
    saved = ck.read_plan(tmp_path / "back.parquet", client)
    with pytest.raises(ck.ConfigurationError, match="undoes what the journal no longer has"):
        saved.apply(progress=False)
    assert back.apply(progress=False)["outcome"].tolist() == ["skipped"]
    assert not sends(world, name)
