"""The labels of rows: kept in a plan's file, whatever they are."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_index_equal

import contactkit as ck
from contactkit._plans.change import PlannedWrite
from contactkit._plans.labels import decode_labels, encode_labels
from contactkit._plans.parquet import _AT_ONCE
from contactkit._plans.plan import Plan
from contactkit._providers import find

SCALARS = (
    st.integers(-(2**70), 2**70)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.none()
    | st.binary(max_size=4)
    | st.dates()
    | st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)).map(pd.Timestamp)
)
LABELS = SCALARS | st.tuples(SCALARS, SCALARS)


def index_of(labels: list[Any]) -> pd.Index:
    return pd.Index(labels, dtype=object, tupleize_cols=False)


@given(st.lists(LABELS, max_size=8))
def test_labels_of_any_kind_survive(labels: list[Any]) -> None:
    index = index_of(labels)
    encoded, levels = encode_labels(index)
    decoded = decode_labels(encoded, levels).set_names(index.names)
    assert [(type(a), a) for a in decoded] == [(type(a), a) for a in index]


def saved(index: pd.Index, path: Path) -> Plan:
    contacts = tuple(
        PlannedWrite(operation="update", key=f"k{n}", changes={"first_name": "Jan"})
        for n in range(len(index))
    )
    created = datetime.fromisoformat("2026-10-01T09:00:00+00:00")
    plan = Plan(provider=find("privy"), contacts=contacts, index=index, created=created)
    plan.to_parquet(path)
    kept = ck.read_plan(path)
    assert (kept.contacts, kept.digest) == (plan.contacts, plan.digest)
    return kept


@pytest.mark.parametrize(
    "index",
    [
        index_of([1, "a", ("b", 2), None, 1.5, True, date(2026, 1, 1), b"x"]),
        index_of([("a", 1), ("b", 2)]),
        index_of(["\ud800", "a"]),
        pd.MultiIndex.from_arrays([[1, 2], index_of(["x", 3])], names=["key", None]),
        pd.RangeIndex(3, 9, 2, name="operation"),
        pd.Index(["a", "a"], name="before"),
        pd.CategoricalIndex(["b", "a"]),
        pd.DatetimeIndex(["2026-01-01", "2026-01-02"], tz="UTC"),
        pd.RangeIndex(0),
    ],
    ids=str,
)
def test_index_of_a_plan_survives_a_file(index: pd.Index, tmp_path: Path) -> None:
    kept = saved(index, tmp_path / "plan.parquet").index
    assert_index_equal(kept, index, exact="equiv", check_categorical=False)


def test_label_without_a_value_survives_a_file(tmp_path: Path) -> None:
    kept = saved(index_of([pd.NA, pd.NaT, float("nan"), "a"]), tmp_path / "plan.parquet").index
    assert kept[0] is pd.NA and kept[1] is pd.NaT and kept[2] != kept[2] and kept[3] == "a"


def test_numbers_with_a_gap_stay_whole_numbers(tmp_path: Path) -> None:
    index = pd.Index([1, 2, None], dtype="Int64")
    assert saved(index, tmp_path / "plan.parquet").index.tolist() == [1, 2, pd.NA]


def test_key_that_no_file_can_have_is_named(tmp_path: Path) -> None:
    write = PlannedWrite(operation="update", key="\ud800", changes={"first_name": "Jan"})
    created = datetime.fromisoformat("2026-10-01T09:00:00+00:00")
    plan = Plan(provider=find("privy"), contacts=(write,), index=index_of([0]), created=created)
    with pytest.raises(ck.ConfigurationError, match="a key has characters that UTF-8 cannot"):
        plan.to_parquet(tmp_path / "plan.parquet")


def test_object_that_is_a_label_is_kept_as_its_text(tmp_path: Path) -> None:
    kept = saved(pd.interval_range(0, 2), tmp_path / "plan.parquet").index
    assert kept.tolist() == ["(0, 1]", "(1, 2]"]
    kept = saved(index_of([Path("a"), 1]), tmp_path / "plan.parquet").index
    assert kept.tolist() == ["a", 1]


def test_large_plan_is_written_in_parts_that_pandas_reads(tmp_path: Path) -> None:
    path, size = tmp_path / "plan.parquet", 2 * _AT_ONCE + 7
    saved(index_of([n if n % 2 else str(n) for n in range(size)]), path)
    assert pq.ParquetFile(path).num_row_groups == 3
    frame = pd.read_parquet(path)
    assert len(frame) == size and frame.attrs["provider"] == "privy"
    assert frame["key"].tolist() == [f"k{n}" for n in range(size)]
