"""The contacts a simulator starts with: the same for a seed, and none of a real person."""

from __future__ import annotations

import csv
import re
from itertools import islice
from typing import Any

import pytest
from phonenumbers import is_valid_number, parse

import contactkit as ck
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError
from contactkit.simulator import seeds
from contactkit.simulator.seeds import MOST, RESERVED, creation_field, phone, seed_file
from contactkit.spec.phones import check, doubt
from contactkit.spec.record import RecordField, fields_of, key_of
from contactkit.spec.validate import wire_of, writable_fields
from tests.support.requests import RawClient

FICTION = r"\+1\d{3}55501\d\d"
PUBLISHED_BY_SENT = "+1234567890"
providers = pytest.mark.parametrize("provider", names())


def is_phone(field: RecordField) -> bool:
    return field.marker.personal == "phone"


def stored(provider: str, contacts: int, seed: int = 0) -> list[dict[str, Any]]:
    return [contact.row for contact in RawClient(provider, contacts, seed).engine.contacts]


@providers
@pytest.mark.parametrize("contacts", [0, 1, 5, 6, 250])
def test_count_of_contacts(provider, contacts):
    assert len(stored(provider, contacts)) == contacts


@providers
def test_seed_decides_the_contacts(provider):
    first = RawClient(provider, 200, seed=7).snapshot()
    assert RawClient(provider, 200, seed=7).snapshot() == first
    assert RawClient(provider, 200, seed=8).snapshot() != first


@providers
def test_order_is_by_creation_after_those_written_by_hand(provider):
    declaration = find(provider)
    with seed_file(declaration).open() as file:
        handwritten = list(csv.DictReader(file))
    rows = stored(provider, 200)
    key = key_of(declaration.record).name
    count = len(handwritten)
    assert [row[key] for row in rows[:count]] == [row[key] for row in handwritten]
    created = [row[creation_field(declaration)] for row in rows]
    assert created[count:] == sorted(created[count:])
    assert max(created[:count]) < created[count]


@providers
def test_same_requests_get_the_same_responses(provider):
    create = find(provider).endpoint("create")
    phones = [
        name for name, field in writable_fields(find(provider), create).items() if is_phone(field)
    ]
    wire = wire_of(create, fields_of(find(provider).record)[phones[0]])
    collection = create.path

    def responses() -> list[tuple[int, bytes]]:
        client = RawClient(provider, 20, seed=3)
        numbers = [phone(place) for place in (50, 60, 50)]
        created = [client("POST", collection, json={wire: number}) for number in numbers]
        return [
            (response.status_code, response.content)
            for response in (*created, client("GET", collection))
        ]

    assert responses() == responses()


@providers
def test_phone_numbers_are_reserved_for_fiction(provider):
    names = [name for name, field in fields_of(find(provider).record).items() if is_phone(field)]
    rows = stored(provider, 2000)
    numbers = [row[name] for row in rows for name in names if re.match(r"\+\d+$", row[name] or "")]
    assert len(numbers) > 1990
    others = {number for number in numbers if not re.fullmatch(FICTION, number)}
    assert others <= {PUBLISHED_BY_SENT}


def test_emails_are_at_example_com():
    emails = [row["email"] for row in stored("privy", 2000) if row["email"]]
    assert all(re.fullmatch(r"[a-z0-9.]+@example\.com", email) for email in emails)


@providers
def test_addresses_are_distinct(provider):
    rows = stored(provider, 2000)
    for name in {"phone_number", "phone", "phone_mobile", "email"} & set(
        fields_of(find(provider).record)
    ):
        values = [row[name] for row in rows if row[name]]
        assert len(set(values)) == len(values)


def test_phone_numbers_are_distinct_and_real_area_codes_come_first():
    numbers = [phone(index) for index in range(RESERVED)]
    assert len(set(numbers)) == RESERVED == 100_000
    assert all(re.fullmatch(FICTION, number) for number in numbers)
    assert all(int(number[2:5]) >= 200 for number in numbers[:80_000])


def test_further_phone_numbers_are_distinct_and_in_area_codes_that_are_kept_free():
    last = MOST - 1
    further = [*range(RESERVED, RESERVED + 20_000), *range(RESERVED, MOST, 99_991), last]
    numbers = {index: phone(index) for index in further}
    assert len(set(numbers.values())) == len(numbers)
    assert all(re.fullmatch(r"\+1[2-9]9\d(?!555)[2-9]\d{6}", n) for n in numbers.values())
    assert numbers[last] == "+19999999999"
    sample = list(numbers.values())[::10]
    assert not any(is_valid_number(parse(number)) for number in sample)
    assert all(check(number) and not doubt(number) for number in sample[:100])
    with pytest.raises(ConfigurationError, match=f"only {MOST:,} phone numbers"):
        phone(MOST)


def test_phone_numbers_are_distinct_beyond_the_reserved_ones():
    handwritten = stored("privy", 6)
    numbers = [row["phone_number"] for row in handwritten if row["phone_number"]]
    numbers += [phone(index) for index in islice(seeds._indices(handwritten), 101_000)]
    assert len(set(numbers)) == len(numbers)
    assert {phone(index) for index in range(RESERVED)} < set(numbers)


@pytest.mark.parametrize("contacts", [-1, MOST + 1])
def test_count_out_of_range_is_refused(contacts):
    with pytest.raises(ConfigurationError, match=f"must be a whole number from 0 to {MOST:,}"):
        ck.Simulator(contacts=contacts)


@providers
def test_update_comes_after_creation(provider):
    born = creation_field(find(provider))
    for row in stored(provider, 500):
        assert row.get("updated_at") is None or row[born] <= row["updated_at"]


def test_default_channel_is_available():
    for row in stored("sent", 500):
        assert row["default_channel"] in row["available_channels"].split(",")


def test_sms_consent_has_a_phone_number():
    for row in stored("privy", 500):
        assert row["phone_number"] or row["sms_consent"] == "never_subscribed"


def test_every_consent_occurs():
    rows = stored("privy", 200)
    for name in ("email_consent", "sms_consent"):
        assert {row[name] for row in rows} == set(fields_of(find("privy").record)[name].choices)


def test_one_contact_is_inherited():
    assert [row["is_inherited"] for row in stored("sent", 200)].count(True) == 1
