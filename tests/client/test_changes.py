"""`ck.changes`: exactly the cells that differ, whatever holds the contacts."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import contactkit as ck
from contactkit._frames.coerce import CLEAR
from contactkit._plans.changes import CHANGE_COLUMNS
from contactkit._providers import find
from contactkit.spec.record import Record, fields_of, key_of
from contactkit.spec.validate import is_phone


@pytest.fixture
def people(name) -> pd.DataFrame:
    return ck.connect(name, via=ck.Simulator(contacts=12, seed=7)).contacts.list()


def key_name(people: pd.DataFrame) -> str:
    return key_of(record_of(people)).name


def record_of(people: pd.DataFrame) -> type[Record]:
    return find(people.attrs["provider"]).record


def text_field(people: pd.DataFrame) -> str:
    """A field of plain text that most contacts have."""
    fields = fields_of(record_of(people)).items()
    plain = [
        name
        for name, each in fields
        if each.kind == "string" and not is_phone(each) and name != key_name(people)
    ]
    return max(plain, key=lambda name: people[name].notna().sum())


def test_edited_cells_are_found_with_both_values(people):
    field, key = text_field(people), key_name(people)
    filled = people[field].notna()
    assert filled.sum() > 2
    rows = people.index[filled][:3]
    after = people.copy()
    after.loc[rows[0], field] = "other"
    after.loc[rows[1], field] = pd.NA
    found = ck.changes(people, after.sample(frac=1, random_state=3))
    assert found.dtypes.to_dict() == CHANGE_COLUMNS
    assert set(found["change"]) == {"changed"} and set(found["field"]) == {field}
    by_key = found.set_index("key")
    assert by_key.loc[people.loc[rows[0], key], "after"] == "other"
    assert by_key.loc[people.loc[rows[1], key], "after"] is None
    for row in rows[:2]:
        assert by_key.loc[people.loc[row, key], "before"] == people.loc[row, field]
    assert len(found) == 2
    back = ck.changes(after, people)
    assert sorted(map(str, back["after"])) == sorted(map(str, found["before"]))


def test_created_and_deleted_contacts_have_all_their_filled_cells(people):
    key = key_name(people)
    before, after = people.iloc[1:], people.iloc[:-1]
    found = ck.changes(before, after)
    for change, row, empty, full in [
        ("created", people.iloc[0], "before", "after"),
        ("deleted", people.iloc[-1], "after", "before"),
    ]:
        cells = found[found["change"] == change]
        filled = [
            name for name in people if isinstance(row[name], list | dict) or pd.notna(row[name])
        ]
        assert cells["field"].tolist() == filled
        assert set(cells["key"]) == {row[key]} and cells[empty].isna().all()
        assert cells.set_index("field").loc[key, full] == row[key]
    assert found["change"].tolist() == sorted(found["change"])


def test_frame_has_one_shape_whatever_the_data(people):
    none = ck.changes(people, people)
    assert len(none) == 0 and none.dtypes.to_dict() == CHANGE_COLUMNS
    for before, after in [(people[:0], people[:0]), (people[:0], people), (people, people[:0])]:
        found = ck.changes(before, after)
        assert found.dtypes.to_dict() == CHANGE_COLUMNS
        assert found["key"].nunique() == max(len(before), len(after))
        assert found.index.equals(pd.RangeIndex(len(found)))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather"])
def test_trip_through_a_file_is_no_change(people, tmp_path: Path, suffix):
    path = tmp_path / f"people{suffix}"
    if suffix == ".csv":
        people.to_csv(path, index=False)
    else:
        getattr(people, f"to_{suffix[1:]}")(path)
    assert len(ck.changes(path, people)) == len(ck.changes(people, str(path))) == 0
    assert len(ck.changes(path, path)) == 0


def test_trip_through_other_tables_is_no_change(people):
    others = [pl.from_pandas(people), ck.to_arrow(people), people.astype(object)]
    for other in [*others, people.set_index(key_name(people)), people.convert_dtypes()]:
        assert len(ck.changes(other, people, provider=people.attrs["provider"])) == 0
        assert len(ck.changes(people, other)) == 0


def test_folders_are_compared_as_snapshots(people, tmp_path: Path):
    for day, part in {"monday": people[1:], "tuesday": people}.items():
        (tmp_path / day).mkdir()
        for number in range(3):
            part.iloc[number::3].to_parquet(tmp_path / day / f"part-{number}.parquet")
    found = ck.changes(tmp_path / "monday", tmp_path / "tuesday")
    assert set(found["change"]) == {"created"}
    assert set(found["key"]) == {people[key_name(people)].iloc[0]}


def test_column_of_one_snapshot_is_not_compared(people, tmp_path: Path):
    key, field = key_name(people), text_field(people)
    people[[key, field]].to_csv(tmp_path / "few.csv", index=False)
    few = tmp_path / "few.csv"
    assert len(ck.changes(people, few)) == len(ck.changes(few, people)) == 0


def test_spellings_rounding_and_gaps_are_no_change():
    people = ck.connect("sendblue", via=ck.Simulator(contacts=8)).contacts.list()
    spelled = people.assign(
        phone=[f"+1 ({key[2:5]}) {key[5:8]}-{key[8:]}" for key in people["phone"]],
        created_at=people["created_at"].dt.floor("s"),
        last_name=people["last_name"].astype(object).where(people["last_name"].notna(), ""),
    )
    assert len(ck.changes(people, spelled)) == len(ck.changes(spelled, people)) == 0


def test_key_of_a_mapping_that_is_none_is_no_change():
    people = ck.connect("privy", via=ck.Simulator(contacts=8)).contacts.list()
    wide = people.assign(
        custom_fields=[{**cell, "never": None} for cell in people["custom_fields"]]
    )
    assert len(ck.changes(people, wide)) == len(ck.changes(wide, people)) == 0


def test_cleared_cell_is_a_change():
    people = ck.connect("privy", via=ck.Simulator(contacts=3)).contacts.list()
    after = people.astype({"first_name": object})
    row = people["first_name"].first_valid_index()
    after.loc[row, "first_name"] = CLEAR
    (found,) = ck.changes(people, after).to_dict("records")
    assert (found["field"], found["before"], found["after"]) == (
        "first_name",
        people.loc[row, "first_name"],
        None,
    )


def test_field_that_the_provider_added_is_compared(people):
    with_field = people.assign(score=range(len(people)))
    after = with_field.assign(score=with_field["score"].where(with_field.index != 4, 99))
    (found,) = ck.changes(with_field, after).to_dict("records")
    assert (found["field"], found["before"], found["after"]) == ("score", 4, 99)
    assert len(ck.changes(people, with_field)) == 0


@pytest.mark.parametrize("which", ["before", "after"])
def test_row_without_a_key_and_duplicates_are_named_by_position(people, which):
    key = key_name(people)
    keyless = people.astype({key: object})
    keyless.loc[2, key] = pd.NA
    twice = pd.concat([people, people.iloc[[5]]], ignore_index=True)
    for wrong, message in [
        (keyless, rf"{which}\[2\] {key}.*must be a key"),
        (twice, rf"{which}\[5\] {key}.*is also in another row"),
    ]:
        sides = {"before": people, "after": people} | {which: wrong}
        with pytest.raises(ck.InvalidInputError, match=message) as caught:
            ck.changes(**sides)
        assert not any(value in str(caught.value) for value in people[key])


def test_empty_row_is_no_row(people):
    empty = pd.DataFrame({name: [None] for name in people}, dtype=object)
    padded = pd.concat([people.astype(object), empty], ignore_index=True)
    assert len(ck.changes(people, padded)) == 0


def test_contacts_of_two_providers_are_refused(tmp_path: Path):
    sent = ck.connect("sent", via=ck.Simulator(contacts=3)).contacts.list()
    privy = ck.connect("privy", via=ck.Simulator(contacts=3)).contacts.list()
    with pytest.raises(ck.InvalidInputError, match="has contacts of privy, and not of sent"):
        ck.changes(sent, privy)
    with pytest.raises(ck.InvalidInputError, match="has contacts of sent, and not of privy"):
        ck.changes(sent, sent, provider="privy")
    sent.to_csv(tmp_path / "sent.csv", index=False)
    privy.to_csv(tmp_path / "privy.csv", index=False)
    with pytest.raises(ck.InvalidInputError, match=re.escape("after")):
        ck.changes(tmp_path / "sent.csv", tmp_path / "privy.csv")


def test_what_is_no_snapshot_is_refused(people):
    with pytest.raises(ck.InvalidInputError, match="must be a DataFrame of contacts or a path"):
        ck.changes(people, 7)
    with pytest.raises(FileNotFoundError):
        ck.changes(people, "nowhere.csv")
