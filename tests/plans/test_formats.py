"""A frame that only went through a file, or through another library, is no edit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import contactkit as ck
from tests.support.providers import EXAMPLES

Trip = Callable[[pd.DataFrame, Path], Any]


def parquet(**options: Any) -> Trip:
    def trip(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
        frame.to_parquet(folder / "people.parquet")
        return pd.read_parquet(folder / "people.parquet", **options)

    return trip


def feather(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    frame.to_feather(folder / "people.feather")
    return pd.read_feather(folder / "people.feather")


def polars_parquet(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    pl.from_pandas(frame).write_parquet(folder / "people.parquet")
    return pd.read_parquet(folder / "people.parquet")


def duckdb_parquet(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    path = folder / "people.parquet"
    duckdb.sql("SELECT * FROM frame").write_parquet(str(path))
    return pd.read_parquet(path)


def csv(**options: Any) -> Trip:
    def trip(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
        frame.to_csv(folder / "people.csv", index=False)
        return pd.read_csv(folder / "people.csv", **options)

    return trip


def excel(**options: Any) -> Trip:
    def trip(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
        times = frame.select_dtypes("datetimetz").columns
        frame.astype(dict.fromkeys(times, str)).to_excel(folder / "people.xlsx", index=False)
        return pd.read_excel(folder / "people.xlsx", **options)

    return trip


def dask(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    dd.from_pandas(frame, npartitions=3).to_parquet(folder / "people")
    return dd.read_parquet(folder / "people").compute()


TRIPS: dict[str, Trip] = {
    "parquet": parquet(),
    "parquet, numpy_nullable": parquet(dtype_backend="numpy_nullable"),
    "parquet, pyarrow": parquet(dtype_backend="pyarrow"),
    "feather": feather,
    "polars": lambda frame, _: pl.from_pandas(frame).to_pandas(),
    "polars, pyarrow": lambda frame, _: pl.from_pandas(frame).to_pandas(
        use_pyarrow_extension_array=True
    ),
    "polars parquet": polars_parquet,
    "duckdb df": lambda frame, _: duckdb.sql("SELECT * FROM frame").df(),
    "duckdb arrow": lambda frame, _: duckdb.sql("SELECT * FROM frame").to_arrow_table().to_pandas(),
    "duckdb parquet": duckdb_parquet,
    "convert_dtypes": lambda frame, _: frame.convert_dtypes(),
    "convert_dtypes, pyarrow": lambda frame, _: frame.convert_dtypes(dtype_backend="pyarrow"),
    "objects": lambda frame, _: frame.astype(object),
    "polars frame": lambda frame, _: pl.from_pandas(frame),
    "arrow table": lambda frame, _: pa.Table.from_pandas(frame),
    "arrow reader": lambda frame, _: pa.Table.from_pandas(frame).to_reader(),
    "duckdb relation": lambda frame, _: duckdb.sql("SELECT * FROM frame"),
    "duckdb arrow reader": lambda frame, _: duckdb.sql("SELECT * FROM frame").arrow(),
    "csv": csv(),
    "excel": excel(),
    "csv as text": csv(dtype=str),
    "excel as text": excel(dtype=str),
    "dask": dask,
}


# Dask still uses what pandas has deprecated.
EVERY_TRIP = pytest.mark.parametrize(
    "trip",
    [
        pytest.param(trip, id=name, marks=pytest.mark.filterwarnings("ignore:The inplace keyword"))
        for name, trip in TRIPS.items()
    ],
)


@pytest.fixture(scope="module", params=EXAMPLES)
def client(request: pytest.FixtureRequest) -> Iterator[ck.Client]:
    with ck.connect(request.param, via=ck.Simulator(contacts=60)) as client:
        yield client


@pytest.fixture(scope="module")
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list()


@EVERY_TRIP
def test_a_frame_that_comes_back_is_no_edit(client, people, trip, tmp_path):
    assert len(client.contacts.plan(trip(people, tmp_path), people)) == 0


@EVERY_TRIP
def test_a_table_in_the_declared_schema_that_comes_back_is_no_edit(client, people, trip, tmp_path):
    frame = ck.to_arrow(people).to_pandas()
    assert len(client.contacts.plan(trip(frame, tmp_path), people)) == 0


MAPPINGS = {"privy": "custom_fields", "sendblue": "custom_variables"}


@pytest.mark.parametrize("name", MAPPINGS)
def test_an_edit_beside_a_mapping_is_all_that_is_sent(name, tmp_path):
    with ck.connect(name, via=ck.Simulator(contacts=60)) as client:
        people = client.contacts.list()
        back = parquet()(people, tmp_path)
        back["first_name"] = "Ada"
        assert {*client.contacts.plan(back, people).cells["field"]} == {"first_name"}


@pytest.mark.parametrize("name", MAPPINGS)
def test_an_edited_mapping_is_sent_without_the_keys_of_others(name, tmp_path):
    field = MAPPINGS[name]
    with ck.connect(name, via=ck.Simulator(contacts=60)) as client:
        people = client.contacts.list()
        back = parquet()(people, tmp_path)
        back.at[3, field] = {**back[field][3], "size": "L"}
        write, *others = client.contacts.plan(back, people).contacts
        assert not others
        kept = {} if name == "sendblue" else people[field][3]
        assert write.changes == {field: {**kept, "size": "L"}}


def test_a_key_that_loses_its_value_is_an_edit():
    with ck.connect("privy", via=ck.Simulator(contacts=8)) as client:
        people = client.contacts.list()
        edited = people.assign(
            custom_fields=[{n: None for n in each} for each in people.custom_fields]
        )
        write = client.contacts.plan(edited, people).contacts[0]
        assert write.changes == {"custom_fields": {"loyalty_tier": None}}


def test_a_new_row_has_only_the_keys_with_values():
    with ck.connect("privy", via=ck.Simulator(contacts=8)) as client:
        people = client.contacts.list()
        new = pd.DataFrame(
            {
                "email": ["new@example.com", "newer@example.com"],
                "custom_fields": [{"tier": 2, "source": None}, {"tier": np.nan, "source": None}],
            }
        )
        plan = client.contacts.plan(pd.concat([people, new]), people, create=True)
        assert [write.changes.get("custom_fields") for write in plan.contacts] == [
            {"tier": 2},
            None,
        ]


@pytest.mark.parametrize("name, field", [("privy", "phone_number"), ("sent", "phone_number")])
def test_a_number_with_the_digits_of_the_phone_is_no_edit(name, field):
    with ck.connect(name, via=ck.Simulator(contacts=8)) as client:
        people = client.contacts.list()
        digits = people[field].str.removeprefix("+")
        numbers = pd.to_numeric(digits)
        assert len(client.contacts.plan(people.assign(**{field: numbers}), people)) == 0
        assert len(client.contacts.plan(people.assign(**{field: numbers + 1}), people)) > 0


LONG = "x" * 33_000
TEXTS = ["a\r\nb", "a\rb", "a\nb", LONG]


@pytest.mark.parametrize(
    ("suffix", "reads"),
    [
        (".csv", pd.read_csv),
        (".csv", ck.read_contacts),
        (".xlsx", pd.read_excel),
        (".xlsx", ck.read_contacts),
    ],
)
@pytest.mark.filterwarnings("ignore:.*not as documented", "ignore:Cell contents too long")
def test_text_that_a_file_has_cut_or_broken_is_no_edit(tmp_path, suffix, reads):
    with ck.connect("privy", via=ck.Simulator(contacts=8)) as client:
        people = client.contacts.list().head(4)[["id", "last_name"]].assign(last_name=TEXTS)
        path = tmp_path / f"people{suffix}"
        write = people.to_csv if suffix == ".csv" else people.to_excel
        write(path, index=False)
        options = {"provider": "privy"} if reads is ck.read_contacts else {}
        plan = client.contacts.plan(reads(path, **options), people)
        assert plan.cells.loc[plan.cells["refused_because"].isna()].empty
