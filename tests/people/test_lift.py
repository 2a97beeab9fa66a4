"""A no that was carried is lifted by proof or by people without the wrong link, not otherwise."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find, names
from tests.support.shared_people import EMAILS, PHONE_OF, PHONES, SharedPeople

DENIER = {name: "sent" if name != "sent" else "sendblue" for name in names()}
EARLIER, LATER = "2026-09-30T09:00:00Z", "2026-10-01T09:00:00Z"


@pytest.fixture
def world() -> SharedPeople:
    return SharedPeople()


def proof(*rows: tuple[str, str], given_at: str = LATER) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"address": address, "channel": channel, "given_at": given_at, "how": "a signed form"}
            for address, channel in rows
        ]
    )


@pytest.fixture
def plan(world: SharedPeople, name: str) -> ck.Plan:
    """An applied plan of one no."""
    world.add(name, 0)
    world.add(DENIER[name], 0)
    world.deny(DENIER[name], 0)
    plan = world.read().propagate()[name]
    assert plan.apply(progress=False)["outcome"].tolist() == ["updated"]
    return plan


def sends(world: SharedPeople, name: str, person: int = 0, channel: Any = "text") -> bool:
    return find(name).consent.channels[channel].sends(world.contact(name, person))


def test_opt_in_alone_is_refused(plan: ck.Plan) -> None:
    for options in ({}, {"opt_in": True}):
        with pytest.raises(ck.InvalidInputError, match=r"undo\(given=proofs\)"):
            plan.undo(**options)


async def test_opt_in_alone_is_refused_for_asynchronous_code(plan: ck.Plan) -> None:
    with pytest.raises(ck.InvalidInputError, match=r"undo\(people=people\)"):
        await plan.aio.undo(opt_in=True)
    back = await plan.aio.undo(given=proof((PHONES[0], "text")))
    assert (await back.aio.apply(progress=False))["outcome"].tolist() == ["updated"]


def test_later_proof_lifts_the_no(plan: ck.Plan, world: SharedPeople, name: str) -> None:
    back = plan.undo(given=proof((PHONES[0], "text")))
    assert back.opts_in == 1
    result = back.apply(progress=False)
    assert result["outcome"].tolist() == ["updated"]
    assert sends(world, name)
    assert not len(world.wires[name].simulator.outbox())
    path = world.clients[name]._session.plan_journal.path
    kept = ck.journal(path, plan=back)["because"].item()
    assert kept[0]["address"] == PHONES[0] and kept[0]["how"] == "a signed form"


@pytest.mark.parametrize(
    "given",
    [
        proof((PHONES[0], "text"), given_at=EARLIER),
        proof((PHONES[0], "email")),
        proof((PHONES[5], "text")),
    ],
)
def test_other_proof_lifts_nothing(
    plan: ck.Plan, world: SharedPeople, name: str, given: pd.DataFrame
) -> None:
    back = plan.undo(given=given)
    (write,) = back.contacts
    assert "no proof of consent is later" in write.problems[0].message
    assert not write.changes
    assert back.apply(progress=False)["outcome"].tolist() == ["refused"]
    assert not sends(world, name)


def test_proof_lifts_only_its_channel(world: SharedPeople) -> None:
    world.add("privy", 0)
    world.add("digital_onboarding", 0)
    for channel in ("text", "email"):
        world.deny("digital_onboarding", 0, channel)
    plan = world.read().propagate()["privy"]
    plan.apply(progress=False)
    back = plan.undo(given=proof((PHONES[0], "text")))
    assert back.contacts[0].changes == {"sms_consent": "subscribed"}
    assert "no proof of consent is later" in back.contacts[0].stays
    back.apply(progress=False)
    assert sends(world, "privy") and not sends(world, "privy", channel="email")


def test_proof_does_not_lift_a_lock(world: SharedPeople) -> None:
    world.add("privy", 0, email_consent="compliance_suppressed")
    world.add("digital_onboarding", 0)
    plan = world.read().propagate()["digital_onboarding"]
    plan.apply(progress=False)
    assert plan.undo(given=proof((EMAILS[0], "email"))).contacts[0].problems


def test_proof_of_a_person_does_not_lift_the_no_of_a_line(world: SharedPeople) -> None:
    line = "+12025550199"
    world.add("sendblue", 9, phone=line)
    world.add("digital_onboarding", 0, phone_work=line)
    world.deny("sendblue", 9)
    plan = world.read(apart=[line]).propagate()["digital_onboarding"]
    plan.apply(progress=False)
    assert plan.undo(given=proof((PHONES[0], "text"))).contacts[0].problems
    assert not plan.undo(given=proof((line, "text"))).contacts[0].problems


def test_line_that_both_have_alone_is_still_a_link(
    plan: ck.Plan, world: SharedPeople, name: str
) -> None:
    for apart in ([], [PHONES[0], EMAILS[0]]):
        back = plan.undo(people=world.read(apart=apart))
        assert "still linked" in back.contacts[0].problems[0].message


def test_number_that_moved_to_another_contact_is_no_link(world: SharedPeople, name: str) -> None:
    """The denier of a household was somebody else, whose number the provider had wrong."""
    denier = "digital_onboarding" if name != "digital_onboarding" else "privy"
    world.add(name, 0)
    world.add(denier, 0)
    world.deny(denier, 0)
    plan = world.read().propagate()[name]
    plan.apply(progress=False)
    world.put(denier, 0, **{PHONE_OF[denier]: PHONES[7], "email": "else@example.com"})
    back = plan.undo(people=world.read())
    assert not back.contacts[0].problems
    assert back.apply(progress=False)["outcome"].tolist() == ["updated"]
    assert sends(world, name)
    assert not any(map(len, world.read().propagate().values()))


def test_apart_lifts_what_a_shared_address_joined(world: SharedPeople) -> None:
    """Two people with numbers of their own have the same home number."""
    home = "+12025550199"
    world.add("digital_onboarding", 0, phone_home=home)
    world.add("digital_onboarding", 1, phone_home=home)
    world.deny("digital_onboarding", 1)
    plans = world.read().propagate()
    plans.apply(progress=False)
    assert not sends(world, "digital_onboarding", 0)
    back = plans.undo(people=world.read(apart=[home]))
    assert back.apply(progress=False)["outcome"].tolist() == ["updated"]
    assert sends(world, "digital_onboarding", 0)


def test_a_no_that_is_gone_is_not_enough(plan: ck.Plan, world: SharedPeople, name: str) -> None:
    world.put(DENIER[name], 0, opt_out=False)
    back = plan.undo(people=world.read())
    assert "still linked" in back.contacts[0].problems[0].message


def test_reason_that_is_not_read_is_not_enough(
    plan: ck.Plan, world: SharedPeople, name: str
) -> None:
    people = ck.people(**{name: world.clients[name]})
    message = plan.undo(people=people).contacts[0].problems[0].message
    assert "is not among these people" in message


def test_contacts_of_all_plans_are_lifted_together(world: SharedPeople) -> None:
    for name in ("privy", "digital_onboarding", "sendblue"):
        world.add(name, 0)
    wrong = "+12025550199"
    world.put("digital_onboarding", 0, phone_home=wrong)
    world.add("sent", 5, phone_number=wrong)
    world.deny("sent", 5)
    plans = world.read().propagate()
    assert plans.apply(progress=False)["outcome"].tolist() == ["updated"] * 3
    world.put("digital_onboarding", 0, phone_home=None)
    alone = plans["privy"].undo(people=world.read())
    assert "says no too" in alone.contacts[0].problems[0].message
    back = plans.undo(people=world.read())
    problems = {name: [c.problems for c in plan.contacts] for name, plan in back.items()}
    # The contact whose number was corrected has another address than the one that was denied.
    assert problems["digital_onboarding"][0][0].code == "conflict"
    assert not any(problems["privy"] + problems["sendblue"])


def test_somebody_who_said_no_since_is_not_lifted(world: SharedPeople) -> None:
    home = "+12025550199"
    world.add("digital_onboarding", 0, phone_home=home)
    world.add("digital_onboarding", 1, phone_home=home)
    world.add("privy", 0)
    world.deny("digital_onboarding", 1)
    plans = world.read().propagate()
    world.deny("privy", 0)
    assert {*plans.apply(progress=False)["outcome"]} == {"updated", "unchanged"}
    back = plans.undo(people=world.read(apart=[home]))
    assert [len(back["privy"]), len(back["digital_onboarding"])] == [0, 1]
    assert "says no too" in back["digital_onboarding"].contacts[0].problems[0].message


def test_contact_whose_number_changed_since_is_not_lifted(
    plan: ck.Plan, world: SharedPeople, name: str
) -> None:
    if name == "sendblue":
        return
    given = proof((PHONES[0], "text"))
    back = plan.undo(given=given)
    world.put(name, 0, **{PHONE_OF[name]: PHONES[8]})
    assert plan.undo(given=given).contacts[0].problems
    assert back.apply(progress=False)["outcome"].tolist() == ["refused"]
    assert not sends(world, name)


def test_plain_plan_keeps_its_undo(world: SharedPeople, name: str) -> None:
    world.add(name, 0)
    client = world.clients[name]
    rows = client.contacts.list()
    deny = find(name).consent.channels["text"].deny
    plan = client.contacts.plan(rows.assign(**deny), rows)
    plan.apply(progress=False)
    for options in ({"given": proof((PHONES[0], "text"))}, {"people": world.read()}):
        with pytest.raises(ck.InvalidInputError, match=r"only for a plan of people\.propagate"):
            plan.undo(**options)
    assert plan.undo(opt_in=True).apply(progress=False)["outcome"].tolist() == ["updated"]


@pytest.mark.parametrize("people", [3, "people", pd.DataFrame()])
def test_people_must_be_people(plan: ck.Plan, people: Any) -> None:
    with pytest.raises(ck.InvalidInputError, match="must be people"):
        plan.undo(people=people)


def test_people_must_have_the_source(plan: ck.Plan, world: SharedPeople, name: str) -> None:
    others = {n: client for n, client in world.clients.items() if n != name}
    with pytest.raises(ck.InvalidInputError, match="must have one source"):
        plan.undo(people=ck.people(**others))


def test_second_undo_writes_nothing(plan: ck.Plan) -> None:
    given = proof((PHONES[0], "text"))
    plan.undo(given=given).apply(progress=False)
    assert not len(plan.undo(given=given))
