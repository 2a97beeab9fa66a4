"""Which contact a row is: by its key or another unique field, or none, and then it is refused."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._plans.labels import name_row, name_rows
from contactkit._providers import find
from contactkit.spec.record import key_of, unique_fields

pytestmark = pytest.mark.filterwarnings("ignore:Sent deprecated:DeprecationWarning")

NATURAL = {
    "sent": {"phone_number"},
    "sendblue": {"phone"},
    "privy": {"email", "phone_number"},
    "digital_onboarding": {"unique_id"},
}
ON = [(name, on) for name, fields in NATURAL.items() for on in sorted(fields)]
EDIT: dict[str, dict[str, Any]] = {
    "sent": {"opt_out": True},
    "sendblue": {"opt_out": True},
    "privy": {"first_name": "Zed"},
    "digital_onboarding": {"name_first": "Zed"},
}


@pytest.fixture
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list().astype(object)


def having(people: pd.DataFrame, on: str) -> pd.DataFrame:
    """The contacts that have a value to be matched on."""
    return people.loc[people[on].notna()].reset_index(drop=True)


def test_unique_fields_are_declared_and_described(name: str) -> None:
    described = ck.describe(name).query("of == 'contact'").set_index("field")["unique"]
    declared = {field.name for field in unique_fields(find(name).record)}
    assert declared == NATURAL[name] == set(described.index[described])


@pytest.mark.parametrize(("name", "on"), ON)
@pytest.mark.parametrize("given", [True, False])
def test_rows_are_matched_on_a_unique_field(
    client: ck.Client, people: pd.DataFrame, name: str, on: str, given: bool
) -> None:
    key, there = key_of(find(name).record).name, having(people, on)
    edited = there[[on]].assign(**EDIT[name]).sample(frac=1, random_state=7)
    edited.index = pd.Index([f"r{n}" for n in range(len(edited))])
    plan = client.contacts.plan(edited, people if given else None, on=on)
    by_key = client.contacts.plan(there[[key]].assign(**EDIT[name]), people)
    assert plan.digest == by_key.digest and len(plan)
    assert set(plan.index) <= set(edited.index)


@pytest.mark.parametrize(("name", "on"), [each for each in ON if each[1] != "unique_id"])
def test_numbers_and_addresses_match_in_any_spelling(
    client: ck.Client, people: pd.DataFrame, name: str, on: str
) -> None:
    there = having(people, on)
    spelled = there[on].map(
        lambda text: text.upper() if "@" in text else f"{text[:2]} ({text[2:5]}) {text[5:]}"
    )
    edited = pd.DataFrame({on: spelled}).assign(**EDIT[name])
    plan = client.contacts.plan(edited, people, on=on)
    assert (
        plan.digest == client.contacts.plan(there[[on]].assign(**EDIT[name]), people, on=on).digest
    )
    twice = pd.concat([there[[on]].head(1), edited.head(1)], ignore_index=True)
    rows = client.contacts.plan(twice, people, on=on).rows
    assert rows["code"].tolist() == ["duplicate", "duplicate"]
    assert rows["message"].tolist() == [f"{on}: is also in row 1", f"{on}: is also in row 0"]


@pytest.mark.parametrize(("name", "on"), ON)
def test_row_of_two_contacts_is_refused(
    client: ck.Client, people: pd.DataFrame, name: str, on: str
) -> None:
    there = having(people, on)
    there.loc[1, on] = there.loc[0, on]
    edited = there[[on]].iloc[[0, 2]].assign(**EDIT[name])
    plan = client.contacts.plan(edited, there, on=on, delete=True)
    assert plan.rows["code"].iloc[0] == "ambiguous"
    assert {0, 1}.isdisjoint(plan.rows.index[plan.rows["operation"] == "delete"])
    assert "planned" not in set(plan.rows["outcome"][plan.rows["operation"] == "delete"])


@pytest.mark.parametrize(("name", "on"), [each for each in ON if each != ("sendblue", "phone")])
def test_contact_without_a_value_is_never_missing(
    client: ck.Client, people: pd.DataFrame, name: str, on: str
) -> None:
    people.loc[2, on] = pd.NA
    edited = having(people, on).iloc[1:][[on]]
    plan = client.contacts.plan(edited, people, on=on, delete=True)
    gone = plan.rows.loc[plan.rows["operation"] == "delete"]
    assert gone["key"].tolist() == [having(people, on).iloc[0]["id"]]
    assert plan.vanished == int(people[on].isna().sum())


@pytest.mark.parametrize(("name", "on"), [each for each in ON if each != ("sendblue", "phone")])
def test_rows_key_must_be_its_contacts(
    client: ck.Client, people: pd.DataFrame, name: str, on: str
) -> None:
    there = having(people, on)
    edited = there[["id", on]].assign(**EDIT[name])
    assert not client.contacts.plan(edited, people, on=on).rows["code"].eq("key").any()
    edited["id"] = edited["id"].iloc[::-1].to_list()
    rows = client.contacts.plan(edited, people, on=on).rows
    assert (rows["code"] == "key").sum() == len(edited) - len(edited) % 2


def test_rows_are_not_matched_on_other_fields(
    client: ck.Client, people: pd.DataFrame, name: str
) -> None:
    for on in ("opt_out", "tags", "", 7):
        with pytest.raises(
            ck.InvalidInputError, match=r"on: must be a field of which no two"
        ) as caught:
            client.contacts.plan(people, people, on=on)  # pyright: ignore[reportArgumentType]
        assert all(field in str(caught.value) for field in NATURAL[name])


def new_rows(name: str, *rows: str) -> pd.DataFrame:
    (on, *_) = sorted(NATURAL[name])
    return pd.DataFrame({on: [*rows]}, index=[f"n{n}" for n in range(len(rows))])


OTHERS = {
    "sent": "+12025550188",
    "privy": "zoe@example.com",
    "digital_onboarding": "core-30002",
}
VALUES = {
    "sent": "+12025550187",
    "privy": "zed@example.com",
    "digital_onboarding": "core-30001",
}


@pytest.mark.parametrize("name", sorted(VALUES))
def test_two_new_rows_of_one_person_are_refused(
    client: ck.Client, people: pd.DataFrame, name: str
) -> None:
    edited = new_rows(name, VALUES[name], OTHERS[name], VALUES[name])
    plan = client.contacts.plan(edited, people, create=True)
    assert plan.rows["outcome"].tolist() == ["refused", "planned", "refused"]
    assert plan.rows["code"].tolist() == ["duplicate", pd.NA, "duplicate"]
    assert plan.rows["message"].iloc[0].endswith("is also in row n2")


@pytest.mark.parametrize("name", sorted(VALUES))
@pytest.mark.parametrize("create", [True, False])
def test_new_row_of_a_contact_that_exists_is_refused(
    client: ck.Client, people: pd.DataFrame, name: str, create: bool
) -> None:
    (on, *_) = sorted(NATURAL[name])
    there = having(people, on).iloc[0]
    plan = client.contacts.plan(new_rows(name, VALUES[name], there[on]), people, create=create)
    assert plan.rows["code"].tolist() == [pd.NA if create else "new", "exists"]
    message = plan.rows["message"].iloc[1]
    assert message == f"{on}: is that of the contact {there['id']}"


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (7, "row 7"),
        ("Jan", "row Jan"),
        (("a", 1), "row ('a', 1)"),
        ("+12025550123", "edited[0]"),
        (12025550123, "edited[0]"),
        (("x", "jan@example.com"), "edited[0]"),
        ("x" * 99, f"row {'x' * 39}…"),
    ],
)
def test_row_is_named_by_its_label_unless_that_is_an_address(label: Any, text: str) -> None:
    index = pd.Index([label, 0], dtype=object, tupleize_cols=False)
    assert name_row(index, 0) == text


@given(st.integers(2, 40), st.data())
def test_named_rows_are_ten_at_most(count: int, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, count - 1))
    text = name_rows(pd.RangeIndex(count), range(count), besides=row)
    assert f"row {row}," not in f"{text},"
    more = f" and {count - 11:,} more row{'s' * (count > 12)}" if count > 11 else ""
    assert text.endswith(more) and text.count("row ") == min(count - 1, 10)
