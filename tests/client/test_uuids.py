"""Ids and profiles at Sent are UUIDs: checked before they are sent, and the same in capitals."""

from __future__ import annotations

import pytest

import contactkit as ck
from tests.support.providers import EXAMPLES, Wire

KEY = EXAMPLES["sent"].key
CHILD = "2f6a1c1e-0000-4000-8000-000000000002"
MALFORMED = ["nope", KEY[:-1], KEY + "0", KEY.replace("-", ""), f"{{{KEY}}}", f" {KEY}", KEY + "\n"]


@pytest.fixture
def sent(wire: Wire) -> ck.Client:
    return ck.connect("sent", via=wire)


@pytest.mark.parametrize("key", MALFORMED)
def test_id_that_is_no_uuid_is_refused_before_it_is_sent(sent, wire, key):
    contacts = sent.contacts
    for call in (
        lambda: contacts.get(key),
        lambda: contacts.update(key, opt_out=True),
        lambda: contacts.message_summary(key),
    ):
        with pytest.raises(ck.InvalidInputError, match="key: must be a UUID"):
            call()
    with (
        pytest.warns(DeprecationWarning),
        pytest.raises(ck.InvalidInputError, match="key: must be a UUID"),
    ):
        contacts.delete(key)
    assert wire.requests == []


def test_capitals_make_no_other_id(sent, wire):
    shouted = KEY.upper()
    assert sent.contacts.get(shouted)["id"].item() == KEY
    assert sent.contacts.update(shouted, opt_out=True)["key"].item() == KEY
    row = sent.contacts.get(KEY).assign(id=shouted)
    assert sent.contacts.update(row, default_channel="sms")["outcome"].item() in (
        "updated",
        "unchanged",
    )
    with pytest.warns(DeprecationWarning):
        assert sent.contacts.delete(shouted)["outcome"].item() == "deleted"
    assert all(KEY in request.url.path for request in wire.requests)


def test_plan_matches_ids_in_capitals(sent):
    people = sent.contacts.list()
    people = people[~people["is_inherited"]].reset_index(drop=True)
    edited = people.assign(id=people["id"].str.upper(), opt_out=True)
    plan = sent.contacts.plan(edited, people)
    assert {write.operation for write in plan.contacts} == {"update"}
    assert not any(write.problems for write in plan.contacts)
    assert set(plan.apply(progress=False)["outcome"]) == {"updated"}
    assert sent.contacts.list()["opt_out"].sum() >= len(people)
    twice = sent.contacts.plan(edited.iloc[[0, 0]].assign(id=[people["id"][0], edited["id"][0]]))
    assert all(write.problems for write in twice.contacts)


def test_changes_match_ids_in_capitals(sent):
    people = sent.contacts.list()
    shouted = people.assign(id=people["id"].str.upper())
    assert len(ck.changes(people, shouted, provider="sent")) == 0


@pytest.mark.parametrize("profile", ["nope", CHILD[:-1]])
def test_profile_that_is_no_uuid_is_refused(sent, wire, profile, monkeypatch):
    with pytest.raises(ck.ConfigurationError, match="profile_id= must be a UUID"):
        ck.connect("sent", via=wire, profile_id=profile)
    for call in (sent.contacts.list, lambda **more: sent.contacts.get(KEY, **more)):
        with pytest.raises(ck.InvalidInputError, match="profile_id: must be a UUID"):
            call(profile_id=profile)
    assert wire.requests == []
    monkeypatch.setenv("SENT_DM_API_KEY", "canary-4f1d")
    monkeypatch.setenv("SENT_DM_PROFILE_ID", profile)
    with pytest.raises(ck.ConfigurationError, match="profile_id= must be a UUID"):
        ck.connect("sent")


def test_profile_in_capitals_is_the_same_account(wire):
    accounts = wire.simulator
    ck.connect("sent", via=wire)
    own = accounts.accounts["organisation_for_profile"]
    one, other = (
        ck.connect("sent", via=wire, **{**own, "profile_id": profile})
        for profile in (CHILD, CHILD.upper())
    )
    assert one._session.account == other._session.account


def test_a_verb_acts_for_a_profile(sent, wire):
    people = sent.contacts.list(profile_id=CHILD.upper())
    assert set(people["customer_id"]) == {CHILD}
    assert len(sent.contacts.list()) > len(people)
    key = people["id"][0]
    assert sent.contacts.get(key, profile_id=CHILD)["id"].item() == key
    assert sent.contacts.update(key, opt_out=True, profile_id=CHILD)["outcome"][0] == "updated"
    made = sent.contacts.create(phone_number="+12125550187", profile_id=CHILD)
    assert made["after"][0]["customer_id"] == CHILD
    for frame in sent.contacts.pages(profile_id=CHILD):
        assert set(frame["customer_id"]) == {CHILD}
    profiles = [request.headers.get("x-profile-id") for request in wire.requests]
    assert profiles == [CHILD, None, *[CHILD] * (len(profiles) - 2)]


async def test_an_async_verb_acts_for_a_profile(sent):
    people = await sent.aio.contacts.list(profile_id=CHILD)
    assert set(people["customer_id"]) == {CHILD}


def test_a_verb_for_a_profile_uses_the_budget_of_the_organisation(sent):
    def left() -> int:
        session = sent._session
        return session.budget.left(session.uptime())[0][1]

    full = left()
    sent.contacts.get(sent.contacts.list(profile_id=CHILD)["id"][0], profile_id=CHILD)
    assert left() == full - 2


def test_a_write_for_a_profile_is_in_the_journal_of_its_account(wire, tmp_path):
    path = tmp_path / "journal.sqlite3"
    sent = ck.connect("sent", via=wire, journal=path)
    child = ck.connect("sent", via=wire, **wire.simulator.accounts["organisation_for_profile"])
    key = sent.contacts.list(profile_id=CHILD)["id"][0]
    sent.contacts.update(key, opt_out=True, profile_id=CHILD)
    assert ck.journal(path)["account"].tolist() == [child._session.account]
    assert child._session.account != sent._session.account


def test_only_organisation_keys_name_a_profile(wire):
    ck.connect("sent", via=wire)
    profile = ck.connect("sent", via=wire, **wire.simulator.accounts["profile"])
    with pytest.raises(ck.PermissionDeniedError):
        profile.contacts.list(profile_id=CHILD)
