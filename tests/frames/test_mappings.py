"""What file formats make of mappings and lists is read as what it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from contactkit._frames.mappings import restore, without_empty
from contactkit._frames.texts import from_text


@pytest.mark.parametrize(
    "mine, theirs, restored",
    [
        ({"a": 1, "b": None}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": 1, "b": None}, {"a": 1, "b": None}),
        ({"a": None}, {"a": "gold"}, {"a": None}),
        ({"a": None, "b": None}, {}, {}),
        ({"a": {"x": 1, "y": None}}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": [{"x": 1, "y": None}]}, {"a": [{"x": 1}]}, {"a": [{"x": 1}]}),
        ({"a": np.array([1, 2])}, {"a": [1, 2]}, {"a": [1, 2]}),
        ([("a", 1), ("b", None)], {"a": 1}, {"a": 1}),
        ([], {}, {}),
        ({"a": np.nan, "b": pd.NA}, {}, {}),
    ],
)
def test_keys_without_values_are_as_in_the_original(mine, theirs, restored):
    assert restore(mine, theirs) == restored


@pytest.mark.parametrize(
    "mine, theirs",
    [
        ({"a": 4.0, "b": "x"}, {"a": 4, "b": "x"}),
        ({"a": 1.0, "b": 2.5}, {"a": True, "b": 2.5}),
        ({"a": float(2**53 + 1), "b": 0.5}, {"a": 2**53 + 1, "b": 0.5}),
        ({"a": [-float(2**63 - 1)]}, {"a": [1 - 2**63]}),
        ({"a": "9007199254740992.0", "b": "x"}, {"a": 2**53 + 1, "b": "x"}),
        ({"a": "4", "b": "true", "c": "x", "d": "2.5"}, {"a": 4, "b": True, "c": "x", "d": 2.5}),
    ],
)
def test_numbers_are_restored_from_floats_and_from_text(mine, theirs):
    restored = restore(mine, theirs)
    assert restored == theirs
    assert list(map(type, restored.values())) == list(map(type, theirs.values()))


@pytest.mark.parametrize(
    "mine, theirs",
    [
        ({"a": "4", "b": 2}, {"a": 4, "b": 2}),
        ({"a": "5"}, {"a": 4}),
        ({"a": True}, {"a": 1}),
        ({"a": 4}, {"a": "4"}),
        ({"a": "1"}, {"a": True}),
        ({"a": "x"}, {"a": 1}),
        ({"a": [1]}, {"a": [1, 2]}),
    ],
)
def test_other_values_are_edits(mine, theirs):
    restored = restore(mine, theirs)
    assert restored == mine
    assert list(map(type, restored.values())) == list(map(type, mine.values()))


def test_without_an_original_keys_without_values_are_left_out_at_every_level():
    value = {"a": None, "b": {"c": None, "d": [{"e": None, "f": 1}]}}
    assert without_empty(value) == {"b": {"d": [{"f": 1}]}}


@pytest.mark.parametrize(
    "text, items",
    [
        ("['a' 'b'\n 'c d']", ["a", "b", "c d"]),
        (str(np.array(["it's", 'q"x', "a' 'b"], dtype=object)), ["it's", 'q"x', "a' 'b"]),
        ("['']", [""]),
        ("['a', 'b']", ["a", "b"]),
    ],
)
def test_an_array_as_numpy_writes_it_keeps_its_items(text, items):
    assert from_text("list", text) == items


@pytest.mark.parametrize(
    "mine, theirs", [(2**53 + 2, 2**53 + 1), (2.0**53 + 4, 2**53 + 1), (1.5, 10**400), (4.5, 4)]
)
def test_other_numbers_are_edits(mine, theirs):
    assert restore({"a": mine}, {"a": theirs}) == {"a": mine}
