"""The store: unique values, what a deletion releases, and what can be restored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contactkit.simulator import rules
from contactkit.simulator.store import Store
from tests.support.examples import examples


def store(fold: Callable[[str, Any], Any] = rules.fold) -> Store:
    return Store("id", ("email", "phone"), fold, rules.rank)


def row(key: str, email: str | None = None, phone: str | None = None) -> dict[str, Any]:
    return {"id": key, "email": email, "phone": phone}


def test_order_is_by_creation():
    contacts = store()
    for key in "cab":
        contacts.put(row(key), "me", writes=0)
    contacts.put(row("a", "a@example.com"), "me", writes=1)
    assert [stored.row["id"] for stored in contacts] == ["c", "a", "b"]


def test_writes_are_counted():
    contacts = store()
    contacts.put(row("a"), "me", writes=0)
    contacts.put(row("a"), "me", writes=1)
    stored = contacts.put(row("a"), "me", writes=1)
    assert stored.writes == 2
    contacts.delete(stored)
    assert stored.writes == 3


@pytest.mark.parametrize("wanted", [row("", "a@example.com"), row("", None, "+1")])
def test_holder_of_either_unique_value(wanted):
    contacts = store()
    stored = contacts.put(row("a", "a@example.com", "+1"), "me", writes=0)
    assert contacts.holder("me", wanted) is stored


def test_unique_value_is_separate_by_owner():
    contacts = store()
    contacts.put(row("a", "a@example.com"), "me", writes=0)
    assert contacts.holder("you", row("", "a@example.com")) is None


def test_unique_value_is_compared_folded():
    contacts = store(lambda name, value: value.casefold())
    stored = contacts.put(row("a", "Ada@example.com"), "me", writes=0)
    assert contacts.holder("me", row("", "ADA@EXAMPLE.COM")) is stored


@pytest.mark.parametrize("empty", [None, ""])
def test_empty_value_is_never_taken(empty):
    contacts = store()
    contacts.put(row("a", empty), "me", writes=0)
    assert contacts.holder("me", row("", empty)) is None


def test_deleted_contact_stays_but_is_found_only_as_deleted():
    contacts = store()
    stored = contacts.put(row("a", "a@example.com", "+1"), "me", writes=0)
    assert contacts.find("a") is stored
    contacts.delete(stored)
    assert contacts.find("a") is None
    assert contacts.holder("me", row("", "a@example.com")) is None
    assert contacts.deleted_holder("me", row("", None, "+1")) is stored
    assert contacts.deleted_holder("you", row("", None, "+1")) is None
    assert list(contacts) == [stored]
    assert len(contacts) == 1


def test_restored_contact_is_no_longer_deleted():
    contacts = store()
    stored = contacts.put(row("a", "a@example.com"), "me", writes=0)
    contacts.delete(stored)
    contacts.put(row("a", "a@example.com"), "me", writes=1)
    assert contacts.find("a") is stored
    assert contacts.deleted_holder("me", row("", "a@example.com")) is None


def test_latest_of_two_deleted_contacts_is_found():
    contacts = store()
    for key in "ab":
        contacts.delete(contacts.put(row(key, "a@example.com"), "me", writes=0))
    stored = contacts.deleted_holder("me", row("", "a@example.com"))
    assert stored is not None
    assert stored.row["id"] == "b"


emails = st.sampled_from([None, "a@example.com", "b@example.com", "c@example.com"])


class Uniqueness(RuleBasedStateMachine):
    """After any writes, an address has at most one holder that is not deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts = store()

    @rule(key=st.sampled_from("pqrs"), email=emails)
    def put(self, key: str, email: str | None) -> None:
        holder = self.contacts.holder("me", row(key, email))
        if holder is None or holder.row["id"] == key:
            self.contacts.put(row(key, email), "me", writes=1)

    @rule(key=st.sampled_from("pqrs"))
    def delete(self, key: str) -> None:
        stored = self.contacts.find(key)
        if stored:
            self.contacts.delete(stored)

    @invariant()
    def every_address_has_its_holder(self) -> None:
        living = [stored for stored in self.contacts if not stored.deleted and stored.row["email"]]
        assert len({stored.row["email"] for stored in living}) == len(living)
        assert all(self.contacts.holder("me", stored.row) is stored for stored in living)


Uniqueness.TestCase.settings = settings(max_examples=examples(60), deadline=None)
TestUniqueness = Uniqueness.TestCase
