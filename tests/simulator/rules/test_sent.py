"""Sent as its documentation describes it: contacts, refusals, profiles, the sandbox flag."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from contactkit.simulator.rules.sent import CHILD, ORGANISATION
from tests.support.requests import RawClient

ALL = "/v3/contacts"
FIRST = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
SMS_ONLY = "0b5c7a64-3d1e-4c57-9a55-5d2f0f6f0002"
INHERITED = "0b5c7a64-3d1e-4c57-9a55-5d2f0f6f0003"
FOREIGN = "2f6a1c1e-0000-4000-8000-000000000003"
NOWHERE = "6ba7b810-9dad-11d1-80b4-00c04fd430c9"
NEW = "+12125550187"
SEVEN_DIGITS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00"
BAD_IDS = ["nope", "123", FIRST + "0", FIRST.replace("-", ""), "%2F", FIRST.replace("6", "g")]


def one(key: str) -> str:
    return f"{ALL}/{key}"


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error object of a refusal, after a look at its whole envelope."""
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (status, code)
    assert list(body) == ["success", "data", "error", "meta"]
    assert (body["success"], body["data"]) == (False, None)
    assert list(body["error"]) == ["code", "message", "details", "doc_url"]
    assert list(body["meta"]) == ["request_id", "timestamp", "version"]
    assert body["error"]["doc_url"] == f"https://docs.sent.dm/errors/{code}"
    return body["error"]


def child_contact(sent: RawClient) -> str:
    return next(each.row["id"] for each in sent.engine.contacts if each.owner == CHILD)


# Creating


def test_a_new_contact_is_the_one_on_the_vendors_page():
    sent = RawClient("sent", contacts=0)
    answer = sent("POST", ALL, json={"phone_number": "+1234567890", "sandbox": False})
    data = answer.json()["data"]
    assert answer.status_code == 201
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


def test_a_good_answer_has_the_whole_envelope(sent):
    body = sent("GET", one(FIRST)).json()
    assert sorted(body) == ["data", "error", "meta", "success"]
    assert (body["success"], body["error"]) == (True, None)
    assert list(body["meta"]) == ["request_id", "timestamp", "version"]
    assert re.fullmatch(SEVEN_DIGITS, body["meta"]["timestamp"])
    assert body["meta"]["version"] == "v3"


@pytest.mark.parametrize("body", [{}, {"sandbox": True}])
def test_a_missing_phone_is_validation_001(sent, body):
    error = refused(sent("POST", ALL, json=body), 400, "VALIDATION_001")
    assert (error["message"], error["details"]) == ("Phone number is required", None)


@pytest.mark.parametrize(
    "phone",
    ["", "abc", "2025550123", "+0123456789", "+1 202-555-0123", "+1234567890123456", "++1234567"],
)
def test_a_phone_that_is_not_e164_is_validation_002(sent, phone):
    error = refused(sent("POST", ALL, json={"phone_number": phone}), 400, "VALIDATION_002")
    assert list(error["details"]) == ["phone_number"]


@pytest.mark.parametrize("phone", ["+12", "+44", "+999123456", "+210123456"])
def test_a_phone_of_no_country_is_validation_002(sent, phone):
    error = refused(sent("POST", ALL, json={"phone_number": phone}), 400, "VALIDATION_002")
    assert list(error["details"]) == ["phone_number"]


@pytest.mark.parametrize("phone", ["+1234567890", "+442079460000", "+800123456"])
def test_a_phone_of_the_e164_form_need_not_be_assigned(phone):
    sent = RawClient("sent", contacts=0)
    assert sent("POST", ALL, json={"phone_number": phone}).status_code == 201


@pytest.mark.parametrize("phone", [12025550123, None, ["+12025550199"], True])
def test_a_phone_that_is_not_text_is_validation_001(sent, phone):
    refused(sent("POST", ALL, json={"phone_number": phone}), 400, "VALIDATION_001")


@pytest.mark.parametrize("more", [{"default_channel": "sms"}, {"opt_out": True}, {"name": "A"}])
def test_create_takes_a_phone_number_and_nothing_else(sent, more):
    before = sent.snapshot()
    refused(sent("POST", ALL, json={"phone_number": NEW, **more}), 400, "VALIDATION_001")
    assert sent.snapshot() == before


def test_a_number_already_held_is_resource_007_without_its_id(sent):
    answer = sent("POST", ALL, json={"phone_number": "+1234567890"})
    error = refused(answer, 409, "RESOURCE_007")
    assert error["message"] == "Contact with this phone number already exists for this customer"
    assert error["details"] is None
    assert FIRST not in answer.text


def test_two_customers_may_hold_the_same_number(sent):
    assert sent("POST", ALL, "profile", json={"phone_number": "+1234567890"}).status_code == 201


# One contact


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_id_is_resource_001(sent, method):
    error = refused(sent(method, one(NOWHERE), json={}), 404, "RESOURCE_001")
    assert (error["message"], error["details"]) == ("Contact not found", None)


@pytest.mark.parametrize("key", BAD_IDS)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_bad_uuid_is_validation_003(sent, method, key):
    error = refused(sent(method, one(key), json={}), 400, "VALIDATION_003")
    assert error["message"] == "Invalid ID format."


@pytest.mark.parametrize("key", BAD_IDS)
def test_a_bad_uuid_on_delete_is_validation_001(sent, key):
    error = refused(sent("DELETE", one(key)), 400, "VALIDATION_001")
    assert error["message"] == "Invalid contact ID format."


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", ALL), ("GET", "/v3"), ("GET", ALL + "/"), ("POST", "/v3/contact")]
)
def test_no_such_endpoint_is_a_404(sent, method, path):
    refused(sent(method, path), 404, "RESOURCE_013")


def test_message_summary_tells_of_each_channel(sent):
    data = sent("GET", one(FIRST) + "/message-summary").json()["data"]
    assert data == {
        "contact_id": FIRST,
        "message_count": 4,
        "first_message_at": "2026-02-09T21:50:50.2145480+00:00",
        "last_message_at": "2026-02-09T21:50:50.2145480+00:00",
        "channels_used": ["sms", "whatsapp"],
        "channel_scores": [
            {"channel": "sms", "success_score": 100, "fail_score": 0},
            {"channel": "whatsapp", "success_score": 100, "fail_score": 0},
        ],
    }


def test_message_summary_of_an_unknown_id_is_resource_001(sent):
    refused(sent("GET", one(NOWHERE) + "/message-summary"), 404, "RESOURCE_001")


def test_message_summary_of_a_bad_uuid_is_validation_003(sent):
    refused(sent("GET", one("nope") + "/message-summary"), 400, "VALIDATION_003")


# Changing


def test_update_answers_with_the_changed_contact(sent):
    answer = sent("PATCH", one(FIRST), json={"default_channel": "whatsapp", "opt_out": True})
    data = answer.json()["data"]
    assert answer.status_code == 200
    assert (data["default_channel"], data["opt_out"]) == ("whatsapp", True)
    assert sent("GET", one(FIRST)).json()["data"] == data


def test_update_stamps_updated_at_with_seven_digits(sent):
    data = sent("PATCH", one(FIRST), json={"opt_out": True}).json()["data"]
    assert data["updated_at"] == "2026-10-01T09:00:00.0000000+00:00"


def test_opt_out_can_be_taken_back(sent):
    assert sent("PATCH", one(SMS_ONLY), json={"opt_out": False}).json()["data"]["opt_out"] is False


def test_an_empty_patch_changes_nothing(sent):
    before = sent.snapshot()
    answer = sent("PATCH", one(FIRST), json={})
    assert answer.status_code == 200
    assert answer.json()["data"]["updated_at"] is None
    assert sent.snapshot() == before


@pytest.mark.parametrize("channel", ["SMS", "rcs", "sent", "", "sms,whatsapp"])
def test_a_bad_channel_is_validation_006_and_names_the_good_ones(sent, channel):
    answer = sent("PATCH", one(FIRST), json={"default_channel": channel})
    error = refused(answer, 400, "VALIDATION_006")
    assert error["details"] == {"default_channel": ["must be one of sms, whatsapp"]}


@pytest.mark.parametrize("value", ["true", 1, [], {}])
def test_an_opt_out_that_is_no_boolean_is_validation_001(sent, value):
    refused(sent("PATCH", one(FIRST), json={"opt_out": value}), 400, "VALIDATION_001")


def test_a_channel_that_does_not_reach_the_contact_is_business_007(sent):
    before = sent.snapshot()
    answer = sent("PATCH", one(SMS_ONLY), json={"default_channel": "whatsapp", "opt_out": False})
    error = refused(answer, 400, "BUSINESS_007")
    assert list(error["details"]) == ["default_channel"]
    assert sent.snapshot() == before


@pytest.mark.parametrize("field", ["id", "phone_number", "created_at", "is_inherited", "nickname"])
def test_update_takes_only_channel_and_opt_out(sent, field):
    refused(sent("PATCH", one(FIRST), json={field: "x"}), 400, "VALIDATION_001")


def test_an_inherited_contact_refuses_as_on_the_vendors_page(sent):
    before = sent.snapshot()
    answer = sent("PATCH", one(INHERITED), json={"opt_out": True})
    body = answer.json()
    body["meta"] = {}
    assert answer.status_code == 400
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


@pytest.mark.parametrize("path", [one(INHERITED), one(INHERITED) + "/message-summary"])
def test_an_inherited_contact_can_be_read(sent, path):
    assert sent("GET", path).status_code == 200


# Deleting


@pytest.mark.parametrize("body", [{}, {"json": {}}])
def test_delete_answers_204_and_nothing(sent, body):
    answer = sent("DELETE", one(FIRST), **body)
    assert (answer.status_code, answer.content) == (204, b"")
    refused(sent("GET", one(FIRST)), 404, "RESOURCE_001")


def test_a_deleted_contact_is_not_listed(sent):
    sent("DELETE", one(FIRST))
    listed = sent("GET", ALL).json()["data"]
    assert FIRST not in [each["id"] for each in listed["contacts"]]
    assert listed["pagination"]["total_count"] == 7


def test_a_contact_created_again_starts_clean(sent):
    phone = sent.row(SMS_ONLY)["phone_number"]
    sent("DELETE", one(SMS_ONLY))
    data = sent("POST", ALL, json={"phone_number": phone}).json()["data"]
    assert data["id"] != SMS_ONLY
    assert (data["opt_out"], data["updated_at"]) == (False, None)


# Listing


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200
    return [each["id"] for each in answer.json()["data"]["contacts"]]


def pagination(answer: httpx.Response) -> dict[str, Any]:
    return answer.json()["data"]["pagination"]


def test_a_page_has_20_by_default():
    sent = RawClient("sent", contacts=45)
    assert pagination(sent("GET", ALL)) == {
        "page": 1,
        "page_size": 20,
        "total_count": 45,
        "total_pages": 3,
        "has_more": True,
        "cursors": None,
    }


def test_the_pages_together_are_every_contact_once():
    sent = RawClient("sent", contacts=45)
    pages = [sent("GET", ALL, params={"page": page}) for page in (1, 2, 3)]
    found = [key for page in pages for key in ids(page)]
    assert found == [each.row["id"] for each in sent.engine.contacts]
    assert [pagination(page)["has_more"] for page in pages] == [True, True, False]


def test_a_page_past_the_end_is_empty(sent):
    answer = sent("GET", ALL, params={"page": 9, "page_size": 5})
    assert ids(answer) == []
    assert pagination(answer) == {
        "page": 9,
        "page_size": 5,
        "total_count": 8,
        "total_pages": 2,
        "has_more": False,
        "cursors": None,
    }


def test_no_contacts_are_no_pages():
    answer = RawClient("sent", contacts=0)("GET", ALL)
    assert ids(answer) == []
    assert (pagination(answer)["total_pages"], pagination(answer)["has_more"]) == (0, False)


def test_a_new_contact_comes_last(sent):
    before = ids(sent("GET", ALL))
    key = sent("POST", ALL, json={"phone_number": NEW}).json()["data"]["id"]
    assert ids(sent("GET", ALL)) == [*before, key]


def test_a_changed_contact_keeps_its_place(sent):
    before = ids(sent("GET", ALL))
    sent("PATCH", one(FIRST), json={"opt_out": True})
    assert ids(sent("GET", ALL)) == before


@pytest.mark.parametrize("page", ["0", "-1", "abc", "", "1.5", "²", "9" * 5000])
def test_a_page_below_1_is_validation_005(sent, page):
    error = refused(sent("GET", ALL, params={"page": page}), 400, "VALIDATION_005")
    assert error["message"] == "Page must be greater than 0"


@pytest.mark.parametrize("size", ["0", "101", "-5", "many", "", "9" * 5000])
def test_a_page_size_out_of_1_to_100_is_validation_005(sent, size):
    error = refused(sent("GET", ALL, params={"page_size": size}), 400, "VALIDATION_005")
    assert list(error["details"]) == ["page_size"]


@pytest.mark.parametrize("size", [1, 100])
def test_a_page_size_from_1_to_100_is_taken(sent, size):
    assert pagination(sent("GET", ALL, params={"page_size": size}))["page_size"] == size


def test_search_is_exact_on_the_national_form(sent):
    assert ids(sent("GET", ALL, params={"search": "(234) 567-890"})) == [FIRST]


@pytest.mark.parametrize("text", ["567", "+1234567890", "234567890", "(234) 567"])
def test_search_without_a_match_is_an_empty_page(sent, text):
    assert ids(sent("GET", ALL, params={"search": text})) == []


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_channel_filters_on_the_available_ones(sent, channel):
    wanted = [
        each.row["id"]
        for each in sent.engine.contacts
        if channel in each.row["available_channels"].split(",")
    ]
    assert 0 < len(wanted) < 8
    assert ids(sent("GET", ALL, params={"channel": channel})) == wanted


@pytest.mark.parametrize("channel", ["SMS", "rcs", ""])
def test_a_bad_channel_filter_is_validation_006(sent, channel):
    refused(sent("GET", ALL, params={"channel": channel}), 400, "VALIDATION_006")


def test_phone_filters_exactly(sent):
    answer = sent("GET", ALL, params={"phone": "+1234567890"})
    assert ids(answer) == [FIRST]
    assert pagination(answer)["total_count"] == 1


def test_a_phone_filter_without_a_match_is_resource_001(sent):
    error = refused(sent("GET", ALL, params={"phone": NEW}), 404, "RESOURCE_001")
    assert error["message"] == "Contact not found with the specified phone number"


def test_a_phone_filter_does_not_find_a_deleted_contact(sent):
    sent("DELETE", one(FIRST))
    refused(sent("GET", ALL, params={"phone": "+1234567890"}), 404, "RESOURCE_001")


def test_filters_add_up(sent):
    params = {"phone": sent.row(SMS_ONLY)["phone_number"], "channel": "whatsapp"}
    refused(sent("GET", ALL, params=params), 404, "RESOURCE_001")


# Profiles


def test_an_organisation_sees_the_contacts_of_its_profile(sent):
    listed = sent("GET", ALL).json()["data"]["contacts"]
    assert {each["customer_id"] for each in listed} == {ORGANISATION, CHILD}
    assert sent("GET", one(child_contact(sent))).status_code == 200


def test_an_organisation_acts_for_its_profile_with_a_header(sent):
    headers = {"x-profile-id": CHILD}
    listed = sent("GET", ALL, headers=headers).json()["data"]["contacts"]
    assert {each["customer_id"] for each in listed} == {CHILD}
    made = sent("POST", ALL, headers=headers, json={"phone_number": NEW})
    assert made.json()["data"]["customer_id"] == CHILD
    refused(sent("GET", one(FIRST), headers=headers), 404, "RESOURCE_001")


def test_a_profile_key_sees_only_its_own(sent):
    listed = sent("GET", ALL, "profile").json()["data"]["contacts"]
    assert {each["customer_id"] for each in listed} == {CHILD}
    for method in ("GET", "PATCH", "DELETE"):
        refused(sent(method, one(FIRST), "profile", json={}), 404, "RESOURCE_001")


def test_a_profile_key_owns_what_it_creates(sent):
    made = sent("POST", ALL, "profile", json={"phone_number": NEW})
    assert made.json()["data"]["customer_id"] == CHILD


@pytest.mark.parametrize("profile", [CHILD, ORGANISATION, FOREIGN])
def test_a_profile_key_that_sends_a_profile_is_auth_004(sent, profile):
    answer = sent("GET", ALL, "profile", headers={"x-profile-id": profile})
    refused(answer, 403, "AUTH_004")


@pytest.mark.parametrize("profile", [FOREIGN, ORGANISATION, NOWHERE, "nope", ""])
def test_a_profile_that_is_no_child_is_resource_014(sent, profile):
    answer = sent("GET", ALL, headers={"x-profile-id": profile})
    refused(answer, 404, "RESOURCE_014")


def test_the_profile_is_echoed(sent):
    answer = sent("GET", ALL, headers={"x-profile-id": CHILD})
    assert answer.headers["X-Profile-Id"] == CHILD


def test_no_profile_is_no_echo(sent):
    assert "X-Profile-Id" not in sent("GET", ALL).headers


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
def test_a_sandboxed_write_looks_nothing_up_and_writes_nothing(sent, method, path, body, status):
    before = sent.snapshot()
    answer = sent(method, path, json=body | SANDBOX)
    assert (answer.status_code, answer.headers["X-Sandbox"]) == (status, "true")
    assert sent.snapshot() == before


@pytest.mark.parametrize("change", [{"default_channel": "whatsapp"}, {"opt_out": True}])
def test_a_sandboxed_update_shows_what_was_asked_for(sent, change):
    for _ in range(10):
        data = sent("PATCH", one(NOWHERE), json=change | SANDBOX).json()["data"]
        assert data.items() >= {"id": NOWHERE, **change}.items()
        assert sorted(data) == sorted(sent.row(FIRST))


def test_a_contact_created_in_the_sandbox_is_not_there(sent):
    key = sent("POST", ALL, json={"phone_number": NEW} | SANDBOX).json()["data"]["id"]
    refused(sent("GET", one(key)), 404, "RESOURCE_001")


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", ALL, {"phone_number": "abc"}, "VALIDATION_002"),
        ("PATCH", one(NOWHERE), {"default_channel": "fax"}, "VALIDATION_006"),
        ("PATCH", one("nope"), {}, "VALIDATION_003"),
        ("DELETE", one("nope"), {}, "VALIDATION_001"),
    ],
)
def test_the_sandbox_validates(sent, method, path, body, code):
    answer = sent(method, path, json=body | SANDBOX)
    refused(answer, 400, code)
    assert "X-Sandbox" not in answer.headers


def test_the_sandbox_authenticates(sent):
    answer = sent("POST", ALL, "nobody", json={"phone_number": NEW} | SANDBOX)
    refused(answer, 401, "AUTH_001")


@pytest.mark.parametrize("sandbox", [False, None])
def test_a_sandbox_flag_that_is_off_writes(sent, sandbox):
    answer = sent("PATCH", one(FIRST), json={"opt_out": True, "sandbox": sandbox})
    assert "X-Sandbox" not in answer.headers
    assert sent.row(FIRST)["opt_out"] is True


@pytest.mark.parametrize("sandbox", ["true", 1, "yes", [True]])
def test_a_sandbox_flag_that_is_no_boolean_writes_nothing(sent, sandbox):
    before = sent.snapshot()
    answer = sent("PATCH", one(FIRST), json={"opt_out": True, "sandbox": sandbox})
    assert list(refused(answer, 400, "VALIDATION_001")["details"]) == ["sandbox"]
    assert sent.snapshot() == before


# Headers

ANSWERS: list[tuple[str, str, str, dict[str, Any], int]] = [
    ("GET", ALL, "", {}, 200),
    ("POST", ALL, "", {"phone_number": NEW}, 201),
    ("DELETE", one(FIRST), "", {}, 204),
    ("POST", ALL, "", {}, 400),
    ("GET", ALL, "nobody", {}, 401),
    ("GET", one(NOWHERE), "", {}, 404),
    ("GET", "/nowhere", "", {}, 404),
    ("POST", ALL, "", {"phone_number": "+1234567890"}, 409),
]


@pytest.mark.parametrize(("method", "path", "account", "body", "status"), ANSWERS)
def test_every_answer_has_its_three_headers(sent, method, path, account, body, status):
    answer = sent(method, path, account, json=body)
    assert answer.status_code == status
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert re.fullmatch(r"\d+ms", answer.headers["X-Response-Time"])
    assert answer.headers["X-API-Version"] == "v3"


def test_the_request_id_in_the_header_is_the_one_in_the_body(sent):
    answers = [sent("GET", ALL), sent("GET", one(NOWHERE))]
    for answer in answers:
        assert answer.headers["X-Request-Id"] == answer.json()["meta"]["request_id"]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 2


@pytest.mark.parametrize("content", [b"{", b"[]", b'"text"', b"null", b"1", b"\xff", b"<html>"])
@pytest.mark.parametrize(("method", "path"), [("POST", ALL), ("PATCH", one(FIRST))])
def test_a_body_that_is_no_object_is_validation_001(sent, method, path, content):
    before = sent.snapshot()
    refused(sent(method, path, content=content), 400, "VALIDATION_001")
    assert sent.snapshot() == before
