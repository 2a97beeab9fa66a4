"""Privy as its documentation describes it: creating, consent, write-once addresses, welcome."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.support.requests import RawClient

ALL = "/contacts"
JANET = "cus_a1b2c3d4e5f60001"  # e-mail only
OMAR = "cus_a1b2c3d4e5f60002"  # e-mail and phone, both subscribed
POPUP = "cus_a1b2c3d4e5f60003"  # phone only
PHONE = "+12125550187"
STATES = {
    "N": "never_subscribed",
    "S": "subscribed",
    "U": "unsubscribed",
    "P": "suppressed",
    "C": "compliance_suppressed",
    "1": "single_opt_in",
    "W": "pending",
}


def one(key: str) -> str:
    return f"{ALL}/{key}"


def invalid(answer: httpx.Response, *fields: str) -> None:
    """A 422 with exactly these fields in its details."""
    body = answer.json()
    assert answer.status_code == 422
    assert list(body) == ["error"]
    assert list(body["error"]) == ["code", "message", "details"]
    assert body["error"]["code"] == "validation_failed"
    assert body["error"]["message"] == "One or more fields are invalid"
    assert all(list(each) == ["field", "message"] for each in body["error"]["details"])
    assert [each["field"] for each in body["error"]["details"]] == list(fields)


def good(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The contact of a good answer."""
    assert answer.status_code == status
    assert list(answer.json()) == ["data"]
    return answer.json()["data"]


def texts(privy: RawClient) -> list[str]:
    return list(privy.simulator.outbox()["key"])


# Reading


def test_a_contact_is_wrapped_in_data(privy):
    assert good(privy("GET", one(JANET))) == {
        "id": JANET,
        "first_name": "Janet",
        "last_name": "Smith",
        "email": "janet@example.com",
        "phone_number": None,
        "email_consent": "subscribed",
        "sms_consent": "never_subscribed",
        "tags": ["vip", "wholesale"],
        "custom_fields": {"loyalty_tier": "platinum"},
        "created_at": "2026-01-10T08:00:00Z",
        "updated_at": "2026-02-02T08:00:00Z",
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", one("cus_0")),
        ("PATCH", one("cus_0")),
        ("DELETE", one("cus_0")),
        ("POST", one("cus_0") + "/unsubscribe"),
        ("GET", "/nowhere"),
        ("PUT", one(JANET)),
        ("PATCH", ALL),
    ],
)
def test_what_is_not_there_is_not_found(privy, method, path):
    answer = privy(method, path, json={})
    assert answer.status_code == 404
    assert list(answer.json()) == ["error"]
    assert list(answer.json()["error"]) == ["code", "message"]
    assert answer.json()["error"]["code"] == "not_found"


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200
    assert list(answer.json()) == ["data", "pagination"]
    return [each["id"] for each in answer.json()["data"]]


def test_a_page_has_25_by_default():
    answer = RawClient("privy", contacts=60)("GET", ALL)
    assert len(ids(answer)) == 25
    pagination = {"page": 1, "per_page": 25, "total_count": 60, "total_pages": 3}
    assert answer.json()["pagination"] == pagination


def test_the_pages_together_are_every_contact_once():
    privy = RawClient("privy", contacts=60)
    found = [key for page in (1, 2, 3) for key in ids(privy("GET", ALL, params={"page": page}))]
    assert found == [each.row["id"] for each in privy.engine.contacts]


def test_a_page_past_the_end_is_empty(privy):
    answer = privy("GET", ALL, params={"page": 9, "per_page": 5})
    assert ids(answer) == []
    pagination = {"page": 9, "per_page": 5, "total_count": 8, "total_pages": 2}
    assert answer.json()["pagination"] == pagination


@pytest.mark.parametrize("name", ["page", "per_page"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "", "1.5", "9" * 5000])
def test_a_page_that_is_no_number_above_0_is_invalid(privy, name, value):
    invalid(privy("GET", ALL, params={name: value}), name)


def test_a_page_of_more_than_100_is_invalid(privy):
    assert privy("GET", ALL, params={"per_page": 100}).status_code == 200
    invalid(privy("GET", ALL, params={"per_page": 101}), "per_page")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "omar@example.com"),
        ("email", "Omar@Example.com"),
        ("phone_number", "+12125550134"),
    ],
)
def test_an_address_filters_exactly(privy, name, value):
    assert ids(privy("GET", ALL, params={name: value})) == [OMAR]


@pytest.mark.parametrize("value", ["omar", "omar@example.co", ""])
def test_a_part_of_an_address_finds_nobody(privy, value):
    assert ids(privy("GET", ALL, params={"email": value})) == []


@pytest.mark.parametrize(
    ("name", "letters"), [("email_consent", "SUNPC"), ("sms_consent", "SUN1W")]
)
def test_a_consent_filters_on_its_state(name, letters):
    privy = RawClient("privy", contacts=60)
    for state in map(STATES.__getitem__, letters):
        wanted = [each.row["id"] for each in privy.engine.contacts if each.row[name] == state]
        assert wanted
        assert ids(privy("GET", ALL, params={name: state, "per_page": 100})) == wanted


@pytest.mark.parametrize(
    "params", [{"email_consent": "non_subscribed"}, {"sms_consent": "suppressed"}]
)
def test_a_consent_filter_of_no_state_is_invalid(privy, params):
    invalid(privy("GET", ALL, params=params), *params)


def test_filters_add_up(privy):
    email = "omar@example.com"
    for consent, wanted in (("subscribed", [OMAR]), ("unsubscribed", [])):
        params = {"email": email, "email_consent": consent}
        assert ids(privy("GET", ALL, params=params)) == wanted


def test_a_deleted_contact_is_not_listed(privy):
    privy("DELETE", one(OMAR))
    answer = privy("GET", ALL)
    assert OMAR not in ids(answer)
    assert answer.json()["pagination"]["total_count"] == 7


# Creating


def test_a_new_contact_has_defaults_for_all_it_was_not_given(privy):
    data = good(privy("POST", ALL, json={"email": "new@example.com"}), 201)
    assert re.fullmatch(r"cus_[a-z0-9]{16}", data.pop("id"))
    assert data == {
        "first_name": None,
        "last_name": None,
        "email": "new@example.com",
        "phone_number": None,
        "email_consent": "never_subscribed",
        "sms_consent": "never_subscribed",
        "tags": [],
        "custom_fields": {},
        "created_at": "2026-10-01T09:00:00Z",
        "updated_at": "2026-10-01T09:00:00Z",
    }


def test_a_new_contact_has_all_it_was_given(privy):
    given = {
        "first_name": "Ada",
        "last_name": "Ito",
        "email": "ada@example.com",
        "phone_number": PHONE,
        "email_consent": "suppressed",
        "sms_consent": "single_opt_in",
        "tags": ["vip"],
        "custom_fields": {"text": "a", "whole": 1, "part": 0.5, "flag": True, "none": None},
    }
    data = good(privy("POST", ALL, json=given), 201)
    assert data.items() >= given.items()
    assert good(privy("GET", one(data["id"]))) == data


@pytest.mark.parametrize("address", [{"email": "new@example.com"}, {"phone_number": PHONE}])
def test_one_address_is_enough(privy, address):
    good(privy("POST", ALL, json=address), 201)


@pytest.mark.parametrize("body", [{}, {"first_name": "Ada"}, {"tags": ["vip"]}])
def test_a_contact_without_an_address_is_invalid_on_base(privy, body):
    invalid(privy("POST", ALL, json=body), "base")


@pytest.mark.parametrize("email", ["", "ada", "ada@", "@example.com", "a b@example.com", "a@b"])
def test_an_email_of_the_wrong_form_is_invalid(privy, email):
    invalid(privy("POST", ALL, json={"email": email}), "email")


@pytest.mark.parametrize("phone", ["", "2125550187", "+0212555", "+1 212 555 0187"])
def test_a_phone_that_is_not_e164_is_invalid(privy, phone):
    invalid(privy("POST", ALL, json={"phone_number": phone}), "phone_number")


def test_every_wrong_field_has_its_detail(privy):
    body = {"email": "ada", "phone_number": "212", "tags": "vip", "email_consent": "yes"}
    invalid(privy("POST", ALL, json=body), *body)


@pytest.mark.parametrize("field", ["id", "created_at", "updated_at", "nickname"])
def test_a_field_that_is_not_writable_is_invalid(privy, field):
    invalid(privy("POST", ALL, json={"email": "new@example.com", field: "x"}), field)
    invalid(privy("PATCH", one(JANET), json={field: "x"}), field)


@pytest.mark.parametrize(
    "address",
    [
        {"email": "omar@example.com"},
        {"email": "OMAR@example.COM"},
        {"phone_number": "+12125550134"},
    ],
)
def test_an_address_in_use_is_a_conflict_that_names_its_contact(privy, address):
    answer = privy("POST", ALL, json=address)
    assert answer.status_code == 409
    message = "Email or phone number is already in use"
    assert answer.json() == {"error": {"code": "conflict", "message": message, "id": OMAR}}


@pytest.mark.parametrize("email_consent", ["subscribed", "unsubscribed", "suppressed"])
def test_a_new_contact_can_have_any_email_consent_of_the_merchants(privy, email_consent):
    body = {"email": "new@example.com", "email_consent": email_consent}
    assert good(privy("POST", ALL, json=body), 201)["email_consent"] == email_consent


def test_a_new_contact_cannot_be_compliance_suppressed(privy):
    body = {"email": "new@example.com", "email_consent": "compliance_suppressed"}
    invalid(privy("POST", ALL, json=body), "email_consent")


# Changing


def test_update_changes_what_it_was_given_and_nothing_else(privy):
    before = good(privy("GET", one(JANET)))
    privy.wait(60)
    after = good(privy("PATCH", one(JANET), json={"first_name": "Jan"}))
    assert after == before | {"first_name": "Jan", "updated_at": "2026-10-01T09:01:00Z"}
    assert good(privy("GET", one(JANET))) == after


@pytest.mark.parametrize("body", [{}, {"send_welcome_sms": False}])
def test_an_update_of_nothing_is_invalid(privy, body):
    invalid(privy("PATCH", one(JANET), json=body), "")


@pytest.mark.parametrize("name", ["first_name", "last_name"])
def test_a_name_can_be_cleared(privy, name):
    assert good(privy("PATCH", one(JANET), json={name: None}))[name] is None


@pytest.mark.parametrize("key", [JANET, OMAR])
@pytest.mark.parametrize("email", ["other@example.com", "JANET@example.com", None])
def test_an_email_is_written_once(privy, key, email):
    before = privy.snapshot()
    invalid(privy("PATCH", one(key), json={"email": email, "first_name": "X"}), "email")
    assert privy.snapshot() == before


@pytest.mark.parametrize("phone", [PHONE, None])
def test_a_phone_is_written_once(privy, phone):
    before = privy.snapshot()
    invalid(privy("PATCH", one(OMAR), json={"phone_number": phone}), "phone_number")
    assert privy.snapshot() == before


def test_an_identical_address_is_accepted(privy):
    body = {"email": "omar@example.com", "phone_number": "+12125550134"}
    before = good(privy("GET", one(OMAR)))
    after = good(privy("PATCH", one(OMAR), json=body))
    assert after | {"updated_at": ""} == before | {"updated_at": ""}


def test_an_address_can_be_set_while_there_is_none(privy):
    assert good(privy("PATCH", one(JANET), json={"phone_number": PHONE}))["phone_number"] == PHONE
    email = "popup@example.com"
    assert good(privy("PATCH", one(POPUP), json={"email": email}))["email"] == email


def test_an_address_of_another_contact_is_a_conflict(privy):
    before = privy.snapshot()
    answer = privy("PATCH", one(POPUP), json={"email": "Janet@example.com"})
    assert (answer.status_code, answer.json()["error"]["id"]) == (409, JANET)
    assert privy.snapshot() == before


def test_tags_replace_the_whole_list(privy):
    assert good(privy("PATCH", one(JANET), json={"tags": ["new"]}))["tags"] == ["new"]
    assert good(privy("PATCH", one(JANET), json={"tags": []}))["tags"] == []


@pytest.mark.parametrize(("method", "path"), [("POST", ALL), ("PATCH", one(JANET))])
def test_tags_keep_their_order_and_lose_duplicates(privy, method, path):
    body = {"tags": ["b", "a", "b", "A", "a", " a"]}
    body |= {"email": "new@example.com"} if method == "POST" else {}
    assert privy(method, path, json=body).json()["data"]["tags"] == ["b", "a", "A", " a"]


@pytest.mark.parametrize("tags", ["vip", [1], [None], [["vip"]], {"vip": True}, None])
def test_tags_that_are_no_list_of_text_are_invalid(privy, tags):
    invalid(privy("PATCH", one(JANET), json={"tags": tags}), "tags")


def test_custom_fields_replace_the_whole_object(privy):
    fields = {"tier": 2, "since": None}
    assert (
        good(privy("PATCH", one(JANET), json={"custom_fields": fields}))["custom_fields"] == fields
    )


@pytest.mark.parametrize("fields", [{"a": {"b": 1}}, {"a": [1]}, [], "a", None])
@pytest.mark.parametrize(("method", "path"), [("POST", ALL), ("PATCH", one(JANET))])
def test_nested_custom_fields_are_invalid(privy, method, path, fields):
    body = {"custom_fields": fields} | ({"email": "new@example.com"} if method == "POST" else {})
    invalid(privy(method, path, json=body), "custom_fields")


@pytest.mark.parametrize("content", [b"{", b"[]", b'"text"', b"null", b"1", b"\xff", b"<html>"])
def test_a_body_that_is_no_object_is_validation_failed(privy, content):
    answer = privy("POST", ALL, content=content)
    assert answer.status_code == 422
    assert list(answer.json()["error"]) == ["code", "message"]
    assert answer.json()["error"]["code"] == "validation_failed"


# E-mail consent: from each state, what each write ends in; "x" is refused

EMAIL = {
    "N": "S U N P x",
    "S": "S U N P x",
    "U": "S U N P x",
    "P": "S U N P x",
    "C": "x x x x x",
}
EMAIL_CELLS = [
    (STATES[was], STATES[written], STATES.get(ends))
    for was, row in EMAIL.items()
    for written, ends in zip("SUNPC", row.split(), strict=True)
]


@pytest.mark.parametrize(("was", "written", "ends"), EMAIL_CELLS)
def test_email_consent(privy, was, written, ends):
    key = privy.simulator.put(email="state@example.com", email_consent=was)
    answer = privy("PATCH", one(key), json={"email_consent": written})
    if ends is None:
        invalid(answer, "email_consent")
    else:
        assert good(answer)["email_consent"] == ends
    assert privy.row(key)["email_consent"] == (ends or was)


@pytest.mark.parametrize("change", [{"first_name": "Jan"}, {"tags": ["vip"]}])
def test_a_compliance_suppressed_contact_takes_other_changes(privy, change):
    key = privy.simulator.put(email="state@example.com", email_consent="compliance_suppressed")
    data = good(privy("PATCH", one(key), json=change))
    assert data["email_consent"] == "compliance_suppressed"
    assert data.items() >= change.items()


def test_a_refused_consent_refuses_the_whole_update(privy):
    key = privy.simulator.put(email="state@example.com", email_consent="compliance_suppressed")
    before = privy.snapshot()
    body = {"first_name": "Jan", "email_consent": "subscribed"}
    invalid(privy("PATCH", one(key), json=body), "email_consent")
    assert privy.snapshot() == before


# SMS consent

SMS = {
    "N": "S 1 U N x",
    "1": "S 1 U N x",
    "W": "S x U N x",
    "S": "S x U N x",
    "U": "S x U N x",
}
SMS_CELLS = [
    (STATES[was], STATES[written], STATES.get(ends))
    for was, row in SMS.items()
    for written, ends in zip("S1UNW", row.split(), strict=True)
]


@pytest.mark.parametrize(("was", "written", "ends"), SMS_CELLS)
def test_sms_consent(privy, was, written, ends):
    key = privy.simulator.put(phone_number=PHONE, sms_consent=was)
    answer = privy("PATCH", one(key), json={"sms_consent": written})
    if ends is None:
        invalid(answer, "sms_consent")
    else:
        assert good(answer)["sms_consent"] == ends
    assert privy.row(key)["sms_consent"] == (ends or was)
    assert texts(privy) == [key] * (ends == "subscribed" != was)


@pytest.mark.parametrize("written", ["subscribed", "single_opt_in", "unsubscribed", "pending"])
def test_sms_consent_needs_a_phone(privy, written):
    invalid(privy("PATCH", one(JANET), json={"sms_consent": written}), "sms_consent")
    body = {"email": "new@example.com", "sms_consent": written}
    invalid(privy("POST", ALL, json=body), "sms_consent")
    assert texts(privy) == []


def test_never_subscribed_needs_no_phone(privy):
    good(privy("PATCH", one(JANET), json={"sms_consent": "never_subscribed"}))


CREATED = {
    "subscribed": "subscribed",
    "single_opt_in": "single_opt_in",
    "unsubscribed": None,
    "never_subscribed": "never_subscribed",
    "pending": None,
}


@pytest.mark.parametrize(("written", "ends"), CREATED.items())
def test_sms_consent_of_a_new_contact(privy, written, ends):
    answer = privy("POST", ALL, json={"phone_number": PHONE, "sms_consent": written})
    if ends is None:
        invalid(answer, "sms_consent")
    else:
        assert good(answer, 201)["sms_consent"] == ends
    assert len(texts(privy)) == (ends == "subscribed")


def test_fields_count_before_consent(privy):
    body = {"phone_number": PHONE, "sms_consent": "subscribed"}
    assert good(privy("PATCH", one(JANET), json=body)).items() >= body.items()
    assert texts(privy) == [JANET]


@pytest.mark.parametrize("written", ["subscribed", "single_opt_in"])
@pytest.mark.parametrize(
    ("phone", "supported"),
    [("+12125550187", True), ("+14165550187", True), ("+18765550187", False),
     ("+442079460000", False), ("+523312345678", False)],
)  # fmt: skip
def test_sms_consent_is_for_the_us_and_canada(privy, phone, supported, written):
    body = {"phone_number": phone, "sms_consent": written}
    created = privy("POST", ALL, json=body)
    key = privy.simulator.put(phone_number=phone.replace("0", "1"))
    updated = privy("PATCH", one(key), json={"sms_consent": written})
    if supported:
        assert (created.status_code, updated.status_code) == (201, 200)
    else:
        invalid(created, "sms_consent")
        invalid(updated, "sms_consent")


def test_a_phone_of_another_country_can_be_stored_and_unsubscribed(privy):
    key = good(privy("POST", ALL, json={"phone_number": "+442079460000"}), 201)["id"]
    data = good(privy("PATCH", one(key), json={"sms_consent": "unsubscribed"}))
    assert data["sms_consent"] == "unsubscribed"


@pytest.mark.parametrize("phone", ["+12", "+999123456"])
def test_sms_consent_with_a_phone_of_no_country_is_invalid(privy, phone):
    answer = privy("POST", ALL, json={"phone_number": phone, "sms_consent": "subscribed"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_failed")


# The welcome text


def test_a_welcome_text_is_sent_when_a_new_contact_is_subscribed(privy):
    body = {"phone_number": PHONE, "sms_consent": "subscribed"}
    key = good(privy("POST", ALL, json=body), 201)["id"]
    sent = privy.simulator.outbox()
    assert list(sent["key"]) == [key]
    assert list(sent["phone_number"]) == [PHONE]


@pytest.mark.parametrize(("wanted", "count"), [(False, 0), (True, 1), (None, 1)])
def test_send_welcome_sms_false_keeps_the_text_back(privy, wanted, count):
    body = {"phone_number": PHONE, "sms_consent": "subscribed", "send_welcome_sms": wanted}
    key = good(privy("POST", ALL, json=body), 201)["id"]
    other = privy.simulator.put(phone_number="+12125550188")
    change = {"sms_consent": "subscribed", "send_welcome_sms": wanted}
    good(privy("PATCH", one(other), json=change))
    assert texts(privy) == [key, other] * count


@pytest.mark.parametrize("value", ["false", 0, []])
def test_send_welcome_sms_is_a_boolean(privy, value):
    body = {"phone_number": PHONE, "sms_consent": "subscribed", "send_welcome_sms": value}
    invalid(privy("POST", ALL, json=body), "send_welcome_sms")
    assert texts(privy) == []


def test_the_answer_does_not_tell_of_the_text(privy):
    body = {"phone_number": PHONE, "sms_consent": "subscribed", "send_welcome_sms": False}
    assert "send_welcome_sms" not in good(privy("POST", ALL, json=body), 201)


def test_a_subscriber_who_is_subscribed_again_gets_no_text(privy):
    good(privy("PATCH", one(OMAR), json={"sms_consent": "subscribed", "first_name": "O"}))
    assert texts(privy) == []


def test_a_change_of_other_fields_sends_no_text(privy):
    good(privy("PATCH", one(OMAR), json={"first_name": "O"}))
    assert texts(privy) == []


def test_a_refused_create_sends_no_text(privy):
    body = {"phone_number": "+12125550134", "sms_consent": "subscribed"}
    assert privy("POST", ALL, json=body).status_code == 409
    assert texts(privy) == []


# Unsubscribing


def test_unsubscribe_ends_email_consent_alone(privy):
    before = good(privy("GET", one(OMAR)))
    after = good(privy("POST", one(OMAR) + "/unsubscribe", json={"reason": "asked us to"}))
    assert after["email_consent"] == "unsubscribed"
    kept = {"email_consent": "", "updated_at": ""}
    assert after | kept == before | kept
    assert good(privy("GET", one(OMAR))) == after


@pytest.mark.parametrize("was", ["never_subscribed", "subscribed", "unsubscribed", "suppressed"])
def test_unsubscribe_from_each_state(privy, was):
    key = privy.simulator.put(email="state@example.com", email_consent=was)
    answer = privy("POST", one(key) + "/unsubscribe")
    assert good(answer)["email_consent"] == "unsubscribed"


def test_unsubscribe_again_changes_nothing(privy):
    first = good(privy("POST", one(OMAR) + "/unsubscribe"))
    privy.wait(60)
    assert good(privy("POST", one(OMAR) + "/unsubscribe")) == first


def test_unsubscribe_says_that_it_is_deprecated(privy):
    answer = privy("POST", one(OMAR) + "/unsubscribe")
    assert answer.headers["Deprecation"] == "true"
    assert re.fullmatch(
        r'<https://help\.privy\.com/\S+>; rel="deprecation"', answer.headers["Link"]
    )


def test_nothing_else_is_deprecated(privy):
    assert "Deprecation" not in privy("GET", one(OMAR)).headers


def test_a_compliance_suppressed_contact_cannot_be_unsubscribed(privy):
    key = privy.simulator.put(email="state@example.com", email_consent="compliance_suppressed")
    invalid(privy("POST", one(key) + "/unsubscribe"), "email_consent")
    assert privy.row(key)["email_consent"] == "compliance_suppressed"


def test_a_reason_has_500_characters_at_most(privy):
    path = one(OMAR) + "/unsubscribe"
    invalid(privy("POST", path, json={"reason": "x" * 501}), "reason")
    good(privy("POST", path, json={"reason": "x" * 500}))


# Deleting and restoring


def test_delete_answers_with_the_contact(privy):
    before = good(privy("GET", one(OMAR)))
    assert good(privy("DELETE", one(OMAR))) == before


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_deleted_contact_is_not_found(privy, method):
    privy("DELETE", one(OMAR))
    assert privy(method, one(OMAR), json={"first_name": "O"}).status_code == 404


@pytest.mark.parametrize(
    "address", [{"email": "OMAR@example.com"}, {"phone_number": "+12125550134"}]
)
def test_a_contact_created_again_is_restored_with_the_new_data(privy, address):
    privy("DELETE", one(OMAR))
    data = good(privy("POST", ALL, json={**address, "first_name": "O"}), 201)
    assert data["id"] == OMAR
    assert (data["first_name"], data["last_name"]) == ("O", None)
    assert data["email_consent"] == data["sms_consent"] == "never_subscribed"
    assert good(privy("GET", one(OMAR))) == data


def test_a_restored_contact_has_the_consent_of_the_request(privy):
    privy("DELETE", one(OMAR))
    body = {"phone_number": "+12125550134", "sms_consent": "subscribed"}
    assert good(privy("POST", ALL, json=body), 201)["sms_consent"] == "subscribed"
    assert texts(privy) == [OMAR]


def test_a_restored_contact_is_in_the_way_again(privy):
    privy("DELETE", one(OMAR))
    privy("POST", ALL, json={"email": "omar@example.com"})
    answer = privy("POST", ALL, json={"email": "omar@example.com"})
    assert (answer.status_code, answer.json()["error"]["id"]) == (409, OMAR)


def test_restoring_one_contact_frees_no_address_of_another(privy):
    """A restored contact took over a number that a second deleted one once had."""
    for key in (JANET, OMAR):
        privy("DELETE", one(key))
    body = {"email": "janet@example.com", "phone_number": "+12125550134"}
    assert good(privy("POST", ALL, json=body), 201)["id"] == JANET
    assert good(privy("POST", ALL, json={"email": "omar@example.com"}), 201)["id"] == OMAR
    answer = privy("POST", ALL, json={"phone_number": "+12125550134"})
    assert (answer.status_code, answer.json()["error"]["id"]) == (409, JANET)
