"""Rows read column by column: the quick look agrees with a check of every value."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contactkit._frames.decode import read_column, read_rows
from contactkit._providers import find
from contactkit.spec.record import Record, RecordField, Time, fields_of, key, parse_time, read_only


class Thing(Record):
    """A field of every kind, promised, empty at times, or not promised."""

    id: Annotated[str, key("Key.")]
    note: Annotated[str | None, read_only("Text.")]
    size: Annotated[Literal["s", "m"], read_only("Choice.")]
    side: Annotated[Literal["l", "r"] | None, read_only("Choice.", wire="theSide")] = None
    ok: Annotated[bool, read_only("Flag.")]
    maybe: Annotated[bool | None, read_only("Flag.", deprecated=("perhaps",))] = None
    count: Annotated[int, read_only("Count.")]
    times: Annotated[int | None, read_only("Count.")] = None
    at: Annotated[Time, read_only("Time.")]
    seen: Annotated[Time | None, read_only("Time.")] = None
    tags: Annotated[list[str], read_only("List.")]
    more: Annotated[dict[str, str | int | float | bool | None], read_only("Mapping.")]
    parts: Annotated[list[dict[str, int]] | None, read_only("List.")] = None


FIELDS = fields_of(Thing)
GOOD: dict[str, Any] = {
    "id": "1",
    "note": "n",
    "size": "s",
    "theSide": "l",
    "ok": True,
    "maybe": False,
    "count": 1,
    "times": 2,
    "at": "2026-03-01T12:00:00Z",
    "seen": "2026-03-01T12:00:00.1234567+00:00",
    "tags": ["a"],
    "more": {"a": 1},
    "parts": [{"a": 1}],
}
TIMES = [
    "2026-03-01T12:00:00Z",
    "2026-03-01T12:00:00+00:00",
    "2026-03-01T12:00:00-05:00",
    "2026-03-01T12:00:00+00:00:30",
    "2026-03-01T12:00:00.123Z",
    "2026-03-01T12:00:00.1234567+00:00",
    "2026-03-01T12:00:00,5Z",
    "2026-03-01T12Z",
    "2026-03-01T12:00Z",
    "20260301T120000Z",
    "2026-W09-7T12:00:00Z",
    "2026-03-01 12:00:00Z",
    "2026-03-01T12:00:00z",
    "2026-03-01T12:00:00",
    "2026-03-01",
    "2026-02-30T12:00:00Z",
    "2026-03-01T25:00:00Z",
    "2026-03-01T12:00:00+25:00",
    "0001-01-01T00:00:00+01:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "NaT",
    "now",
    "Z",
    "+00:00",
]
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from(["s", "m", "l", "r", "xl", ""]),
    st.sampled_from(TIMES),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.lists(st.text(max_size=2) | st.integers() | st.none(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.none() | st.floats() | st.lists(st.none()), max_size=2),
    st.lists(st.dictionaries(st.text(max_size=2), st.integers(), max_size=2), max_size=2),
)


def rows_like(cells: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Good rows, each with some cells replaced and some removed."""
    changes = st.dictionaries(st.sampled_from(sorted(GOOD)), cells, max_size=6)
    gaps = st.sets(st.sampled_from(sorted(GOOD)), max_size=2)
    row = st.builds(
        lambda new, gone: {n: v for n, v in {**GOOD, **new}.items() if n not in gone}, changes, gaps
    )
    return st.lists(row, max_size=4)


def is_good(declared: RecordField, value: Any) -> bool:
    try:
        declared.adapter.validate_python(value)
    except ValidationError:
        return False
    return True


@given(rows_like(CELLS))
def test_read_column_refuses_the_same_cells_as_pydantic(rows: list[dict[str, Any]]) -> None:
    expected = {
        (row, name)
        for row, values in enumerate(rows)
        for name, field in FIELDS.items()
        if not (is_good(field, values[field.wire]) if field.wire in values else not field.promised)
    }
    assert {(row, name) for row, _, name, *_ in read_rows(Thing, rows).problems} == expected


@given(st.sampled_from(sorted(FIELDS)), st.lists(CELLS, max_size=5))
def test_read_column_has_one_cell_a_value(name: str, values: list[Any]) -> None:
    array, bad = read_column(FIELDS[name], values, frozenset())
    assert len(array) == len(values)
    assert [row for row, _ in bad] == [
        row for row, value in enumerate(values) if not is_good(FIELDS[name], value)
    ]


@given(st.lists(st.sampled_from(TIMES) | st.none(), max_size=8))
def test_read_column_keeps_microseconds(values: list[str | None]) -> None:
    array, bad = read_column(FIELDS["seen"], values, frozenset())
    wrong = {row for row, _ in bad}
    for row, value in enumerate(values):
        if value is None or row in wrong:
            assert np.isnat(array[row])
        else:
            assert array[row].item().replace(tzinfo=UTC) == parse_time(value)


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), st.integers(-14, 14)
)
def test_read_column_converts_every_offset_to_utc(moment: datetime, hours: int) -> None:
    text = f"{moment.isoformat()}{hours:+03}:00"
    array, bad = read_column(FIELDS["at"], [text, GOOD["at"]], frozenset())
    assert bad == []
    assert array[0].item() == moment - timedelta(hours=hours)


@pytest.mark.parametrize("value", ["2026-03-01T12:00:00", "2026-03-01", "2026-02-30T12:00:00Z"])
def test_read_column_reports_a_naive_or_impossible_time(value: str) -> None:
    _, bad = read_column(FIELDS["at"], [value], frozenset())
    assert [row for row, _ in bad] == [0]


def test_read_column_accepts_a_datetime() -> None:
    array, bad = read_column(FIELDS["at"], [datetime(2026, 3, 1, 12, tzinfo=UTC)], frozenset())
    assert (array[0].item(), bad) == (datetime(2026, 3, 1, 12), [])


def test_read_column_reports_a_number_beyond_64_bits() -> None:
    array, bad = read_column(FIELDS["count"], [2**63, -(2**63), 5, None], frozenset())
    assert list(array.isna()) == [True, False, False, True]
    assert [row for row, _ in bad] == [0, 3]


def test_read_rows_of_nothing() -> None:
    found = read_rows(Thing, [])
    assert (found.rows, found.extras, found.problems) == (0, {}, [])
    assert list(found.arrays) == list(FIELDS)


def test_problem_names_row_key_field_and_raw_value() -> None:
    rows = [GOOD, GOOD | {"id": "2", "ok": "yes"}]
    [problem] = read_rows(Thing, rows).problems
    assert problem[:4] == (1, "2", "ok", "yes")
    assert "boolean" in problem[4]


def test_problem_of_a_row_with_a_bad_key_has_no_key() -> None:
    assert read_rows(Thing, [GOOD | {"id": 5}]).problems[0][:4] == (0, "", "id", 5)


def test_missing_promised_field_is_a_problem() -> None:
    row = {name: value for name, value in GOOD.items() if name not in ("ok", "times")}
    assert read_rows(Thing, [row]).problems == [(0, "1", "ok", None, "is missing")]


def test_null_in_a_promised_field_is_a_problem() -> None:
    rows = [GOOD | {"ok": None, "note": None, "size": None}]
    assert [problem[2] for problem in read_rows(Thing, rows).problems] == ["size", "ok"]


@pytest.mark.parametrize("row", [None, "text", 5, [], ["id"]])
def test_row_that_is_no_object_is_one_problem(row: Any) -> None:
    found = read_rows(Thing, [GOOD, row, GOOD])
    assert found.problems == [(1, "", "", row, "must be an object")]
    assert list(found.arrays["id"]) == ["1", None, "1"]


def test_deprecated_wire_name_is_read() -> None:
    row = {name: value for name, value in GOOD.items() if name != "maybe"} | {"perhaps": True}
    found = read_rows(Thing, [row])
    assert (list(found.arrays["maybe"]), found.extras, found.problems) == ([1], {}, [])


def test_current_wire_name_wins_over_a_deprecated_one() -> None:
    found = read_rows(Thing, [GOOD | {"perhaps": True}])
    assert (list(found.arrays["maybe"]), found.extras) == ([0], {})


def test_undeclared_field_is_kept_unchanged() -> None:
    found = read_rows(Thing, [GOOD, GOOD | {"new": {"a": 1}}, GOOD | {"newer": 2}])
    assert found.extras == {"new": [None, {"a": 1}, None], "newer": [None, None, 2]}


def test_undeclared_field_never_replaces_a_declared_one() -> None:
    found = read_rows(Thing, [GOOD | {"side": "somewhere"}])
    assert found.extras == {}
    assert found.problems == []


def test_decoded_values_are_copies() -> None:
    rows = [{**GOOD, "tags": ["a"], "more": {}, "parts": [{"a": 1}], "new": [1], "ok": ["bad"]}]
    found = read_rows(Thing, rows)
    rows[0]["tags"].append("b")
    rows[0]["more"]["x"] = 1
    rows[0]["parts"][0]["a"] = 2
    rows[0]["new"].append(2)
    rows[0]["ok"].append("worse")
    assert found.arrays["tags"][0] == ["a"]
    assert found.arrays["more"][0] == {}
    assert found.arrays["parts"][0] == [{"a": 1}]
    assert found.extras["new"] == [[1]]
    assert found.problems[0][3] == ["bad"]


def test_whole_numbers_are_never_floats() -> None:
    found = read_rows(Thing, [GOOD | {"count": 2**53 + 1, "times": None}])
    assert isinstance(found.arrays["times"], type(pd.array([1], dtype="Int64")))
    assert found.arrays["count"][0] == 2**53 + 1


def test_texts_that_repeat_are_one_object_on_all_pages():
    page = json.dumps([{"id": str(row), "last_name": "Lee"} for row in range(20)])
    pages = [json.loads(page), json.loads(page)]
    record = find("privy").record
    names = [name for page in pages for name in read_rows(record, page).arrays["last_name"]]
    assert {*map(id, names)} == {id(names[0])} and names[0] == "Lee"
