"""For any contacts, with gaps, nested mappings and empty parts: a round trip is no edit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.record import RecordField, fields_of, key_of
from tests.support.examples import examples
from tests.support.providers import EXAMPLES

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
SCALARS = TEXT | st.integers(-9, 9) | st.booleans() | st.sampled_from([0.5, 2.5])
NESTED = st.recursive(SCALARS, lambda inner: st.dictionaries(TEXT, inner, max_size=2), max_leaves=4)


def cells(declared: RecordField) -> st.SearchStrategy[Any]:
    if declared.kind == "dict":
        flat = SCALARS if declared.accepts({"": 1}) else TEXT
        inner = NESTED if declared.accepts({"": {"": 1}}) else flat
        return st.none() | st.dictionaries(TEXT, inner, max_size=3)
    if declared.kind == "list":
        return st.none() | st.lists(TEXT, max_size=3)
    return st.none() | TEXT


@pytest.mark.parametrize("name", EXAMPLES)
def test_any_contacts_come_back_as_they_were(name, tmp_path: Path):
    record = find(name).record
    fields = {
        n: f
        for n, f in fields_of(record).items()
        if f.kind in ("list", "dict", "string") and f is not key_of(record)
    }
    with ck.connect(name, via=ck.Simulator(contacts=5)) as client:
        people = client.contacts.list()[:5].reset_index(drop=True)

        @settings(
            max_examples=examples(6), deadline=None, suppress_health_check=[HealthCheck.too_slow]
        )
        @given(st.data())
        def holds(data: st.DataObject) -> None:
            frame = people.astype(object)
            for field in data.draw(st.sets(st.sampled_from([*fields]), max_size=4)):
                rows = st.lists(cells(fields[field]), min_size=5, max_size=5)
                frame[field] = pd.Series(data.draw(rows), dtype=object)
            cut = data.draw(st.integers(0, 5))
            parts = [ck.to_arrow(frame[:cut]), ck.to_arrow(frame[cut:])]
            table = pa.concat_tables(parts)
            polars = pl.DataFrame(table)
            for trip in (table, table.to_pandas(), polars, polars.to_pandas()):
                assert len(client.contacts.plan(trip, frame)) == 0
            for ending in ("parquet", "feather", "csv", "xlsx"):
                path = tmp_path / f"people.{ending}"
                ck.write_contacts(frame, path, name)
                assert len(client.contacts.plan(ck.read_contacts(path), frame)) == 0

        holds()
