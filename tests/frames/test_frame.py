"""Contact frames and result frames: declared columns and dtypes, whatever came."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._frames.decode import read_rows
from contactkit._frames.frame import (
    STRING,
    TIME,
    Problems,
    dtype_of,
    problems,
    result_frame,
    rows_of,
    to_frame,
)
from contactkit._frames.nested import CONTACT
from contactkit._providers import find
from contactkit.spec.outcome import Outcome
from contactkit.spec.record import Record, Time, fields_of, key, parse_time, read_only, writable


class Thing(Record):
    """A field of every kind."""

    id: Annotated[str, key("Key.")]
    phone: Annotated[str | None, writable("Text.", personal="phone", wire="tel")] = None
    size: Annotated[Literal["s", "m"], writable("Choice.")]
    ok: Annotated[bool | None, writable("Flag.")] = None
    count: Annotated[int | None, read_only("Count.")] = None
    at: Annotated[Time, read_only("Time.")]
    tags: Annotated[list[str], writable("List.")]
    more: Annotated[dict[str, str | int | bool | None] | None, writable("Mapping.")] = None


DTYPES = {
    "id": STRING,
    "phone": STRING,
    "size": pd.CategoricalDtype(["s", "m"]),
    "ok": pd.BooleanDtype(),
    "count": pd.Int64Dtype(),
    "at": pd.DatetimeTZDtype("us", "UTC"),
    "tags": np.dtype(object),
    "more": np.dtype(object),
}
ROW: dict[str, Any] = {
    "id": "0044",
    "tel": "+14155550100",
    "size": "m",
    "ok": True,
    "count": 3,
    "at": "2026-03-01T12:00:00Z",
    "tags": ["a", "b"],
    "more": {"x": 1},
}
SHUFFLED = dict(reversed(ROW.items()))
EMPTY = dict.fromkeys(ROW)


def framed(*pages: Sequence[Any], attrs: dict[str, Any] | None = None) -> pd.DataFrame:
    return to_frame(Thing, [read_rows(Thing, page) for page in pages], attrs)


def quietly(*pages: Sequence[Any]) -> pd.DataFrame:
    """A frame of which some cells are bad."""
    with pytest.warns(ck.ContactKitWarning):
        return framed(*pages)


# Columns and dtypes


@pytest.mark.parametrize(
    "pages",
    [[], [[]], [[], []], [[ROW]], [[ROW] * 300], [[ROW], [], [SHUFFLED, ROW]], [[SHUFFLED]]],
    ids=["nothing", "empty", "two empty", "one", "many", "pages", "shuffled"],
)
def test_columns_and_dtypes_are_declared(pages: list[list[Any]]) -> None:
    frame = framed(*pages)
    assert dict(frame.dtypes) == DTYPES
    assert list(frame.columns) == list(DTYPES)
    assert frame.index.equals(pd.RangeIndex(sum(map(len, pages))))


@pytest.mark.parametrize("row", [EMPTY, {}, None], ids=["null", "no field", "no object"])
def test_columns_and_dtypes_are_the_same_for_bad_rows(row: Any) -> None:
    frame = quietly([row, row])
    assert dict(frame.dtypes) == DTYPES
    assert frame.isna().all(axis=None)


@given(st.lists(st.sampled_from([ROW, SHUFFLED, EMPTY, {}, None, ROW | {"at": 5}]), max_size=5))
def test_columns_and_dtypes_are_the_same_for_any_rows(rows: list[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ContactKitWarning)
        frame = framed(rows)
    assert dict(frame.dtypes) == DTYPES
    assert len(frame) == len(rows)


def test_columns_and_dtypes_are_the_same_for_no_rows(name: str) -> None:
    client = ck.connect(name, via=ck.Simulator(contacts=3))
    record = find(name).record
    none = to_frame(record, [read_rows(record, [])])
    assert dict(none.dtypes) == dict(client.contacts.list().dtypes)


def test_dtype_of_a_field_is_that_of_its_column() -> None:
    assert {name: dtype_of(field) for name, field in fields_of(Thing).items()} == DTYPES


def test_frame_types_are_not_inferred() -> None:
    frame = framed([ROW])
    assert frame.loc[0, "id"] == "0044"
    assert frame.loc[0, "phone"] == "+14155550100"


def test_unknown_flag_is_na_and_not_false() -> None:
    frame = framed([ROW | {"ok": None}, ROW | {"ok": False}])
    assert frame["ok"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00"),
        ("2026-03-01T12:00:00+00:00", "2026-03-01T12:00:00"),
        ("2026-03-01T12:00:00-05:00", "2026-03-01T17:00:00"),
        ("2026-03-01T12:00:00.1234567+00:00", "2026-03-01T12:00:00.123456"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59"),
    ],
)
def test_times_are_in_utc_to_the_microsecond(text: str, utc: str) -> None:
    frame = framed([ROW | {"at": text}])
    assert frame["at"].dtype == TIME
    assert frame.loc[0, "at"] == pd.Timestamp(datetime.fromisoformat(utc), tz="UTC")


@pytest.mark.parametrize("text", ["2026-03-01T12:00:00", "2026-02-30T12:00:00Z", "soon", ""])
def test_naive_or_impossible_time_is_na_and_a_problem(text: str) -> None:
    frame = quietly([ROW | {"at": text}])
    assert frame.loc[0, "at"] is pd.NaT
    assert problems(frame)["raw"].tolist() == [text]


# Problems and new fields


def test_bad_cell_is_na_and_a_problem_without_its_neighbours() -> None:
    frame = quietly([ROW, ROW], [ROW, ROW | {"ok": "yes", "size": "xl"}])
    assert frame["ok"].isna().tolist() == [False, False, False, True]
    assert frame["size"].isna().tolist() == [False, False, False, True]
    assert frame.loc[3, "phone"] == "+14155550100"
    found = problems(frame)
    assert found[["row", "key", "field", "raw"]].to_numpy().tolist() == [
        [3, "0044", "size", "xl"],
        [3, "0044", "ok", "yes"],
    ]


def test_problems_frame_has_its_dtypes_when_empty() -> None:
    expected = {"row": "Int64", "key": STRING, "field": STRING, "raw": object, "message": STRING}
    for frame in (framed([ROW]), quietly([EMPTY]), pd.DataFrame()):
        found = problems(frame)
        assert list(found.columns) == list(expected)
        assert dict(found.dtypes) == expected


def test_bad_cells_are_one_warning_without_values() -> None:
    with pytest.warns(ck.ContactKitWarning) as caught:
        framed([ROW | {"tel": 2025550142}, ROW], [ROW | {"tel": 2025550142, "ok": 5}])
    [warning] = caught
    assert str(warning.message).startswith("3 cells are not as documented and became NA (ok, ")
    assert "2025550142" not in str(warning.message)


def test_row_that_is_no_object_is_one_problem_without_a_field() -> None:
    with pytest.warns(ck.ContactKitWarning, match="whole rows"):
        frame = framed([ROW, "rubbish", ROW])
    assert frame["id"].isna().tolist() == [False, True, False]
    assert problems(frame)[["row", "field", "raw"]].to_numpy().tolist() == [[1, "", "rubbish"]]


def test_new_fields_are_extra_columns_and_one_warning() -> None:
    with pytest.warns(ck.ContactKitWarning) as caught:
        frame = framed([ROW], [ROW | {"new": [1], "newer": 2}], [ROW | {"new": None}])
    assert [str(warning.message) for warning in caught] == [
        "new fields, kept unchanged: new, newer"
    ]
    assert list(frame.columns) == [*DTYPES, "new", "newer"]
    assert frame["new"].tolist() == [None, [1], None]
    assert frame["newer"].tolist() == [None, 2, None]
    assert dict(frame[list(DTYPES)].dtypes) == DTYPES


# Provenance


def test_attrs_are_json() -> None:
    frame = framed([ROW], attrs={"provider": "things"})
    assert frame.attrs == {"provider": "things", "problems": 0}
    assert frame.attrs["problems"].rows == ()
    bad = quietly([EMPTY, None, "text", ROW | {"ok": {"a": [1]}}]).attrs["problems"]
    assert isinstance(bad, Problems)
    assert json.loads(json.dumps({"problems": bad})) == {"problems": len(bad.rows)}
    assert [row[:4] for row in bad.rows if row[0]] == [
        (1, "", "", None),
        (2, "", "", "text"),
        (3, "0044", "ok", {"a": [1]}),
    ]
    assert [tuple(row) for row in json.loads(json.dumps(bad.rows))] == list(bad.rows)


def test_problems_compare_by_their_rows() -> None:
    bad = quietly([EMPTY, None], [ROW | {"ok": {"a": [1]}}])
    rows = bad.attrs["problems"].rows
    assert list(problems(bad).itertuples(index=False, name=None)) == list(rows)
    assert list(problems(bad).columns) == ["row", "key", "field", "raw", "message"]


def test_derived_frame_keeps_the_problems() -> None:
    bad = quietly([ROW, ROW | {"ok": "yes"}])
    found = bad.attrs["problems"]
    assert copy.deepcopy(found) is found
    pickled = pickle.loads(pickle.dumps(bad))
    for taken in (bad.copy(), bad[["id"]], bad.head(1)):
        assert taken.attrs["problems"].rows == found.rows
        assert problems(taken).equals(problems(bad))
    assert type(pickled.attrs["problems"]) is int
    with pytest.raises(LookupError, match="did not keep"):
        problems(pickled)


def test_frames_share_no_attrs() -> None:
    attrs = {"provider": "things"}
    one, other = framed([ROW], attrs=attrs), framed([ROW], attrs=attrs)
    one.attrs["problems"] = 5
    one.attrs["provider"] = "changed"
    assert other.attrs == {"provider": "things", "problems": 0}
    assert attrs == {"provider": "things"}
    with pytest.warns(ck.ContactKitWarning):
        bad = framed([ROW | {"ok": "yes"}], attrs=attrs)
    assert isinstance(bad.attrs["problems"].rows, tuple)
    assert (other.attrs["problems"].rows, framed([ROW]).attrs["problems"].rows) == ((), ())


def test_frame_values_are_copies() -> None:
    row = {**ROW, "tags": ["a"], "more": {"x": 1}}
    frame = framed([row])
    frame.loc[0, "tags"].append("b")
    frame.loc[0, "more"]["x"] = 2
    frame.loc[0, "phone"] = "changed"
    assert row == {**ROW, "tags": ["a"], "more": {"x": 1}}


def test_parquet_keeps_dtypes_values_and_attrs(tmp_path: Path) -> None:
    frame = quietly([ROW, ROW | {"ok": None, "count": None, "at": "soon"}])
    frame.to_parquet(tmp_path / "things.parquet")
    again = pd.read_parquet(tmp_path / "things.parquet")
    assert again.attrs == frame.attrs == {"problems": 1}
    plain = ["size", "ok", "count", "at"]
    pd.testing.assert_frame_equal(again[plain], frame[plain])
    assert again["phone"].tolist() == frame["phone"].tolist()
    assert list(map(list, again["tags"])) == frame["tags"].tolist()


def test_parquet_keeps_only_the_count_of_problems(tmp_path: Path) -> None:
    frame = quietly([ROW, ROW | {"tel": 2025550142, "at": "soon"}])
    assert problems(frame)["raw"].tolist() == [2025550142, "soon"]
    frame.to_parquet(tmp_path / "things.parquet", compression=None)
    written = (tmp_path / "things.parquet").read_bytes()
    assert not [raw for raw in (b"2025550142", b"soon") if raw in written]
    again = pd.read_parquet(tmp_path / "things.parquet")
    assert type(again.attrs["problems"]) is int
    assert again.attrs["problems"] == 2
    with pytest.raises(LookupError, match="2 problems were counted"):
        problems(again)


def test_parquet_without_problems_has_none(tmp_path: Path) -> None:
    framed([ROW]).to_parquet(tmp_path / "things.parquet")
    again = pd.read_parquet(tmp_path / "things.parquet")
    assert again.attrs["problems"] == 0
    assert problems(again).equals(problems(framed([ROW])))


# Back to JSON


GOOD_ROWS = st.fixed_dictionaries(
    {
        "id": st.text(),
        "tel": st.none() | st.text(),
        "size": st.sampled_from(["s", "m"]),
        "ok": st.none() | st.booleans(),
        "count": st.none() | st.integers(-(2**63), 2**63 - 1),
        "at": st.datetimes(timezones=st.just(UTC)).map(
            lambda moment: moment.isoformat().replace("+00:00", "Z")
        ),
        "tags": st.lists(st.text(), max_size=3),
        "more": st.none()
        | st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.booleans()),
    }
)


@given(st.lists(GOOD_ROWS, max_size=5))
def test_rows_of_gives_the_decoded_rows(rows: list[dict[str, Any]]) -> None:
    back = rows_of(Thing, framed(rows))
    wires = {name: field.wire for name, field in fields_of(Thing).items()}
    again = [{wires[name]: value for name, value in row.items()} for row in back]
    for row in (*rows, *again):
        row["at"] = parse_time(row["at"])
    assert again == rows


def test_rows_of_gives_json_with_none_for_na() -> None:
    frame = quietly([EMPTY | {"id": "1"}, ROW])
    [empty, full] = rows_of(Thing, frame)
    assert empty == dict.fromkeys(DTYPES) | {"id": "1"}
    assert full == {**{n: v for n, v in ROW.items() if n != "tel"}, "phone": "+14155550100"}
    assert json.loads(json.dumps(full)) == full


def test_rows_of_skips_other_and_absent_columns() -> None:
    frame = framed([ROW, ROW])
    assert rows_of(Thing, frame[["ok"]].assign(more_yet=1)) == [{"ok": True}, {"ok": True}]
    assert rows_of(Thing, pd.DataFrame({"other": [1, 2]})) == [{}, {}]


def test_rows_of_accepts_edited_cells() -> None:
    edited = pd.DataFrame(
        {
            "id": [7],
            "ok": [np.bool_(True)],
            "count": [float("nan")],
            "tags": [np.array(["a"])],
            "more": [{"x": np.int64(3)}],
        }
    )
    assert rows_of(Thing, edited) == [
        {"id": 7, "ok": True, "count": None, "tags": ["a"], "more": {"x": 3}}
    ]


# Result frames

RESULT_DTYPES = {
    "outcome": pd.CategoricalDtype(
        "created updated unchanged deleted planned refused failed unknown skipped".split()
    ),
    "key": STRING,
    "message": STRING,
    "changed": np.dtype(object),
    "operation": pd.CategoricalDtype(["create", "update", "delete"]),
    "provider": STRING,
    "field": STRING,
    "code": STRING,
    "http_status": pd.Int64Dtype(),
    "attempts": pd.Int64Dtype(),
    "elapsed_ms": pd.Int64Dtype(),
    "at": TIME,
    "request_id": STRING,
    "idempotency_key": STRING,
    "before": CONTACT,
    "after": CONTACT,
}
RESULT: dict[str, Any] = {
    "provider": "sent",
    "key": "1",
    "operation": "update",
    "outcome": "updated",
    "changed": ["ok"],
    "before": {"ok": False},
    "after": {"ok": True},
    "http_status": 200,
    "attempts": 1,
    "elapsed_ms": 12,
    "at": datetime(2026, 4, 1, tzinfo=UTC),
}


@pytest.mark.parametrize("rows", [[], [RESULT], [{}], [RESULT, {}]], ids=["0", "1", "NA", "2"])
def test_result_frame_has_documented_columns_and_dtypes(rows: list[dict[str, Any]]) -> None:
    frame = result_frame(rows)
    assert list(frame.columns) == list(RESULT_DTYPES)
    assert dict(frame.dtypes) == RESULT_DTYPES
    assert len(frame) == len(rows)


def test_result_frame_keeps_values() -> None:
    frame = result_frame([RESULT])
    assert frame.loc[0, list(RESULT)].to_dict() == RESULT
    assert frame.drop(columns=list(RESULT)).isna().all(axis=None)


@pytest.mark.parametrize("outcome", Outcome)
def test_result_frame_outcome_has_all_categories(outcome: str) -> None:
    assert result_frame([{"outcome": outcome}])["outcome"].tolist() == [outcome]


def test_joined_pages_drop_differing_problems() -> None:
    record = find("sent").record
    with pytest.warns(ck.ContactKitWarning):
        pages = [to_frame(record, [read_rows(record, [{"id": key}])]) for key in ("a", "b")]
    joined = pd.concat(pages, ignore_index=True)
    assert joined.attrs == {}
    assert pages[0].attrs["problems"] == len(ck.problems(pages[0]))
