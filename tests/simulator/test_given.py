"""What a test may give to a simulator: contacts, keys, request ids, and the time."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError
from contactkit.simulator.clocks import SetClock
from contactkit.simulator.seeds import seed_file
from contactkit.spec import Instant
from tests.support.providers import EXAMPLES

KEY = "5f3e9a52-7c1d-4e6b-8a90-1b2c3d4e5f60"
START = "2026-03-11T21:50:50.2145489Z"
providers = pytest.mark.parametrize("provider", names())


@providers
def test_contacts_of_a_file_are_the_only_ones(provider):
    file = seed_file(find(provider))
    simulator = ck.Simulator(contacts=file)
    with ck.connect(provider, via=simulator) as client:
        people = client.contacts.list()
    own = ck.Simulator(contacts=len(people))
    own.start(find(provider))
    pd.testing.assert_frame_equal(simulator.state(), own.state())
    assert len(people) == len(file.read_text().splitlines()) - 1


def test_times_in_a_file_come_back_as_they_are_written(tmp_path):
    written = {"id": KEY, "phone_number": "+12125550187", "created_at": START}
    with (tmp_path / "people.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, written)
        writer.writeheader()
        writer.writerow(written)
    [stored] = ck.Simulator(contacts=tmp_path / "people.csv").start(find("sent")).contacts
    assert stored.row["created_at"] == START
    assert stored.row["updated_at"] is None


def test_a_saved_contact_frame_is_such_a_file(tmp_path):
    people = ck.connect("privy", via=ck.Simulator(contacts=12)).contacts.list()
    people.to_csv(tmp_path / "people.csv", index=False)
    again = ck.connect("privy", via=ck.Simulator(str(tmp_path / "people.csv"))).contacts.list()
    pd.testing.assert_frame_equal(again, people)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none.csv': No such file"):
        ck.connect("sent", via=ck.Simulator(contacts=tmp_path / "none.csv"))


@pytest.mark.parametrize("provider", ["sent", "privy", "digital_onboarding"])
def test_created_contacts_have_the_given_keys_first(provider):
    example = dict(EXAMPLES[provider].create)
    contacts = ck.connect(provider, via=ck.Simulator(0, ids=[KEY])).contacts
    assert contacts.create(**example)["key"][0] == KEY
    with pytest.raises(ck.ApiError):
        contacts.create(**example)
    field = next(name for name in ("email", "phone_number") if name in example)
    example[field] = {"email": "other@example.com", "phone_number": "+12125550188"}[field]
    example |= {"unique_id": "core-20002"} if "unique_id" in example else {}
    assert contacts.create(**example)["key"][0] not in ("", KEY)


def test_a_refused_creation_uses_up_no_key():
    contacts = ck.connect("sent", via=ck.Simulator(1, ids=[KEY])).contacts
    with pytest.raises(ck.ConflictError):
        contacts.create(phone_number="+1234567890")
    assert contacts.create(phone_number="+12125550187")["key"][0] == KEY


def test_requests_have_the_given_ids_first():
    contacts = ck.connect("sent", via=ck.Simulator(request_ids=["req_a", "req_b"])).contacts
    ids = [contacts.update(EXAMPLES["sent"].key, opt_out=True)["request_id"][0] for _ in range(3)]
    assert ids[:2] == ["req_a", "req_b"]
    assert ids[2] not in ("req_a", "req_b")


@pytest.mark.parametrize("clock", [START, datetime(2026, 3, 11, 21, 50, 50, 214548, UTC)])
def test_clock_starts_at_the_given_time(clock):
    simulator = ck.Simulator(0, clock=clock)
    contacts = ck.connect("sent", via=simulator).contacts
    created = contacts.create(phone_number="+12125550187")["after"][0]["created_at"]
    assert created == "2026-03-11T21:50:50.214548" + "9" * (clock == START) + "+00:00"
    simulator.clock.sleep(simulator.clock.now() + 86_400.5)
    later = contacts.create(phone_number="+12125550188")["after"][0]["created_at"]
    assert later == "2026-03-12T21:50:50.714548" + "9" * (clock == START) + "+00:00"


async def test_set_clock_stands_still_but_for_what_moves_it():
    clock = SetClock(START)
    assert clock.instant() == clock.instant() == Instant.read(START)
    clock.move(0.25)
    await clock.asleep(clock.now() + 0.25)
    assert clock.offset == 0.5
    assert (clock.instant().isoformat(), clock.instant().tick) == (
        "2026-03-11T21:50:50.714548+00:00",
        9,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contacts": 1.5}, "must be a whole number from 0 to .* or a file"),
        ({"clock": "2026-03-11T21:50:50"}, "must be a time with its offset, such as 2026"),
        ({"clock": "yesterday"}, "must be a time with its offset"),
        ({"clock": datetime(2026, 3, 11)}, "must be a time with its offset"),
        ({"ids": KEY}, "ids must be a list of texts"),
        ({"ids": [""]}, "none of them empty"),
        ({"request_ids": [7]}, "request_ids must be a list of texts"),
        ({"response_time": -1}, "response_time=-1 must be a number of seconds, 0 or more"),
        ({"response_time": float("nan")}, "must be a number of seconds"),
        ({"response_time": "1"}, "must be a number of seconds"),
    ],
)
def test_what_cannot_be_given_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        ck.Simulator(**options)


def test_instants_have_seven_digits():
    instant = Instant.read("2026-03-11T22:50:50.9999999+01:00")
    assert (instant.isoformat(), instant.tick) == ("2026-03-11T21:50:50.999999+00:00", 9)
    later = instant.later(0.0000001)
    assert (later.isoformat(), later.tick) == ("2026-03-11T21:50:51+00:00", 0)
    assert Instant.read("2026-03-11T21:50:50Z").tick == 0
    assert Instant.read("2026-03-11T21:50:50.5Z").later(0.5).second == 51


def test_the_file_of_a_provider_is_found():
    assert isinstance(seed_file(find("sent")), Path)
