"""The same change of all rows: as `update` has it, and the rows are the original."""

from __future__ import annotations

import inspect
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.validate import accepted_fields
from tests.support.providers import Example, Wire


@pytest.fixture
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list()


def test_change_is_planned_for_every_row(
    client: ck.Client, wire: Wire, people: pd.DataFrame, example: Example
) -> None:
    rows, asked = people.iloc[::2], len(wire.requests)
    # What is sent of a mapping that the provider merges is not its cell.
    changes = {n: v for n, v in example.update.items() if n != "custom_variables"}
    plan = client.contacts.plan(rows, **changes)
    assert len(wire.requests) == asked
    changed = {name: [value] * len(rows) for name, value in changes.items()}
    edited = rows.drop(columns=[*changed]).assign(**changed)
    by_hand = client.contacts.plan(edited, rows)
    assert plan.digest == by_hand.digest and len(plan) + plan.unchanged == len(rows)
    assert set(plan.index) <= set(rows.index) and plan.vanished == 0


async def test_async_plan_takes_the_same_change(
    client: ck.Client, people: pd.DataFrame, example: Example
) -> None:
    plan = await client.aio.contacts.plan(people, **example.update)
    assert plan.digest == client.contacts.plan(people, **example.update).digest
    await client.aio.aclose()


def test_what_update_refuses_is_refused(client: ck.Client, people: pd.DataFrame) -> None:
    wrong: list[dict[str, Any]] = [{"no_such_field": 1}, {"created_at": "x"}, {"dry_run": True}]
    for changes in wrong:
        with pytest.raises(ck.InvalidInputError) as caught:
            client.contacts.plan(people, **changes)
        (name,) = changes
        assert caught.value.problems[0].field == name


def test_nothing_is_given_besides(
    client: ck.Client, people: pd.DataFrame, example: Example
) -> None:
    for options in ({"original": people}, {"create": True}, {"delete": True}):
        with pytest.raises(ck.InvalidInputError, match="is not for the same change of all rows"):
            client.contacts.plan(people, **options, **example.update)


def test_signature_has_the_fields_of_update(client: ck.Client, name: str) -> None:
    provider = find(name)
    fields = accepted_fields(provider, provider.endpoint("update"))
    for contacts in (client.contacts, client.aio.contacts):
        names = [*inspect.signature(contacts.plan).parameters]
        assert names[:2] == ["edited", "original"] and {*fields} <= {*names}
        assert contacts.plan.__name__ == "plan" and "changes" not in names


def test_mapping_is_merged_with_each_contacts() -> None:
    with ck.connect("sendblue", via=ck.Simulator(contacts=8, seed=7)) as client:
        people = client.contacts.list()
        plan = client.contacts.plan(people, custom_variables={"tier": "gold"})
        assert plan.requests >= len(people) and not any(write.problems for write in plan.contacts)
        for write in plan.contacts:
            assert write.changes == {"custom_variables": {"tier": "gold"}}


def test_change_that_opts_in_needs_opt_in(client: ck.Client, name: str) -> None:
    no, yes = {
        "sent": ({"opt_out": True}, {"opt_out": False}),
        "sendblue": ({"opt_out": True}, {"opt_out": False}),
        "privy": ({"email_consent": "unsubscribed"}, {"email_consent": "subscribed"}),
        "digital_onboarding": ({"sms_unsubscribed": True}, {"sms_unsubscribed": False}),
    }[name]
    client.contacts.plan(client.contacts.list(), **no).apply(progress=False)
    people = client.contacts.list()
    assert client.contacts.plan(people, **yes).requests == 0
    assert client.contacts.plan(people, opt_in=True, **yes).opts_in > 0


def test_rows_without_keys_are_matched_on_another_field() -> None:
    with ck.connect("privy", via=ck.Simulator(contacts=8, seed=7)) as client:
        people = client.contacts.list()
        emails = people["email"].dropna().str.upper().head(3)
        plan = client.contacts.plan(emails.to_frame(), on="email", email_consent="unsubscribed")
        by_key = client.contacts.plan(people.loc[emails.index], email_consent="unsubscribed")
        assert plan.digest == by_key.digest


@given(st.lists(st.integers(0, 7), max_size=12))
def test_rows_that_are_there_twice_are_refused(picked: list[int]) -> None:
    with ck.connect("sent", via=ck.Simulator(contacts=8, seed=7)) as client:
        people = client.contacts.list()
        people = people.assign(is_inherited=False, opt_out=False)
        plan = client.contacts.plan(people.iloc[picked], opt_out=True)
    refused = [row for row in picked if picked.count(row) > 1]
    assert plan.index.tolist() == picked
    outcomes = zip(plan.index, plan.rows["outcome"], strict=True)
    assert [row for row, outcome in outcomes if outcome == "refused"] == refused
