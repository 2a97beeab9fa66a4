"""Leaves: all rows stand on one page each, in one order, however many a contact has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contactkit._frames.frame import RESULT_COLUMNS
from contactkit.forms.plan_table import ORDER, PAGE_SIZE, PageIndex

CONTACTS = st.lists(st.tuples(st.sampled_from(ORDER), st.integers(1, 60)), max_size=40)


@given(CONTACTS, st.sampled_from(["", *ORDER]))
def test_page_index_has_every_row_once(contacts: list[tuple[str, int]], outcome: str) -> None:
    leaves = PageIndex([each for each, _ in contacts], [size for _, size in contacts])
    if outcome not in ("", *leaves.counts):
        return
    pages = [leaves.page(number, outcome) for number in range(leaves.pages(outcome))]
    wanted = [
        (contact, row)
        for rank in ORDER
        for contact, (found, size) in enumerate(contacts)
        for row in range(size)
        if found == rank and outcome in ("", found)
    ]
    assert [row for page in pages for row in page] == wanted
    assert len(wanted) == leaves.rows(outcome)
    assert all(len(page) == PAGE_SIZE for page in pages[:-1])


def test_page_index_counts_outcomes_with_failures_first() -> None:
    leaves = PageIndex(["updated", "planned", "refused", "updated"], [1, 2, 3, 4])
    assert list(leaves.counts.items()) == [("refused", 1), ("planned", 1), ("updated", 2)]


def test_order_has_every_outcome() -> None:
    assert set(ORDER) == set(RESULT_COLUMNS["outcome"].categories)


def test_page_index_of_nothing_has_no_page() -> None:
    leaves = PageIndex([], [])
    assert (leaves.pages(), leaves.rows(), leaves.page(0)) == (0, 0, [])
