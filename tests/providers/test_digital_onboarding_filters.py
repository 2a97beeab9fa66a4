"""Digital Onboarding's lists through the client: filters, sorting, and cursors that go stale."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._http.pagination import RESTARTS
from contactkit._providers import find
from contactkit._providers.digital_onboarding.filters import OPERATORS, ListContacts
from contactkit.spec.record import fields_of
from tests.support.providers import Wire, says

PROVIDER = find("digital_onboarding")
JANET = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b01"
OMAR = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b02"


@pytest.fixture
def name() -> str:
    return "digital_onboarding"


def many(contacts: int = 250) -> Wire:
    return Wire(ck.Simulator(contacts=contacts, seed=3))


def connect(wire: Wire) -> ck.Client:
    return ck.connect("digital_onboarding", via=wire)


def refusal(*entries: dict[str, Any]) -> str:
    return json.dumps({"errors": list(entries)})


# Filters and sorting


def expect(client: ck.Client, where: dict[str, Any]) -> list[str]:
    return sorted(client.contacts.list(where=where)["name_first"].fillna("?"))


@pytest.mark.parametrize(
    ("where", "people"),
    [
        ({"email": "mia@example.com"}, "Mia"),
        ({"email": {"eq": "mia@example.com"}}, "Mia"),
        ({"name_first": {"neq": "Leo"}}, "Asha Janet Mia Omar"),
        ({"name_first": {"lt": "Leo"}}, "Asha Janet"),
        ({"name_first": {"lte": "Leo"}}, "Asha Janet Leo"),
        ({"birthdate": {"gt": "1990-05-04"}}, "Asha"),
        ({"birthdate": {"gte": date(1990, 5, 4)}}, "Asha Janet"),
        ({"id": {"in": [JANET, OMAR]}}, "Janet Omar"),
        ({"id": {"nin": (JANET, OMAR)}}, "Asha Leo Mia"),
        ({"birthdate": {"in": ["1990-05-04", "2001-08-15"]}}, "Asha Janet"),
        ({"name_last": {"contains": "a"}}, "Asha Leo Mia Omar"),
        ({"name_last": {"starts_with": "Ca"}}, "Asha"),
        ({"email": {"ends_with": "@example.com"}}, "Asha Janet Mia Omar"),
        ({"email": {"missing": True}}, "Leo"),
        ({"last_seen_at": {"present": True}}, "Asha Janet Mia"),
        ({"active_journey_ids": {"missing": True}}, "Asha Mia Omar"),
        ({"meta_public": {"present": True}}, "Asha Janet Mia"),
        ({"completed_objective_keys": {"contains": "direct_deposit"}}, "Asha Janet"),
        ({"sms_opted_in": False}, "Mia Omar"),
        ({"sms_opted_in": np.True_, "country": "US"}, "Asha Janet Leo"),
        (
            {"inserted_at": {"gte": "2026-01-18T12:00:00+01:00", "lt": "2026-02-01T00:00:00Z"}},
            "Leo Mia",
        ),
        ({"inserted_at": pd.Timestamp("2026-01-18T11:00:00Z")}, "Mia"),
        ({"id": {"in": pd.Series([JANET])}}, "Janet"),
        ({"city": "New York", "email": {"contains": "&=+"}}, ""),
        ({}, "Asha Janet Leo Mia Omar"),
    ],
)
def test_where_finds_matching_contacts(where, people):
    client = ck.connect("digital_onboarding", via=ck.Simulator(contacts=5))
    assert expect(client, where) == people.split()


def test_where_and_sort_are_sent_as_documented(client, wire):
    client.contacts.list(
        where={
            "email": "a@example.com",
            "sms_opted_in": {"neq": True},
            "inserted_at": {"gte": datetime(2026, 1, 1, tzinfo=UTC)},
            "unique_id": {"in": ["a", "b"]},
            "city": {"missing": True},
        },
        sort="name_last, -inserted_at",
    )
    assert dict(wire.requests[-1].url.params) == {
        "filter[email]": "a@example.com",
        "filter[sms_opted_in][neq]": "true",
        "filter[inserted_at][gte]": "2026-01-01T00:00:00Z",
        "filter[unique_id][in]": "a,b",
        "filter[city][missing]": "true",
        "sort": "name_last,-inserted_at",
        "meta": "count",
        "page[size]": "100",
    }


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"emial": "x"}, "no such field; did you mean 'email'. allowed: active_journey_ids"),
        ({"email": {"endswith": "x"}}, "email takes no such operator; did you mean 'ends_with'"),
        ({"email": {5: "x"}}, "email takes no such operator"),
        ({"email": {}}, "email needs an operator; allowed: eq"),
        ({"email": None}, "email eq must be text; .* missing"),
        ({"email": pd.NA}, "email eq must be text"),
        ({"email": {"missing": False}}, "email missing must be True"),
        ({"sms_opted_in": "true"}, "sms_opted_in eq must be True or False"),
        ({"sms_opted_in": {"lt": True}}, "sms_opted_in takes no such operator"),
        ({"birthdate": {"contains": "19"}}, "birthdate takes no such operator"),
        ({"birthdate": {"lt": "soon"}}, "birthdate lt"),
        ({"inserted_at": "2026-01-01"}, "inserted_at eq must be a time with its offset"),
        ({"unique_id": {"in": "a,b"}}, "unique_id in must be a list that is not empty"),
        ({"unique_id": {"in": []}}, "unique_id in must be a list that is not empty"),
        ({"unique_id": {"in": ["a,b"]}}, "unique_id in must not contain commas"),
        ({"unique_id": {"in": [["a"]]}}, "unique_id in must be text"),
        ({"meta_public": {"eq": {}}}, "meta_public takes no such operator"),
        ("email=x", "where: must be a mapping of text to values"),
        ({5: "x"}, "where: must be a mapping of text to values"),
    ],
)
def test_where_refuses_bad_conditions(client, wire, where, message):
    with pytest.raises(ck.InvalidInputError, match=message):
        client.contacts.list(where=where)
    assert not wire.requests


@pytest.mark.parametrize(
    ("sort", "message"),
    [
        ("", "sort: has no such field"),
        ("inserted", "did you mean 'inserted_at'"),
        ("name_last,,id", "no such field to sort by"),
        ("--id", "no such field to sort by"),
        ("meta_public", "no such field to sort by"),
        (["id"], "sort: must be text"),
    ],
)
def test_sort_refuses_bad_fields(client, wire, sort, message):
    with pytest.raises(ck.InvalidInputError, match=message):
        client.contacts.list(sort=sort)
    assert not wire.requests


@pytest.mark.parametrize("sort", ["inserted_at", "-inserted_at"])
def test_sort_orders_the_frame(sort):
    people = ck.connect("digital_onboarding", via=many()).contacts.list(sort=sort)
    ordered = people["inserted_at"].sort_values(ascending=not sort.startswith("-"))
    assert people["inserted_at"].to_list() == ordered.to_list()


TEXTS = st.text(st.characters(codec="ascii"), max_size=5).map(str.strip)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "category": TEXTS,
    "list": TEXTS,
    "boolean": st.booleans(),
    "date": st.dates().map(str),
    "datetime": st.datetimes(timezones=st.just(UTC)).map(
        lambda moment: moment.isoformat().replace("+00:00", "Z")
    ),
}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    where: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(list(fields_of(PROVIDER.record))), max_size=4)):
        kind = fields_of(PROVIDER.record)[name].kind
        where[name] = {}
        for operator in draw(st.lists(st.sampled_from(OPERATORS[kind]), min_size=1, max_size=3)):
            if operator in ("present", "missing"):
                where[name][operator] = True
                continue
            value = VALUES[kind]
            if operator in ("in", "nin"):
                value = st.lists(value.filter(lambda v: "," not in str(v)), min_size=1, max_size=3)
            where[name][operator] = draw(value)
    return where


@given(where=conditions())
def test_where_round_trips_through_the_query(where: dict[str, Any]):
    field = fields_of(ListContacts)["where"]
    assert field.marker.check
    field.marker.check(where)
    query = ListContacts.to_query({"where": where})
    assert ListContacts.from_query(query) == ({"where": where} if where else {})


def test_refusal_does_not_repeat_filter_values(client, wire):
    entry = {"code": "invalid_filter", "detail": "Smithson and Grove are too many of inserted_at"}
    wire.faults = [says(400, refusal(entry))]
    where = {"name_last": {"in": ["Smithson", "Grove"]}, "inserted_at": {"present": True}}
    with pytest.raises(ck.InvalidRequestError) as caught:
        client.contacts.list(where=where)
    assert "Smithson" not in str(caught.value) and "Grove" not in str(caught.value)
    assert "too many of inserted_at" in str(caught.value)


# Cursors

STALE = says(410, refusal({"code": "cursor_invalid", "title": "Cursor invalid"}))


def test_pages_follow_cursors():
    wire = many()
    pages = list(connect(wire).contacts.pages(sort="email"))
    assert [len(page) for page in pages] == [100, 100, 50]
    first, *rest = [dict(request.url.params) for request in wire.requests]
    assert first == {"sort": "email", "meta": "count", "page[size]": "100"}
    for params in rest:
        assert params.pop("page[after]")
        assert params == first


@pytest.mark.parametrize("code", ["cursor_invalid", "window_gone"])
def test_stale_cursor_restarts_the_listing_without_duplicates(code):
    wire = many()
    wire.faults = [None, None, says(410, refusal({"code": code}))]
    people = connect(wire).contacts.list()
    assert people["id"].is_unique
    assert len(people) == 250
    assert len(wire.requests) == 6
    assert "page[after]" not in wire.requests[3].url.params


def test_stale_cursor_restarts_more_than_once():
    wire = many(450)
    wire.faults = [None, None, STALE, None, None, None, STALE, None, STALE]
    pages = [len(page) for page in connect(wire).contacts.pages()]
    assert pages == [100, 100, 100, 100, 50]


def test_stale_cursor_restarts_the_async_listing():
    async def pages(wire: Wire) -> list[int]:
        return [len(page) async for page in connect(wire).aio.contacts.pages()]

    wire = many()
    wire.faults = [None, STALE]
    assert asyncio.run(pages(wire)) == [100, 100, 50]


def test_cursor_that_is_always_stale_is_an_error():
    wire = many()
    wire.faults = [None, STALE] * 99
    with pytest.raises(ck.InvalidRequestError) as caught:
        connect(wire).contacts.list()
    assert (caught.value.problem.status, caught.value.problem.code) == (410, "cursor_invalid")
    assert len(wire.requests) == 2 * (RESTARTS + 1)


def test_refused_first_page_is_not_requested_again():
    wire = many()
    wire.faults = [STALE]
    with pytest.raises(ck.InvalidRequestError):
        connect(wire).contacts.list()
    assert len(wire.requests) == 1


def stale_after(change: Any) -> Any:
    def fault(request: httpx.Request, answer: Any) -> httpx.Response:
        change()
        return STALE(request, answer)

    return fault


@pytest.mark.parametrize("new", [1, 99, 100, 350])
def test_contacts_created_before_a_restart_hide_none(new):
    """The new contacts come before the known ones, whole pages of them."""
    wire = many()

    def come() -> None:
        for number in range(new):
            wire.simulator.put(unique_id=f"new-{number}")

    wire.faults = [None, None, stale_after(come)]
    people = connect(wire).contacts.list()
    assert people["id"].is_unique
    assert len(people) == 250 + new


def test_contacts_deleted_before_a_restart_hide_none():
    wire = many()

    def go() -> None:
        for stored in list(wire.simulator.engine.contacts)[-150:]:
            wire.simulator.engine.contacts.delete(stored)

    wire.faults = [None, None, stale_after(go)]
    with pytest.warns(ck.ContactKitWarning, match="250 contacts were read but 100 were"):
        people = connect(wire).contacts.list()
    assert set(wire.simulator.state().query("not deleted")["id"]) <= set(people["id"])
    assert people["id"].is_unique


def test_listing_that_repeats_after_a_restart_stops():
    wire = many()

    def circle(request: httpx.Request, answer: Any) -> httpx.Response:
        first = request.url.copy_remove_param("page[after]")
        return answer(httpx.Request("GET", first, headers=request.headers))

    wire.faults = [None, None, STALE, *[circle] * 50]
    with pytest.warns(ck.ContactKitWarning, match="announced more but returned none"):
        assert len(connect(wire).contacts.list()) == 200
    assert len(wire.requests) == 5


def test_contacts_created_during_a_listing_shift_no_page():
    wire = many()

    def comes(request: httpx.Request, answer: Any) -> httpx.Response:
        response = answer(request)
        wire.simulator.put(unique_id="new")
        return response

    wire.faults = [comes]
    with pytest.warns(ck.ContactKitWarning, match="250 contacts were read but 251 were"):
        people = connect(wire).contacts.list()
    assert len(people) == 250
    assert people["id"].is_unique


@pytest.mark.parametrize(
    "page",
    [
        {"has_more": True, "next_cursor": None},
        {"has_more": True},
        {"next_cursor": "c"},
        {"has_more": "yes", "next_cursor": "c"},
        None,
    ],
)
def test_page_without_its_cursor_is_undocumented(client, wire, page):
    wire.faults = [says(200, json.dumps({"data": [], "page": page}))]
    with pytest.raises(ck.ApiError) as caught:
        client.contacts.list()
    assert caught.value.problem.code == "undocumented"


def test_page_without_a_count_is_read(client, wire):
    body = {"data": [], "page": {"has_more": False, "next_cursor": None}}
    wire.faults = [says(200, json.dumps(body))]
    assert client.contacts.list().empty


@pytest.mark.parametrize(
    "day", ["1984-07-02", date(1984, 7, 2), pd.Timestamp("1984-07-02"), np.datetime64("1984-07-02")]
)
def test_where_accepts_any_kind_of_date(day):
    contacts = connect(many()).contacts
    first = contacts.list(where={"birthdate": {"lte": day}})
    assert len(first) == len(contacts.list(where={"birthdate": {"lte": "1984-07-02"}})) > 0
    several = contacts.list(where={"birthdate": {"in": first["birthdate"].to_list()}})
    assert set(several["id"]) >= set(first["id"])


def test_where_finds_a_phone_in_any_spelling():
    contacts = connect(many()).contacts
    number = contacts.list(where={"phone_mobile": {"present": True}})["phone_mobile"][0]
    spelled = f"+1 ({number[2:5]}) {number[5:8]}-{number[8:]}"
    assert set(contacts.list(where={"phone_mobile": spelled})["phone_mobile"]) == {number}
