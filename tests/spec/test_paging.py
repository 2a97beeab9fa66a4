"""Paging: the client's queries and the simulator's pages fit together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contactkit._providers import find, names
from contactkit.errors import InvalidInputError
from contactkit.simulator.rules import rules_for
from contactkit.simulator.store import Store
from contactkit.spec.paging import PageNumbers
from contactkit.spec.provider import Envelope
from tests.support.examples import examples

INFO = ("page_info",)
PAGING = {
    "counted pages": PageNumbers(info=INFO),
    "a flag for more": PageNumbers(info=INFO, more="has_more"),
    "a flag beside the pages": PageNumbers(info=INFO, page="p", size="n", more="has_more"),
} | {name: find(name).paging for name in names()}


def rows(total: int) -> list[dict[str, Any]]:
    """Rows that any paging can order: each has its own key, and they share their times."""
    times = [f"2026-01-01T00:00:{number // 7 % 60:02}Z" for number in range(total)]
    return [
        {
            "id": f"{number:05}",
            "contact_id": "",
            "phone": "",
            "created_at": time,
            "inserted_at": time,
        }
        for number, time in enumerate(times)
    ]


def selected(paging: Any, stored: list[dict[str, Any]], asked: Any) -> Any:
    """The rows that a provider's simulator selects before it cuts the page."""
    for provider in map(find, names()):
        if provider.paging is paging:
            filters = {name: text for name, text in asked.items() if name not in paging.parameters}
            values = provider.endpoint("list").params.from_query(filters)
            rules = rules_for(provider)
            contacts = Store("id", (), rules.fold, rules.rank)
            for row in stored:
                contacts.put(row, "", writes=0)
            return contacts.select(rules.select(values), None)
    return stored


@pytest.mark.parametrize("paging", PAGING.values(), ids=PAGING)
@settings(max_examples=examples(30))
@given(total=st.integers(0, 150), size=st.integers(1, 40))
def test_paging_walk_gives_every_row_once(paging: Any, total: int, size: int) -> None:
    stored, asked, seen = rows(total), paging.first_query({}, size), set()
    for _ in range(total + 3):
        page, info = paging.cut(selected(paging, stored, asked), asked, 20)
        body: Any = {}
        for place, value in info.items():
            body = Envelope.put(body, place, value)
        assert len(page) <= size
        seen |= {row["id"] for row in page}
        asked = paging.next_query(asked, page, body)
        if asked is None:
            break
    assert asked is None
    assert len(seen) == total


@pytest.mark.parametrize(
    ("info", "next_page"),
    [
        ({"more": True, "total_pages": 1}, "2"),
        ({"more": False, "total_pages": 9}, None),
        ({"more": None, "total_pages": 2}, "2"),
        ({"total_pages": 2}, "2"),
        ({"total_pages": 1}, None),
    ],
)
def test_page_numbers_prefer_the_more_flag_to_the_page_count(info: Any, next_page: Any) -> None:
    paging = PageNumbers(info=INFO, more="more")
    found = paging.next_query({"page": "1"}, [], {"page_info": info})
    assert (found and found["page"]) == next_page


@pytest.mark.parametrize("more", ["", "more"])
@pytest.mark.parametrize(
    "info",
    [{}, {"total_pages": None}, {"total_pages": "many"}, {"total_pages": 2.5, "more": None}, None],
    ids=str,
)
def test_page_numbers_without_page_info_raise_lookup_error(more: str, info: Any) -> None:
    paging = PageNumbers(info=INFO, more=more)
    with pytest.raises(LookupError, match=r"total_pages|page_info"):
        paging.next_query({"page": "1"}, [], {"page_info": info})


def test_page_numbers_ignore_an_undeclared_more_flag() -> None:
    body = {"page_info": {"more": False, "has_more": False}}
    with pytest.raises(LookupError):
        PageNumbers(info=INFO).next_query({"page": "1"}, [], body)


@pytest.mark.parametrize("asked", [{"page": "0"}, {"page": "-1"}, {"page_size": "101"}])
def test_page_numbers_refuse_an_impossible_page(asked: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError, match="page"):
        PageNumbers(info=INFO).cut([], asked, 20)


@pytest.mark.parametrize("paging", PAGING.values(), ids=PAGING)
def test_first_page_announces_all_further_pages_if_they_are_numbered(paging: Any) -> None:
    first = paging.first_query({}, 4)
    _, info = paging.cut(selected(paging, rows(18), first), first, 20)
    body: Any = {}
    for place, value in info.items():
        body = Envelope.put(body, place, value)
    further = list(paging.further_queries(first, body))
    if isinstance(paging, PageNumbers):
        assert further == [{**first, paging.page: text} for text in ("3", "4", "5")]
    else:
        assert further == []


@pytest.mark.parametrize("pages", [None, "5", True, 1, 2])
def test_unknown_number_of_pages_announces_none(pages: Any) -> None:
    body = {"page_info": {"total_pages": pages}}
    assert list(PageNumbers(info=INFO).further_queries({"page": "1"}, body)) == []
