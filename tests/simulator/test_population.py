"""One population behind four simulators: who is where, and that only what is planted disagrees."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import FrozenInstanceError
from functools import cache
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError
from contactkit.simulator.population.cases import CASES, CHANNELS
from contactkit.spec.emails import canonical
from tests.support.providers import EXAMPLES
from tests.support.simulator_server import served

FICTION = re.compile(r"\+1\d{3}55501\d\d|\+1234567890|\(\d{3}\) 555-01\d\d")
GMAIL = ("gmail.com", "googlemail.com")


def clients_of(population: ck.Population) -> Mapping[str, ck.Client]:
    return {n: ck.connect(n, via=ck.Simulator(people=population)) for n in names()}


@cache
def people_of(size: int, seed: int) -> ck.People:
    return ck.people(**clients_of(ck.Population(size, seed=seed)))


@cache
def frames() -> Mapping[str, pd.DataFrame]:
    clients = clients_of(ck.Population(1000, seed=7))
    return {name: client.contacts.list() for name, client in clients.items()}


def emails() -> pd.Series:
    return pd.concat([frame["email"] for frame in frames().values() if "email" in frame]).dropna()


@pytest.mark.parametrize(("size", "seed"), [(1000, 7), (1000, 0), (150, 3), (20, 1), (1, 0)])
def test_nothing_is_in_conflict_but_what_is_planted(size: int, seed: int):
    people = people_of(size, seed)
    person = people.contacts.set_index(["source", "key"])["person"]
    planted = ck.Population(size, seed=seed).planted().dropna(subset="kind")
    sends = planted["kind"].isin(["stuck", "denied_elsewhere"])
    source = planted["still_sends_at"].where(sends, planted["denied_at"])
    key = planted["still_sends_key"].where(sends, planted["denied_key"])
    expected = {
        (person[at], channel, kind)
        for at, channel, kind in zip(
            zip(source, key, strict=True), planted["channel"], planted["kind"], strict=True
        )
    }
    found = people.conflicts()
    assert len(planted) >= min(size, 20) - 5
    assert {*zip(found["person"], found["channel"], found["kind"], strict=True)} == expected


def test_a_planted_conflict_names_the_contacts_that_disagree():
    people = people_of(1000, 7)
    contacts = people.contacts.set_index(["source", "key"])
    conflicts = people.conflicts().set_index(["person", "channel", "kind"])
    for row in ck.Population(1000, seed=7).planted().itertuples():
        no = contacts.loc[(row.denied_at, row.denied_key)]
        assert no[row.channel] in ("denied", "locked")
        if pd.isna(row.still_sends_at):
            assert row.kind in ("contradiction", "shared")
            continue
        yes = contacts.loc[(row.still_sends_at, row.still_sends_key)]
        assert yes[row.channel] in ("allowed", "unknown")
        assert yes[f"{row.channel}_denied"] == (not pd.isna(row.kind))
        if pd.isna(row.kind):
            assert no["person"] != yes["person"]
        else:
            conflict = conflicts.loc[(yes["person"], row.channel, row.kind)]
            assert row.still_sends_at in conflict["allowed_at"]
            if row.kind == "denied_elsewhere":
                assert row.denied_at in conflict["denied_by"]


def test_everything_is_planted_and_pairs_for_every_two_providers():
    planted = ck.Population(150, seed=3).planted()
    assert {*planted["case"]} == {*CASES} == {*planted["case"].cat.categories}
    pairs = planted[planted["case"] == "pair"]
    found = {*zip(pairs["channel"], pairs["denied_at"], pairs["still_sends_at"], strict=True)}
    assert found == {
        (channel, one, other)
        for channel in CHANNELS
        for one in names()
        for other in names()
        if one != other and all(channel in find(n).consent.channels for n in (one, other))
    }


def test_everybody_is_at_a_provider_with_the_same_probability_and_independently():
    people = people_of(1000, 7).rows
    shares = [(people[name] > 0).mean() for name in names()]
    assert all(0.6 < share < 0.85 for share in shares)
    assert 0.15 < (people[list(names())] > 0).all(axis=1).mean() < 0.5


@pytest.mark.parametrize("name", names())
def test_numbers_are_reserved_for_fiction(name: str):
    frame = frames()[name]
    for field in find(name).consent.phones:
        assert frame[field].dropna().map(FICTION.fullmatch).all()


def test_a_quarter_of_the_addresses_is_at_gmail_where_nobody_can_have_them():
    domains = emails().str.lower().str.partition("@")
    at_gmail = domains[2].isin(GMAIL)
    assert 0.2 < at_gmail.mean() < 0.3
    assert {*domains.loc[~at_gmail, 2]} == {"example.com"}
    # https://support.google.com/mail/answer/9211434: 6 to 30 letters, numbers and dots.
    letters = domains.loc[at_gmail, 0].str.partition("+")[0].str.replace(".", "")
    assert letters.str.len().min() > 30


def test_an_address_has_several_spellings():
    written = emails().drop_duplicates()
    assert written.str.isupper().any() and written.str.contains(r"\+").any()
    spellings = written.groupby(written.map(canonical)).size()
    assert spellings.max() >= 2


def test_households_of_two_to_four_share_a_number():
    frame = frames()["digital_onboarding"]
    sizes = frame["phone_home"].value_counts()
    assert {2, 3, 4} == {*sizes[sizes > 1]} - {5}
    # More than three are a line.
    assert (frame["phone_work"].value_counts() > 3).sum() >= 3


def test_sendblue_has_three_agents_and_two_numbers():
    frame = frames()["sendblue"]
    assert (frame["assigned_to_email"].nunique(), frame["sendblue_number"].nunique()) == (3, 2)
    assert not people_of(1000, 7).links["identifier"].isin(frame["assigned_to_email"]).any()


def test_the_same_seed_is_the_same_people():
    one, same = ck.Population(200, seed=7), ck.Population(200, seed=7)
    assert one == same and hash(one) == hash(same) and one != ck.Population(200, seed=8)
    pd.testing.assert_frame_equal(one.planted(), same.planted())
    assert not one.planted().equals(ck.Population(200, seed=8).planted())
    for name in names():
        first, second = (clients_of(each)[name].contacts.list() for each in (one, same))
        pd.testing.assert_frame_equal(first, second)


def test_the_same_seed_is_the_same_people_in_every_process():
    code = """if True:
        import hashlib, contactkit as ck
        for name in ck.providers()["name"]:
            world = ck.Simulator(people=ck.Population(150, seed=7))
            text = ck.connect(name, via=world).contacts.list().to_csv()
            print(hashlib.sha256(text.encode()).hexdigest())
        """
    # Another seed of hashes than in this process.
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    there = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    here = io.StringIO()
    with redirect_stdout(here):
        exec(code)
    assert here.getvalue() == there


def test_a_population_cannot_be_changed():
    population = ck.Population(200, seed=7)
    with pytest.raises(FrozenInstanceError):
        population.size = 3  # type: ignore[misc]
    planted = population.planted()
    planted.loc[:, "denied_key"] = "changed"
    assert "changed" not in population.planted()["denied_key"].tolist()


def test_the_frame_of_what_is_planted_has_the_same_dtypes_whatever_the_size():
    large, small = (ck.Population(size).planted().dtypes for size in (300, 1))
    assert large.equals(small)
    assert [*large.index[-4:]] == ["denied_at", "denied_key", "still_sends_at", "still_sends_key"]


def test_the_picture_counts_people_contacts_and_cases():
    population = ck.Population(150, seed=7)
    assert re.search(r"at privy: \d+ contacts", repr(population))
    assert "14 pair" in repr(population) and "<table" in population._repr_html_()
    assert "+1" not in repr(population) and "@" not in repr(population)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "9", 10**9])
def test_a_size_out_of_range_is_refused(size: Any):
    with pytest.raises(ConfigurationError, match="must be a whole number from 1 to"):
        ck.Population(size)


def test_a_seed_is_a_whole_number():
    with pytest.raises(ConfigurationError, match="seed='x' must be a whole number"):
        ck.Population(10, seed="x")  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"contacts": 50}, {"seed": 0}])
def test_a_simulator_of_people_takes_no_number_and_no_seed(options: dict[str, int]):
    with pytest.raises(ConfigurationError, match="leave out contacts= and seed="):
        ck.Simulator(people=ck.Population(10), **options)


def test_people_must_be_a_population():
    with pytest.raises(ConfigurationError, match=r"must be a population: contactkit\.Population"):
        ck.Simulator(people=1000)  # type: ignore[arg-type]


def test_a_simulator_of_people_takes_the_other_options():
    simulator = ck.Simulator(people=ck.Population(100), strict=False)
    privy = ck.connect("privy", via=simulator)
    locked = privy.contacts.list(email_consent="compliance_suppressed").iloc[0]
    assert privy.contacts.update(locked["id"], tags=["x"])["outcome"].tolist() == ["updated"]


@pytest.mark.parametrize("name", names())
def test_people_can_be_created_found_and_changed(name: str):
    client = clients_of(ck.Population(100, seed=7))[name]
    created = client.contacts.create(**EXAMPLES[name].create)
    assert created["outcome"].tolist() == ["created"]
    key = client.contacts.list().iloc[5, 0]
    assert client.contacts.get(key).shape[0] == 1


def test_people_can_be_served():
    population = ck.Population(100, seed=3)
    with served("privy", "--people", "100", "--seed", "3") as found:
        client = ck.connect("privy", base_url=found.base_url, **found.credentials)
        with client:
            keys = client.contacts.list()["id"]
    assert {*keys} == {*clients_of(population)["privy"].contacts.list()["id"]}


def test_a_thousand_people_are_quick():
    clients_of(ck.Population(1))
    start = time.process_time()
    clients_of(population := ck.Population(1000, seed=11))
    population.planted()
    # About 0.3 s on a busy machine.
    assert time.process_time() - start < 2
