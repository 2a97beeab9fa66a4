"""Columns of Arrow of any type are read by the declaration; what does not fit is a problem."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from contactkit._frames.arrow_columns import ArrowColumn
from contactkit._providers import find
from contactkit.spec.provider import Provider
from contactkit.spec.record import RecordField, fields_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = date(1990, 5, 4)
MIDNIGHT = datetime(1990, 5, 4)


def field(name: str) -> RecordField:
    provider, _, field_name = name.partition(".")
    declared: Provider = find(provider)
    return fields_of(declared.record)[field_name]


TEXT, CHOICE, FLAG = field("privy.first_name"), field("privy.email_consent"), field("sent.opt_out")
DATE, TIME = field("digital_onboarding.birthdate"), field("sent.created_at")
LIST, MAPPING = field("privy.tags"), field("privy.custom_fields")
NESTED = field("digital_onboarding.meta_public")


def read(declared: RecordField, *chunks: pa.Array) -> tuple[list[Any], list[tuple[int, Any, str]]]:
    """The values as a list, with None for a gap, and the bad cells."""
    column = pa.chunked_array(chunks, chunks[0].type)
    array, bad = ArrowColumn(lambda: column, len(column)).read(declared)
    if declared.kind == "category":
        return [None if code < 0 else declared.choices[code] for code in array], bad
    if declared.kind == "boolean":
        return [None if code < 0 else bool(code) for code in array], bad
    if declared.kind in ("date", "datetime"):
        return [None if np.isnat(value) else value.item() for value in array], bad
    return [None if value is None or value is pd.NA else value for value in array], bad


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        *(
            pa.dictionary(index, text)
            for index in (pa.int8(), pa.int32(), pa.uint8(), pa.int64())
            for text in (pa.string(), pa.large_string())
        ),
    ],
    ids=str,
)
def test_text_of_every_type_is_text(kind):
    texts = pa.array(["0044", None, "", " \u00a0", "é"] * 3, pa.string()).cast(kind)
    assert read(TEXT, texts) == (["0044", None, None, None, "é"] * 3, [])
    choices = pa.array(["subscribed", None, "", "suppressed"]).cast(kind)
    assert read(CHOICE, choices) == (["subscribed", None, None, "suppressed"], [])
    flags = pa.array(["True", "false", None, ""]).cast(kind)
    assert read(FLAG, flags) == ([True, False, None, None], [])
    tags = pa.array(['["a", "b"]', "['a' 'b']", None, "[]"]).cast(kind)
    assert read(LIST, tags) == ([["a", "b"], ["a", "b"], None, []], [])
    fields = pa.array(['{"tier": 2}', "{'tier': 2}", None, '{"a": null}']).cast(kind)
    assert read(MAPPING, fields) == ([{"tier": 2}, {"tier": 2}, None, {"a": None}], [])
    days = pa.array(["1990-05-04", "1990-05-04T00:00:00Z", None]).cast(kind)
    assert read(DATE, days) == ([MIDNIGHT, MIDNIGHT, None], [])
    times = pa.array(["2026-03-01T12:00:00Z", "2026-03-01 12:00:00+00:00", ""]).cast(kind)
    assert read(TIME, times) == ([NOON.replace(tzinfo=None)] * 2 + [None], [])


def test_dictionary_with_a_null_word_and_a_slice_are_read():
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, None], pa.int8()), ["a", None])
    assert read(TEXT, words, words.slice(2)) == (["a", None, "a", None, "a", None], [])


def test_equal_texts_of_all_chunks_are_one_object():
    chunk = pa.array([*"ab"] * 40)
    texts, _ = read(TEXT, chunk, chunk)
    assert len({*map(id, texts)}) == 2


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_every_unit_and_zone_are_utc(unit):
    for zone in ("UTC", "America/New_York", "+02:00"):
        times = pa.array([NOON, None], pa.timestamp(unit, zone))
        assert read(TIME, times)[1] == []
        array, _ = ArrowColumn(lambda: pa.chunked_array([times]), 2).read(TIME)  # noqa: B023
        assert array.dtype == "datetime64[us]" and array[0] == np.datetime64("2026-03-01T12", "us")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_time_without_a_zone_is_a_problem(unit):
    times, bad = read(TIME, pa.array([None, MIDNIGHT], pa.timestamp(unit)))
    assert times == [None, None]
    assert [(row, raw) for row, raw, _ in bad] == [(1, "1990-05-04T00:00:00")]
    assert "offset" in bad[0][2]


def test_time_that_python_does_not_have_is_a_problem():
    far = pa.array([2**40, 0], pa.int64()).cast(pa.timestamp("s", "UTC"))
    times, bad = read(TIME, far)
    assert times == [None, datetime(1970, 1, 1)]
    assert [(row, raw) for row, raw, _ in bad] == [(0, str(2**40))]


@pytest.mark.parametrize(
    "days",
    [
        pa.array([DAY, None]),
        pa.array([DAY, None], pa.date64()),
        *(pa.array([MIDNIGHT, None], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),
        pa.array([MIDNIGHT.replace(tzinfo=UTC), None], pa.timestamp("us", "UTC")),
    ],
    ids=lambda days: str(days.type),
)
def test_days_of_every_type_are_days(days):
    assert read(DATE, days) == ([MIDNIGHT, None], [])


def test_day_with_a_time_or_elsewhere_is_a_problem():
    late = MIDNIGHT + timedelta(hours=5)
    days, bad = read(DATE, pa.array([MIDNIGHT, late], pa.timestamp("us")))
    assert (days, [row for row, *_ in bad]) == ([MIDNIGHT, None], [1])
    elsewhere = pa.array([late.replace(tzinfo=UTC)], pa.timestamp("us", "America/New_York"))
    assert [row for row, *_ in read(DATE, elsewhere)[1]] == [0]


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.string()),
        pa.large_list(pa.large_string()),
        pa.list_view(pa.string()),
        pa.list_(pa.dictionary(pa.int32(), pa.string())),
    ],
    ids=str,
)
def test_lists_of_every_type_are_lists(kind):
    lists = pa.array([["b", "a"], None, [], ["", "b"]], kind)
    assert read(LIST, lists) == ([["b", "a"], None, [], ["", "b"]], [])
    assert read(LIST, lists.slice(1)) == ([None, [], ["", "b"]], [])


def test_lists_of_one_length_are_lists():
    assert read(LIST, pa.array([["a", "b"], None], pa.list_(pa.string(), 2)))[0] == [
        ["a", "b"],
        None,
    ]


def test_no_two_cells_share_a_list_or_a_mapping():
    lists, _ = read(LIST, pa.array([["a"]] * 2))
    texts, _ = read(MAPPING, pa.array(["{}"] * 2))
    assert lists[0] is not lists[1] and texts[0] is not texts[1]


def test_list_with_a_gap_is_a_problem():
    lists, bad = read(LIST, pa.array([["a", None], ["b"]]))
    assert (lists, [(row, raw) for row, raw, _ in bad]) == ([None, ["b"]], [(0, ["a", None])])


def test_keys_without_values_are_left_out_of_structs_at_every_level():
    struct = pa.array([{"a": 1, "b": {"x": "y"}}, {"b": {"z": [1, 2]}}, {}, None])
    expected = [{"a": 1, "b": {"x": "y"}}, {"b": {"z": [1, 2]}}, {}, None]
    assert read(NESTED, struct) == (expected, [])
    assert read(NESTED, struct.slice(1)) == (expected[1:], [])
    assert type(read(NESTED, struct)[0][0]["a"]) is int


def test_struct_without_any_key_is_an_empty_mapping():
    assert read(NESTED, pa.array([{}, None, {}])) == ([{}, None, {}], [])


def test_maps_are_mappings():
    maps = pa.array([[("a", 1), ("b", None)], [], None], pa.map_(pa.string(), pa.int64()))
    assert read(MAPPING, maps) == ([{"a": 1}, {}, None], [])


def test_other_types_are_read_cell_by_cell():
    assert read(FLAG, pa.array([0, 1, None], pa.int8())) == ([False, True, None], [])
    assert read(TEXT, pa.nulls(2)) == ([None, None], [])
    unique = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    assert read(TEXT, pa.array([unique.bytes], pa.uuid()))[0] == [str(unique)]


@pytest.mark.parametrize(
    "declared, values",
    [
        (TEXT, pa.array([7])),
        (TEXT, pa.array([7.0])),
        (TEXT, pa.array([Decimal("7.5")])),
        (TEXT, pa.array([b"x"])),
        (TEXT, pa.array([True])),
        (FLAG, pa.array([2])),
        (FLAG, pa.array(["yes"])),
        (CHOICE, pa.array(["maybe"])),
        (DATE, pa.array([7])),
        (DATE, pa.array(["4/5/1990"])),
        (TIME, pa.array([7])),
        (LIST, pa.array([[7]])),
        (LIST, pa.array(["a, b"])),
        (MAPPING, pa.array([7])),
        (MAPPING, pa.array([{"a": {"b": 1}}])),
    ],
    ids=lambda value: getattr(value, "name", str(getattr(value, "type", ""))),
)
def test_value_of_another_kind_is_a_problem_with_its_value(declared, values):
    cells, bad = read(declared, pa.nulls(1, values.type), values)
    assert cells == [None, None]
    assert [(row, raw) for row, raw, _ in bad] == [(1, values[0].as_py())]
    assert bad[0][2]
