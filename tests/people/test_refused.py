"""A no that its provider refused is stuck: it is not sent again until the contact changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.cli import consent as cli
from tests.support.providers import says
from tests.support.shared_people import ALLOWED, PHONE_OF, PHONES, SharedPeople

DENIER = {name: "sent" if name != "sent" else "sendblue" for name in names()}


@pytest.fixture
def world(tmp_path: Path) -> SharedPeople:
    return SharedPeople(tmp_path / "journal.sqlite3")


def apply_refused(world: SharedPeople, name: str, status: int = 422) -> None:
    """Carry a no to a person's contact, which the provider refuses."""
    world.add(name, 0)
    world.add(DENIER[name], 0)
    world.deny(DENIER[name], 0)
    plans = world.read().propagate()
    world.wires[name].faults.extend([None, says(status)])
    result = plans.apply(progress=False)
    assert result["outcome"].tolist() == ["refused"]


def kinds(people: ck.People) -> list[str]:
    return people.conflicts()["kind"].tolist()


def requests(world: SharedPeople) -> int:
    return sum(len(wire.requests) for wire in world.wires.values())


def test_second_run_sends_nothing_and_says_why(world: SharedPeople, name: str) -> None:
    apply_refused(world, name)
    people = world.read()
    plans, before = people.propagate(), requests(world)
    assert plans.apply(progress=False)["outcome"].tolist() == ["refused"]
    assert requests(world) == before and not plans[name].requests
    message = f"{find(name).title} refused this no on 2026-10-01"
    assert message in plans[name].contacts[0].problems[0].message
    found = people.conflicts()
    assert found["kind"].tolist() == ["stuck"] and message in found["because"].item()
    assert cli._status(people) == cli.STUCK
    kept = people.guard(people.contacts.assign(to=PHONES[0]), "text", field="to")
    assert kept.empty


def test_frame_is_planned_by_the_journal_of_its_client(world: SharedPeople, name: str) -> None:
    apply_refused(world, name)
    frames: dict[str, Any] = {n: world.clients[n].contacts.list() for n in (name, DENIER[name])}
    plan = ck.people(**frames).propagate(**{name: world.clients[name]})[name]
    assert plan.contacts[0].problems
    other = SharedPeople().clients[name]
    assert not ck.people(**frames).propagate(**{name: other})[name].contacts[0].problems


def test_changed_contact_is_tried_again(world: SharedPeople, name: str) -> None:
    apply_refused(world, name)
    if name == "sendblue":
        # Its number is its key.
        world.put(name, 0, opt_out=None)
    else:
        world.put(name, 0, **{PHONE_OF[name]: PHONES[1]})
        world.add(DENIER[name], 1)
        world.deny(DENIER[name], 1)
    plans = world.read().propagate()
    assert plans.apply(progress=False)["outcome"].tolist() == ["updated"]
    assert not {"stuck", "denied_elsewhere"} & {*kinds(world.read())}


@pytest.mark.parametrize("status", [403, 404, 409])
def test_other_refusals_are_tried_again(world: SharedPeople, name: str, status: int) -> None:
    apply_refused(world, name, status)
    assert "denied_elsewhere" in kinds(world.read())
    assert world.read().propagate().apply(progress=False)["outcome"].tolist() == ["updated"]


def test_lifted_suppression_is_tried_again(world: SharedPeople) -> None:
    world.add("privy", 0, email_consent="compliance_suppressed")
    world.add("sent", 0)
    world.deny("sent", 0)
    assert world.read().propagate().apply(progress=False)["outcome"].tolist() == ["refused"]
    assert not world.read().propagate()["privy"].requests
    world.put("privy", 0, email_consent="unsubscribed")
    assert world.read().propagate().apply(progress=False)["outcome"].tolist() == ["updated"]


def test_other_channel_is_still_written(world: SharedPeople) -> None:
    """The provider names the field whose no it refuses."""
    world.add("privy", 0)
    world.add("digital_onboarding", 0)
    for channel in ("text", "email"):
        world.deny("digital_onboarding", 0, channel)
    plans = world.read().propagate()
    field = {"field": "sms_consent", "message": "cannot be written"}
    error = {"code": "validation_failed", "message": "refused", "details": [field]}
    world.wires["privy"].faults.extend([None, says(422, json.dumps({"error": error}))])
    assert plans.apply(progress=False)["outcome"].tolist() == ["refused"]
    result = world.read().propagate().apply(progress=False)
    assert result["outcome"].tolist() == ["refused", "updated"]
    assert world.contact("privy", 0)["email_consent"] == "unsubscribed"
    assert world.contact("privy", 0)["sms_consent"] == ALLOWED["privy"]["sms_consent"]
    assert kinds(world.read()) == ["stuck", "contradiction", "contradiction"]


def test_refusal_that_the_journal_forgot_is_tried_again(world: SharedPeople, name: str) -> None:
    apply_refused(world, name)
    session = world.clients[name]._session
    session.plan_journal.forget(PHONES[0])
    assert world.read().propagate().apply(progress=False)["outcome"].tolist() == ["updated"]


def test_no_that_was_carried_is_no_contradiction(world: SharedPeople) -> None:
    """Digital Onboarding's other flags stay, since only its own no is written."""
    world.add("digital_onboarding", 0)
    world.add("sent", 0)
    world.deny("sent", 0)
    world.read().propagate().apply(progress=False)
    contact = world.contact("digital_onboarding", 0)
    assert contact["sms_unsubscribed"] and contact["sms_opted_in"] and contact["sms_authorized"]
    assert kinds(world.read()) == []
    world.put("digital_onboarding", 0, sms_unsubscribed=False)
    assert "returned" in kinds(world.read())


def test_yes_beside_a_no_that_was_not_written_here_is_a_contradiction(
    world: SharedPeople,
) -> None:
    world.add("digital_onboarding", 0, sms_unsubscribed=True)
    world.add("digital_onboarding", 1, sms_opted_in=False)
    contacts = world.clients["digital_onboarding"].contacts
    contacts.update(world.keys["digital_onboarding", 1], sms_unsubscribed=True)
    assert kinds(world.read()) == ["contradiction"]
    world.put("digital_onboarding", 1, sms_opted_in=True)
    assert kinds(world.read()) == ["contradiction"] * 2
