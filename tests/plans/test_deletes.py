"""Deletes of a plan: a contact whose row has lost its key never counts as missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._frames.coerce import digits_in
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
    text = "2 contacts may not be missing, because these rows are of no contact: row 3"
    assert text in reasons(plan)


@pytest.mark.parametrize("gap", [pd.NA, None])
def test_row_without_a_key_refuses_every_delete(
    client: ck.Client, people: pd.DataFrame, name: str, key: str, gap: Any
) -> None:
    edited = with_key(people, key, 3, gap)
    plan = client.contacts.plan(edited, people, create=True, delete=True)
    assert set(deletes(plan)["outcome"]) == {"refused"}
    assert any("of no contact: row 3" in text for text in reasons(plan))
    row = plan.rows.loc[[3]].iloc[0]
    assert (row["operation"], row["outcome"]) == ("create", "refused")
    if key_of(find(name).record).marker.required:
        assert (row["code"], row["field"]) == ("missing_key", key)
    written = plan.apply(progress=False)
    assert not written["outcome"].eq("deleted").any()


def test_refused_delete_names_ten_rows(sent: ck.Client) -> None:
    people = sent.contacts.list().astype(object)
    new = pd.DataFrame({"phone_number": [f"+1202555{n:04}" for n in range(100, 125)]})
    edited = pd.concat([people.iloc[1:], new], ignore_index=True)
    (reason,) = reasons(sent.contacts.plan(edited, people, create=True, delete=True))
    assert "row 7, row 8" in reason and reason.endswith("row 16 and 15 more rows")


@pytest.fixture
def sent():
    with ck.connect("sent", via=ck.Simulator(contacts=8, seed=7)) as client:
        yield client


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(("wrong", "code"), [("unreadable", "key"), ("duplicated", "duplicate")])
def test_unreadable_or_duplicated_key_refuses_its_row_and_every_delete(
    client: ck.Client, people: pd.DataFrame, key: str, wrong: str, code: str, create: bool
) -> None:
    value = 4.5 if wrong == "unreadable" else people[key].iloc[2]
    people.index = pd.Index([f"r{n}" for n in range(len(people))])
    edited = with_key(people, key, 3, value)
    plan = client.contacts.plan(edited, people, create=create, delete=True)
    rows = plan.rows.loc[plan.rows["operation"] != "delete"]
    names = ["r3"] if wrong == "unreadable" else ["r2", "r3"]
    assert rows.index.tolist() == names and set(rows["code"]) == {code}
    assert set(deletes(plan)["outcome"]) == {"refused"} and len(deletes(plan)) == 1
    assert any(", ".join(f"row {name}" for name in names) in text for text in reasons(plan))
    assert plan.requests == 0


def test_row_that_is_refused_as_new_refuses_every_delete() -> None:
    with ck.connect("sendblue", via=ck.Simulator(contacts=8, seed=7)) as client:
        people = client.contacts.list().astype(object)
        plan = client.contacts.plan(
            with_key(people, "phone", 3, "+12125550187"), people, delete=True
        )
        assert plan.rows["code"].tolist() == ["new", "kept_back"]


@pytest.mark.parametrize("created", [True, False])
def test_row_with_another_number_refuses_every_delete_unless_it_is_created(created: bool) -> None:
    with ck.connect("sendblue", via=ck.Simulator(contacts=8, seed=7)) as client:
        people = client.contacts.list().astype(object)
        edited = with_key(people, "phone", 3, "+12125550187")
        # The other columns of the listing are read-only, so that its row cannot be created.
        edited = edited[["phone", "first_name"]] if created else edited
        plan = client.contacts.plan(edited, people, create=True, delete=True)
        assert set(deletes(plan)["outcome"]) == {"planned" if created else "refused"}
        assert deletes(plan)["key"].tolist() == [people["phone"].iloc[3]]


@pytest.mark.parametrize("create", [True, False])
def test_frame_without_any_key_deletes_nobody(
    client: ck.Client, people: pd.DataFrame, key: str, create: bool
) -> None:
    for edited in (people.assign(**{key: pd.NA}), people.drop(columns=key), people.head(0)):
        with pytest.raises(ck.InvalidInputError):
            client.contacts.plan(edited, people, create=create, delete=True)
    with pytest.raises(ck.InvalidInputError, match="has no key in any row"):
        client.contacts.plan(people.head(0), people, create=create, delete=True)


@pytest.mark.parametrize("kind", ["float64", "int64", "Int64"])
def test_numbers_that_pandas_read_as_numbers_are_those_of_the_contacts(kind: str) -> None:
    with ck.connect("sendblue", via=ck.Simulator(contacts=8, seed=7)) as client:
        people = client.contacts.list()
        edited = people[["phone"]].assign(phone=pd.to_numeric(people["phone"]).astype(kind))
        assert len(client.contacts.plan(edited, people, delete=True)) == 0
        plan = client.contacts.plan(edited.iloc[1:], people, delete=True)
        assert deletes(plan)["key"].tolist() == people["phone"].head(1).tolist()
        plan = client.contacts.plan(edited // 10, people, delete=True)
        assert set(plan.rows["outcome"]) == {"refused"} and len(deletes(plan)) == 8


@pytest.mark.parametrize("kind", ["float32", "Float32"])
def test_rounded_number_is_of_no_contact(kind: str) -> None:
    rounded = pd.Series([12025550123]).astype(kind)
    with ck.connect("sendblue", via=ck.Simulator(contacts=8, seed=7)) as client:
        people = client.contacts.list()
        # The number that a float of 32 bits has in its place.
        people["phone"] = people["phone"].where(people.index > 0, f"+{int(rounded[0])}")
        edited = pd.DataFrame({"phone": rounded, "first_name": "Zoe X."})
        plan = client.contacts.plan(edited, people, delete=True)
        assert set(plan.rows["outcome"]) == {"refused"}


def test_large_whole_number_is_a_key_unless_a_float_rounds_it() -> None:
    column = pd.Series([2**53 + 1, float(2**53), float(2**53 + 2), -1, True], dtype=object)
    assert digits_in(column) == [str(2**53 + 1), str(2**53), "", "", ""]


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


def test_row_that_has_lost_its_only_cell_refuses_every_delete(
    client: ck.Client, people: pd.DataFrame, key: str
) -> None:
    plan = client.contacts.plan(with_key(people, key, 3, pd.NA)[[key]], people, delete=True)
    assert plan.rows["code"].tolist() == ["kept_back"] and plan.requests == 0


def test_empty_rows_keep_the_labels_of_the_others(
    client: ck.Client, people: pd.DataFrame, key: str
) -> None:
    blank = pd.DataFrame([dict.fromkeys(people.columns)], dtype=object)
    edited = with_key(pd.concat([blank, people], ignore_index=True), key, 4, 4.5)
    plan = client.contacts.plan(edited, people)
    assert plan.rows.index.tolist() == [4] and plan.rows["code"].tolist() == ["key"]


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
