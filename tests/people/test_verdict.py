"""Whose consent it is, compared with a slow implementation of the same rule."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.consent import ConsentState
from tests.support.examples import examples
from tests.support.people_reference import Contact, Reference
from tests.support.people_worlds import PHONES, PROVIDERS, people_of, worlds


@settings(max_examples=examples(150))
@given(
    world=worlds,
    shared_by=st.sampled_from([1, 2, 3, None]),
    apart=st.sets(st.sampled_from(PHONES[:3]), max_size=2),
)
def test_verdicts_are_those_of_the_rule(
    world: dict[str, list[Contact]], shared_by: int | None, apart: set[str]
) -> None:
    every = [contact for each in world.values() for contact in each]
    reference = Reference(every, shared_by, apart)
    table = people_of(world, shared_by=shared_by, apart=apart).contacts
    assert table["key"].tolist() == [contact.key for contact in every]
    for channel in ("text", "email"):
        assert table[channel].tolist() == [c.state(channel).name for c in every]
        assert table[f"{channel}_denied"].tolist() == [reference.denied(c, channel) for c in every]
    people = dict(zip(((c.source, c.key) for c in every), table["person"], strict=True))
    for contact in every:
        mine = people[contact.source, contact.key]
        members = {at for at, person in people.items() if person == mine}
        assert members == reference.person(contact)


@given(world=worlds, data=st.data())
def test_nothing_depends_on_an_order(world: dict[str, list[Contact]], data: st.DataObject) -> None:
    shuffled = {
        name: data.draw(st.permutations(world[name]))
        for name in data.draw(st.permutations(PROVIDERS))
    }
    first, second = people_of(world), people_of(shuffled)
    pd.testing.assert_frame_equal(first.rows, second.rows[first.rows.columns])
    pd.testing.assert_frame_equal(first.links, second.links)
    by = ["source", "key"]
    pd.testing.assert_frame_equal(
        first.contacts.sort_values(by, ignore_index=True),
        second.contacts.sort_values(by, ignore_index=True),
    )


@given(world=worlds, data=st.data())
def test_one_more_no_frees_nobody(world: dict[str, list[Contact]], data: st.DataObject) -> None:
    every = [contact for each in world.values() for contact in each]
    if not every:
        return
    chosen = data.draw(st.sampled_from(every))
    channel = data.draw(st.sampled_from(sorted(find(chosen.provider).consent.channels)))
    deny = find(chosen.provider).consent.channels[channel].deny
    denied = Contact(chosen.source, chosen.provider, chosen.key, {**chosen.values, **deny})
    after = {n: [denied if c is chosen else c for c in world[n]] for n in world}
    before_table, after_table = people_of(world).contacts, people_of(after).contacts
    for each in ("text_denied", "email_denied"):
        assert (after_table[each] | ~before_table[each]).all()


@given(world=worlds)
def test_writing_every_missing_no_settles_it(world: dict[str, list[Contact]]) -> None:
    people = people_of(world)
    denials = {
        (source, key, channel)
        for channel in ("text", "email")
        for source, key, denied in people.contacts[
            ["source", "key", f"{channel}_denied"]
        ].itertuples(index=False)
        if denied
    }
    after = {name: [_denied(contact, denials) for contact in world[name]] for name in world}
    again = people_of(after)
    for channel in ("text", "email"):
        old, new = (table.contacts[f"{channel}_denied"] for table in (people, again))
        assert old.tolist() == new.tolist()
    assert "denied_elsewhere" not in again.conflicts()["kind"].tolist()


def _denied(contact: Contact, denials: set[tuple[str, str, str]]) -> Contact:
    """The contact with a no written wherever the provider would still send."""
    consent, values = find(contact.provider).consent, dict(contact.values)
    for name, channel in consent.channels.items():
        state = channel.state(values)
        sends = state == ConsentState.allowed or (
            state == ConsentState.unknown and not channel.needs_opt_in
        )
        if sends and (contact.source, contact.key, name) in denials:
            values.update(channel.deny)
    return Contact(contact.source, contact.provider, contact.key, values)


@given(world=worlds, shared_by=st.sampled_from([1, 2, 3, None]))
def test_the_guard_lets_no_address_of_a_denied_person_through(
    world: dict[str, list[Contact]], shared_by: int | None
) -> None:
    people = people_of(world, shared_by=shared_by)
    campaign = pd.DataFrame({"phone": PHONES})
    verdicts = people.verdicts(campaign, "text", field="phone", max_age=None)
    may = dict(zip(PHONES, verdicts["may"].tolist(), strict=True))
    table = people.contacts.set_index(["source", "key"])
    for link in people.links.itertuples():
        if link.identifier not in may or not may[link.identifier]:
            continue
        contact = table.loc[(link.source, link.key)]
        assert not contact["text_denied"] or link.line
    lines = people.links[people.links["line"]].groupby("identifier")
    for address, rows in lines:
        if may.get(address):
            holders = [table.loc[(row.source, row.key)] for row in rows.itertuples()]
            assert any(h["text"] == "allowed" and not h["text_denied"] for h in holders)


@pytest.mark.parametrize("shared_by", [0, -1, 1.5, True, "3"])
def test_a_number_of_holders_is_a_whole_number(shared_by: Any) -> None:
    with pytest.raises(ck.InvalidInputError, match="shared_by"):
        people_of({name: [] for name in PROVIDERS}, shared_by=shared_by)
