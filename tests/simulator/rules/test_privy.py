"""Privy as its documentation describes it: creation, consent, write-once addresses, texts."""

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
EMAIL_ONLY = {"email": "new@example.com"}
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


def assert_invalid(response: httpx.Response, *fields: str) -> None:
    """Assert that it is a 422 with exactly these fields in its details."""
    body = response.json()
    assert response.status_code == 422
    assert list(body) == ["error"]
    assert list(body["error"]) == ["code", "message", "details"]
    assert body["error"]["code"] == "validation_failed"
    assert body["error"]["message"] == "One or more fields are invalid"
    assert all(list(detail) == ["field", "message"] for detail in body["error"]["details"])
    assert [detail["field"] for detail in body["error"]["details"]] == list(fields)


def good(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The contact of a good answer."""
    assert response.status_code == status
    assert list(response.json()) == ["data"]
    return response.json()["data"]


def texts(privy: RawClient) -> list[str]:
    return list(privy.simulator.outbox()["key"])


# Reading


def test_contact_is_wrapped_in_data(privy):
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
def test_not_found(privy, method, path):
    response = privy(method, path, json={})
    assert response.status_code == 404
    assert list(response.json()) == ["error"]
    assert list(response.json()["error"]) == ["code", "message"]
    assert response.json()["error"]["code"] == "not_found"


def ids(response: httpx.Response) -> list[str]:
    assert response.status_code == 200
    assert list(response.json()) == ["data", "pagination"]
    return [contact["id"] for contact in response.json()["data"]]


def test_page_has_25_contacts_by_default():
    response = RawClient("privy", contacts=60)("GET", ALL)
    assert len(ids(response)) == 25
    pagination = {"page": 1, "per_page": 25, "total_count": 60, "total_pages": 3}
    assert response.json()["pagination"] == pagination


def test_pages_have_every_contact_once():
    privy = RawClient("privy", contacts=60)
    keys = [key for page in (1, 2, 3) for key in ids(privy("GET", ALL, params={"page": page}))]
    assert keys == [contact.row["id"] for contact in privy.engine.contacts]


def test_page_past_the_end_is_empty(privy):
    response = privy("GET", ALL, params={"page": 9, "per_page": 5})
    assert ids(response) == []
    pagination = {"page": 9, "per_page": 5, "total_count": 8, "total_pages": 2}
    assert response.json()["pagination"] == pagination


@pytest.mark.parametrize(
    ("params", "keys"),
    [
        ({"email": "omar@example.com"}, [OMAR]),
        ({"email": "Omar@Example.com"}, [OMAR]),
        ({"phone_number": "+12125550134"}, [OMAR]),
        ({"email": "omar@example.com", "email_consent": "subscribed"}, [OMAR]),
        ({"email": "omar@example.com", "email_consent": "unsubscribed"}, []),
        ({"email": "omar"}, []),
        ({"email": ""}, []),
    ],
)
def test_address_filters(privy, params, keys):
    assert ids(privy("GET", ALL, params=params)) == keys


@pytest.mark.parametrize(
    ("name", "letters"), [("email_consent", "SUNPC"), ("sms_consent", "SUN1W")]
)
def test_consent_filters(name, letters):
    privy = RawClient("privy", contacts=60)
    for state in map(STATES.__getitem__, letters):
        wanted = [stored.row["id"] for stored in privy.engine.contacts if stored.row[name] == state]
        assert wanted
        assert ids(privy("GET", ALL, params={name: state, "per_page": 100})) == wanted


def test_deleted_contact_is_not_listed(privy):
    privy("DELETE", one(OMAR))
    response = privy("GET", ALL)
    assert OMAR not in ids(response)
    assert response.json()["pagination"]["total_count"] == 7


# Creating


def test_new_contact_has_defaults(privy):
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


def test_new_contact_has_the_given_values(privy):
    values = {
        "first_name": "Ada",
        "last_name": "Ito",
        "email": "ada@example.com",
        "phone_number": PHONE,
        "email_consent": "suppressed",
        "sms_consent": "single_opt_in",
        "tags": ["vip"],
        "custom_fields": {"text": "a", "whole": 1, "part": 0.5, "flag": True, "none": None},
    }
    data = good(privy("POST", ALL, json=values), 201)
    assert data.items() >= values.items()
    assert good(privy("GET", one(data["id"]))) == data


REFUSALS: list[tuple[str, str, dict[str, Any], str]] = [
    ("GET", f"{ALL}?page=0", {}, "page"),
    ("GET", f"{ALL}?page=-1", {}, "page"),
    ("GET", f"{ALL}?page=1.5", {}, "page"),
    ("GET", f"{ALL}?page=", {}, "page"),
    ("GET", f"{ALL}?per_page=x", {}, "per_page"),
    ("GET", f"{ALL}?per_page={'9' * 5000}", {}, "per_page"),
    ("GET", f"{ALL}?per_page=101", {}, "per_page"),
    ("GET", f"{ALL}?email_consent=non_subscribed", {}, "email_consent"),
    ("GET", f"{ALL}?sms_consent=suppressed", {}, "sms_consent"),
    ("POST", ALL, {}, "base"),
    ("POST", ALL, {"tags": ["vip"]}, "base"),
    ("POST", ALL, {"email": ""}, "email"),
    ("POST", ALL, {"email": "ada@"}, "email"),
    ("POST", ALL, {"email": "a b@example.com"}, "email"),
    ("POST", ALL, {"email": "a@b"}, "email"),
    ("POST", ALL, {"phone_number": ""}, "phone_number"),
    ("POST", ALL, {"phone_number": "2125550187"}, "phone_number"),
    ("POST", ALL, {"phone_number": "+1 212 555 0187"}, "phone_number"),
    ("POST", ALL, EMAIL_ONLY | {"created_at": "x"}, "created_at"),
    ("POST", ALL, EMAIL_ONLY | {"nickname": "x"}, "nickname"),
    ("POST", ALL, EMAIL_ONLY | {"email_consent": "compliance_suppressed"}, "email_consent"),
    ("POST", ALL, EMAIL_ONLY | {"sms_consent": "subscribed"}, "sms_consent"),
    ("POST", ALL, EMAIL_ONLY | {"custom_fields": {"a": [1]}}, "custom_fields"),
    ("POST", ALL, {"email": "ada", "tags": "vip", "sms_consent": "no"}, "email tags sms_consent"),
    ("POST", ALL, {"phone_number": PHONE, "send_welcome_sms": "false"}, "send_welcome_sms"),
    ("POST", ALL, {"phone_number": PHONE, "send_welcome_sms": 0}, "send_welcome_sms"),
    ("PATCH", one(JANET), {}, "base"),
    ("PATCH", one(JANET), {"send_welcome_sms": False}, "base"),
    ("PATCH", one(JANET), {"id": "x"}, "id"),
    ("PATCH", one(JANET), {"email": "other@example.com", "first_name": "X"}, "email"),
    ("PATCH", one(JANET), {"email": "JANET@example.com"}, "email"),
    ("PATCH", one(JANET), {"email": None}, "email"),
    ("PATCH", one(OMAR), {"phone_number": PHONE}, "phone_number"),
    ("PATCH", one(OMAR), {"phone_number": None}, "phone_number"),
    ("PATCH", one(JANET), {"tags": [1]}, "tags"),
    ("PATCH", one(JANET), {"tags": [["vip"]]}, "tags"),
    ("PATCH", one(JANET), {"tags": None}, "tags"),
    ("PATCH", one(JANET), {"custom_fields": {"a": {"b": 1}}}, "custom_fields"),
    ("PATCH", one(JANET), {"custom_fields": []}, "custom_fields"),
    ("PATCH", one(JANET), {"sms_consent": "subscribed", "first_name": "X"}, "sms_consent"),
    ("PATCH", one(JANET), {"sms_consent": "single_opt_in"}, "sms_consent"),
    ("PATCH", one(JANET), {"sms_consent": "unsubscribed"}, "sms_consent"),
    ("POST", one(OMAR) + "/unsubscribe", {"reason": "x" * 501}, "reason"),
]


@pytest.mark.parametrize(("method", "path", "body", "fields"), REFUSALS)
def test_refusals(privy, method, path, body, fields):
    before = privy.snapshot()
    assert_invalid(privy(method, path, json=body), *fields.split())
    assert privy.snapshot() == before
    assert texts(privy) == []


@pytest.mark.parametrize(
    "address",
    [
        {"email": "omar@example.com"},
        {"email": "OMAR@example.COM"},
        {"phone_number": "+12125550134"},
    ],
)
def test_address_in_use_is_a_conflict_with_the_id(privy, address):
    response = privy("POST", ALL, json=address)
    assert response.status_code == 409
    message = "Email or phone number is already in use"
    assert response.json() == {"error": {"code": "conflict", "message": message, "id": OMAR}}


@pytest.mark.parametrize("email_consent", ["subscribed", "unsubscribed", "suppressed"])
def test_new_contact_may_have_email_consent(privy, email_consent):
    body = {"email": "new@example.com", "email_consent": email_consent}
    assert good(privy("POST", ALL, json=body), 201)["email_consent"] == email_consent


# Changing


@pytest.mark.parametrize(
    "change",
    [
        {"first_name": "Jan"},
        {"last_name": None},
        {"tags": ["new"]},
        {"tags": []},
        {"custom_fields": {"tier": 2, "since": None}},
        {"sms_consent": "never_subscribed"},
        {"phone_number": PHONE},
        {"phone_number": PHONE, "sms_consent": "single_opt_in"},
    ],
)
def test_update_changes_the_given_fields_alone(privy, change):
    before = good(privy("GET", one(JANET)))
    privy.wait(60)
    after = good(privy("PATCH", one(JANET), json=change))
    assert after == before | change | {"updated_at": "2026-10-01T09:01:00Z"}
    assert good(privy("GET", one(JANET))) == after


def test_identical_address_is_accepted(privy):
    body = {"email": "omar@example.com", "phone_number": "+12125550134"}
    before = good(privy("GET", one(OMAR)))
    after = good(privy("PATCH", one(OMAR), json=body))
    assert after | {"updated_at": ""} == before | {"updated_at": ""}


def test_email_can_be_set_where_there_is_none(privy):
    email = "popup@example.com"
    assert good(privy("PATCH", one(POPUP), json={"email": email}))["email"] == email


def test_address_of_another_contact_is_a_conflict(privy):
    before = privy.snapshot()
    response = privy("PATCH", one(POPUP), json={"email": "Janet@example.com"})
    assert (response.status_code, response.json()["error"]["id"]) == (409, JANET)
    assert privy.snapshot() == before


@pytest.mark.parametrize(("method", "path"), [("POST", ALL), ("PATCH", one(JANET))])
def test_tags_keep_their_order_and_lose_duplicates(privy, method, path):
    body = {"tags": ["b", "a", "b", "A", "a", " a"]}
    body |= {"email": "new@example.com"} if method == "POST" else {}
    assert privy(method, path, json=body).json()["data"]["tags"] == ["b", "a", "A", " a"]


@pytest.mark.parametrize("content", [b"{", b"[]", b'"text"', b"null", b"1", b"\xff", b"<html>"])
def test_body_that_is_not_an_object(privy, content):
    response = privy("POST", ALL, content=content)
    assert response.status_code == 422
    assert list(response.json()["error"]) == ["code", "message"]
    assert response.json()["error"]["code"] == "validation_failed"


# E-mail consent: from each state, the result of writing each other one; "x" is refused

EMAIL = {
    "N": "S U N P x",
    "S": "S U N P x",
    "U": "S U N P x",
    "P": "S U N P x",
    "C": "x x x x x",
}
EMAIL_CELLS = [
    (STATES[current], STATES[consent], STATES.get(result))
    for current, row in EMAIL.items()
    for consent, result in zip("SUNPC", row.split(), strict=True)
]


@pytest.mark.parametrize(("current", "consent", "result"), EMAIL_CELLS)
def test_email_consent(privy, current, consent, result):
    key = privy.simulator.put(email="state@example.com", email_consent=current)
    response = privy("PATCH", one(key), json={"email_consent": consent})
    if result is None:
        assert_invalid(response, "email_consent")
    else:
        assert good(response)["email_consent"] == result
    assert privy.row(key)["email_consent"] == (result or current)


SUPPRESSED = {"phone_number": PHONE, "email_consent": "compliance_suppressed"}
OTHER_CHANGES = [
    {"first_name": "Jan"},
    {"tags": ["vip"]},
    {"email": "state@example.com"},
    {"sms_consent": "unsubscribed"},
    {"first_name": "Jan", "sms_consent": "never_subscribed"},
]


@pytest.mark.parametrize("change", OTHER_CHANGES)
def test_compliance_suppressed_contact_refuses_every_change(privy, change):
    key = privy.simulator.put(**SUPPRESSED)
    before = privy.snapshot()
    assert_invalid(privy("PATCH", one(key), json=change), *change)
    assert privy.snapshot() == before


@pytest.mark.parametrize("change", OTHER_CHANGES)
def test_compliance_suppressed_contact_accepts_other_changes_if_not_strict(change):
    privy = RawClient("privy", strict=False)
    key = privy.simulator.put(**SUPPRESSED)
    data = good(privy("PATCH", one(key), json=change))
    assert data["email_consent"] == "compliance_suppressed"
    assert data.items() >= change.items()
    for consent in ("subscribed", "unsubscribed", "never_subscribed", "suppressed"):
        response = privy("PATCH", one(key), json={**change, "email_consent": consent})
        assert_invalid(response, "email_consent")


def test_compliance_suppressed_contact_can_be_deleted(privy):
    key = privy.simulator.put(**SUPPRESSED)
    assert good(privy("DELETE", one(key)))["email_consent"] == "compliance_suppressed"


# SMS consent

SMS = {
    "N": "S 1 U N x",
    "1": "S 1 U N x",
    "W": "S x U N x",
    "S": "S x U N x",
    "U": "S x U N x",
}
SMS_CELLS = [
    (STATES[current], STATES[consent], STATES.get(result))
    for current, row in SMS.items()
    for consent, result in zip("S1UNW", row.split(), strict=True)
]


@pytest.mark.parametrize(("current", "consent", "result"), SMS_CELLS)
def test_sms_consent(privy, current, consent, result):
    key = privy.simulator.put(phone_number=PHONE, sms_consent=current)
    response = privy("PATCH", one(key), json={"sms_consent": consent})
    if result is None:
        assert_invalid(response, "sms_consent")
    else:
        assert good(response)["sms_consent"] == result
    assert privy.row(key)["sms_consent"] == (result or current)
    assert texts(privy) == [key] * (result == "subscribed" != current)


CREATED = {
    "subscribed": "subscribed",
    "single_opt_in": "single_opt_in",
    "unsubscribed": None,
    "never_subscribed": "never_subscribed",
    "pending": None,
}


@pytest.mark.parametrize(("consent", "result"), CREATED.items())
def test_sms_consent_of_a_new_contact(privy, consent, result):
    response = privy("POST", ALL, json={"phone_number": PHONE, "sms_consent": consent})
    if result is None:
        assert_invalid(response, "sms_consent")
    else:
        assert good(response, 201)["sms_consent"] == result
    assert len(texts(privy)) == (result == "subscribed")


def test_sms_consent_with_a_new_phone_number(privy):
    body = {"phone_number": PHONE, "sms_consent": "subscribed"}
    assert good(privy("PATCH", one(JANET), json=body)).items() >= body.items()
    assert texts(privy) == [JANET]


@pytest.mark.parametrize(
    ("phone", "supported"),
    [("+12125550187", True), ("+14165550187", True), ("+18765550187", False),
     ("+442079460000", False), ("+523312345678", False), ("+12", False), ("+999123456", False)],
)  # fmt: skip
def test_sms_consent_is_for_the_us_and_canada(privy, phone, supported):
    for consent in ("subscribed", "single_opt_in"):
        key = privy.simulator.put(phone_number=phone.replace("0", "1"))
        updated = privy("PATCH", one(key), json={"sms_consent": consent})
        assert updated.status_code == (200 if supported else 422)
    created = privy("POST", ALL, json={"phone_number": phone, "sms_consent": "subscribed"})
    assert created.status_code == (201 if supported else 422)


def test_sms_consent_of_another_country_can_be_withdrawn(privy):
    key = good(privy("POST", ALL, json={"phone_number": "+442079460000"}), 201)["id"]
    data = good(privy("PATCH", one(key), json={"sms_consent": "unsubscribed"}))
    assert data["sms_consent"] == "unsubscribed"


# The welcome text


@pytest.mark.parametrize(("wanted", "count"), [(False, 0), (True, 1), (None, 1)])
def test_send_welcome_sms_false_sends_no_text(privy, wanted, count):
    body = {"phone_number": PHONE, "sms_consent": "subscribed", "send_welcome_sms": wanted}
    contact = good(privy("POST", ALL, json=body), 201)
    assert "send_welcome_sms" not in contact
    other = privy.simulator.put(phone_number="+12125550188")
    change = {"sms_consent": "subscribed", "send_welcome_sms": wanted}
    good(privy("PATCH", one(other), json=change))
    assert texts(privy) == [contact["id"], other] * count
    assert list(privy.simulator.outbox()["phone_number"]) == [PHONE, "+12125550188"] * count


@pytest.mark.parametrize("change", [{"sms_consent": "subscribed"}, {"first_name": "O"}])
def test_welcome_text_is_not_sent_to_a_subscriber(privy, change):
    good(privy("PATCH", one(OMAR), json=change))
    assert texts(privy) == []


def test_welcome_text_is_not_sent_after_a_refusal(privy):
    body = {"phone_number": "+12125550134", "sms_consent": "subscribed"}
    assert privy("POST", ALL, json=body).status_code == 409
    assert texts(privy) == []


# Unsubscribing


@pytest.mark.parametrize(
    "consent", ["never_subscribed", "subscribed", "unsubscribed", "suppressed"]
)
def test_unsubscribe_ends_email_consent_alone(privy, consent):
    key = privy.simulator.put(email="state@example.com", email_consent=consent)
    before = good(privy("GET", one(key)))
    after = good(privy("POST", one(key) + "/unsubscribe", json={"reason": "x" * 500}))
    assert after["email_consent"] == "unsubscribed"
    other = {"email_consent": "", "updated_at": ""}
    assert after | other == before | other
    assert good(privy("GET", one(key))) == after


def test_unsubscribe_again_changes_nothing(privy):
    first = good(privy("POST", one(OMAR) + "/unsubscribe"))
    privy.wait(60)
    assert good(privy("POST", one(OMAR) + "/unsubscribe")) == first


def test_unsubscribe_is_marked_as_deprecated(privy):
    response = privy("POST", one(OMAR) + "/unsubscribe")
    assert response.headers["Deprecation"] == "true"
    link = r'<https://help\.privy\.com/\S+>; rel="deprecation"'
    assert re.fullmatch(link, response.headers["Link"])
    assert "Deprecation" not in privy("GET", one(OMAR)).headers


def test_compliance_suppressed_contact_cannot_be_unsubscribed(privy):
    key = privy.simulator.put(email="state@example.com", email_consent="compliance_suppressed")
    assert_invalid(privy("POST", one(key) + "/unsubscribe"), "email_consent")
    assert privy.row(key)["email_consent"] == "compliance_suppressed"


# Deleting and restoring


def test_delete_shows_the_contact(privy):
    before = good(privy("GET", one(OMAR)))
    assert good(privy("DELETE", one(OMAR))) == before


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_deleted_contact_is_not_found(privy, method):
    privy("DELETE", one(OMAR))
    assert privy(method, one(OMAR), json={"first_name": "O"}).status_code == 404


@pytest.mark.parametrize(
    "address", [{"email": "OMAR@example.com"}, {"phone_number": "+12125550134"}]
)
def test_contact_created_again_is_restored_with_new_data(privy, address):
    privy("DELETE", one(OMAR))
    data = good(privy("POST", ALL, json={**address, "first_name": "O"}), 201)
    assert data["id"] == OMAR
    assert (data["first_name"], data["last_name"]) == ("O", None)
    assert data["email_consent"] == data["sms_consent"] == "never_subscribed"
    assert good(privy("GET", one(OMAR))) == data


def test_restored_contact_has_the_consent_of_the_request(privy):
    privy("DELETE", one(OMAR))
    body = {"phone_number": "+12125550134", "sms_consent": "subscribed"}
    assert good(privy("POST", ALL, json=body), 201)["sms_consent"] == "subscribed"
    assert texts(privy) == [OMAR]
    response = privy("POST", ALL, json=body)
    assert (response.status_code, response.json()["error"]["id"]) == (409, OMAR)


def test_restored_contact_keeps_addresses_taken_over(privy):
    """A restored contact took over a number that a second deleted one once had."""
    for key in (JANET, OMAR):
        privy("DELETE", one(key))
    body = {"email": "janet@example.com", "phone_number": "+12125550134"}
    assert good(privy("POST", ALL, json=body), 201)["id"] == JANET
    assert good(privy("POST", ALL, json={"email": "omar@example.com"}), 201)["id"] == OMAR
    response = privy("POST", ALL, json={"phone_number": "+12125550134"})
    assert (response.status_code, response.json()["error"]["id"]) == (409, JANET)
