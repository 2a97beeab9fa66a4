"""A whole update: all that a page demands is sent, as it was read right before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find
from tests.support.front_end import FrontEnd
from tests.support.providers import EXAMPLES, Wire, loses, only_writes, says

NAME = "digital_onboarding"
KEY = EXAMPLES[NAME].key
OTHERS = sorted(EXAMPLES.keys() - {NAME})
STARRED = {
    "id",
    "type",
    "team_id",
    *(
        f"{channel}_{flag}"
        for channel in ("sms", "email")
        for flag in ("verified", "opted_in", "authorized", "unsubscribed")
    ),
    "meta_public",
    "inserted_at",
    "updated_at",
    "active_journey_ids",
    "completed_objective_keys",
}


@pytest.fixture
def wire() -> Wire:
    return Wire(ck.Simulator(contacts=8, seed=7, strict=True))


@pytest.fixture
def client(wire: Wire) -> ck.Client:
    return ck.connect(NAME, via=wire, whole=True)


def bodies(wire: Wire) -> list[dict[str, Any]]:
    return [json.loads(each.content) for each in wire.requests if each.method == "PATCH"]


def methods(wire: Wire) -> list[str]:
    return [request.method for request in wire.requests]


def stored(wire: Wire) -> dict[str, Any]:
    return wire.simulator.engine.contacts.find(KEY).row


def changes_before_the_write(wire: Wire, **values: Any):
    """A fault: the contact changes after it was read."""

    def fault(request: httpx.Request, answer: Any) -> httpx.Response:
        wire.simulator.put(KEY, **values)
        return answer(request)

    return only_writes(fault)


def test_the_page_demands_16_fields():
    required = find(NAME).endpoint("update").required
    assert len(required) == 16
    assert set(required) == STARRED


@pytest.mark.parametrize("by_row", [False, True])
def test_update_sends_the_contact_as_it_was_read(wire, by_row):
    contacts = ck.connect(NAME, via=wire).contacts
    key = contacts.get(KEY) if by_row else KEY
    before = dict(stored(wire))
    wire.requests.clear()
    result = contacts.update(key, name_first="Zoë", whole=True)
    assert methods(wire) == ["GET", "PATCH"]
    [sent] = bodies(wire)
    known = {name: value for name, value in before.items() if value is not None}
    assert sent == {**known, "name_first": "Zoë"}
    assert sent.keys() >= STARRED
    assert result["outcome"][0] == "updated"
    assert list(result["changed"][0]) == ["name_first"]
    changed = {n for n, value in stored(wire).items() if value != before[n]}
    assert changed == {"name_first", "updated_at"}


def test_update_sends_what_changed_since_the_row_was_read(wire, client):
    row = client.contacts.get(KEY)
    wire.simulator.put(KEY, city="Rome")
    assert client.contacts.update(row, name_first="Zoë")["outcome"][0] == "updated"
    assert (stored(wire)["city"], stored(wire)["name_first"]) == ("Rome", "Zoë")


def test_update_is_partial_by_default_and_a_refusal_says_what_to_try(wire):
    contacts = ck.connect(NAME, via=wire).contacts
    with pytest.raises(ck.InvalidRequestError, match="; try whole=True") as caught:
        contacts.update(KEY, name_first="Zoë", sms_opted_in=True, opt_in=True)
    missing = {field.field for field in caught.value.problem.fields}
    assert missing == STARRED - {"sms_opted_in"}
    [sent] = bodies(wire)
    assert sent == {"name_first": "Zoë", "sms_opted_in": True}


def test_a_refusal_of_what_was_sent_does_not_say_what_to_try(wire, client):
    wrong = b'{"errors": [{"code": "validation_failed", "source": {"pointer": "/id"}}]}'
    wire.faults = [None, says(422, wrong)]
    with pytest.raises(ck.InvalidRequestError) as caught:
        client.contacts.update(KEY, name_first="Zoë")
    assert "whole" not in str(caught.value)


def test_a_verb_can_say_that_it_is_partial(wire, client):
    with pytest.raises(ck.InvalidRequestError, match="try whole=True"):
        client.contacts.update(KEY, name_first="Zoë", whole=False)
    assert bodies(wire) == [{"name_first": "Zoë"}]


@pytest.mark.parametrize("field", ["sms_unsubscribed", "email_opted_in", "sms_authorized"])
def test_consent_that_changed_since_the_row_was_read_is_a_conflict(wire, client, field):
    row = client.contacts.get(KEY)
    wire.simulator.put(KEY, **{field: not stored(wire)[field]})
    before = dict(stored(wire))
    with pytest.raises(ck.InvalidInputError, match=f"{field}: was changed since") as caught:
        client.contacts.update(row, name_first="Zoë")
    assert [problem.code for problem in caught.value.problems] == ["conflict"]
    assert (bodies(wire), stored(wire)) == ([], before)


def test_a_no_between_the_read_and_the_write_stays(wire, client):
    wire.faults = [None, changes_before_the_write(wire, sms_unsubscribed=True)]
    wire.clock.sleep(wire.clock.now() + 60)
    with pytest.raises(ck.InvalidRequestError) as caught:
        client.contacts.update(KEY, name_first="Zoë")
    assert [field.field for field in caught.value.problem.fields] == ["updated_at"]
    assert stored(wire)["sms_unsubscribed"] is True


def test_a_write_that_the_rate_limit_delays_reads_again(wire, client):
    def delays(request: httpx.Request, answer: Any) -> httpx.Response:
        wire.simulator.put(KEY, city="Rome")
        return says(429, retry_after="1")(request, answer)

    wire.faults = [None, delays]
    assert client.contacts.update(KEY, name_first="Zoë")["outcome"][0] == "updated"
    assert methods(wire) == ["GET", "PATCH", "GET", "PATCH"]
    assert [sent["city"] for sent in bodies(wire)][1] == "Rome"


def test_a_no_while_the_rate_limit_delays_is_a_conflict(wire, client):
    def delays(request: httpx.Request, answer: Any) -> httpx.Response:
        wire.simulator.put(KEY, email_unsubscribed=True)
        return says(429, retry_after="1")(request, answer)

    client.contacts.update(KEY, email_unsubscribed=False, opt_in=True)
    row = client.contacts.get(KEY)
    wire.requests.clear()
    wire.faults = [None, delays]
    with pytest.raises(ck.InvalidInputError, match="email_unsubscribed: was changed since"):
        client.contacts.update(row, name_first="Zoë")
    assert methods(wire) == ["GET", "PATCH", "GET"]
    assert stored(wire)["email_unsubscribed"] is True


def test_a_write_without_a_response_is_not_repeated(wire, client):
    wire.faults = [None, loses(httpx.ReadError, after=True)]
    with pytest.raises(ck.TransportError):
        client.contacts.update(KEY, name_first="Zoë")
    assert methods(wire) == ["GET", "PATCH"]


def test_a_dry_run_sends_it_whole(wire, client):
    before = dict(stored(wire))
    result = client.contacts.update(KEY, name_first="Zoë", dry_run=True)
    assert result["outcome"][0] == "planned"
    assert bodies(wire)[0].keys() >= STARRED
    assert stored(wire) == before


async def test_async_client_sends_it_whole(wire, client):
    result = await client.aio.contacts.update(KEY, name_first="Zoë")
    assert result["outcome"][0] == "updated"


def test_opting_in_needs_consent_as_ever(wire, client):
    wire.simulator.put(KEY, sms_unsubscribed=True)
    row = client.contacts.get(KEY)
    for key in (KEY, row):
        with pytest.raises(ck.InvalidInputError, match="say opt_in=True"):
            client.contacts.update(key, sms_unsubscribed=False)
    assert client.contacts.update(row, sms_unsubscribed=False, opt_in=True)["outcome"][0] == (
        "updated"
    )


# Plans


def test_plan_sends_whole_contacts(wire, client):
    people = client.contacts.list()
    plan = client.contacts.plan(people, name_first="Zoë")
    assert plan.requests == 2 * len(people)
    wire.requests.clear()
    result = plan.apply(progress=False)
    assert set(result["outcome"]) == {"updated"}
    assert all(sent.keys() >= STARRED for sent in bodies(wire))
    assert sorted(methods(wire)) == ["GET"] * len(people) + ["PATCH"] * len(people)
    assert set(client.contacts.list()["name_first"]) == {"Zoë"}
    assert set(plan.undo().apply(progress=False)["outcome"]) == {"updated"}
    assert client.contacts.list()["name_first"].tolist() == people["name_first"].tolist()


def test_plan_refuses_a_contact_whose_consent_changed(wire, client):
    people = client.contacts.list()
    plan = client.contacts.plan(people, name_first="Zoë")
    wire.simulator.put(KEY, email_authorized=not stored(wire)["email_authorized"])
    result = plan.apply(progress=False).set_index("key")
    assert result.loc[KEY, ["outcome", "code", "field"]].tolist() == [
        "refused",
        "conflict",
        "email_authorized",
    ]
    assert set(result.drop(KEY)["outcome"]) == {"updated"}


def test_plan_in_doubt_is_sent_whole_again_if_it_was_not_carried_out(wire, client):
    plan = client.contacts.plan(client.contacts.get(KEY), name_first="Zoë")
    wire.faults = [None, loses(httpx.ReadError, after=False)]
    assert plan.apply(progress=False)["outcome"].tolist() == ["unknown"]
    assert plan.apply(progress=False)["outcome"].tolist() == ["updated"]
    assert plan.apply(progress=False)["outcome"].tolist() == ["skipped"]
    assert len(bodies(wire)) == 2
    assert stored(wire)["name_first"] == "Zoë"


def test_plan_in_doubt_is_refused_if_the_consent_changed(wire, client):
    plan = client.contacts.plan(client.contacts.get(KEY), name_first="Zoë")
    wire.faults = [None, loses(httpx.ReadError, after=False)]
    assert plan.apply(progress=False)["outcome"].tolist() == ["unknown"]
    wire.simulator.put(KEY, email_authorized=not stored(wire)["email_authorized"])
    result = plan.apply(progress=False)
    assert result[["outcome", "code"]].values.tolist() == [["refused", "conflict"]]
    assert len(bodies(wire)) == 1


def test_plan_that_was_carried_out_is_not_sent_again(wire, client):
    plan = client.contacts.plan(client.contacts.get(KEY), name_first="Zoë")
    wire.faults = [None, loses(httpx.ReadError, after=True)]
    assert plan.apply(progress=False)["outcome"].tolist() == ["unknown"]
    result = plan.apply(progress=False)
    assert result["outcome"].tolist() == ["updated"]
    assert "read back" in result["message"][0]
    assert len(bodies(wire)) == 1


def test_plan_that_the_rate_limit_delays_reads_again(wire, client):
    plan = client.contacts.plan(client.contacts.get(KEY), name_first="Zoë")

    def delays(request: httpx.Request, answer: Any) -> httpx.Response:
        wire.simulator.put(KEY, city="Rome")
        return says(429, retry_after="1")(request, answer)

    wire.faults = [None, delays]
    assert plan.apply(progress=False)["outcome"].tolist() == ["updated"]
    assert (stored(wire)["city"], bodies(wire)[-1]["city"]) == ("Rome", "Rome")


# Forms


async def test_form_shows_and_sends_the_whole_contact(wire, client):
    form = client.contacts.form(KEY)
    front = FrontEnd(form.widget)
    await front.press("review", name_first="Zoë")
    assert "completed_objective_keys" in front.text("report")
    await front.press("save", name_first="Zoë")
    assert form.result["outcome"].item() == "updated"
    assert bodies(wire)[0].keys() >= STARRED


async def test_form_refuses_a_contact_whose_consent_changed(wire, client):
    form = client.contacts.form(KEY)
    front = FrontEnd(form.widget)
    wire.simulator.put(KEY, sms_opted_in=not stored(wire)["sms_opted_in"])
    await front.press("save", name_first="Zoë")
    assert form.result[["outcome", "code"]].values.tolist() == [["refused", "conflict"]]
    assert bodies(wire) == []


# Everything else


@pytest.mark.parametrize("name", OTHERS)
def test_other_providers_take_partial_updates(name):
    with pytest.raises(ck.ConfigurationError, match="its updates are partial"):
        ck.connect(name, via=ck.Simulator(), whole=True)
    contacts = ck.connect(name, via=ck.Simulator()).contacts
    with pytest.raises(ck.InvalidInputError, match="whole: update takes no such field"):
        contacts.update(EXAMPLES[name].key, whole=True, **EXAMPLES[name].update)


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_whole_is_true_or_false(value):
    with pytest.raises(ck.ConfigurationError, match="whole= must be True or False"):
        ck.connect(NAME, via=ck.Simulator(), whole=value)
    contacts = ck.connect(NAME, via=ck.Simulator()).contacts
    with pytest.raises(ck.InvalidInputError, match="must be True or False"):
        contacts.update(KEY, name_first="Zoë", whole=value)


def test_a_recording_replays_a_whole_update(tmp_path: Path, wire, client):
    tape = tmp_path / "whole.jsonl"
    with ck.record(client, tape):
        client.contacts.update(KEY, name_first="Zoë")
    replayed = ck.connect(NAME, via=ck.Cassette(tape), whole=True)
    assert replayed.contacts.update(KEY, name_first="Zoë")["outcome"][0] == "updated"
