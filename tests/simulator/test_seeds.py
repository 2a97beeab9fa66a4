"""The contacts a simulator starts with: the same for a seed, and nobody's in the real world."""

from __future__ import annotations

import csv
import re
from typing import Any

import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError
from contactkit.simulator.seeds import MOST, creation_field, phone, seed_file
from contactkit.spec.record import RecordField, fields_of, key_of
from contactkit.spec.validate import wire_of, writable_fields
from tests.support.requests import Talk

FICTION = r"\+1\d{3}55501\d\d"
VENDORS_OWN = "+1234567890"
providers = pytest.mark.parametrize("provider", names())


def is_phone(field: RecordField) -> bool:
    return field.marker.personal == "phone"


def stored(provider: str, contacts: int, seed: int = 0) -> list[dict[str, Any]]:
    return [each.row for each in Talk(provider, contacts, seed).engine.contacts]


@providers
@pytest.mark.parametrize("contacts", [0, 1, 5, 6, 250])
def test_there_are_as_many_contacts_as_asked_for(provider, contacts):
    assert len(stored(provider, contacts)) == contacts


@providers
def test_the_same_seed_makes_the_same_contacts(provider):
    assert Talk(provider, 200, seed=7).rows() == Talk(provider, 200, seed=7).rows()


@providers
def test_another_seed_makes_others(provider):
    assert Talk(provider, 200, seed=7).rows() != Talk(provider, 200, seed=8).rows()


@providers
def test_contacts_stand_in_the_order_of_their_creation_after_the_written_ones(provider):
    written = len(seed_file(find(provider)).read_text().splitlines()) - 1
    rows = stored(provider, 200)
    created = [row[creation_field(find(provider))] for row in rows]
    assert created[written:] == sorted(created[written:])
    assert max(created[:written]) < created[written]


@providers
def test_the_same_requests_get_the_same_answers(provider):
    create = find(provider).endpoint("create")
    phones = [
        name for name, each in writable_fields(find(provider), create).items() if is_phone(each)
    ]
    wire = wire_of(create, fields_of(find(provider).record)[phones[0]])
    collection = create.path

    def answers() -> list[tuple[int, bytes]]:
        talk = Talk(provider, 20, seed=3)
        numbers = [phone(place) for place in (50, 60, 50)]
        made = [talk("POST", collection, json={wire: number}) for number in numbers]
        return [(each.status_code, each.content) for each in (*made, talk("GET", collection))]

    assert answers() == answers()


@providers
def test_those_written_by_hand_come_first(provider):
    (first,) = stored(provider, 1)
    with seed_file(find(provider)).open() as file:
        assert first[key_of(find(provider).record).name] in next(csv.reader([*file][1:]))


@providers
def test_every_number_is_reserved_for_fiction(provider):
    names = [name for name, each in fields_of(find(provider).record).items() if is_phone(each)]
    rows = stored(provider, 2000)
    numbers = [row[name] for row in rows for name in names if re.match(r"\+\d+$", row[name] or "")]
    assert len(numbers) > 1990
    others = {number for number in numbers if not re.fullmatch(FICTION, number)}
    assert others <= {VENDORS_OWN}


def test_every_address_is_at_example_com():
    emails = [row["email"] for row in stored("privy", 2000) if row["email"]]
    assert all(re.fullmatch(r"[a-z0-9.]+@example\.com", email) for email in emails)


@providers
def test_no_two_contacts_share_an_address(provider):
    rows = stored(provider, 2000)
    for name in {"phone_number", "phone", "phone_mobile", "email"} & set(
        fields_of(find(provider).record)
    ):
        held = [row[name] for row in rows if row[name]]
        assert len(set(held)) == len(held)


def test_no_two_contacts_share_a_number_when_there_are_as_many_as_there_can_be():
    numbers = [row["phone_number"] for row in stored("privy", MOST) if row["phone_number"]]
    assert len(set(numbers)) == len(numbers) == MOST - 1


def test_every_reserved_number_is_dealt_out_once():
    numbers = {phone(index) for index in range(MOST)}
    assert len(numbers) == MOST
    assert all(re.fullmatch(FICTION, number) for number in numbers)


def test_real_area_codes_are_dealt_out_first():
    assert all(int(phone(index)[2:5]) >= 200 for index in range(80_000))


def test_there_are_no_more_numbers_than_are_reserved():
    with pytest.raises(ConfigurationError, match="100,000"):
        phone(MOST)


@pytest.mark.parametrize("contacts", [-1, MOST + 1])
def test_a_number_of_contacts_out_of_range_is_refused(contacts):
    with pytest.raises(ConfigurationError, match="must be a whole number from 0 to 100,000"):
        ck.Simulator(contacts=contacts)


@providers
def test_a_contact_changed_after_it_was_created(provider):
    born = creation_field(find(provider))
    for row in stored(provider, 500):
        assert row.get("updated_at") is None or row[born] <= row["updated_at"]


def test_the_default_channel_is_an_available_one():
    for row in stored("sent", 500):
        assert row["default_channel"] in row["available_channels"].split(",")


def test_an_sms_consent_has_a_number():
    for row in stored("privy", 500):
        assert row["phone_number"] or row["sms_consent"] == "never_subscribed"


def test_every_state_of_consent_occurs():
    rows = stored("privy", 200)
    for name in ("email_consent", "sms_consent"):
        assert {row[name] for row in rows} == set(fields_of(find("privy").record)[name].choices)


def test_one_inherited_contact_is_there_to_be_refused():
    assert [row["is_inherited"] for row in stored("sent", 200)].count(True) == 1
