"""A result frame is saved in one line, in every format, and behaves as a frame of objects."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import contactkit as ck
from contactkit._frames.nested import CONTACT
from tests.support.providers import EXAMPLES

EVERY = pytest.mark.parametrize("name", EXAMPLES)


@pytest.fixture(params=EXAMPLES)
def results(request: pytest.FixtureRequest) -> list[pd.DataFrame]:
    """The results of a create, of an apply and of nothing."""
    name = request.param
    with ck.connect(name, via=ck.Simulator(contacts=8)) as client:
        done = client.contacts.create(**EXAMPLES[name].create)
        people = client.contacts.list()
        field = next(n for n, v in EXAMPLES[name].update.items() if not isinstance(v, dict))
        edited = people.assign(**{field: EXAMPLES[name].update[field]})
        applied = client.contacts.plan(edited, people).apply(progress=False)
    return [done, applied, done[:0]]


@EVERY
def test_cells_of_several_kinds_are_saved_in_one_line(name, tmp_path):
    with ck.connect(name, via=ck.Simulator(contacts=8)) as client:
        people = client.contacts.list()
        changed = people.astype(object).assign(**EXAMPLES[name].update)
        cells = client.contacts.plan(changed, people).cells
        changes = ck.changes(people.head(2), people.tail(2))
    for frame in (cells, changes):
        frame.to_parquet(tmp_path / "cells.parquet")
        read = pd.read_parquet(tmp_path / "cells.parquet")
        for column in frame.columns[frame.dtypes == CONTACT]:
            texts = read[column].astype(object).where(read[column].notna(), "null")
            assert [*map(json.loads, texts)] == frame[column].tolist()


def test_results_are_saved_in_one_line_and_read_back(results, tmp_path):
    for result in results:
        result.to_parquet(tmp_path / "result.parquet")
        result.to_feather(tmp_path / "result.feather")
        for read in (
            pd.read_parquet(tmp_path / "result.parquet"),
            pd.read_feather(tmp_path / "result.feather"),
            pl.read_parquet(tmp_path / "result.parquet").select([*result]).to_pandas(),
        ):
            assert [*read] == [*result]
            assert read["outcome"].tolist() == result["outcome"].tolist()
            for name in ("before", "after"):
                cells = [None if pd.isna(text) else json.loads(text) for text in read[name]]
                assert cells == json.loads(json.dumps(result[name].tolist(), default=str))


@pytest.mark.parametrize("results", ["sent"], indirect=True)
def test_a_saved_result_is_read_where_contactkit_is_not_imported(results, tmp_path):
    results[0].to_parquet(tmp_path / "result.parquet")
    code = (
        f"import pandas as pd; print(pd.read_parquet({str(tmp_path / 'result.parquet')!r}).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == str(results[0].shape), done.stderr


def test_results_go_into_other_libraries(results):
    for result in results:
        assert pl.from_pandas(result).height == len(result)
        assert len(duckdb.sql("SELECT * FROM result").df()) == len(result)


def test_results_open_with_what_matters_and_end_with_the_contacts(results):
    for result in results:
        assert [*result][:4] == ["outcome", "key", "message", "changed"]
        assert [*result][-2:] == ["before", "after"]


def test_the_timeline_of_an_apply_prints_as_one_line(results):
    applied = results[1]
    assert applied.attrs["timeline"] and "[" not in repr(applied.attrs["timeline"])
    assert "[[" not in repr(applied.attrs)


CELLS = [{"a": 1}, None, {}, {"a": [{"b": None}]}]


@pytest.fixture
def column() -> pd.Series:
    return pd.Series(CELLS, dtype=CONTACT, index=[*"wxyz"])


def test_cells_are_mappings_or_none(column):
    assert column.tolist() == CELLS and column["w"] == {"a": 1} and column["x"] is None
    assert column.isna().tolist() == [False, True, False, False]
    assert column[["y"]].item() == {} and column.iloc[::-1].tolist() == CELLS[::-1]
    assert str(column.dtype) == "object"
    assert column.astype(object).tolist() == CELLS
    assert pd.Series([pd.NA, np.nan], dtype=CONTACT).tolist() == [None, None]


def test_columns_are_joined_filled_copied_and_compared(column):
    assert pd.concat([column, column]).tolist() == CELLS * 2
    assert column.reindex(["w", "new"]).tolist() == [{"a": 1}, None]
    assert pickle.loads(pickle.dumps(column)).tolist() == CELLS
    assert (column == column.copy()).tolist() == [True, False, True, True]
    assert (column == {"a": 1}).tolist() == [True, False, False, False]
    assert column.map(bool).tolist() == [True, False, False, True]
    assert column.map(str).dtype != CONTACT
    copied = column.copy()
    copied["w"], copied["x"] = None, {"b": 2}
    assert copied.tolist()[:2] == [None, {"b": 2}] and column.tolist() == CELLS


def test_columns_are_shown_and_saved_as_text(column, tmp_path: Path):
    frame = column.to_frame("after")
    assert "{'a': 1}" in repr(frame) and "{&#x27;a&#x27;: 1}" in frame.to_html().replace(
        "'", "&#x27;"
    )
    assert json.loads(frame.to_json())["after"]["z"] == {"a": [{"b": None}]}
    frame.to_csv(tmp_path / "a.csv")
    assert "{'a': 1}" in (tmp_path / "a.csv").read_text()


def test_cells_are_grouped_and_their_duplicates_dropped():
    cells = pd.DataFrame({"old": pd.Series(["a", None, "a", "b"], dtype=CONTACT)})
    assert cells.groupby("old").size().to_dict() == {"a": 2, "b": 1}
    assert cells.drop_duplicates(["old"])["old"].tolist() == ["a", None, "b"]
    assert cells["old"].value_counts().to_dict() == {"a": 2, "b": 1}
