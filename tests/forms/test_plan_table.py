"""The page index: every row is on one page, in one order, however many a contact has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contactkit._frames.frame import RESULT_COLUMNS
from contactkit.forms.plan_table import ORDER, PAGE_SIZE, PageIndex

CONTACTS = st.lists(st.tuples(st.sampled_from(ORDER), st.integers(1, 60)), max_size=40)


@given(CONTACTS, st.sampled_from(["", *ORDER]))
def test_page_index_has_every_row_once(contacts: list[tuple[str, int]], outcome: str) -> None:
    index = PageIndex([outcome for outcome, _ in contacts], [size for _, size in contacts])
    if outcome not in ("", *index.counts):
        return
    pages = [index.page(number, outcome) for number in range(index.pages(outcome))]
    wanted = [
        (contact, row)
        for rank in ORDER
        for contact, (actual, size) in enumerate(contacts)
        for row in range(size)
        if actual == rank and outcome in ("", actual)
    ]
    assert [row for page in pages for row in page] == wanted
    assert len(wanted) == index.rows(outcome)
    assert all(len(page) == PAGE_SIZE for page in pages[:-1])


def test_page_index_counts_failures_first_and_then_what_was_written() -> None:
    index = PageIndex(["updated", "planned", "refused", "updated"], [1, 2, 3, 4])
    assert list(index.counts.items()) == [("refused", 1), ("updated", 2), ("planned", 1)]


def test_order_has_every_outcome() -> None:
    assert set(ORDER) == set(RESULT_COLUMNS["outcome"].categories)


def test_page_index_of_nothing_has_no_page() -> None:
    index = PageIndex([], [])
    assert (index.pages(), index.rows(), index.page(0)) == (0, 0, [])
