"""The store: what is unique to whom, what a deletion gives free, and what can be restored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contactkit.simulator.store import Store


def same(value: Any) -> Any:
    return value


def store(fold: Callable[[Any], Any] = same) -> Store:
    return Store("id", ("email", "phone"), fold)


def row(key: str, email: str | None = None, phone: str | None = None) -> dict[str, Any]:
    return {"id": key, "email": email, "phone": phone}


def test_a_contact_is_found_by_its_key():
    held = store()
    stored = held.put(row("a"), "me", writes=0)
    assert held.find("a") is stored
    assert held.find("b") is None


def test_contacts_stay_in_the_order_they_were_created():
    held = store()
    for key in "cab":
        held.put(row(key), "me", writes=0)
    held.put(row("a", "a@example.com"), "me", writes=1)
    assert [each.row["id"] for each in held] == ["c", "a", "b"]


def test_writes_are_counted():
    held = store()
    held.put(row("a"), "me", writes=0)
    held.put(row("a"), "me", writes=1)
    stored = held.put(row("a"), "me", writes=1)
    assert stored.writes == 2
    held.delete(stored)
    assert stored.writes == 3


@pytest.mark.parametrize("wanted", [row("", "a@example.com"), row("", None, "+1")])
def test_the_holder_of_either_unique_value_is_found(wanted):
    held = store()
    stored = held.put(row("a", "a@example.com", "+1"), "me", writes=0)
    assert held.holder("me", wanted) is stored


def test_a_unique_value_is_its_owners_own():
    held = store()
    held.put(row("a", "a@example.com"), "me", writes=0)
    assert held.holder("you", row("", "a@example.com")) is None


def test_a_unique_value_is_compared_folded():
    held = store(lambda value: value.casefold())
    stored = held.put(row("a", "Ada@example.com"), "me", writes=0)
    assert held.holder("me", row("", "ADA@EXAMPLE.COM")) is stored


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_value_is_never_taken(empty):
    held = store()
    held.put(row("a", empty), "me", writes=0)
    assert held.holder("me", row("", empty)) is None


def test_a_replaced_value_is_given_free():
    held = store()
    held.put(row("a", "a@example.com"), "me", writes=0)
    held.put(row("a", "b@example.com"), "me", writes=1)
    assert held.holder("me", row("", "a@example.com")) is None


def test_a_deleted_contact_is_not_found_but_stays():
    held = store()
    stored = held.put(row("a", "a@example.com"), "me", writes=0)
    held.delete(stored)
    assert held.find("a") is None
    assert held.holder("me", row("", "a@example.com")) is None
    assert list(held) == [stored]
    assert len(held) == 1


def test_a_deleted_contact_can_be_found_by_what_it_had():
    held = store()
    stored = held.put(row("a", "a@example.com", "+1"), "me", writes=0)
    held.delete(stored)
    assert held.deleted_holder("me", row("", None, "+1")) is stored
    assert held.deleted_holder("you", row("", None, "+1")) is None


def test_a_restored_contact_has_not_departed():
    held = store()
    stored = held.put(row("a", "a@example.com"), "me", writes=0)
    held.delete(stored)
    held.put(row("a", "a@example.com"), "me", writes=1)
    assert held.find("a") is stored
    assert held.deleted_holder("me", row("", "a@example.com")) is None


def test_the_latest_of_two_deleted_is_the_one_restored():
    held = store()
    for key in "ab":
        held.delete(held.put(row(key, "a@example.com"), "me", writes=0))
    found = held.deleted_holder("me", row("", "a@example.com"))
    assert found is not None
    assert found.row["id"] == "b"


emails = st.sampled_from([None, "a@example.com", "b@example.com", "c@example.com"])


class Uniqueness(RuleBasedStateMachine):
    """However contacts come, change and go, an address has at most one living holder."""

    def __init__(self) -> None:
        super().__init__()
        self.held = store()

    @rule(key=st.sampled_from("pqrs"), email=emails)
    def put(self, key: str, email: str | None) -> None:
        holder = self.held.holder("me", row(key, email))
        if holder is None or holder.row["id"] == key:
            self.held.put(row(key, email), "me", writes=1)

    @rule(key=st.sampled_from("pqrs"))
    def delete(self, key: str) -> None:
        stored = self.held.find(key)
        if stored:
            self.held.delete(stored)

    @invariant()
    def every_living_address_has_its_holder(self) -> None:
        living = [each for each in self.held if not each.deleted and each.row["email"]]
        assert len({each.row["email"] for each in living}) == len(living)
        assert all(self.held.holder("me", each.row) is each for each in living)


Uniqueness.TestCase.settings = settings(max_examples=60, deadline=None)
TestUniqueness = Uniqueness.TestCase
