"""Mappings and lists in cells, as they come back from formats that cannot keep them.

Arrow gives every row's mapping all keys, with None where the row has none, and pandas then makes
whole numbers floats; DuckDB makes text of all values in a mapping if one is text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np

from contactkit.spec.provider import JSON
from contactkit.spec.validate import is_na, to_python


def restore(mine: Any, theirs: JSON) -> JSON:
    """The value `mine` with what a file format has lost taken from `theirs`, at every level.

    A key that is None in one and absent in the other is as in `theirs`, and so is a number that is
    equal to theirs, or theirs as a float has it, or the text of it if all values are text.
    """
    value, was = to_plain(mine), theirs if isinstance(theirs, dict | list) else None
    if isinstance(was, dict) and is_pairs(value):
        value = dict(value)
    if isinstance(value, dict):
        return _restore_mapping(value, was if isinstance(was, dict) else {})
    if isinstance(value, list):
        there = was if isinstance(was, list) and len(was) == len(value) else [None] * len(value)
        return [restore(item, other) for item, other in zip(value, there, strict=True)]
    return theirs if type(value) in (int, float) and _is_same_number(value, theirs) else value


def _is_same_number(value: Any, theirs: JSON) -> bool:
    """Whether two numbers are equal, or one is a whole number that a float cannot have exactly."""
    if not isinstance(theirs, int | float):
        return False
    rounded = isinstance(value, float) and abs(value) >= 2**53 and isinstance(theirs, int)
    try:
        return value == (float(theirs) if rounded else theirs)
    except OverflowError:
        return False


def _restore_mapping(mine: Mapping[str, Any], theirs: Mapping[str, JSON]) -> dict[str, JSON]:
    is_text = all(isinstance(value, str) or value is None for value in mine.values())
    restored = {
        name: theirs[name] if is_text and _spells(value, theirs.get(name)) else value
        for name, value in ((n, restore(v, theirs.get(n))) for n, v in mine.items())
        if value is not None or name in theirs
    }
    return restored | {n: v for n, v in theirs.items() if v is None and n not in mine}


def _spells(text: Any, value: JSON) -> bool:
    """Whether a text is how a number, True or False is written."""
    if not isinstance(text, str) or not isinstance(value, int | float):
        return False
    try:
        read = json.loads(text.lower())
    except ValueError:
        return False
    return _is_same_number(read, value) and isinstance(read, bool) == isinstance(value, bool)


def without_empty(value: Any) -> JSON:
    """A value without the keys of mappings, at every level, that have no value."""
    return restore(value, None)


def to_plain(value: Any) -> JSON:
    """A cell's value, or an item in it, as Python has it; an array is a list, and NA is None."""
    if isinstance(value, np.ndarray | tuple):
        return list(value)
    if isinstance(value, list | dict):
        return value
    return None if is_na(value) else to_python(value)


def is_pairs(value: JSON) -> TypeGuard[list[tuple[str, Any]]]:
    """Whether a value is a mapping as a list of pairs, which pandas makes of Arrow's maps."""
    return isinstance(value, list) and all(
        isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in value
    )
