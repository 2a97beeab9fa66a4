"""Whole columns of addresses: read as each cell would be read alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._people import columns
from contactkit._people.columns import find_roles, from_texts, read_addresses, to_texts
from contactkit._people.identifiers import ROLE, Kind, canonical

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
NUMBERS = st.builds(
    "+{}{}".format, st.sampled_from(CODES), st.text("0123456789", min_size=1, max_size=13)
)
EMAILS = st.builds(
    "{}@{}".format,
    st.text("aB.+é\u212a'<\";", max_size=4),
    st.sampled_from(
        [
            "gmail.com",
            "GoogleMail.com",
            "gmail.com.",
            "Example.COM",
            "bücher.ex",
            "x",
            "a.b>",
            "a_b",
            "a/b",
        ]
    ),
)
CELLS = st.lists(
    st.one_of(
        NUMBERS,
        EMAILS,
        st.sampled_from(
            ["", " ", "+1 202-555-0123", "a@b\nc@d", "2025550123", 2025550123, None, pd.NA, 7.5]
        ),
    )
)


@pytest.mark.parametrize("kind", ["phone", "email"])
@pytest.mark.parametrize("region", [None, "US"])
@given(cells=CELLS)
def test_a_column_is_read_as_its_cells_are(kind: Kind, region: str | None, cells: list[Any]):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_AT_ONCE", 4)
        patch.setattr(columns, "_SAMPLE", 1)
        codes, known = read_addresses(kind, pd.Series(cells, dtype=object), region)
    texts = [*to_texts(kind, known), "unreadable", "gap"]
    assert [texts[code] for code in codes] == [_read_alone(kind, cell, region) for cell in cells]
    assert len(set(texts)) == len(texts)


def _read_alone(kind: Kind, cell: Any, region: str | None) -> str:
    if pd.isna(cell) or (isinstance(cell, str) and not cell.strip()):
        return "gap"
    return canonical(kind, cell, region) or "unreadable"


@given(texts=st.lists(st.one_of(st.just("info@example.com"), EMAILS).map(str.lower)))
def test_roles_are_found_at_their_places(texts: list[str]):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_AT_ONCE", 3)
        found = find_roles(texts)
    assert found.tolist() == [place for place, text in enumerate(texts) if ROLE.search(text)]


def test_a_column_has_codes_for_addresses_gaps_and_what_cannot_be_read():
    column = pd.Series(
        ["+12025550123", None, "n/a", "+1 202 555 0123", " ", pd.NA, 7], dtype=object
    )
    codes, known = read_addresses("phone", column)
    assert codes.tolist() == [0, -1, -2, 0, -1, -1, -2]
    assert to_texts("phone", known).tolist() == ["+12025550123"]


def test_an_empty_column_has_no_address():
    codes, known = read_addresses("email", pd.Series([], dtype=object))
    assert not len(codes)
    assert not len(known)


@pytest.mark.parametrize(("kind", "text"), [("phone", "+12025550123"), ("email", "a@b.co")])
def test_an_address_keeps_its_spelling(kind: Kind, text: str):
    known = from_texts(kind, [text])
    assert to_texts(kind, known).tolist() == [text]
    assert np.array_equal(read_addresses(kind, [text])[1], known)
