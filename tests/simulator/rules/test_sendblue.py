"""Sendblue as its documentation describes it: routes, spellings, refusals, opt-outs."""

from __future__ import annotations

import pytest

from tests.support.requests import ANONYMOUS

BASE = "/api/v2/contacts"
ADA = "/api/v2/contacts/%2B12025550123"


def refused(response):
    assert response.json()["status"] == "ERROR"
    assert set(response.json()) == {"status", "message"}
    return response.status_code, response.json()["message"]


def test_listing_is_an_array_with_the_newest_first(sendblue):
    rows = sendblue("GET", BASE).json()
    assert isinstance(rows, list)
    times = [row["created_at"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert all(row["contact_id"] for row in rows)


def test_names_have_two_spellings(sendblue):
    contact = sendblue("GET", ADA).json()["contact"]
    for snake, camel in [("first_name", "firstName"), ("custom_variables", "customVariables")]:
        assert contact[snake] == contact[camel]
    assert "contact_id" not in contact


@pytest.mark.parametrize(
    ("query", "length"),
    [
        ({"limit": "3"}, 3),
        ({"limit": "5000"}, 8),
        ({"offset": "5"}, 3),
        ({"offset": "99999"}, 0),
        ({"phone_number": "+12025550123"}, 1),
        ({"created_at_gte": "2025-12-24T17:42:10Z"}, 6),
    ],
)
def test_pages_and_filters(sendblue, query, length):
    assert len(sendblue("GET", BASE, params=query).json()) == length


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "x"},
        {"offset": "-1"},
        {"order_by": "age"},
        {"order_direction": "up"},
        {"created_at_gte": "yesterday"},
        {"tag": "vip"},
    ],
)
def test_invalid_query(sendblue, query):
    assert sendblue("GET", BASE, params=query).status_code == 400


def test_literal_routes_win_over_numbers(sendblue):
    assert sendblue("GET", f"{BASE}/count").json() == {"count": 8}
    assert sendblue("POST", f"{BASE}/verify", json={"number": "+12025550123"}).json() == {
        "status": "OK"
    }


def test_key_missing_or_wrong(sendblue):
    assert refused(sendblue("GET", BASE, ANONYMOUS))[0] == 401
    half = {"sb-api-key-id": "simulator-key-id"}
    assert refused(sendblue("GET", BASE, ANONYMOUS, headers=half))[0] == 401
    both = {**half, "sb-api-secret-key": "wrong"}
    assert refused(sendblue("GET", BASE, ANONYMOUS, headers=both))[0] == 401


@pytest.mark.parametrize("name", ["number", "phone_number", "phoneNumber"])
def test_create_accepts_any_name_of_the_number(sendblue, name):
    response = sendblue("POST", BASE, json={name: "+12125550187", "firstName": "Eve"})
    assert (response.status_code, response.json()["status"]) == (200, "OK")
    assert response.json()["contact"]["first_name"] == "Eve"


def test_preferred_spelling_wins(sendblue):
    for body in (
        {"first_name": "New", "firstName": "Old"},
        {"firstName": "Old", "first_name": "New"},
    ):
        assert sendblue("PUT", ADA, json=body).json()["contact"]["first_name"] == "New"


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, (400, "Missing fields")),
        ({"number": "555"}, (400, "Invalid phone number")),
        ({"number": "+12025550123"}, (409, "Contact already exists")),
    ],
)
def test_invalid_create(sendblue, body, refusal):
    before = sendblue.snapshot()
    assert refused(sendblue("POST", BASE, json=body)) == refusal
    assert sendblue.snapshot() == before


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_number(sendblue, method):
    response = sendblue(method, f"{BASE}/+12125550199", json={} if method == "PUT" else None)
    assert refused(response) == (404, "Contact not found")


def test_empty_update_changes_nothing(sendblue):
    before = sendblue.snapshot()
    assert sendblue("PUT", ADA, json={}).status_code == 200
    assert sendblue.snapshot() == before


def test_null_clears_a_field(sendblue):
    sendblue("PUT", ADA, json={"company_name": None, "custom_variables": None})
    row = sendblue.row("+12025550123")
    assert (row["company_name"], row["first_name"]) == (None, "Ada")
    assert row["custom_variables"] == {}


def test_contact_without_creation_time_is_in_no_time_range(sendblue):
    sendblue.simulator.put(phone="+12125550187", created_at=None)
    since = {"created_at_gte": "2000-01-01T00:00:00Z"}
    assert len(sendblue("GET", BASE, params=since).json()) == 8
    assert len(sendblue("GET", BASE).json()) == 9


def test_delete_response(sendblue):
    assert sendblue("DELETE", ADA).json() == {"status": "OK"}


def test_opt_out_normalises_and_needs_no_contact(sendblue):
    body = {"number": "+1 (212) 555-0199"}
    response = sendblue("POST", f"{BASE}/opt-out", json=body)
    assert response.json() == {"status": "OK", "number": "+12125550199", "opted_out": True}
    assert sendblue("GET", f"{BASE}/count").json() == {"count": 8}
    response = sendblue("POST", f"{BASE}/opt-out", json={**body, "opted_out": False})
    assert response.json()["opted_out"] is False


@pytest.mark.parametrize("path", ["opt-out", "verify"])
@pytest.mark.parametrize(
    ("body", "message"), [({}, "Missing fields"), ({"number": "x"}, "Invalid phone number")]
)
def test_invalid_number(sendblue, path, body, message):
    assert refused(sendblue("POST", f"{BASE}/{path}", json=body)) == (400, message)


def test_bulk_delete_without_numbers(sendblue):
    before = sendblue.snapshot()
    for body in (None, {}, {"contact_ids": []}, {"contact_ids": None}, {"contact_ids": [None]}):
        assert refused(sendblue("DELETE", BASE, json=body)) == (400, "Missing fields")
    assert sendblue.snapshot() == before


def test_bulk_delete_counts_existing_contacts(sendblue):
    numbers = ["+12025550123", "+12025550123", "+12125550199"]
    response = sendblue.http.request(
        "DELETE", BASE, headers=sendblue.credentials(""), json={"contact_ids": numbers}
    )
    assert response.json() == {"status": "OK", "amount": 1}


def test_bulk_create_is_all_or_none_and_changes_existing_contacts(sendblue):
    before = sendblue.snapshot()
    items = [{"phone": "+12125550187"}, {"phone": "x"}]
    assert refused(sendblue("POST", f"{BASE}/bulk", json={"contacts": items}))[0] == 400
    assert sendblue.snapshot() == before
    items[1] = {"phone": "+12025550123", "firstName": "Eve"}
    response = sendblue("POST", f"{BASE}/bulk", json={"contacts": items}).json()
    assert [contact["phone"] for contact in response["contacts"]] == [
        "+12125550187",
        "+12025550123",
    ]
    assert sendblue.row("+12025550123")["first_name"] == "Eve"
