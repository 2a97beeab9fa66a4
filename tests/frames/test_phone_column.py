"""`ck.phones`: a column of any spelling and dtype as E.164, and the cells that are no number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck

NUMBER = "must be a phone number as text, or as a whole number that is not rounded"


@pytest.mark.parametrize("dtype", ["float32", "Float32"])
def test_number_that_a_short_float_rounds_is_none(dtype: str, tmp_path: Path) -> None:
    column = pd.Series([2025550123.0]).astype(dtype)
    numbers, unreadable = ck.phones(column, region="US")
    assert numbers.isna().all() and unreadable["message"].tolist() == [NUMBER]
    column.to_frame("phone").to_parquet(tmp_path / "people.parquet")
    with pytest.warns(ck.ContactKitWarning, match="1 cell is"):
        read = ck.read_contacts(tmp_path / "people.parquet", "sendblue", region="US")
    assert read["phone"].isna().all()


def test_negative_number_is_no_phone_number() -> None:
    numbers, unreadable = ck.phones(pd.Series([-2025550123, -2025550123.0]), region="US")
    assert numbers.isna().all() and unreadable["message"].tolist() == [NUMBER] * 2


def test_phones_returns_numbers_and_what_cannot_be_read() -> None:
    cells = ["(202) 555-0123", None, "call me", "+44 7700 900123", " ", "202 555 0124 x5"]
    column = pd.Series(cells, index=[*"abcdef"], name="Phone")
    numbers, unreadable = ck.phones(column, region="US")
    assert numbers.fillna("").tolist() == ["+12025550123", "", "", "+447700900123", "", ""]
    assert (numbers.dtype, numbers.name) == ("string", "Phone")
    assert numbers.index.equals(column.index)
    assert unreadable.dtypes.astype(str).to_dict() == {
        "label": "object",
        "position": "int64",
        "raw": "object",
        "message": "string",
    }
    assert unreadable[["label", "position", "raw"]].to_numpy().tolist() == [
        ["c", 2, "call me"],
        ["f", 5, "202 555 0124 x5"],
    ]
    assert unreadable["message"].str.startswith("must be a phone number of US").all()


def test_phones_without_a_region_reads_only_country_codes() -> None:
    numbers, unreadable = ck.phones(pd.Series(["+1 202 555 0123", "202 555 0123"]))
    assert numbers.fillna("").tolist() == ["+12025550123", ""]
    assert unreadable["raw"].tolist() == ["202 555 0123"]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([12025550123, 12025550124]),
        pd.Series([12025550123.0, np.nan]),
        pd.Series([12025550123, None], dtype="Int64"),
        pd.Series(["12025550123", None], dtype="string[pyarrow]"),
        pd.Series(["12025550123", None], dtype="category"),
        pd.Series([12025550123.0, None], dtype="object"),
    ],
)
def test_phones_reads_any_dtype(column: pd.Series) -> None:
    numbers, unreadable = ck.phones(column, region="US")
    assert numbers.iloc[0] == "+12025550123"
    assert unreadable.empty


@pytest.mark.parametrize("cell", [True, 12025550123.5, 1e300, float("inf"), b"+12025550123", ["x"]])
def test_phones_refuses_what_is_neither_text_nor_a_whole_number(cell: object) -> None:
    numbers, unreadable = ck.phones(pd.Series([cell], dtype=object), region="US")
    assert numbers.isna().all()
    assert unreadable["message"].tolist() == [NUMBER]


def test_phones_of_no_rows_keeps_dtypes() -> None:
    numbers, unreadable = ck.phones(pd.Series([], dtype=object))
    assert (numbers.dtype, len(unreadable), unreadable["position"].dtype) == ("string", 0, "int64")


def test_phones_keeps_labels_of_several_levels() -> None:
    index = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])
    assert ck.phones(pd.Series(["x", "y"], index=index)).unreadable["label"].tolist() == [*index]


@given(st.lists(st.none() | st.text(max_size=5) | st.integers() | st.floats() | st.booleans()))
def test_phones_has_a_number_a_gap_or_a_message_for_each_cell(cells: list[object]) -> None:
    numbers, unreadable = ck.phones(pd.Series(cells, dtype=object), region="US")
    assert len(numbers) == len(cells)
    assert numbers.iloc[unreadable["position"]].isna().all()


@pytest.mark.parametrize(
    ("column", "region", "message"),
    [
        (["+12025550123"], None, "series: must be a Series, not list"),
        (pd.Series(["x"]), "us", "region: must be an ISO"),
    ],
)
def test_phones_names_a_wrong_argument(column, region: str | None, message: str) -> None:
    with pytest.raises(ck.InvalidInputError, match=f"^phones: {message}"):
        ck.phones(column, region=region)
