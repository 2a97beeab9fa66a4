"""The people table over the accounts of a fleet."""

from __future__ import annotations

from pathlib import Path

import pytest

import contactkit as ck
from contactkit._fleet.fleet import Fleet
from contactkit._providers import names

CONTACTS = 30


def exported(folder: Path, accounts: dict[str, str]) -> Fleet:
    """A fleet of simulators by their providers, and its export."""
    worlds = {
        name: {"provider": provider, "via": ck.Simulator(contacts=CONTACTS)}
        for name, provider in accounts.items()
    }
    fleet = ck.fleet(worlds)
    fleet.export(folder)
    return fleet


def test_people_are_those_of_all_accounts(tmp_path: Path) -> None:
    people = exported(tmp_path, {name: name for name in names()}).people(tmp_path)
    assert {*people.contacts["source"]} == {*names()}
    assert len(people.contacts) == 4 * CONTACTS
    more = ck.fleet({name: {"provider": "sent", "via": ck.Simulator()} for name in ("sent", "new")})
    with pytest.raises(ck.ConfigurationError, match="has no export of new"):
        more.people(tmp_path)


def test_an_account_may_have_the_name_of_an_option(tmp_path: Path) -> None:
    accounts = {"region": "sent", "shared_by": "privy", "apart": "sendblue"}
    people = exported(tmp_path, accounts).people(tmp_path, region="US")
    assert {*people.contacts["source"]} == {*accounts}
    assert len(people.contacts) == 3 * CONTACTS


def test_people_names_a_wrong_option(tmp_path: Path) -> None:
    fleet = exported(tmp_path, {"acme": "sent"})
    with pytest.raises(TypeError, match="shared"):
        fleet.people(tmp_path, shared=3)
    with pytest.raises(ck.InvalidInputError, match="such as US or GB, not DataFrame") as caught:
        fleet.people(tmp_path, region=ck.read_contacts(tmp_path / "account=acme", "sent"))
    assert "+1" not in str(caught.value)
