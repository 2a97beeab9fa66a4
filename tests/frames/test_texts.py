"""Columns of text: parsing each distinct text once is the same as parsing every cell."""

from __future__ import annotations

import ast
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._frames.decode import read_column
from contactkit._frames.texts import (
    EXCEL_LONGEST,
    _parse_simple_literal,
    from_text,
    is_same_text,
    read_cells,
)
from contactkit._providers import find
from contactkit.spec.record import RecordField, fields_of

FIELDS = {
    f"{provider} {name}": field
    for provider in ("digital_onboarding", "privy", "sent")
    for name, field in fields_of(find(provider).record).items()
}
FLAT = st.dictionaries(st.text(max_size=3), st.none() | st.booleans() | st.integers(), max_size=2)
LISTS = st.lists(st.text(max_size=3), max_size=3)
NESTED = st.dictionaries(st.text(max_size=2), st.lists(FLAT, max_size=2), max_size=2)
TEXTS = st.one_of(
    st.none(),
    st.text(max_size=4),
    st.sampled_from(["", " ", "\u00a0", "True", "FALSE", "1", "subscribed", "sms", "[", "{'a'"]),
    st.sampled_from(["2026-03-01 12:00:00+00:00", "2026-03-01T12:00:00.5Z", "1990-05-04"]),
    st.datetimes().map(lambda moment: f"{moment}+00:00"),
    st.dates().map(str),
    (FLAT | LISTS | NESTED).map(repr),
    (FLAT | LISTS | NESTED).map(json.dumps),
)


def by_cell(declared: RecordField, cells: list[str | None]) -> tuple[Any, dict[int, str]]:
    values = [None if cell is None else from_text(declared.kind, cell) for cell in cells]
    array, bad = read_column(declared, values, frozenset())
    return array, {row: message for row, message in bad if values[row] is not None}


@given(st.sampled_from(sorted(FIELDS)), st.lists(TEXTS, max_size=8))
def test_read_cells_is_the_same_as_reading_each_cell(name: str, cells: list[str | None]) -> None:
    array, bad = read_cells(FIELDS[name], cells)
    expected, messages = by_cell(FIELDS[name], cells)
    assert dict(bad) == messages
    pd.testing.assert_series_equal(pd.Series(array), pd.Series(expected))


@given(st.lists(TEXTS, max_size=5))
def test_read_cells_of_other_values_is_the_same(cells: list[str | None]) -> None:
    for field in FIELDS.values():
        array, _ = read_cells(field, [*cells, 1.5])
        expected, _ = by_cell(field, cells)
        pd.testing.assert_series_equal(pd.Series(array[:-1]), pd.Series(expected))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("privy tags", "['a']"),
        ("privy tags", "[]"),
        ("privy custom_fields", "{'a': 1}"),
        ("digital_onboarding meta_public", "{'a': {'b': [1]}}"),
    ],
)
def test_read_cells_shares_no_list_or_mapping(field: str, text: str) -> None:
    array, _ = read_cells(FIELDS[field], [text, text])
    one, other = array
    assert one == other
    while isinstance(one, list | dict):
        assert one is not other
        one, other = (
            next(iter(each.values() if isinstance(each, dict) else each), None)
            for each in (one, other)
        )


@given(FLAT | LISTS | NESTED)
def test_from_text_reads_what_repr_and_json_write(value: Any) -> None:
    for text in (repr(value), json.dumps(value)):
        assert from_text("dict", text) == value


@given(st.text("[]{}',: 12aTrueNonx.e\n", max_size=12) | (FLAT | LISTS).map(repr))
def test_quick_way_to_read_a_literal_reads_what_python_does(text: str) -> None:
    try:
        expected, found = ast.literal_eval(text), _parse_simple_literal(text)
    except (ValueError, SyntaxError, TypeError):
        return
    assert found == expected
    assert type(found) is type(expected)


def test_read_cells_of_no_rows_has_the_dtype_of_its_field() -> None:
    for field in FIELDS.values():
        array, bad = read_cells(field, [])
        expected, _ = read_column(field, [], frozenset())
        assert (array.dtype, len(array), bad) == (expected.dtype, 0, [])
        assert isinstance(array, np.ndarray | pd.api.extensions.ExtensionArray)


@pytest.mark.parametrize(
    ("text", "before", "same"),
    [
        ("a\nb", "a\r\nb", True),
        ("a\nb\n", "a\rb\r\n", True),
        ("a", "a\rb", True),
        ("a", "a\nb", False),
        ("a\n\nb", "a\r\nb", False),
        ("a\r", "a", False),
        ("a", "a\rb", True),
        ("a", "a\r", False),
        ("a", "a\r\n", False),
        ("", "\r", False),
        ("x" * EXCEL_LONGEST, "x" * (EXCEL_LONGEST + 1), True),
        ("x" * EXCEL_LONGEST, "y" * (EXCEL_LONGEST + 1), False),
        ("x" * (EXCEL_LONGEST - 1), "x" * EXCEL_LONGEST, False),
    ],
)
def test_text_is_the_same_if_a_format_has_changed_its_line_ends_or_cut_it(
    text: str, before: str, same: bool
) -> None:
    assert is_same_text(text, before) == same
