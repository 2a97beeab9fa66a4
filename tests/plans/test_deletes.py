"""Deletes of a plan: a contact whose row has lost its key never counts as missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._plans.plan import Plan
from contactkit._providers import find
from contactkit.spec.record import key_of

pytestmark = pytest.mark.filterwarnings("ignore:Sent deprecated:DeprecationWarning")


@pytest.fixture
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list().astype(object)


@pytest.fixture
def key(name: str) -> str:
    return key_of(find(name).record).name


def deletes(plan: Plan) -> pd.DataFrame:
    return plan.rows[plan.rows["operation"] == "delete"]


def reasons(plan: Plan) -> set[str]:
    return set(plan.cells.loc[plan.cells["field"].isna(), "refused_because"].dropna())


def with_key(people: pd.DataFrame, key: str, row: int, value: Any) -> pd.DataFrame:
    keys = people[key].to_list()
    keys[row] = value
    return people.assign(**{key: pd.Series(keys, dtype=object, index=people.index)})


def test_row_with_a_mangled_key_refuses_every_delete(
    client: ck.Client, people: pd.DataFrame, key: str
) -> None:
    edited = with_key(people, key, 3, "mangled").drop(index=people.index[5])
    plan = client.contacts.plan(edited, people, create=True, delete=True)
    assert len(deletes(plan)) == 2
    assert set(deletes(plan)["outcome"]) == {"refused"}
    text = "may not be missing, because these rows have no key of a contact: edited[3]"
    assert text in reasons(plan)


@pytest.mark.parametrize("gap", [pd.NA, None])
def test_row_without_a_key_refuses_every_delete(
    client: ck.Client, people: pd.DataFrame, name: str, key: str, gap: Any
) -> None:
    edited = with_key(people, key, 3, gap)
    if key_of(find(name).record).marker.required:
        with pytest.raises(ck.InvalidInputError, match=rf"edited\[3\] {key}: must be a key"):
            client.contacts.plan(edited, people, create=True, delete=True)
        return
    plan = client.contacts.plan(edited, people, create=True, delete=True)
    assert set(deletes(plan)["outcome"]) == {"refused"}
    assert any(text.endswith("edited[3]") for text in reasons(plan))
    written = plan.apply(progress=False)
    assert not written["outcome"].eq("deleted").any()


def test_refused_delete_names_ten_rows(sent: ck.Client) -> None:
    people = sent.contacts.list().astype(object)
    new = pd.DataFrame({"phone_number": [f"+1202555{n:04}" for n in range(100, 125)]})
    edited = pd.concat([people.iloc[1:], new], ignore_index=True)
    (reason,) = reasons(sent.contacts.plan(edited, people, create=True, delete=True))
    assert "edited[7], edited[8]" in reason and reason.endswith("edited[16] and 15 more rows")


@pytest.fixture
def sent():
    with ck.connect("sent", via=ck.Simulator(contacts=8, seed=7)) as client:
        yield client


@pytest.mark.parametrize("wrong", ["unreadable", "duplicated"])
def test_unreadable_or_duplicated_key_refuses_the_plan(
    client: ck.Client, people: pd.DataFrame, key: str, wrong: str
) -> None:
    value = 4.5 if wrong == "unreadable" else people[key].iloc[2]
    edited = with_key(people, key, 3, value)
    with pytest.raises(ck.InvalidInputError, match=rf"edited\[3\] {key}: "):
        client.contacts.plan(edited, people, create=True, delete=True)


@pytest.mark.parametrize("create", [True, False])
def test_frame_without_any_key_deletes_nobody(
    client: ck.Client, people: pd.DataFrame, key: str, create: bool
) -> None:
    for edited in (people.assign(**{key: pd.NA}), people.drop(columns=key), people.head(0)):
        with pytest.raises(ck.InvalidInputError):
            client.contacts.plan(edited, people, create=create, delete=True)
    with pytest.raises(ck.InvalidInputError, match="has no key in any row"):
        client.contacts.plan(people.head(0), people, create=create, delete=True)


def test_new_contact_with_its_own_key_refuses_no_delete() -> None:
    with ck.connect("sendblue", via=ck.Simulator(contacts=8, seed=7)) as client:
        people = client.contacts.list().astype(object)
        new = pd.DataFrame([{"phone": "+12125550187", "first_name": "Ada"}], dtype=object)
        edited = pd.concat([people.iloc[1:], new], ignore_index=True)
        plan = client.contacts.plan(edited, people, create=True, delete=True)
        assert plan.rows["outcome"].tolist() == ["planned", "planned"]


@pytest.mark.parametrize("create", [True, False])
def test_empty_rows_are_no_rows(
    client: ck.Client, people: pd.DataFrame, key: str, create: bool
) -> None:
    blank = {name: [pd.NA, None, "", " \u00a0", float("nan")] for name in people.columns}
    edited = pd.concat([people.iloc[1:], pd.DataFrame(blank, dtype=object)]).reset_index()
    plan = client.contacts.plan(edited, people, create=create, delete=True)
    assert (len(plan), plan.unchanged) == (1, len(people) - 1)
    assert plan.rows["outcome"].tolist() == ["planned"]
    plan = client.contacts.plan(pd.DataFrame({key: [pd.NA] * 1_000}), people, create=create)
    assert (len(plan), plan.unchanged, plan.vanished) == (0, 0, len(people))


def test_empty_rows_keep_the_positions_of_the_others(
    client: ck.Client, people: pd.DataFrame, key: str
) -> None:
    blank = pd.DataFrame([dict.fromkeys(people.columns)], dtype=object)
    edited = with_key(pd.concat([blank, people], ignore_index=True), key, 4, 4.5)
    with pytest.raises(ck.InvalidInputError, match=rf"edited\[4\] {key}: must be a key") as caught:
        client.contacts.plan(edited, people)
    assert "edited[0]" not in str(caught.value)


def test_cut_file_deletes_nobody_whose_row_was_split(tmp_path: Path) -> None:
    with ck.connect("privy", via=ck.Simulator(contacts=8, seed=7)) as client:
        people = client.contacts.list()
        one, two, *_ = people["id"]
        path = tmp_path / "people.csv"
        path.write_text(f"id,first_name\n{one[:6]}\n{one[6:]},Zoe\n{two},Ann\n")
        with pytest.warns(ck.ContactKitWarning, match="too few cells in line 2;"):
            edited = ck.read_contacts(path, "privy")
        plan = client.contacts.plan(edited, people, create=True, delete=True)
        assert set(deletes(plan)["outcome"]) == {"refused"}
