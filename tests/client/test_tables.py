"""`ck.schema` and `ck.to_arrow`: one Arrow schema per provider, from its declaration alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.record import fields_of
from tests.support.providers import EXAMPLES

EVERY = pytest.mark.parametrize("name", EXAMPLES)
TYPES = {
    "string": pa.string(),
    "category": pa.dictionary(pa.int8(), pa.string()),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
    "list": pa.list_(pa.string()),
    "dict": pa.string(),
}


def contacts(name: str, count: int = 30) -> pd.DataFrame:
    with ck.connect(name, via=ck.Simulator(contacts=count)) as client:
        return client.contacts.list()


@EVERY
def test_schema_has_the_declared_fields_in_order_and_then_extras(name):
    declared = fields_of(find(name).record)
    schema = ck.schema(name)
    assert schema.names == [*declared, "extras"]
    assert schema.types == [*(TYPES[field.kind] for field in declared.values()), pa.string()]
    assert schema.metadata == {b"contactkit.provider": name.encode()}


def test_schema_of_an_unknown_provider_is_refused():
    with pytest.raises(ck.ConfigurationError, match="did you mean 'sent'"):
        ck.schema("sen")


@EVERY
def test_frames_of_any_length_and_dtype_have_one_schema(name):
    frame = contacts(name)
    loose = [frame.astype(object), frame.convert_dtypes(), frame.set_index(frame.columns[0])]
    for each in (frame.iloc[:0], frame.iloc[:1], frame, *loose):
        table = ck.to_arrow(each)
        assert table.schema.equals(ck.schema(name), check_metadata=True)
        assert table.num_rows == len(each)
    assert all(ck.to_arrow(each).equals(ck.to_arrow(frame)) for each in loose)


@EVERY
def test_a_parquet_file_of_the_table_is_no_edit(name):
    with ck.connect(name, via=ck.Simulator(contacts=30)) as client:
        frame = client.contacts.list()
        file = io.BytesIO()
        pq.write_table(ck.to_arrow(frame), file)
        assert pq.read_schema(file).equals(ck.schema(name), check_metadata=True)
        for backend in ({}, {"dtype_backend": "numpy_nullable"}, {"dtype_backend": "pyarrow"}):
            assert len(client.contacts.plan(pd.read_parquet(file, **backend), frame)) == 0


def test_columns_that_are_not_declared_are_kept_in_extras():
    frame = contacts("privy", 2).assign(score=[1.5, None], seen=pd.Timestamp("2026-01-02"), new="x")
    extras = ck.to_arrow(frame).column("extras").to_pylist()
    seen = "2026-01-02T00:00:00"
    assert list(map(json.loads, extras)) == [
        {"score": 1.5, "seen": seen, "new": "x"},
        {"score": None, "seen": seen, "new": "x"},
    ]
    assert ck.to_arrow(frame).schema == ck.schema("privy")


def test_missing_columns_are_null():
    table = ck.to_arrow(pd.DataFrame({"id": ["cus_1"]}), "privy")
    assert table.select(["id", "tags"]).to_pylist() == [{"id": "cus_1", "tags": None}]


def test_cells_of_another_kind_are_refused_by_position_and_not_repeated():
    frame = contacts("privy", 3).astype(object)
    frame.at[1, "email_consent"], frame.at[2, "last_name"] = "perhaps", ck.CLEAR
    with pytest.raises(ck.InvalidInputError) as refused:
        ck.to_arrow(frame)
    assert [problem.field for problem in refused.value.problems] == [
        "frame[2] last_name",
        "frame[1] email_consent",
    ]
    assert "must be one of subscribed" in str(refused.value)
    assert "perhaps" not in str(refused.value)


def test_half_an_emoji_becomes_a_replacement_character():
    frame = contacts("privy", 1).astype(object)
    frame.at[0, "first_name"], frame.at[0, "tags"] = "a\ud83d", ["\ud83d\ude00"]
    table = ck.to_arrow(frame).select(["first_name", "tags"])
    assert table.to_pylist() == [{"first_name": "a\ufffd", "tags": ["😀"]}]


def test_the_provider_follows_from_the_columns_where_attrs_are_lost():
    frame = contacts("sent", 2)
    frame.attrs.clear()
    assert ck.to_arrow(frame).schema == ck.schema("sent")
    with pytest.raises(ck.ConfigurationError, match="choose one with provider="):
        ck.to_arrow(pd.DataFrame({"id": ["x"]}))


def test_without_pyarrow_the_error_names_the_extra():
    code = """
import sys
sys.modules["pyarrow"] = None
import contactkit as ck
try:
    ck.schema("sent")
except ImportError as error:
    print(error)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'pip install "contactkit[parquet]"' in printed.stdout, printed.stderr
