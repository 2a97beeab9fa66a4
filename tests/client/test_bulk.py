"""Many contacts in one request: what is accepted, and which row is refused."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest

from contactkit._client.bulk import check_rows
from contactkit._providers import find
from contactkit.errors import InvalidInputError
from contactkit.spec.endpoint import Bulk, Endpoint

PRIVY = find("privy")
BULK = Bulk(name="contacts", unclear="nothing", read=lambda status, body, sent: [])
CREATE = Endpoint(
    verb="add", method="POST", path="/x", help="", effect="create", fields=True, bulk=BULK
)
DELETE = Endpoint(verb="drop", method="POST", path="/x", help="", effect="delete", bulk=BULK)


def test_bulk_rows_leave_out_na_and_keep_the_index():
    frame = pd.DataFrame(
        {"email": ["a@example.com", "b@example.com"], "first_name": ["Ada", pd.NA]},
        index=["x", "y"],
    )
    rows = check_rows(PRIVY, CREATE, frame)
    assert rows.wire == [
        {"email": "a@example.com", "first_name": "Ada"},
        {"email": "b@example.com"},
    ]
    assert list(rows.index) == ["x", "y"]


@pytest.mark.parametrize("empty", ["", " ", "\u00a0"])
def test_cells_of_blanks_in_a_frame_write_nothing(empty: str):
    frame = pd.DataFrame({"email": ["a@example.com"], "first_name": [empty]})
    assert check_rows(PRIVY, CREATE, frame).wire == [{"email": "a@example.com"}]


def test_table_that_is_not_read_yet_is_named():
    with pytest.raises(InvalidInputError, match=r"LazyFrame; call \.collect\(\) first"):
        check_rows(PRIVY, CREATE, pl.DataFrame({"email": ["a@example.com"]}).lazy())


def test_empty_rows_of_a_frame_are_left_out_and_the_others_keep_their_places():
    emails = [pd.NA, "a@example.com", " ", None, "a@example"]
    frame = pd.DataFrame({"email": emails, "first_name": [pd.NA, "Ada", "", None, "Bo"]})
    rows = check_rows(PRIVY, CREATE, frame.head(4))
    assert rows.wire == [{"email": "a@example.com", "first_name": "Ada"}]
    assert (list(rows.index), list(rows.places)) == ([1], [1])
    with pytest.raises(InvalidInputError, match=r"\[4\] email"):
        check_rows(PRIVY, CREATE, frame)
    with pytest.raises(InvalidInputError, match="not empty"):
        check_rows(PRIVY, CREATE, frame.iloc[[0, 2, 3]])


@pytest.mark.parametrize("given", [{"email": "a@example.com"}, [{"email": "a@example.com"}]])
def test_bulk_takes_one_mapping_or_a_list(given: Any):
    rows = check_rows(PRIVY, CREATE, given)
    assert rows.wire == [{"email": "a@example.com"}]
    assert rows.index is None


@pytest.mark.parametrize(
    "keys", [["a", "b"], pd.Series(["a", "b"]), pd.DataFrame({"id": "a b".split()})]
)
def test_bulk_keys_come_from_a_list_a_series_or_a_frame(keys: Any):
    assert check_rows(PRIVY, DELETE, keys).wire == ["a", "b"]


@pytest.mark.parametrize("given", [[], "abc", None, 5, {}, pd.DataFrame()])
def test_bulk_without_contacts_is_refused(given: Any):
    with pytest.raises(InvalidInputError):
        check_rows(PRIVY, DELETE, given)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"email": "a@example.com"}, {"email": 5}], r"\[1\] email: must be text"),
        ([{"emial": "a@example.com"}], r"\[0\] emial: .*did you mean 'email'"),
        ([{"email": "a@example.com", "created_at": "x"}], r"\[0\] created_at: is read-only"),
        (["a@example.com"], r"\[0\]: must be a mapping"),
    ],
)
def test_bulk_refusal_names_the_row(rows: Any, message: str):
    with pytest.raises(InvalidInputError, match=message):
        check_rows(PRIVY, CREATE, rows)


@pytest.mark.parametrize("keys", [["a", None], ["a", pd.NA], ["a", ""], ["a", "b", "a"]])
def test_bulk_refuses_missing_and_duplicated_keys(keys: Any):
    with pytest.raises(InvalidInputError, match=r"\[[12]\]"):
        check_rows(PRIVY, DELETE, keys)
