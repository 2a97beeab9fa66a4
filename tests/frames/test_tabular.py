"""Tables of other libraries are taken wherever a frame of contacts is."""

from __future__ import annotations

from typing import Any

import dask.dataframe as dd
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

import contactkit as ck
from contactkit._frames.tabular import as_frame
from tests.support.providers import EXAMPLES

EVERY = pytest.mark.parametrize("name", EXAMPLES)


def contacts(name: str, count: int = 12) -> pd.DataFrame:
    with ck.connect(name, via=ck.Simulator(contacts=count)) as client:
        return client.contacts.list()


def tables(frame: pd.DataFrame) -> dict[str, Any]:
    people = ck.to_arrow(frame)
    return {
        "table": people,
        "reader": people.to_reader(),
        "polars": pl.DataFrame(people),
        "duckdb": duckdb.sql("SELECT * FROM people"),
    }


def test_frames_and_other_values_are_unchanged():
    frame = pd.DataFrame({"id": ["a"]})
    column = pl.Series(["a"])
    for value in (frame, frame["id"], column, [{"id": "a"}], {"id": "a"}, "a", None):
        assert as_frame(value) is value


def test_a_table_becomes_a_frame_with_the_dtypes_of_contact_frames():
    table = pl.DataFrame(
        {
            "text": ["a", None, ""],
            "word": pl.Series(["x", "x", None], dtype=pl.Categorical),
            "flag": [True, None, False],
            "count": [2**60 + 1, None, 1],
            "list": [["a"], None, []],
            "mapping": [{"a": 1, "b": None}, {"a": None, "b": {"c": None}}, None],
        }
    )
    frame = as_frame(table)
    assert list(map(str, frame.dtypes)) == [
        *("string", "string", "boolean", "Int64", "object", "object"),
    ]
    assert frame["text"].fillna("-").tolist() == ["a", "-", ""]
    assert frame["word"].fillna("-").tolist() == ["x", "x", "-"]
    assert frame["count"].tolist()[0] == 2**60 + 1
    assert frame["list"].tolist() == [["a"], None, []]
    assert frame["mapping"].tolist() == [{"a": 1}, {"b": {}}, None]


def test_times_and_days_keep_their_values():
    relation = duckdb.sql("SELECT TIMESTAMPTZ '2026-03-01 12:00:00+00' AS at, DATE '1990-05-04' d")
    frame = as_frame(relation)
    assert frame["at"][0] == pd.Timestamp("2026-03-01T12:00:00Z")
    assert frame["d"][0] == "1990-05-04"


@EVERY
def test_to_arrow_takes_every_table_and_keeps_it(name):
    frame = contacts(name)
    expected = ck.to_arrow(frame)
    for table in tables(frame).values():
        assert ck.to_arrow(table).equals(expected)


def test_extra_columns_are_columns_of_their_own():
    frame = contacts("privy").assign(score=[*range(12)])
    for table in [ck.to_arrow(frame).to_pandas(), *tables(frame).values()]:
        read = as_frame(table)
        assert read["score"].tolist() == [*range(12)] and "extras" not in read


def test_a_column_extras_of_the_user_stays():
    frame = pd.DataFrame({"id": ["a", "b"], "extras": ["{}", "seats"]})
    assert as_frame(frame) is frame


LAZY = {
    "collect": pl.LazyFrame({"id": ["a"]}),
    "compute": dd.from_pandas(pd.DataFrame({"id": ["a"]}), npartitions=1),
    "to_table": ds.dataset(pa.table({"id": ["a"]})),
}


@pytest.mark.parametrize("call", LAZY)
def test_a_table_that_is_not_read_yet_says_what_reads_it(call):
    with ck.connect("privy", via=ck.Simulator(contacts=2)) as client:
        with pytest.raises(ck.InvalidInputError, match=rf"not \w+'s \w+; call \.{call}\(\) first"):
            client.contacts.plan(LAZY[call])
        with pytest.raises(ck.InvalidInputError, match=rf"call \.{call}\(\) first"):
            ck.to_arrow(LAZY[call])


@EVERY
def test_an_edit_made_in_another_library_is_planned(name):
    with ck.connect(name, via=ck.Simulator(contacts=12)) as client:
        people = client.contacts.list()
        field = {"sent": "opt_out", "digital_onboarding": "name_first"}.get(name, "first_name")
        value = True if name == "sent" else "Ada"
        edited = pl.from_pandas(people).with_columns(pl.lit(value).alias(field))
        plan = client.contacts.plan(edited, pl.from_pandas(people))
        assert plan.cells["field"].unique().tolist() == [field]
        assert len(client.contacts.plan(edited)) == len(plan)


async def test_the_async_client_takes_a_table():
    with ck.connect("privy", via=ck.Simulator(contacts=12)) as client:
        people = await client.aio.contacts.list()
        assert len(await client.aio.contacts.plan(pl.from_pandas(people), people)) == 0


def test_bulk_verbs_take_a_table():
    rows = {"phone": ["+12125550187", "+12125550188"], "tags": [["vip"], None]}
    variables = [{"size": "L", "colour": None}, {"size": None, "colour": "red"}]
    table = pl.DataFrame({**rows, "custom_variables": variables})
    with ck.connect("sendblue", via=ck.Simulator(contacts=2)) as client:
        done = client.contacts.bulk_create(table)
        assert done["outcome"].tolist() == ["updated", "updated"]
        people = client.contacts.list().set_index("phone").loc[rows["phone"]]
        assert people["custom_variables"].tolist() == [{"size": "L"}, {"colour": "red"}]
        assert people["tags"].tolist() == [["vip"], []]
        deleted = client.contacts.bulk_delete(table)
        assert deleted["outcome"].tolist() == ["deleted", "deleted"]


def test_upsert_takes_a_table_in_the_declared_schema():
    with ck.connect("digital_onboarding", via=ck.Simulator(contacts=4)) as client:
        new = pd.DataFrame({"unique_id": ["core-20001"], "meta_public": [{"tier": {"level": 2}}]})
        table = ck.to_arrow(new, "digital_onboarding").select(["unique_id", "meta_public"])
        assert client.contacts.upsert(table)["outcome"].tolist() == ["created"]
        people = client.contacts.list().set_index("unique_id")
        assert people.at["core-20001", "meta_public"] == {"tier": {"level": 2}}


def test_browse_takes_a_table():
    with ck.connect("privy", via=ck.Simulator(contacts=12)) as client:
        people = client.contacts.list()
        browser = client.contacts.browse(pl.from_pandas(people))
        plain = client.contacts.browse(people)
        assert browser._people.count == plain._people.count == 12  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(ck.InvalidInputError, match="must be a contact frame of Privy"):
            client.contacts.browse(ck.to_arrow(contacts("sent")))
