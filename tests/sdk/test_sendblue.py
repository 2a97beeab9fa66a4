"""An independent check: Sendblue's own SDK uses the served simulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sendblue_api
from sendblue_api import AsyncSendblueAPI, SendblueAPI

import contactkit as ck
from tests.support.simulator_server import Served, served

JOHN = "+1234567890"
ADA = "+12025550123"
OPTED_OUT = "+14165550142"
NEW = "+12125550187"
UNKNOWN = "+12125550188"


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with served("sendblue", "--contacts", "130", "--seed", "5") as server:
        yield server


@pytest.fixture
def simulator(running: Served) -> Served:
    running.control("reset")
    return running


@pytest.fixture
def sdk(simulator: Served) -> Iterator[SendblueAPI]:
    with SendblueAPI(**options(simulator)) as client:
        yield client


def options(simulator: Served) -> dict[str, Any]:
    return {**simulator.credentials, "base_url": simulator.base_url, "max_retries": 0}


def row(simulator: Served, phone: str) -> dict[str, Any]:
    [contact] = [contact for contact in simulator.contacts() if contact["phone"] == phone]
    return contact


def newest_first(simulator: Served) -> list[dict[str, Any]]:
    rows = simulator.contacts()
    return sorted(rows, key=lambda row: row["created_at"], reverse=True)


# Reading


def test_sdk_lists_by_offset_and_limit(sdk, simulator):
    state = newest_first(simulator)
    pages = [sdk.contacts.list(limit=50, offset=offset) for offset in (0, 50, 100, 150)]
    assert [len(page) for page in pages] == [50, 50, 30, 0]
    people = [person for page in pages for person in page]
    for name in ("phone", "contact_id", "first_name", "tags", "custom_variables", "opt_out"):
        assert [getattr(person, name) for person in people] == [row[name] for row in state]
    times = [datetime.fromisoformat(row["created_at"]) for row in state]
    assert [person.created_at for person in people] == times


def test_sdk_lists_a_hundred_by_default(sdk):
    assert len(sdk.contacts.list()) == 100
    assert len(sdk.contacts.list(limit=5000)) == 130


def test_sdk_filters_and_orders(sdk, simulator):
    assert [person.first_name for person in sdk.contacts.list(phone_number=ADA)] == ["Ada"]
    assert sdk.contacts.list(phone_number=UNKNOWN) == []
    identity = row(simulator, ADA)["contact_id"]
    assert [person.phone for person in sdk.contacts.list(cid=identity)] == [ADA]
    people = sdk.contacts.list(order_by="phone", order_direction="asc")
    phones = [person.phone for person in people]
    assert phones == sorted(row["phone"] for row in simulator.contacts())[:100]
    names = [person.first_name or "" for person in sdk.contacts.list(order_by="firstName")]
    assert names == sorted(names, reverse=True)
    oldest = sdk.contacts.list(order_direction="asc", limit=1)
    assert [person.phone for person in oldest] == [JOHN]


def test_sdk_lists_contacts_created_since(sdk, simulator):
    times = sorted(datetime.fromisoformat(row["created_at"]) for row in simulator.contacts())
    since = times[-20]
    people = sdk.contacts.list(created_at_gte=since, order_direction="asc")
    assert [person.created_at for person in people] == [time for time in times if time >= since]


def test_sdk_gets_every_documented_field(sdk):
    answer = sdk.contacts.retrieve(JOHN)
    contact = answer.contact
    assert (answer.status, contact.phone) == ("OK", JOHN)
    assert (contact.first_name, contact.last_name) == ("John", "Doe")
    assert (contact.company_name, contact.assigned_to_email) == (
        "Example Corp",
        "agent@example.com",
    )
    assert (contact.sendblue_number, contact.tags) == ("+1987654321", ["customer", "vip"])
    assert (contact.custom_variables, contact.opt_out, contact.verified) == ({}, False, True)
    assert contact.created_at.isoformat() == "2024-01-15T10:30:00+00:00"
    assert contact.contact_id is None
    assert contact.model_extra["firstName"] == "John"


def test_sdk_counts(sdk):
    assert sdk.contacts.count().count == 130
    sdk.contacts.delete(JOHN)
    assert sdk.contacts.count().count == 129


# Writing


def test_sdk_creates_updates_and_deletes(sdk, simulator):
    created = sdk.contacts.create(
        number=NEW,
        body_first_name_1="Grace",
        tags=["vip"],
        custom_variables={"Favourite colour": "green"},
    )
    assert (created.status, created.contact.phone, created.contact.first_name) == (
        "OK",
        NEW,
        "Grace",
    )
    assert (created.contact.opt_out, created.contact.verified) == (False, False)
    changed = sdk.contacts.update(
        NEW,
        body_last_name_1="Hopper",
        body_company_name_1="Navy",
        tags=["navy"],
        custom_variables={"Rank": "Admiral"},
    ).contact
    assert (changed.first_name, changed.last_name) == ("Grace", "Hopper")
    assert (changed.company_name, changed.tags) == ("Navy", ["navy"])
    assert changed.custom_variables == {"Favourite colour": "green", "Rank": "Admiral"}
    assert sdk.contacts.retrieve(NEW).contact == changed
    assert sdk.contacts.delete(NEW).status == "OK"
    with pytest.raises(sendblue_api.NotFoundError):
        sdk.contacts.retrieve(NEW)
    assert (row(simulator, NEW)["writes"], row(simulator, NEW)["deleted"]) == (3, True)


def test_sdk_gets_the_time_of_creation(sdk, simulator):
    simulator.control("clock", seconds=3600)
    now = datetime.fromisoformat(simulator.control("clock", seconds=0)["now"])
    created = sdk.contacts.create(number=NEW).contact
    assert timedelta(seconds=-1) <= created.created_at - now < timedelta(minutes=10)


def test_preferred_field_name_wins_over_the_deprecated_one(sdk, simulator):
    both = {"body_first_name_1": "Augusta", "body_first_name_2": "Other"}
    assert sdk.contacts.update(ADA, **both).contact.first_name == "Augusta"
    assert sdk.contacts.update(ADA, body_last_name_2="King").contact.last_name == "King"
    assert (row(simulator, ADA)["first_name"], row(simulator, ADA)["last_name"]) == (
        "Augusta",
        "King",
    )


def test_sdk_creates_or_updates_with_update_if_exists(sdk, simulator):
    before = row(simulator, ADA)
    changed = sdk.contacts.create(
        number=ADA,
        body_last_name_1="Lovelace",
        custom_variables={"Born": "1815"},
        update_if_exists=True,
    ).contact
    assert (changed.first_name, changed.last_name) == ("Ada", "Lovelace")
    assert changed.custom_variables == {**before["custom_variables"], "Born": "1815"}
    assert sdk.contacts.create(number=NEW, update_if_exists=True).contact.phone == NEW
    assert sdk.contacts.count().count == 131
    assert (row(simulator, ADA)["writes"], row(simulator, NEW)["writes"]) == (1, 1)


def test_opt_out_outlives_its_contact(sdk):
    answer = sdk.contacts.opt_out(number="+1 (202) 555-0123")
    assert (answer.status, answer.number, answer.opted_out) == ("OK", ADA, True)
    assert sdk.contacts.retrieve(ADA).contact.opt_out is True
    sdk.contacts.delete(ADA)
    assert sdk.contacts.create(number=ADA).contact.phone == ADA
    assert sdk.contacts.retrieve(ADA).contact.opt_out is True
    back = sdk.contacts.opt_out(number=ADA, opted_out=False)
    assert (back.number, back.opted_out) == (ADA, False)
    assert sdk.contacts.retrieve(ADA).contact.opt_out is False
    assert sdk.contacts.opt_out(number=UNKNOWN).opted_out is True


def test_update_opts_out_and_in(sdk):
    assert sdk.contacts.update(ADA, body_opt_out_1=True).contact.opt_out is True
    assert sdk.contacts.update(ADA, body_opt_out_2=False).contact.opt_out is False
    assert sdk.contacts.retrieve(OPTED_OUT).contact.opt_out is True


def test_sdk_verifies(sdk, simulator):
    assert sdk.contacts.verify(number=ADA).status == "OK"
    [sent] = simulator.state()["outbox"]
    assert (sent["key"], sent["phone_number"]) == (ADA, ADA)


def test_sdk_creates_and_deletes_in_bulk(sdk, simulator):
    items = [
        {"phone": NEW, "first_name": "Grace", "company_name": "Navy", "tags": ["a"]},
        {"phone": ADA, "last_name": "Lovelace"},
    ]
    answer = sdk.contacts.bulk.create(contacts=items)
    assert (answer.status, [contact.phone for contact in answer.contacts]) == ("OK", [NEW, ADA])
    assert answer.contacts[0].company_name == "Navy"
    assert (answer.contacts[1].first_name, answer.contacts[1].last_name) == ("Ada", "Lovelace")
    gone = sdk.contacts.bulk.delete(contact_ids=[NEW, ADA, UNKNOWN])
    assert (gone.status, gone.amount) == ("OK", 2)
    assert sdk.contacts.count().count == 129
    assert row(simulator, NEW)["deleted"] and row(simulator, ADA)["deleted"]


def test_bulk_create_is_refused_for_one_invalid_contact(sdk, simulator):
    with pytest.raises(sendblue_api.BadRequestError):
        sdk.contacts.bulk.create(contacts=[{"phone": NEW}, {"phone": "abc"}])
    assert not any(row["writes"] for row in simulator.contacts())
    assert len(simulator.contacts()) == 130


# Refusals


def test_sdk_gets_the_documented_errors(sdk):
    calls = [
        (404, "Contact not found", lambda: sdk.contacts.retrieve(UNKNOWN)),
        (404, "Contact not found", lambda: sdk.contacts.update(UNKNOWN, tags=[])),
        (404, "Contact not found", lambda: sdk.contacts.delete(UNKNOWN)),
        (409, "Contact already exists", lambda: sdk.contacts.create(number=ADA)),
        (400, "Invalid phone number", lambda: sdk.contacts.create(number="abc")),
        (400, "Missing fields", lambda: sdk.post("/api/v2/contacts", cast_to=object, body={})),
        (400, "Invalid phone number", lambda: sdk.contacts.opt_out(number="abc")),
        (400, "Missing fields", lambda: sdk.contacts.bulk.delete(contact_ids=[])),
        (401, "Invalid credentials", lambda: with_wrong_secret(sdk).contacts.count()),
    ]
    for status, message, call in calls:
        with pytest.raises(sendblue_api.APIStatusError) as caught:
            call()
        assert caught.value.status_code == status
        assert caught.value.body == {"status": "ERROR", "message": message}


def with_wrong_secret(sdk: SendblueAPI) -> SendblueAPI:
    return sdk.with_options(api_secret="wrong")


def test_plus_in_a_path_may_be_encoded(sdk):
    path = f"/api/v2/contacts/%2B{JOHN[1:]}"
    assert sdk.get(path, cast_to=object)["contact"]["phone"] == JOHN


# The async SDK, and contactkit


async def test_async_sdk_does_the_same(simulator):
    async with AsyncSendblueAPI(**options(simulator)) as sdk:
        phones = [person.phone for person in await sdk.contacts.list(limit=1000)]
        assert phones == [row["phone"] for row in newest_first(simulator)]
        created = await sdk.contacts.create(number=NEW, body_first_name_1="Grace")
        assert created.contact.first_name == "Grace"
        changed = await sdk.contacts.update(NEW, body_opt_out_1=True)
        assert changed.contact.opt_out is True
        assert (await sdk.contacts.opt_out(number=NEW, opted_out=False)).opted_out is False
        assert (await sdk.contacts.retrieve(NEW)).contact.opt_out is False
        assert (await sdk.contacts.verify(number=NEW)).status == "OK"
        assert (await sdk.contacts.bulk.create(contacts=[{"phone": UNKNOWN}])).status == "OK"
        assert (await sdk.contacts.count()).count == 132
        assert (await sdk.contacts.bulk.delete(contact_ids=[UNKNOWN])).amount == 1
        assert (await sdk.contacts.delete(NEW)).status == "OK"
        with pytest.raises(sendblue_api.NotFoundError):
            await sdk.contacts.retrieve(NEW)


def test_sdk_and_contactkit_read_the_same(sdk, simulator):
    with ck.connect("sendblue", base_url=simulator.base_url, **simulator.credentials) as client:
        people = client.contacts.list()
    theirs = {person.phone: person.to_dict() for person in sdk.contacts.list(limit=1000)}
    assert set(people["phone"]) == set(theirs)
    for ours in people.astype(object).to_dict("records"):
        contact = theirs[ours["phone"]]
        for name in ("contact_id", "tags", "custom_variables", "opt_out", "verified", "created_at"):
            assert ours[name] == contact[name]
