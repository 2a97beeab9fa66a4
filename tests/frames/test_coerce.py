"""Cells of an edited frame, of any type, read as what their field declares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import contactkit as ck
from contactkit._frames.coerce import coerce_column
from contactkit._providers import find
from contactkit.spec.record import fields_of

NAME = fields_of(find("sendblue").record)["first_name"]


@pytest.mark.parametrize(
    "cells",
    [
        ["Zoë", "", None],
        ["Zoë", "", np.nan],
        ["Zoë", "", pd.NA],
        [np.str_("Zoë"), np.str_(""), pd.NaT],
        ["Zoë", np.str_(""), None],
    ],
)
def test_empty_text_and_missing_cells_are_gaps(cells: list[Any]) -> None:
    column = coerce_column(NAME, pd.Series([*cells, ck.CLEAR], dtype=object))
    assert column.present.tolist() == [True, False, False, False]
    assert column.cleared.tolist() == [False, False, False, True]
    assert not column.unreadable.any()
    assert column.values.tolist()[:3] == ["Zoë", None, None]


def test_cells_of_another_kind_are_unreadable_and_no_gaps() -> None:
    column = coerce_column(NAME, pd.Series(["Zoë", 7, {}, [], 0.0], dtype=object))
    assert column.present.tolist() == [True, False, False, False, False]
    assert column.unreadable.tolist() == [False, True, True, True, True]
