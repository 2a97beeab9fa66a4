"""Sent as its documentation describes it: contacts, refusals, profiles, the sandbox flag."""

from __future__ import annotations

import re
from typing import Any

import httpx
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contactkit.simulator.rules.sent import CHILD, ORGANISATION, fill_in
from contactkit.spec.phones import region
from tests.support.examples import examples
from tests.support.requests import ANONYMOUS, RawClient

ALL = "/v3/contacts"
FIRST = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
SMS_ONLY = "0b5c7a64-3d1e-4c57-9a55-5d2f0f6f0002"
INHERITED = "0b5c7a64-3d1e-4c57-9a55-5d2f0f6f0003"
FOREIGN = "2f6a1c1e-0000-4000-8000-000000000003"
NOWHERE = "6ba7b810-9dad-11d1-80b4-00c04fd430c9"
NEW = "+12125550187"
WHATSAPP = {"default_channel": "whatsapp", "opt_out": False}
SEVEN_DIGITS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,6}[1-9])?\+00:00"


def one(key: str) -> str:
    return f"{ALL}/{key}"


def refusal(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error object of a refusal, whose envelope is checked."""
    body = response.json()
    assert (response.status_code, body["error"]["code"]) == (status, code)
    assert list(body) == ["success", "data", "error", "meta"]
    assert (body["success"], body["data"]) == (False, None)
    assert list(body["error"]) == ["code", "message", "details", "doc_url"]
    assert list(body["meta"]) == ["request_id", "timestamp", "version"]
    assert body["error"]["doc_url"] == f"https://docs.sent.dm/errors/{code}"
    return body["error"]


def child_contact(sent: RawClient) -> str:
    contacts = sent.engine.contacts
    return next(contact.row["id"] for contact in contacts if contact.owner == CHILD)


# Creating


def test_new_contact_is_the_documented_one():
    sent = RawClient("sent", contacts=0)
    response = sent("POST", ALL, json={"phone_number": "+1234567890", "sandbox": False})
    data = response.json()["data"]
    assert response.status_code == 201
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", data.pop("id"))
    assert re.fullmatch(SEVEN_DIGITS, data.pop("created_at"))
    assert data == {
        "customer_id": ORGANISATION,
        "phone_number": "+1234567890",
        "format_e164": "+1234567890",
        "format_international": "+1 234-567-890",
        "format_national": "(234) 567-890",
        "format_rfc": "tel:+1-234-567-890",
        "country_code": "1",
        "region_code": "US",
        "available_channels": "sms",
        "default_channel": "sms",
        "opt_out": False,
        "is_inherited": False,
        "updated_at": None,
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1773265850.182552, "2026-03-11T21:50:50.182552+00:00"),
        (1773265850.2145488, "2026-03-11T21:50:50.2145488+00:00"),
        (1773265850.1, "2026-03-11T21:50:50.1+00:00"),
        (1773265850.0, "2026-03-11T21:50:50+00:00"),
        (1773265859.99999996, "2026-03-11T21:51:00+00:00"),
    ],
)
def test_time_has_at_most_seven_digits_of_a_second_and_no_zeros_at_their_end(seconds, text):
    sent = RawClient("sent")
    sent.simulator.clock._now = seconds
    body = sent("PATCH", one(FIRST), json={"opt_out": True}).json()
    assert body["data"]["updated_at"] == body["meta"]["timestamp"] == text


def test_time_of_the_documented_contact_has_all_seven_digits(sent):
    created = sent("GET", one(FIRST)).json()["data"]["created_at"]
    assert created == "2026-02-09T21:50:50.2145484+00:00"


@settings(max_examples=examples(200), deadline=None)
@given(
    st.from_regex(r"\+1[2-9][0-9]{9}|\+44[0-9]{10}|\+1[2-9][0-9]{2}55501[0-9]{2}", fullmatch=True)
)
def test_country_and_region_are_those_of_the_whole_number(number):
    row = {"phone_number": number, "available_channels": "sms", "default_channel": "sms"}
    fill_in(row, ORGANISATION)
    parsed = phonenumbers.parse(number, None)
    assert row["country_code"] == str(parsed.country_code)
    assert row["region_code"] == region(number)


def test_envelope_of_a_good_response(sent):
    body = sent("GET", one(FIRST)).json()
    assert sorted(body) == ["data", "error", "meta", "success"]
    assert (body["success"], body["error"]) == (True, None)
    assert list(body["meta"]) == ["request_id", "timestamp", "version"]
    assert re.fullmatch(SEVEN_DIGITS, body["meta"]["timestamp"])
    assert body["meta"]["version"] == "v3"


REFUSALS: list[tuple[str, str, dict[str, Any], int, str, str]] = [
    ("POST", ALL, {}, 400, "VALIDATION_001", ""),
    ("POST", ALL, {"sandbox": True}, 400, "VALIDATION_001", ""),
    ("POST", ALL, {"phone_number": NEW, "opt_out": True}, 400, "VALIDATION_001", "opt_out"),
    ("POST", ALL, {"phone_number": NEW, "name": "A"}, 400, "VALIDATION_001", "name"),
    ("POST", ALL, {"phone_number": 12025550123}, 400, "VALIDATION_001", "phone_number"),
    ("POST", ALL, {"phone_number": None}, 400, "VALIDATION_001", ""),
    ("POST", ALL, {"phone_number": ""}, 400, "VALIDATION_002", "phone_number"),
    ("POST", ALL, {"phone_number": "2025550123"}, 400, "VALIDATION_002", "phone_number"),
    ("POST", ALL, {"phone_number": "+0123456789"}, 400, "VALIDATION_002", "phone_number"),
    ("POST", ALL, {"phone_number": "+1 202-555-0123"}, 400, "VALIDATION_002", "phone_number"),
    ("POST", ALL, {"phone_number": "+1234567890123456"}, 400, "VALIDATION_002", "phone_number"),
    ("POST", ALL, {"phone_number": "+12"}, 400, "VALIDATION_002", "phone_number"),
    ("POST", ALL, {"phone_number": "+999123456"}, 400, "VALIDATION_002", "phone_number"),
    ("PATCH", one(FIRST), {"default_channel": "SMS"}, 400, "VALIDATION_006", "default_channel"),
    ("PATCH", one(FIRST), {"default_channel": ""}, 400, "VALIDATION_006", "default_channel"),
    ("PATCH", one(FIRST), {"opt_out": "true"}, 400, "VALIDATION_001", "opt_out"),
    ("PATCH", one(FIRST), {"opt_out": 1}, 400, "VALIDATION_001", "opt_out"),
    ("PATCH", one(FIRST), {"phone_number": "x"}, 400, "VALIDATION_001", "phone_number"),
    ("PATCH", one(FIRST), {"is_inherited": "x"}, 400, "VALIDATION_001", "is_inherited"),
    ("PATCH", one(FIRST), {"nickname": "x"}, 400, "VALIDATION_001", "nickname"),
    ("PATCH", one(FIRST), {"opt_out": True, "sandbox": 1}, 400, "VALIDATION_001", "sandbox"),
    ("PATCH", one(FIRST), {"opt_out": True, "sandbox": "true"}, 400, "VALIDATION_001", "sandbox"),
    ("PATCH", one(SMS_ONLY), WHATSAPP, 400, "BUSINESS_007", "default_channel"),
    ("GET", f"{ALL}?page_size=0", {}, 400, "VALIDATION_005", "page_size"),
    ("GET", f"{ALL}?page_size=101", {}, 400, "VALIDATION_005", "page_size"),
    ("GET", f"{ALL}?page_size=many", {}, 400, "VALIDATION_005", "page_size"),
    ("GET", f"{ALL}?channel=SMS", {}, 400, "VALIDATION_006", "channel"),
    ("GET", f"{ALL}?channel=", {}, 400, "VALIDATION_006", "channel"),
    ("PUT", ALL, {}, 404, "RESOURCE_013", ""),
    ("GET", "/v3", {}, 404, "RESOURCE_013", ""),
    ("GET", ALL + "/", {}, 404, "RESOURCE_013", ""),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code", "names"), REFUSALS)
def test_refusals(sent, method, path, body, status, code, names):
    before = sent.snapshot()
    error = refusal(sent(method, path, json=body), status, code)
    assert (error["details"] and list(error["details"])) == (names.split() or None)
    assert sent.snapshot() == before


@pytest.mark.parametrize("content", [b"{", b"[]", b'"text"', b"null", b"1", b"\xff", b"<html>"])
def test_body_that_is_not_an_object(sent, content):
    for method, path in [("POST", ALL), ("PATCH", one(FIRST))]:
        refusal(sent(method, path, content=content), 400, "VALIDATION_001")


@pytest.mark.parametrize(
    ("method", "body", "message"),
    [
        ("POST", {}, "Phone number is required"),
        ("PATCH", {"default_channel": "fax"}, "default_channel: must be one of sms, whatsapp"),
    ],
)
def test_refusal_messages(sent, method, body, message):
    path = ALL if method == "POST" else one(FIRST)
    assert sent(method, path, json=body).json()["error"]["message"] == message


@pytest.mark.parametrize("phone", ["+1234567890", "+442079460000", "+800123456"])
def test_phone_number_need_not_be_assigned(phone):
    sent = RawClient("sent", contacts=0)
    assert sent("POST", ALL, json={"phone_number": phone}).status_code == 201


def test_phone_number_already_taken(sent):
    response = sent("POST", ALL, json={"phone_number": "+1234567890"})
    error = refusal(response, 409, "RESOURCE_007")
    assert error["message"] == "Contact with this phone number already exists for this customer"
    assert error["details"] is None
    assert FIRST not in response.text


def test_phone_number_is_unique_by_customer(sent):
    assert sent("POST", ALL, "profile", json={"phone_number": "+1234567890"}).status_code == 201


# One contact


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/message-summary")]
)
def test_unknown_id(sent, method, path):
    error = refusal(sent(method, one(NOWHERE) + path, json={}), 404, "RESOURCE_001")
    assert (error["message"], error["details"]) == ("Contact not found", None)


@pytest.mark.parametrize(
    "key", ["nope", "123", FIRST + "0", FIRST.replace("-", ""), "%2F", FIRST.replace("6", "g")]
)
def test_id_that_is_not_a_uuid(sent, key):
    for method, path in [("GET", ""), ("PATCH", ""), ("GET", "/message-summary")]:
        error = refusal(sent(method, one(key) + path, json={}), 400, "VALIDATION_003")
        assert error["message"] == "Invalid ID format."
    error = refusal(sent("DELETE", one(key)), 400, "VALIDATION_001")
    assert error["message"] == "Invalid contact ID format."


def test_message_summary(sent):
    data = sent("GET", one(FIRST) + "/message-summary").json()["data"]
    assert data == {
        "contact_id": FIRST,
        "message_count": 4,
        "first_message_at": "2026-02-09T21:50:50.2145484+00:00",
        "last_message_at": "2026-02-09T21:50:50.2145484+00:00",
        "channels_used": ["sms", "whatsapp"],
        "channel_scores": [
            {"channel": "sms", "success_score": 100, "fail_score": 0},
            {"channel": "whatsapp", "success_score": 100, "fail_score": 0},
        ],
    }


# Changing


def test_update_shows_the_changed_contact(sent):
    response = sent("PATCH", one(FIRST), json={"default_channel": "whatsapp", "opt_out": True})
    data = response.json()["data"]
    assert response.status_code == 200
    assert (data["default_channel"], data["opt_out"]) == ("whatsapp", True)
    assert data["updated_at"] == "2026-10-01T09:00:00+00:00"
    assert sent("GET", one(FIRST)).json()["data"] == data


def test_opt_out_can_be_withdrawn(sent):
    assert sent("PATCH", one(SMS_ONLY), json={"opt_out": False}).json()["data"]["opt_out"] is False


def test_empty_update_changes_nothing(sent):
    before = sent.snapshot()
    response = sent("PATCH", one(FIRST), json={})
    assert response.status_code == 200
    assert response.json()["data"]["updated_at"] is None
    assert sent.snapshot() == before


def test_inherited_contact_refuses_updates_as_documented(sent):
    before = sent.snapshot()
    response = sent("PATCH", one(INHERITED), json={"opt_out": True})
    body = response.json()
    body["meta"] = {}
    assert response.status_code == 400
    assert body == {
        "success": False,
        "data": None,
        "error": {
            "code": "VALIDATION_001",
            "message": "This contact is read-only and cannot be updated.",
            "details": None,
            "doc_url": "https://docs.sent.dm/errors/VALIDATION_001",
        },
        "meta": {},
    }
    assert sent.snapshot() == before


# Deleting


def test_inherited_contact_refuses_its_deletion(sent):
    before = sent.snapshot()
    error = refusal(sent("DELETE", one(INHERITED), json={}), 400, "VALIDATION_001")
    assert error["message"] == "This contact is read-only and cannot be deleted."
    assert sent.snapshot() == before


@pytest.mark.parametrize("body", [{}, {"json": {}}])
def test_delete_response_is_empty(sent, body):
    response = sent("DELETE", one(FIRST), **body)
    assert (response.status_code, response.content) == (204, b"")
    refusal(sent("GET", one(FIRST)), 404, "RESOURCE_001")


def test_deleted_contact_is_not_listed(sent):
    sent("DELETE", one(FIRST))
    listed = sent("GET", ALL).json()["data"]
    assert FIRST not in [contact["id"] for contact in listed["contacts"]]
    assert listed["pagination"]["total_count"] == 7


def test_contact_created_again_is_new(sent):
    phone = sent.row(SMS_ONLY)["phone_number"]
    sent("DELETE", one(SMS_ONLY))
    data = sent("POST", ALL, json={"phone_number": phone}).json()["data"]
    assert data["id"] != SMS_ONLY
    assert (data["opt_out"], data["updated_at"]) == (False, None)


# Listing


def ids(response: httpx.Response) -> list[str]:
    assert response.status_code == 200
    return [contact["id"] for contact in response.json()["data"]["contacts"]]


def pagination(response: httpx.Response) -> dict[str, Any]:
    return response.json()["data"]["pagination"]


def test_page_has_20_contacts_by_default():
    sent = RawClient("sent", contacts=45)
    assert pagination(sent("GET", ALL)) == {
        "page": 1,
        "page_size": 20,
        "total_count": 45,
        "total_pages": 3,
        "has_more": True,
        "cursors": None,
    }


def test_pages_have_every_contact_once():
    sent = RawClient("sent", contacts=45)
    pages = [sent("GET", ALL, params={"page": page}) for page in (1, 2, 3)]
    keys = [key for page in pages for key in ids(page)]
    assert keys == [stored.row["id"] for stored in sent.engine.contacts]
    assert [pagination(page)["has_more"] for page in pages] == [True, True, False]


@pytest.mark.parametrize(("contacts", "pages"), [(8, 2), (0, 0)])
def test_page_past_the_end_is_empty(contacts, pages):
    response = RawClient("sent", contacts)("GET", ALL, params={"page": 9, "page_size": 5})
    assert ids(response) == []
    assert pagination(response) == {
        "page": 9,
        "page_size": 5,
        "total_count": contacts,
        "total_pages": pages,
        "has_more": False,
        "cursors": None,
    }


def test_order_of_a_listing_is_by_creation(sent):
    before = ids(sent("GET", ALL))
    sent("PATCH", one(FIRST), json={"opt_out": True})
    key = sent("POST", ALL, json={"phone_number": NEW}).json()["data"]["id"]
    assert ids(sent("GET", ALL)) == [*before, key]


@pytest.mark.parametrize("page", ["0", "-1", "abc", "", "1.5", "²", "9" * 5000])
def test_page_below_1(sent, page):
    error = refusal(sent("GET", ALL, params={"page": page}), 400, "VALIDATION_005")
    assert error["message"] == "Page must be greater than 0"


@pytest.mark.parametrize(
    ("text", "keys"),
    [("(234) 567-890", [FIRST]), ("567", []), ("+1234567890", []), ("(234) 567", [])],
)
def test_search_matches_the_national_form_exactly(sent, text, keys):
    assert ids(sent("GET", ALL, params={"search": text})) == keys


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_channel_filter(sent, channel):
    wanted = [
        stored.row["id"]
        for stored in sent.engine.contacts
        if channel in stored.row["available_channels"].split(",")
    ]
    assert 0 < len(wanted) < 8
    assert ids(sent("GET", ALL, params={"channel": channel})) == wanted


def test_phone_filter(sent):
    response = sent("GET", ALL, params={"phone": "+1234567890"})
    assert ids(response) == [FIRST]
    assert pagination(response)["total_count"] == 1
    error = refusal(sent("GET", ALL, params={"phone": NEW}), 404, "RESOURCE_001")
    assert error["message"] == "Contact not found with the specified phone number"
    other = {"phone": sent.row(SMS_ONLY)["phone_number"], "channel": "whatsapp"}
    refusal(sent("GET", ALL, params=other), 404, "RESOURCE_001")
    sent("DELETE", one(FIRST))
    refusal(sent("GET", ALL, params={"phone": "+1234567890"}), 404, "RESOURCE_001")


# Profiles


def test_organisation_sees_the_contacts_of_its_profile(sent):
    listed = sent("GET", ALL).json()["data"]["contacts"]
    assert {contact["customer_id"] for contact in listed} == {ORGANISATION, CHILD}
    assert sent("GET", one(child_contact(sent))).status_code == 200


def test_capitals_make_no_other_id_or_profile(sent):
    assert sent("GET", one(FIRST.upper())).json()["data"]["id"] == FIRST
    response = sent("GET", ALL, headers={"x-profile-id": CHILD.upper()})
    assert response.headers["X-Profile-Id"] == CHILD


def test_organisation_acts_for_its_profile_with_a_header(sent):
    headers = {"x-profile-id": CHILD}
    response = sent("GET", ALL, headers=headers)
    assert {contact["customer_id"] for contact in response.json()["data"]["contacts"]} == {CHILD}
    assert response.headers["X-Profile-Id"] == CHILD
    assert "X-Profile-Id" not in sent("GET", ALL).headers
    created = sent("POST", ALL, headers=headers, json={"phone_number": NEW})
    assert created.json()["data"]["customer_id"] == CHILD
    refusal(sent("GET", one(FIRST), headers=headers), 404, "RESOURCE_001")


def test_profile_key_is_limited_to_its_contacts(sent):
    listed = sent("GET", ALL, "profile").json()["data"]["contacts"]
    assert {contact["customer_id"] for contact in listed} == {CHILD}
    for method in ("GET", "PATCH", "DELETE"):
        refusal(sent(method, one(FIRST), "profile", json={}), 404, "RESOURCE_001")
    created = sent("POST", ALL, "profile", json={"phone_number": NEW})
    assert created.json()["data"]["customer_id"] == CHILD


@pytest.mark.parametrize("profile", [CHILD, ORGANISATION, FOREIGN])
def test_profile_key_may_not_name_a_profile(sent, profile):
    response = sent("GET", ALL, "profile", headers={"x-profile-id": profile})
    refusal(response, 403, "AUTH_004")


@pytest.mark.parametrize("profile", [FOREIGN, ORGANISATION, NOWHERE, "nope", ""])
def test_profile_that_is_not_a_child(sent, profile):
    response = sent("GET", ALL, headers={"x-profile-id": profile})
    refusal(response, 404, "RESOURCE_014")


# The sandbox flag

SANDBOX = {"sandbox": True}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", ALL, {"phone_number": NEW}, 201),
        ("POST", ALL, {"phone_number": "+1234567890"}, 201),
        ("PATCH", one(FIRST), {"opt_out": True}, 200),
        ("PATCH", one(NOWHERE), {"default_channel": "whatsapp"}, 200),
        ("PATCH", one(INHERITED), {"opt_out": True}, 200),
        ("DELETE", one(FIRST), {}, 204),
        ("DELETE", one(NOWHERE), {}, 204),
    ],
)
def test_sandboxed_write_looks_nothing_up_and_writes_nothing(sent, method, path, body, status):
    before = sent.snapshot()
    response = sent(method, path, json=body | SANDBOX)
    assert (response.status_code, response.headers["X-Sandbox"]) == (status, "true")
    assert sent.snapshot() == before


@pytest.mark.parametrize("change", [{"default_channel": "whatsapp"}, {"opt_out": True}])
def test_sandboxed_update_shows_the_change(sent, change):
    for _ in range(10):
        data = sent("PATCH", one(NOWHERE), json=change | SANDBOX).json()["data"]
        assert data.items() >= {"id": NOWHERE, **change}.items()
        assert sorted(data) == sorted(sent.row(FIRST))


@pytest.mark.parametrize(
    ("method", "path", "account", "body", "status", "code"),
    [
        ("POST", ALL, "", {"phone_number": "abc"}, 400, "VALIDATION_002"),
        ("PATCH", one(NOWHERE), "", {"default_channel": "fax"}, 400, "VALIDATION_006"),
        ("PATCH", one("nope"), "", {}, 400, "VALIDATION_003"),
        ("DELETE", one("nope"), "", {}, 400, "VALIDATION_001"),
        ("POST", ALL, ANONYMOUS, {"phone_number": NEW}, 401, "AUTH_001"),
    ],
)
def test_sandbox_authenticates_and_validates(sent, method, path, account, body, status, code):
    response = sent(method, path, account, json=body | SANDBOX)
    refusal(response, status, code)
    assert "X-Sandbox" not in response.headers


@pytest.mark.parametrize("sandbox", [False, None])
def test_sandbox_flag_that_is_off_writes(sent, sandbox):
    response = sent("PATCH", one(FIRST), json={"opt_out": True, "sandbox": sandbox})
    assert "X-Sandbox" not in response.headers
    assert sent.row(FIRST)["opt_out"] is True


# Headers

ANSWERS: list[tuple[str, str, str, dict[str, Any], int]] = [
    ("GET", ALL, "", {}, 200),
    ("POST", ALL, "", {"phone_number": NEW}, 201),
    ("DELETE", one(FIRST), "", {}, 204),
    ("POST", ALL, "", {}, 400),
    ("GET", ALL, ANONYMOUS, {}, 401),
    ("GET", one(NOWHERE), "", {}, 404),
    ("GET", "/nowhere", "", {}, 404),
    ("POST", ALL, "", {"phone_number": "+1234567890"}, 409),
]


@pytest.mark.parametrize(("method", "path", "account", "body", "status"), ANSWERS)
def test_headers_of_every_response(sent, method, path, account, body, status):
    response = sent(method, path, account, json=body)
    assert response.status_code == status
    assert response.headers["X-Request-Id"].startswith("req_")
    assert re.fullmatch(r"\d+ms", response.headers["X-Response-Time"])
    assert response.headers["X-API-Version"] == "v3"


def test_request_id_is_in_header_and_body(sent):
    responses = [sent("GET", ALL), sent("GET", one(NOWHERE))]
    for response in responses:
        assert response.headers["X-Request-Id"] == response.json()["meta"]["request_id"]
    assert len({response.headers["X-Request-Id"] for response in responses}) == 2
