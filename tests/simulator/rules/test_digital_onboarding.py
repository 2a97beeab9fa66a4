"""Digital Onboarding as its documentation describes it, by raw HTTP."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID

import httpx
import pytest

from contactkit._providers import find
from contactkit.simulator.rules.digital_onboarding import scope_allows
from contactkit.spec.record import fields_of
from tests.support.requests import RawClient

ALL = "/contacts"
JANET = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b01"
OMAR = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b02"
LEO = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b04"
NOBODY = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6bff"
FIELDS = fields_of(find("digital_onboarding").record)
TOKEN = "https://api.digitalonboarding.com/oauth2/token"
DESTRUCTIVE = {"X-Operator-Override": "destructive"}
DRY = {"X-Operator-Override": "dry_run"}


def one(key: str) -> str:
    return f"{ALL}/{key}"


def good(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The bare contact of a good answer."""
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == list(FIELDS)
    return answer.json()


def refused(answer: httpx.Response, status: int, code: str, *fields: str) -> list[dict[str, Any]]:
    """The entries of a refusal, which point at exactly these fields."""
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["errors"]
    entries = answer.json()["errors"]
    assert {each["code"] for each in entries} == {code}
    assert all(each["title"] and each["detail"] for each in entries)
    pointers = [each["source"]["pointer"] for each in entries if "source" in each]
    assert pointers == [f"/data/attributes/{field}" for field in fields]
    return entries


def page(answer: httpx.Response) -> tuple[list[str], dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body["page"]) == ["next_cursor", "prev_cursor", "has_more", "size"]
    return [each["id"] for each in body["data"]], body["page"]


# Who comes in


@pytest.mark.parametrize("account", ["nobody", "expired"])
def test_without_a_good_token_it_is_invalid(onboarding, account):
    refused(onboarding("GET", ALL, account), 401, "invalid_token")


def test_a_query_holds_no_token(onboarding):
    held = {"access_token": onboarding.simulator.accounts["token"]["token"]}
    refused(onboarding("GET", ALL, "nobody", params=held), 401, "invalid_token")


WRITES = [
    ("POST", ALL, "write"),
    ("PATCH", one(NOBODY), "write"),
    ("DELETE", one(NOBODY), "delete"),
    ("POST", one(NOBODY) + "/accounts", "write"),
]


@pytest.mark.parametrize(("method", "path", "action"), WRITES)
def test_a_scope_is_looked_at_before_contact_and_body(onboarding, method, path, action):
    answer = onboarding(method, path, "read_only", json={"timezone": "+05:00"})
    [entry] = refused(answer, 401, "scope_missing")
    scope = f"partner:contacts:{action}"
    assert entry["title"] == "Required scope not present"
    assert entry["detail"].endswith(scope)
    assert entry["meta"] == {"required_scope": scope}


@pytest.mark.parametrize(
    ("scopes", "needed", "allowed"),
    [
        ({"partner:contacts:read"}, "partner:contacts:read", True),
        ({"partner:contacts:*"}, "partner:contacts:delete", True),
        ({"partner:*:read"}, "partner:contacts:read", True),
        ({"partner:*:read"}, "partner:contacts:write", False),
        ({"partner:audiences:*"}, "partner:contacts:read", False),
        ({"*"}, "partner:contacts:read", False),
        ({"batch:contacts:read", "partner:contacts:write"}, "partner:contacts:read", False),
        (set(), "partner:contacts:read", False),
    ],
)
def test_a_star_stands_for_one_part_of_a_scope(scopes, needed, allowed):
    assert scope_allows(frozenset(scopes), needed) is allowed


def buy(onboarding: RawClient, account: str, **form: str) -> httpx.Response:
    held = {"grant_type": "client_credentials", **onboarding.simulator.accounts[account], **form}
    return onboarding.http.post(TOKEN, data=held)


def test_a_token_lasts_an_hour(onboarding):
    answer = buy(onboarding, "oauth", scope="partner:contacts:read")
    assert answer.json()["expires_in"] == 3600
    held = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert onboarding("GET", ALL, "nobody", headers=held).status_code == 200
    refused(onboarding("PATCH", one(JANET), "nobody", headers=held, json={}), 401, "scope_missing")
    onboarding.wait(3600)
    refused(onboarding("GET", ALL, "nobody", headers=held), 401, "invalid_token")


def test_a_wrong_client_and_a_scope_that_it_lacks_are_told_in_a_word(onboarding):
    wrong = buy(onboarding, "oauth", client_secret="wrong")
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
    more = buy(onboarding, "oauth_read_only", scope="partner:contacts:write")
    assert (more.status_code, more.json()) == (400, {"error": "invalid_scope"})


def test_no_limit_and_no_request_id_is_told(onboarding):
    answer = onboarding("GET", one(JANET))
    assert set(answer.headers) == {"content-type", "content-length"}


# Reading


def test_a_contact_is_bare_and_has_every_field(onboarding):
    contact = good(onboarding("GET", one(JANET)))
    assert (contact["id"], contact["type"]) == (JANET, "contact")
    assert UUID(contact["team_id"]).version == 4
    assert contact["birthdate"] == "1990-05-04"
    assert contact["inserted_at"] == "2026-01-10T08:00:00Z"
    assert contact["name_suffix"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", one(NOBODY)),
        ("PATCH", one(NOBODY)),
        ("DELETE", one(NOBODY)),
        ("POST", one(NOBODY) + "/accounts"),
        ("PUT", one(JANET)),
        ("GET", one(JANET) + "/accounts"),
    ],
)
def test_what_is_not_there_is_not_found(onboarding, method, path):
    refused(onboarding(method, path, json={}, headers=DESTRUCTIVE), 404, "not_found")


def test_a_page_has_25_by_default_and_the_newest_first():
    onboarding = RawClient("digital_onboarding", contacts=60)
    keys, info = page(onboarding("GET", ALL))
    rows = sorted((each.row for each in onboarding.engine.contacts), key=lambda row: row["id"])
    rows.sort(key=lambda row: row["inserted_at"], reverse=True)
    assert keys == [row["id"] for row in rows[:25]]
    assert (info["has_more"], info["size"], info["prev_cursor"]) == (True, 25, None)


def test_a_count_is_told_when_it_is_asked_for(onboarding):
    assert "meta" not in onboarding("GET", ALL).json()
    params = {"meta": "count", "filter[sms_opted_in]": "true", "page[size]": 1}
    assert onboarding("GET", ALL, params=params).json()["meta"]["count"] > 1


def test_a_page_that_is_too_large_is_capped():
    answer = RawClient("digital_onboarding", contacts=150)("GET", ALL, params={"page[size]": 5000})
    keys, info = page(answer)
    assert (len(keys), info["size"]) == (100, 100)


@pytest.mark.parametrize("size", ["0", "-1", "x", ""])
def test_a_page_of_no_size_is_refused(onboarding, size):
    answer = onboarding("GET", ALL, params={"page[size]": size})
    refused(answer, 400, "invalid_filter", "page[size]")


def walk(onboarding: RawClient, **params: Any) -> list[list[str]]:
    pages: list[list[str]] = []
    while True:
        keys, info = page(onboarding("GET", ALL, params=params))
        pages.append(keys)
        assert info["has_more"] is (info["next_cursor"] is not None)
        if not info["has_more"]:
            return pages
        params = {**params, "page[after]": info["next_cursor"]}


@pytest.mark.parametrize(
    "sort", ["id", "-unique_id", "birthdate,-name_first", "sms_opted_in,country,-last_seen_at"]
)
def test_any_order_is_walked_whole_once_also_over_fields_without_a_value(sort):
    onboarding = RawClient("digital_onboarding", contacts=60)
    pages = walk(onboarding, sort=sort, **{"page[size]": 7})
    keys = [key for each in pages for key in each]
    assert [len(each) for each in pages] == [7] * 8 + [4]
    assert len(set(keys)) == 60
    [whole] = walk(onboarding, sort=sort, **{"page[size]": 100})
    assert keys == whole


def test_those_without_a_value_come_last_and_first_when_it_goes_downwards():
    onboarding = RawClient("digital_onboarding", contacts=5)
    [up], [down] = walk(onboarding, sort="unique_id"), walk(onboarding, sort="-unique_id")
    assert up == down[::-1]
    assert up[-1] == LEO


def test_a_cursor_is_base64_of_the_place_and_of_what_was_asked(onboarding):
    _, info = page(onboarding("GET", ALL, params={"page[size]": 2, "sort": "-name_last"}))
    held = json.loads(urlsafe_b64decode(info["next_cursor"]))
    assert list(held) == ["keys", "position", "signature"]
    row = onboarding.row(held["position"])
    assert held["keys"] == [row["name_last"]]


def test_a_cursor_leads_back_too():
    onboarding = RawClient("digital_onboarding", contacts=60)
    pages = walk(onboarding, **{"page[size]": 20})
    _, first = page(onboarding("GET", ALL, params={"page[size]": 20}))
    second = {"page[size]": 20, "page[after]": first["next_cursor"]}
    _, info = page(onboarding("GET", ALL, params=second))
    back = {"page[size]": 20, "page[before]": info["prev_cursor"]}
    keys, before = page(onboarding("GET", ALL, params=back))
    assert keys == pages[0]
    assert (before["prev_cursor"], before["next_cursor"]) == (None, first["next_cursor"])


def test_nobody_stands_before_the_first(onboarding):
    _, info = page(onboarding("GET", ALL, params={"page[size]": 3}))
    _, second = page(onboarding("GET", ALL, params={"page[after]": info["next_cursor"]}))
    for each in onboarding.engine.contacts:
        each.deleted = each.row["inserted_at"] > "2026-02"
    keys, empty = page(onboarding("GET", ALL, params={"page[before]": second["prev_cursor"]}))
    assert keys == []
    assert (empty["has_more"], empty["next_cursor"], empty["prev_cursor"]) == (False, None, None)


def test_a_cursor_holds_while_rows_come_change_and_go():
    onboarding = RawClient("digital_onboarding", contacts=30)
    [whole] = walk(onboarding, **{"page[size]": 100})
    keys, info = page(onboarding("GET", ALL, params={"page[size]": 10}))
    onboarding("POST", ALL, json={"name_first": "New"})
    onboarding("DELETE", one(keys[-1]), headers=DESTRUCTIVE)
    onboarding("PATCH", one(keys[0]), json={"name_first": "Changed"})
    following = {"page[size]": 10, "page[after]": info["next_cursor"]}
    assert page(onboarding("GET", ALL, params=following))[0] == whole[10:20]


@pytest.mark.parametrize(
    "change", [{"sort": "id"}, {"filter[sms_opted_in]": "true"}, {"filter[city]": "Troy"}]
)
def test_a_cursor_of_another_sort_or_filter_is_gone(onboarding, change):
    _, info = page(onboarding("GET", ALL, params={"page[size]": 2}))
    params = {"page[size]": 2, "page[after]": info["next_cursor"]}
    assert onboarding("GET", ALL, params=params | {"sort": "-inserted_at"}).status_code == 200
    assert onboarding("GET", ALL, params=params | {"page[size]": 3}).status_code == 200
    answer = onboarding("GET", ALL, params=params | change)
    refused(answer, 410, "cursor_invalid", "page[after]")


def forged(onboarding: RawClient, **changes: Any) -> str:
    _, info = page(onboarding("GET", ALL, params={"page[size]": 2}))
    held = json.loads(urlsafe_b64decode(info["next_cursor"])) | changes
    return urlsafe_b64encode(json.dumps(held).encode()).decode()


@pytest.mark.parametrize("name", ["page[after]", "page[before]"])
@pytest.mark.parametrize("cursor", ["", "x", "e30=", "bnVsbA==", "\u00ff", "W10="])
def test_what_is_no_cursor_is_gone(onboarding, name, cursor):
    refused(onboarding("GET", ALL, params={name: cursor}), 410, "cursor_invalid", name)


@pytest.mark.parametrize("changes", [{"keys": []}, {"keys": [5]}, {"keys": 5}, {"position": 5}])
def test_a_forged_cursor_is_gone_and_no_failure(onboarding, changes):
    cursor = forged(onboarding, **changes)
    status = onboarding("GET", ALL, params={"page[after]": cursor}).status_code
    assert status == 410 or (status == 200 and "position" in changes)


@pytest.mark.parametrize("sort", ["", "nickname", "meta_public", "-", "id,,", "--id", "Id"])
def test_a_sort_by_no_field_is_refused(onboarding, sort):
    refused(onboarding("GET", ALL, params={"sort": sort}), 400, "invalid_sort_field", "sort")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"filter[nickname]": "x"}, "where"),
        ({"filter[email][like]": "x"}, "where"),
        ({"filter[sms_opted_in]": "yes"}, "where"),
        ({"filter[birthdate][lt]": "soon"}, "where"),
        ({"filter[inserted_at]": "2026-01-01"}, "where"),
        ({"filter[email][present]": "yes"}, "where"),
        ({"filter[]": "x"}, "filter[]"),
        ({"filter": "x"}, "filter"),
        ({"include": "accounts"}, "include"),
        ({"where": "x"}, "where"),
    ],
)
def test_a_filter_that_there_is_not_is_refused(onboarding, params, field):
    refused(onboarding("GET", ALL, params=params), 400, "invalid_filter", field)


@pytest.mark.parametrize(
    ("params", "keys"),
    [
        ({"filter[email]": "omar@example.com"}, [OMAR]),
        ({"filter[email][eq]": "omar@example.com"}, [OMAR]),
        (
            {"filter[id][in]": f"{JANET},{OMAR}", "filter[email_unsubscribed]": "false"},
            [OMAR, JANET],
        ),
        ({"filter[inserted_at][lt]": "2026-01-10T09:00:01+01:00"}, [JANET]),
        ({"filter[timezone][missing]": "true", "filter[name_first]": "Mia"}, None),
    ],
)
def test_filters_are_read_as_documented(onboarding, params, keys):
    found, _ = page(onboarding("GET", ALL, params=params))
    assert found == (keys or ["5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b03"])


# Writing


def test_a_new_contact_has_defaults_for_all_it_was_not_given(onboarding):
    contact = good(onboarding("POST", ALL, json={"email": "new@example.com"}), 201)
    assert UUID(contact["id"]).version == 4
    assert contact["inserted_at"] == contact["updated_at"] == "2026-10-01T09:00:00Z"
    for name, field in FIELDS.items():
        if field.nullable and name != "email":
            assert contact[name] is None
        elif field.kind == "boolean":
            assert contact[name] is False
    assert (contact["meta_public"], contact["active_journey_ids"]) == ({}, [])


def test_update_is_partial_and_null_clears(onboarding):
    before = good(onboarding("GET", one(JANET)))
    after = good(onboarding("PATCH", one(JANET), json={"city": None, "sms_unsubscribed": True}))
    changed = {"city": None, "sms_unsubscribed": True, "updated_at": "2026-10-01T09:00:00Z"}
    assert after == before | changed


def test_meta_public_is_replaced(onboarding):
    body = {"meta_public": {"a": [1, {"b": None}]}}
    assert good(onboarding("PATCH", one(JANET), json=body))["meta_public"] == body["meta_public"]


def test_what_the_server_owns_may_come_back_as_it_is(onboarding):
    whole = good(onboarding("GET", one(JANET)))
    assert good(onboarding("PATCH", one(JANET), json=whole))["name_first"] == "Janet"
    assert good(onboarding("PATCH", one(JANET), json={"id": JANET}))["id"] == JANET
    changed = {**good(onboarding("GET", one(JANET))), "name_first": "Jan"}
    assert good(onboarding("PATCH", one(JANET), json=changed))["name_first"] == "Jan"


@pytest.mark.parametrize("name", [n for n, f in FIELDS.items() if f.marker.access != "writable"])
def test_what_the_server_owns_cannot_be_changed(onboarding, name):
    before = onboarding.snapshot()
    answer = onboarding("PATCH", one(JANET), json={name: "other", "city": "Troy"})
    refused(answer, 422, "validation_failed", name)
    assert onboarding.snapshot() == before


@pytest.mark.parametrize(
    "body",
    [
        {"timezone": "+05:00"},
        {"timezone": "Mars/Olympus", "birthdate": "1990-02-30"},
        {"sms_opted_in": None, "email": "jan", "nickname": "J"},
        {"meta_public": []},
    ],
)
def test_every_wrong_field_has_an_entry(onboarding, body):
    for method, path in (("PATCH", one(JANET)), ("POST", ALL)):
        refused(onboarding(method, path, json=body), 422, "validation_failed", *body)


@pytest.mark.parametrize("content", [b"{", b"[1]", b"text", b"null"])
def test_a_body_that_is_no_object_is_not_valid(onboarding, content):
    assert onboarding("PATCH", one(JANET), content=content).status_code == 422


def test_a_unique_id_is_one_contact_s(onboarding):
    body = {"unique_id": "core-10001"}
    refused(onboarding("POST", ALL, json=body), 409, "conflict")
    refused(onboarding("PATCH", one(OMAR), json=body), 409, "conflict")
    assert onboarding("PATCH", one(JANET), json=body).status_code == 200
    assert onboarding("POST", ALL, json={"email": "janet@example.com"}).status_code == 201


@pytest.mark.parametrize(
    "headers", [{}, {"X-Operator-Override": "force"}, DRY, {"X-Operator-Override": "destructively"}]
)
def test_a_deletion_needs_its_override(onboarding, headers):
    before = onboarding.snapshot()
    refused(onboarding("DELETE", one(JANET), headers=headers), 403, "override_required")
    assert onboarding.snapshot() == before


def test_a_deletion_answers_nothing(onboarding):
    headers = {"X-Operator-Override": "force, destructive,bypass_validation=a|b"}
    answer = onboarding("DELETE", one(JANET), headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    refused(onboarding("DELETE", one(JANET), headers=headers), 404, "not_found")


# Upserts


def test_a_list_of_one_is_answered_with_its_contact(onboarding):
    made = good(onboarding("POST", ALL, json=[{"unique_id": "u-1", "city": "Troy"}]), 201)
    changed = good(onboarding("POST", ALL, json=[{"unique_id": "u-1", "city": "Rome"}]))
    assert (changed["id"], changed["city"]) == (made["id"], "Rome")


def test_a_longer_list_is_a_batch_and_done(onboarding):
    body = [{"unique_id": "core-10001", "city": "Troy"}, {"unique_id": "u-1"}]
    answer = onboarding("POST", ALL, json=body, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 202
    batch = answer.json()
    assert UUID(batch["id"]).version == 4
    assert (batch["operation"], batch["surface"]) == ("contacts.upsert", "partner")
    assert (batch["status"], batch["idempotency_key"]) == ("accepted", "k1")
    assert onboarding.row(JANET)["city"] == "Troy"
    assert len(onboarding.engine.contacts) == 9


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], ""),
        ([{"unique_id": "u-1"}, {"city": "Troy"}], "unique_id"),
        ([{"unique_id": "u-1"}, {"unique_id": ["u-2"]}], "unique_id"),
        ([{"unique_id": "u-1"}, 5], "unique_id"),
        ([{"unique_id": "core-10001", "city": "X"}, {"unique_id": "u-2", "city": 5}], "city"),
        ([{"unique_id": "core-10001", "id": OMAR}], "id"),
    ],
)
def test_a_wrong_row_refuses_them_all(onboarding, body, field):
    before = onboarding.snapshot()
    refused(onboarding("POST", ALL, json=body), 422, "validation_failed", field)
    assert onboarding.snapshot() == before


# Accounts


def test_an_account_is_answered_with_all_its_fields(onboarding):
    body = {"kind": "deposit", "balance_cents": -5, "opened_at": "2026-03-01T13:00:00+01:00"}
    answer = onboarding("POST", one(JANET) + "/accounts", json=body)
    assert answer.status_code == 201
    account = answer.json()
    record = find("digital_onboarding").endpoint("create_account").record
    assert record
    assert list(account) == list(fields_of(record))
    assert (account["contact_id"], account["type"]) == (JANET, "account")
    assert (account["kind"], account["balance_cents"]) == ("deposit", -5)
    assert account["closed_at"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "kind"), ({"kind": "savings"}, "kind"), ({"kind": "loan", "id": "x"}, "id")],
)
def test_an_account_that_cannot_be_is_not_valid(onboarding, body, field):
    answer = onboarding("POST", one(JANET) + "/accounts", json=body)
    refused(answer, 422, "validation_failed", field)


# Dry runs and repeats

ASKED: list[tuple[str, str, Any, int]] = [
    ("POST", ALL, {"unique_id": "u-1"}, 201),
    ("POST", ALL, [{"unique_id": "core-10001", "city": "Troy"}], 200),
    ("POST", ALL, [{"unique_id": "core-10001", "city": "Troy"}, {"unique_id": "u-1"}], 202),
    ("PATCH", one(JANET), {"city": "Troy", "unique_id": "u-1"}, 200),
    ("DELETE", one(JANET), None, 204),
    ("POST", one(JANET) + "/accounts", {"kind": "loan"}, 201),
]
writes = pytest.mark.parametrize(("method", "path", "body", "status"), ASKED)


@writes
def test_a_dry_run_answers_as_if_and_takes_it_back(onboarding, method, path, body, status):
    before = onboarding.snapshot()
    headers = {"X-Operator-Override": "destructive,dry_run"}
    answer = onboarding(method, path, json=body, headers=headers)
    assert (answer.status_code, answer.headers["X-Dry-Run"]) == (status, "true")
    assert onboarding.snapshot() == before
    real = onboarding(method, path, json=body, headers=DESTRUCTIVE)
    assert real.status_code == status
    assert "X-Dry-Run" not in real.headers
    if "accounts" not in path:
        assert onboarding.snapshot() != before


def test_a_dry_run_is_refused_like_a_real_one(onboarding):
    answer = onboarding("PATCH", one(JANET), json={"timezone": "+05:00"}, headers=DRY)
    refused(answer, 422, "validation_failed", "timezone")
    answer = onboarding("PATCH", one(OMAR), json={"unique_id": "core-10001"}, headers=DRY)
    refused(answer, 409, "conflict")
    refused(onboarding("PATCH", one(NOBODY), json={"city": "Troy"}, headers=DRY), 404, "not_found")


def test_what_a_dry_run_took_back_is_free_or_taken_as_before(onboarding):
    gone = {"X-Operator-Override": "destructive,dry_run"}
    onboarding("DELETE", one(JANET), headers=gone)
    onboarding("POST", ALL, json={"unique_id": "u-1"}, headers=DRY)
    refused(onboarding("POST", ALL, json={"unique_id": "core-10001"}), 409, "conflict")
    assert onboarding("POST", ALL, json={"unique_id": "u-1"}).status_code == 201


@writes
def test_a_repeat_under_one_key_is_answered_as_before(onboarding, method, path, body, status):
    headers = {"Idempotency-Key": "any text!", **DESTRUCTIVE}
    first = onboarding(method, path, json=body, headers=headers | {"Idempotency-Key": "key!"})
    after = onboarding.snapshot()
    again = onboarding(method, path, json=body, headers=headers | {"Idempotency-Key": "key!"})
    assert first.status_code == again.status_code == status
    assert first.content == again.content
    assert again.headers["X-Idempotent-Replay"] == "true"
    assert "X-Idempotent-Replay" not in first.headers
    assert onboarding.snapshot() == after


def test_another_body_under_one_key_is_a_conflict_that_says_where(onboarding):
    headers = {"Idempotency-Key": "k1"}
    body = {"city": "Troy", "state": "NY", "sms_opted_in": None}
    assert onboarding("PATCH", one(OMAR), json={"city": "Troy"}, headers=headers).status_code == 200
    answer = onboarding("PATCH", one(OMAR), json=body, headers=headers)
    refused(answer, 409, "idempotency_conflict", "state", "sms_opted_in")


def test_bodies_are_the_same_whatever_the_order_of_their_names(onboarding):
    headers = {"Idempotency-Key": "k1"}
    for content in (b'{"city": "Troy", "state": "NY"}', b'{"state":"NY","city":"Troy"}'):
        answer = onboarding("PATCH", one(OMAR), content=content, headers=headers)
        assert answer.status_code == 200


def test_an_object_and_a_list_under_one_key_differ_as_a_whole(onboarding):
    headers = {"Idempotency-Key": "k1"}
    body = {"unique_id": "u-1"}
    assert onboarding("POST", ALL, json=[body], headers=headers).status_code == 201
    answer = onboarding("POST", ALL, json=[body, body], headers=headers)
    refused(answer, 409, "idempotency_conflict", "")


def test_one_key_on_two_paths_is_two_keys(onboarding):
    headers = {"Idempotency-Key": "k1", **DESTRUCTIVE}
    for method, path, status in (
        ("PATCH", one(JANET), 200),
        ("PATCH", one(OMAR), 200),
        ("DELETE", one(JANET), 204),
    ):
        answer = onboarding(method, path, json={"city": "Troy"}, headers=headers)
        assert answer.status_code == status
        assert "X-Idempotent-Replay" not in answer.headers


def test_a_key_is_forgotten_after_a_day(onboarding):
    headers = {"Idempotency-Key": "k1"}
    onboarding("PATCH", one(JANET), json={"city": "Troy"}, headers=headers)
    onboarding.wait(86_399)
    answer = onboarding("PATCH", one(JANET), json={"city": "Troy"}, headers=headers)
    assert "X-Idempotent-Replay" in answer.headers
    onboarding.wait(1)
    answer = onboarding("PATCH", one(JANET), json={"city": "Rome"}, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(("length", "status"), [(128, 200), (129, 422)])
def test_a_key_has_128_characters_at_most(onboarding, length, status):
    headers = {"Idempotency-Key": "k" * length}
    answer = onboarding("PATCH", one(JANET), json={"city": "Troy"}, headers=headers)
    assert answer.status_code == status
