"""An independent check: Sent's own SDK uses the served simulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import sent_dm
from sent_dm import AsyncSent, Sent

import contactkit as ck
from tests.support.simulator_server import Served, served

KEY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
CHILD = "2f6a1c1e-0000-4000-8000-000000000002"
INHERITED = "0b5c7a64-3d1e-4c57-9a55-5d2f0f6f0003"


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with served("sent", "--contacts", "130", "--seed", "5") as server:
        yield server


@pytest.fixture
def simulator(running: Served) -> Served:
    running.control("reset")
    return running


@pytest.fixture
def sdk(simulator: Served) -> Iterator[Sent]:
    key = simulator.accounts["organisation"]["credentials"]["api_key"]
    with Sent(api_key=key, base_url=simulator.base_url, max_retries=0) as client:
        yield client


def test_sdk_lists_over_pages(sdk, simulator):
    people = list(sdk.contacts.list(page_size=50))
    state = simulator.contacts()
    for name in ("id", "phone_number", "opt_out", "default_channel", "is_inherited", "customer_id"):
        assert [getattr(person, name) for person in people] == [row[name] for row in state]
    times = [datetime.fromisoformat(row["created_at"]) for row in state]
    assert [person.created_at for person in people] == times
    page = sdk.contacts.list(page=3, page_size=50)
    assert len(page.data.contacts) == 30
    assert page.data.pagination.has_more is False


def test_sdk_filters(sdk, simulator):
    reached = [row["id"] for row in simulator.contacts() if "whatsapp" in row["available_channels"]]
    assert 0 < len(reached) < 130
    people = sdk.contacts.list(channel="whatsapp", page_size=100)
    assert [person.id for person in people] == reached
    people = sdk.contacts.list(search="(202) 555-0123").data.contacts
    assert [person.phone_number for person in people] == ["+12025550123"]
    with pytest.raises(sent_dm.NotFoundError):
        sdk.contacts.list(phone="+12025550999")


def test_sdk_gets_every_documented_field(sdk):
    contact = sdk.contacts.retrieve(KEY).data
    assert contact.phone_number == contact.format_e164 == "+1234567890"
    assert contact.format_international == "+1 234-567-890"
    assert contact.format_national == "(234) 567-890"
    assert contact.format_rfc == "tel:+1-234-567-890"
    assert (contact.country_code, contact.region_code) == ("1", "US")
    assert contact.available_channels == "sms,whatsapp"
    assert contact.created_at.isoformat() == "2026-02-09T21:50:50.214548+00:00"
    assert contact.updated_at is None
    assert not contact.model_extra


def test_sdk_creates_updates_and_deletes(sdk, simulator):
    created = sdk.contacts.create(phone_number="+12025550144", idempotency_key="w-1").data
    again = sdk.contacts.create(phone_number="+12025550144", idempotency_key="w-1").data
    assert created.id == again.id
    simulator.control("clock", seconds=3600)
    changed = sdk.contacts.update(created.id, opt_out=True).data
    assert changed.opt_out is True
    assert changed.updated_at >= created.created_at + timedelta(hours=1)
    assert (
        changed.updated_at.isoformat(timespec="milliseconds")[:23]
        == (simulator.contacts()[-1]["updated_at"][:23])
    )
    assert sdk.contacts.retrieve(created.id).data.opt_out is True
    with pytest.warns(DeprecationWarning):
        assert sdk.contacts.delete(created.id) is None
    with pytest.raises(sent_dm.NotFoundError):
        sdk.contacts.retrieve(created.id)
    row = simulator.contacts()[-1]
    assert (row["id"], row["writes"], row["deleted"]) == (created.id, 3, True)


def test_null_of_the_sdk_leaves_a_field_alone(sdk):
    before = sdk.contacts.retrieve(KEY).data
    after = sdk.contacts.update(KEY, opt_out=True, default_channel=None).data
    assert (after.opt_out, after.default_channel) == (True, before.default_channel)


def test_sandbox_of_the_sdk_changes_nothing(sdk, simulator):
    assert sdk.contacts.update(KEY, opt_out=True, sandbox=True).data.opt_out is True
    assert sdk.contacts.create(phone_number="+1234567890", sandbox=True).data.id != KEY
    assert not any(row["writes"] for row in simulator.contacts())
    assert len(simulator.contacts()) == 130


def test_sdk_reads_a_message_summary(sdk):
    summary = sdk.contacts.retrieve_message_summary(KEY).data
    assert (summary.contact_id, summary.message_count) == (KEY, 4)
    assert summary.channels_used == ["sms", "whatsapp"]
    assert summary.channel_scores[0].success_score == 100


def test_sdk_works_for_a_child_profile(sdk, simulator):
    assert simulator.accounts["organisation_for_profile"]["credentials"]["profile_id"] == CHILD
    people = list(sdk.contacts.list(x_profile_id=CHILD, page_size=100))
    own = [row["id"] for row in simulator.contacts() if row["owner"] == CHILD]
    assert [person.id for person in people] == own
    assert {person.customer_id for person in people} == {CHILD}


def test_sdk_gets_the_documented_errors(sdk):
    calls = [
        (400, "VALIDATION_003", lambda: sdk.contacts.retrieve("nope")),
        (404, "RESOURCE_001", lambda: sdk.contacts.retrieve(KEY[:-1] + "9")),
        (409, "RESOURCE_007", lambda: sdk.contacts.create(phone_number="+1234567890")),
        (400, "VALIDATION_002", lambda: sdk.contacts.create(phone_number="abc")),
        (400, "VALIDATION_001", lambda: sdk.contacts.update(INHERITED, opt_out=True)),
        (400, "VALIDATION_006", lambda: sdk.contacts.update(KEY, default_channel="fax")),
        (400, "VALIDATION_005", lambda: sdk.contacts.list(page=0)),
        (404, "RESOURCE_014", lambda: sdk.contacts.retrieve(KEY, x_profile_id=KEY)),
        (401, "AUTH_002", lambda: sdk.with_options(api_key="wrong").contacts.retrieve(KEY)),
    ]
    for status, code, call in calls:
        with pytest.raises(sent_dm.APIStatusError) as caught:
            call()
        assert caught.value.status_code == status
        assert caught.value.body["error"]["code"] == code


async def test_async_sdk_reads_the_same(simulator):
    key = simulator.accounts["profile"]["credentials"]["api_key"]
    async with AsyncSent(api_key=key, base_url=simulator.base_url, max_retries=0) as sdk:
        keys = [person.id async for person in sdk.contacts.list(page_size=10)]
        assert keys == [row["id"] for row in simulator.contacts() if row["owner"] == CHILD]
        changed = await sdk.contacts.update(keys[0], opt_out=True)
        assert changed.data.opt_out is True
        created = (await sdk.contacts.create(phone_number="+12025550145")).data
        assert (await sdk.contacts.retrieve(created.id)).data.phone_number == "+12025550145"
        with pytest.warns(DeprecationWarning):
            await sdk.contacts.delete(created.id)
        with pytest.raises(sent_dm.NotFoundError):
            await sdk.contacts.retrieve(created.id)
        assert [row["writes"] for row in simulator.contacts() if row["writes"]] == [1, 2]


def test_sdk_and_contactkit_read_the_same(sdk, simulator):
    credentials = simulator.accounts["organisation"]["credentials"]
    with ck.connect("sent", base_url=simulator.base_url, **credentials) as client:
        people = client.contacts.list()
    theirs = [person.to_dict() for person in sdk.contacts.list(page_size=100)]
    for row, contact in zip(people.to_dict("records"), theirs, strict=True):
        for name in ("id", "phone_number", "format_rfc", "default_channel", "opt_out"):
            assert row[name] == contact[name]
        assert row["created_at"] == contact["created_at"]
