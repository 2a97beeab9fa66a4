"""Parquet and Feather files of any library, and folders of them, are read as contacts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

import contactkit as ck
from tests.support.providers import EXAMPLES

EVERY = pytest.mark.parametrize("name", EXAMPLES)
Writer = Callable[[pd.DataFrame, Path], None]


def contacts(name: str, count: int = 40) -> pd.DataFrame:
    with ck.connect(name, via=ck.Simulator(contacts=count)) as client:
        return client.contacts.list()


def assert_same(read: pd.DataFrame, frame: pd.DataFrame) -> None:
    assert_frame_equal(read.reset_index(drop=True), frame.reset_index(drop=True))
    assert list(read.dtypes) == list(frame.dtypes)


def write_duckdb(frame: pd.DataFrame, path: Path) -> None:
    people = ck.to_arrow(frame)  # noqa: F841
    duckdb.sql("SELECT * FROM people").write_parquet(str(path))


WRITERS: dict[str, Writer] = {
    "pandas": lambda frame, path: frame.to_parquet(path),
    "pandas, pyarrow": lambda frame, path: frame.convert_dtypes(dtype_backend="pyarrow").to_parquet(
        path
    ),
    "arrow": lambda frame, path: pq.write_table(ck.to_arrow(frame), path),
    "polars": lambda frame, path: pl.from_pandas(frame).write_parquet(path),
    "polars, declared": lambda frame, path: pl.DataFrame(ck.to_arrow(frame)).write_parquet(path),
    "duckdb, declared": write_duckdb,
}


@EVERY
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_parquet_file_of_any_library_is_read_as_it_was(name, write, tmp_path):
    frame = contacts(name)
    write(frame, tmp_path / "people.parquet")
    assert_same(ck.read_contacts(tmp_path / "people.parquet"), frame)


@EVERY
def test_a_feather_file_of_any_library_is_read_as_it_was(name, tmp_path):
    frame = contacts(name)
    frame.to_feather(tmp_path / "pandas.feather")
    pl.DataFrame(ck.to_arrow(frame)).write_ipc(tmp_path / "polars.feather")
    for path in tmp_path.iterdir():
        assert_same(ck.read_contacts(path), frame)


@EVERY
def test_a_folder_is_read_as_one_frame_with_its_empty_parts(name, tmp_path):
    frame = contacts(name)
    for number, part in enumerate((frame[:1], frame[:0], frame[1:])):
        pq.write_table(ck.to_arrow(part), tmp_path / f"part-{number}.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".part.parquet.crc").touch()
    (tmp_path / "_state").mkdir()
    (tmp_path / "_state" / "old.parquet").touch()
    assert_same(ck.read_contacts(tmp_path), frame)


def test_files_of_one_folder_may_have_other_columns_and_types(tmp_path):
    frame = contacts("privy")
    frame[:10].to_parquet(tmp_path / "a.parquet")
    pq.write_table(ck.to_arrow(frame[10:20]), tmp_path / "b.pq")
    frame[20:].drop(columns="tags").to_feather(tmp_path / "c.feather")
    read = ck.read_contacts(tmp_path)
    assert_same(read[:20], frame[:20])
    assert_same(read[20:].drop(columns="tags"), frame[20:].drop(columns="tags"))
    assert read["tags"][20:].isna().all()


def test_a_field_that_names_the_folders_is_read_from_them(tmp_path):
    frame = contacts("privy").assign(last_name=["A b", None] * 20)
    for value, folder in (("A b", "A%20b"), (None, "__HIVE_DEFAULT_PARTITION__")):
        place = tmp_path / "account=acme" / f"last_name={folder}"
        place.mkdir(parents=True)
        rows = frame["last_name"].isna() if value is None else frame["last_name"].eq(value)
        part = ck.to_arrow(frame[rows.fillna(False)]).drop_columns("last_name")
        pq.write_table(part, place / "0.parquet")
    read = ck.read_contacts(tmp_path).set_index("id").loc[frame["id"]].reset_index()
    assert read["last_name"].fillna("").tolist() == ["A b", ""] * 20
    assert "account" not in read


@pytest.mark.parametrize("name", ["notes.txt", "_hidden.parquet"])
def test_a_folder_without_a_file_to_read_is_named(name, tmp_path):
    (tmp_path / name).touch()
    with pytest.raises(ck.ConfigurationError, match="a folder without Parquet or Feather files"):
        ck.read_contacts(tmp_path)


def test_the_damaged_file_of_a_folder_is_named(tmp_path):
    contacts("privy", 2).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ck.ConfigurationError, match=r"b\.parquet: cannot be read"):
        ck.read_contacts(tmp_path)


def test_text_that_is_no_utf8_is_damage(tmp_path):
    damaged = pa.array([b"\xff"]).view(pa.string())
    pq.write_table(pa.table({"id": damaged}), tmp_path / "a.parquet")
    with pytest.raises(ck.ConfigurationError, match=r"a\.parquet: cannot be read"):
        ck.read_contacts(tmp_path / "a.parquet", "privy")


def test_two_columns_of_one_name_are_named(tmp_path):
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["id", "id"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(ck.ConfigurationError, match="two columns have the name id"):
        ck.read_contacts(tmp_path / "a.parquet", "privy")


def test_what_is_not_declared_comes_back_as_it_was(tmp_path):
    frame = contacts("privy", 3).assign(
        score=pd.Series([1, None, {"a": 2}], dtype=object),
        seen=pd.Series(["x", "y", None], dtype=object),
    )
    pq.write_table(ck.to_arrow(frame), tmp_path / "people.parquet")
    with pytest.warns(ck.ContactKitWarning, match="new fields, kept unchanged: score, seen"):
        read = ck.read_contacts(tmp_path / "people.parquet")
    assert_same(read, frame)


def test_extras_of_another_kind_are_refused(tmp_path):
    pd.DataFrame({"id": ["a"], "extras": ["seats"]}).to_parquet(tmp_path / "people.parquet")
    with pytest.raises(ck.ConfigurationError, match="the column extras must have JSON text"):
        ck.read_contacts(tmp_path / "people.parquet", "privy")


def test_rows_without_a_value_are_no_rows(tmp_path):
    rows = pd.DataFrame(
        {
            "id": ["a", None, " ", None],
            "first_name": ["Ada", None, "", "Bob"],
            "email_consent": ["subscribed", None, None, "maybe"],
        }
    )
    rows.to_parquet(tmp_path / "people.parquet")
    with pytest.warns(ck.ContactKitWarning, match="1 cell is"):
        read = ck.read_contacts(tmp_path / "people.parquet", "privy")
    assert read["first_name"].tolist() == ["Ada", "Bob"]
    assert ck.problems(read)[["row", "raw"]].to_numpy().tolist() == [[1, "maybe"]]


def test_a_column_whose_name_has_a_dot_can_be_renamed(tmp_path):
    table = pa.table({"id": ["a"], "person.name": ["Ada"], "person": [{"name": "Bob"}]})
    pq.write_table(table, tmp_path / "people.parquet")
    read = ck.read_contacts(
        tmp_path / "people.parquet", "privy", rename={"person.name": "first_name", "person": None}
    )
    assert read["first_name"].tolist() == ["Ada"]


def test_national_numbers_of_a_parquet_file_are_read_in_their_region(tmp_path):
    rows = pd.DataFrame({"phone": ["(202) 555-0123", "12"], "first_name": ["Ada", "Bob"]})
    rows.to_parquet(tmp_path / "people.parquet")
    with pytest.warns(ck.ContactKitWarning, match="1 cell is"):
        read = ck.read_contacts(tmp_path / "people.parquet", "sendblue", region="US")
    assert read["phone"].fillna("").tolist() == ["+12025550123", ""]
