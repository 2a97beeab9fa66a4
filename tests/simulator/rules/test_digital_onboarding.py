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
from tests.support.requests import ANONYMOUS, RawClient

ALL = "/contacts"
JANET = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b01"
OMAR = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b02"
LEO = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b04"
UNKNOWN = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6bff"
FIELDS = fields_of(find("digital_onboarding").record)
TOKEN = "https://api.digitalonboarding.com/oauth2/token"
NO_CURSORS = ["", "x", "e30=", "bnVsbA==", "%C3%BF", "W10="]
NO_SORTS = ["", "nickname", "meta_public", "-", "id,,", "--id", "Id"]
DESTRUCTIVE = {"X-Operator-Override": "destructive"}
DRY = {"X-Operator-Override": "dry_run"}


def one(key: str) -> str:
    return f"{ALL}/{key}"


def good(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The bare contact of a good answer."""
    assert response.status_code == status, response.text
    assert list(response.json()) == list(FIELDS)
    return response.json()


def refused(response: httpx.Response, status: int, code: str, *fields: str) -> list[dict[str, Any]]:
    """The entries of a refusal, which point at exactly these fields."""
    assert response.status_code == status, response.text
    assert list(response.json()) == ["errors"]
    entries = response.json()["errors"]
    assert {entry["code"] for entry in entries} == {code}
    assert all(entry["title"] and entry["detail"] for entry in entries)
    pointers = [entry["source"]["pointer"] for entry in entries if "source" in entry]
    assert pointers == [f"/data/attributes/{field}" for field in fields]
    return entries


def page(response: httpx.Response) -> tuple[list[str], dict[str, Any]]:
    assert response.status_code == 200, response.text
    body = response.json()
    assert list(body["page"]) == ["next_cursor", "prev_cursor", "has_more", "size"]
    return [contact["id"] for contact in body["data"]], body["page"]


# Tokens and scopes


def test_token_missing_or_expired(onboarding):
    for account in (ANONYMOUS, "expired"):
        refused(onboarding("GET", ALL, account), 401, "invalid_token")
    query = {"access_token": onboarding.simulator.accounts["token"]["token"]}
    refused(onboarding("GET", ALL, ANONYMOUS, params=query), 401, "invalid_token")


WRITES = [
    ("POST", ALL, "write"),
    ("PATCH", one(UNKNOWN), "write"),
    ("DELETE", one(UNKNOWN), "delete"),
    ("POST", one(UNKNOWN) + "/accounts", "write"),
]


@pytest.mark.parametrize(("method", "path", "action"), WRITES)
def test_scope_is_checked_before_contact_and_body(onboarding, method, path, action):
    response = onboarding(method, path, "read_only", json={"timezone": "+05:00"})
    [entry] = refused(response, 401, "scope_missing")
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
def test_star_in_a_scope_matches_one_part(scopes, needed, allowed):
    assert scope_allows(frozenset(scopes), needed) is allowed


def request_token(onboarding: RawClient, account: str, **form: str) -> httpx.Response:
    values = {"grant_type": "client_credentials", **onboarding.simulator.accounts[account], **form}
    return onboarding.http.post(TOKEN, data=values)


def test_access_token_lives_an_hour(onboarding):
    response = request_token(onboarding, "oauth", scope="partner:contacts:read")
    assert response.json()["expires_in"] == 3600
    values = {"Authorization": f"Bearer {response.json()['access_token']}"}
    assert onboarding("GET", ALL, ANONYMOUS, headers=values).status_code == 200
    refused(
        onboarding("PATCH", one(JANET), ANONYMOUS, headers=values, json={}), 401, "scope_missing"
    )
    onboarding.wait(3600)
    refused(onboarding("GET", ALL, ANONYMOUS, headers=values), 401, "invalid_token")


def test_token_request_with_wrong_client_or_scope(onboarding):
    wrong = request_token(onboarding, "oauth", client_secret="wrong")
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
    more = request_token(onboarding, "oauth_read_only", scope="partner:contacts:write")
    assert (more.status_code, more.json()) == (400, {"error": "invalid_scope"})


def test_headers_have_no_limit_or_request_id(onboarding):
    response = onboarding("GET", one(JANET))
    assert set(response.headers) == {"content-type", "content-length"}


# Reading


def test_contact_has_no_envelope_and_every_field(onboarding):
    contact = good(onboarding("GET", one(JANET)))
    assert (contact["id"], contact["type"]) == (JANET, "contact")
    assert UUID(contact["team_id"]).version == 4
    assert contact["birthdate"] == "1990-05-04"
    assert contact["inserted_at"] == "2026-01-10T08:00:00Z"
    assert contact["name_suffix"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", one(UNKNOWN)),
        ("PATCH", one(UNKNOWN)),
        ("DELETE", one(UNKNOWN)),
        ("POST", one(UNKNOWN) + "/accounts"),
        ("PUT", one(JANET)),
        ("GET", one(JANET) + "/accounts"),
    ],
)
def test_not_found(onboarding, method, path):
    refused(onboarding(method, path, json={}, headers=DESTRUCTIVE), 404, "not_found")


def test_page_has_25_contacts_by_default_and_100_at_most():
    onboarding = RawClient("digital_onboarding", contacts=150)
    keys, info = page(onboarding("GET", ALL))
    rows = sorted((stored.row for stored in onboarding.engine.contacts), key=lambda row: row["id"])
    rows.sort(key=lambda row: row["inserted_at"], reverse=True)
    assert keys == [row["id"] for row in rows[:25]]
    assert (info["has_more"], info["size"], info["prev_cursor"]) == (True, 25, None)
    keys, info = page(onboarding("GET", ALL, params={"page[size]": 5000}))
    assert (len(keys), info["size"]) == (100, 100)


def test_count_is_shown_on_request(onboarding):
    assert "meta" not in onboarding("GET", ALL).json()
    params = {"meta": "count", "filter[sms_opted_in]": "true", "page[size]": 1}
    assert onboarding("GET", ALL, params=params).json()["meta"]["count"] > 1


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
def test_pages_in_any_order_have_every_contact_once(sort):
    onboarding = RawClient("digital_onboarding", contacts=60)
    pages = walk(onboarding, sort=sort, **{"page[size]": 7})
    keys = [key for one_page in pages for key in one_page]
    assert [len(one_page) for one_page in pages] == [7] * 8 + [4]
    assert len(set(keys)) == 60
    [whole] = walk(onboarding, sort=sort, **{"page[size]": 100})
    assert keys == whole


def test_contacts_without_a_value_sort_last():
    onboarding = RawClient("digital_onboarding", contacts=5)
    [up], [down] = walk(onboarding, sort="unique_id"), walk(onboarding, sort="-unique_id")
    assert up == down[::-1]
    assert up[-1] == LEO


def test_cursor_is_base64_of_position_and_request(onboarding):
    _, info = page(onboarding("GET", ALL, params={"page[size]": 2, "sort": "-name_last"}))
    values = json.loads(urlsafe_b64decode(info["next_cursor"]))
    assert list(values) == ["keys", "position", "signature"]
    row = onboarding.row(values["position"])
    assert values["keys"] == [row["name_last"]]


def test_cursor_leads_back():
    onboarding = RawClient("digital_onboarding", contacts=60)
    pages = walk(onboarding, **{"page[size]": 20})
    _, first = page(onboarding("GET", ALL, params={"page[size]": 20}))
    second = {"page[size]": 20, "page[after]": first["next_cursor"]}
    _, info = page(onboarding("GET", ALL, params=second))
    back = {"page[size]": 20, "page[before]": info["prev_cursor"]}
    keys, before = page(onboarding("GET", ALL, params=back))
    assert keys == pages[0]
    assert (before["prev_cursor"], before["next_cursor"]) == (None, first["next_cursor"])


def test_page_before_the_first_is_empty(onboarding):
    _, info = page(onboarding("GET", ALL, params={"page[size]": 3}))
    _, second = page(onboarding("GET", ALL, params={"page[after]": info["next_cursor"]}))
    for stored in onboarding.engine.contacts:
        if stored.row["inserted_at"] > "2026-02":
            onboarding.engine.contacts.delete(stored)
    keys, empty = page(onboarding("GET", ALL, params={"page[before]": second["prev_cursor"]}))
    assert keys == []
    assert (empty["has_more"], empty["next_cursor"], empty["prev_cursor"]) == (False, None, None)


def test_cursor_is_valid_after_writes():
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
def test_cursor_of_another_sort_or_filter(onboarding, change):
    _, info = page(onboarding("GET", ALL, params={"page[size]": 2}))
    params = {"page[size]": 2, "page[after]": info["next_cursor"]}
    assert onboarding("GET", ALL, params=params | {"sort": "-inserted_at"}).status_code == 200
    assert onboarding("GET", ALL, params=params | {"page[size]": 3}).status_code == 200
    response = onboarding("GET", ALL, params=params | change)
    refused(response, 410, "cursor_invalid", "page[after]")


def forged(onboarding: RawClient, **changes: Any) -> str:
    _, info = page(onboarding("GET", ALL, params={"page[size]": 2}))
    values = json.loads(urlsafe_b64decode(info["next_cursor"])) | changes
    return urlsafe_b64encode(json.dumps(values).encode()).decode()


@pytest.mark.parametrize("changes", [{"keys": []}, {"keys": [5]}, {"keys": 5}, {"position": 5}])
def test_forged_cursor(onboarding, changes):
    cursor = forged(onboarding, **changes)
    status = onboarding("GET", ALL, params={"page[after]": cursor}).status_code
    assert status == 410 or (status == 200 and "position" in changes)


INVALID, CURSOR = (422, "validation_failed"), (410, "cursor_invalid")
FILTER, SORT = (400, "invalid_filter"), (400, "invalid_sort_field")
OVERRIDE = (403, "override_required")
ACCOUNTS = one(JANET) + "/accounts"
REFUSALS: list[tuple[str, str, Any, tuple[int, str], list[str]]] = [
    *(
        ("GET", f"{ALL}?page[size]={size}", None, FILTER, ["page[size]"])
        for size in ("0", "-1", "x")
    ),
    *(("GET", f"{ALL}?page[after]={text}", None, CURSOR, ["page[after]"]) for text in NO_CURSORS),
    ("GET", f"{ALL}?page[before]=x", None, CURSOR, ["page[before]"]),
    *(("GET", f"{ALL}?sort={sort}", None, SORT, ["sort"]) for sort in NO_SORTS),
    ("GET", f"{ALL}?filter[nickname]=x", None, FILTER, ["where"]),
    ("GET", f"{ALL}?filter[email][like]=x", None, FILTER, ["where"]),
    ("GET", f"{ALL}?filter[sms_opted_in]=yes", None, FILTER, ["where"]),
    ("GET", f"{ALL}?filter[birthdate][lt]=soon", None, FILTER, ["where"]),
    ("GET", f"{ALL}?filter[inserted_at]=2026-01-01", None, FILTER, ["where"]),
    ("GET", f"{ALL}?filter[email][present]=yes", None, FILTER, ["where"]),
    ("GET", f"{ALL}?filter[]=x", None, FILTER, ["filter[]"]),
    ("GET", f"{ALL}?filter=x", None, FILTER, ["filter"]),
    ("GET", f"{ALL}?include=accounts", None, FILTER, ["include"]),
    ("GET", f"{ALL}?where=x", None, FILTER, ["where"]),
    ("PATCH", one(JANET), [1], INVALID, []),
    ("PATCH", one(JANET), {"timezone": "+05:00"}, INVALID, ["timezone"]),
    ("PATCH", one(JANET), {"sms_opted_in": None, "email": "j"}, INVALID, ["sms_opted_in", "email"]),
    ("PATCH", one(JANET), {"meta_public": []}, INVALID, ["meta_public"]),
    ("POST", ALL, {"timezone": "Mars/Olympus", "nickname": "J"}, INVALID, ["timezone", "nickname"]),
    ("POST", ALL, {"birthdate": "1990-02-30"}, INVALID, ["birthdate"]),
    ("POST", ALL, [], INVALID, [""]),
    ("POST", ALL, [{"unique_id": "u-1"}, {"city": "Troy"}], INVALID, ["unique_id"]),
    ("POST", ALL, [{"unique_id": "u-1"}, {"unique_id": ["u-2"]}], INVALID, ["unique_id"]),
    ("POST", ALL, [{"unique_id": "u-1"}, 5], INVALID, ["unique_id"]),
    ("POST", ALL, [{"unique_id": "core-10001"}, {"unique_id": "u", "city": 5}], INVALID, ["city"]),
    ("POST", ALL, [{"unique_id": "core-10001", "id": OMAR}], INVALID, ["id"]),
    ("POST", ACCOUNTS, {}, INVALID, ["kind"]),
    ("POST", ACCOUNTS, {"kind": "savings"}, INVALID, ["kind"]),
    ("POST", ACCOUNTS, {"kind": "loan", "id": "x"}, INVALID, ["id"]),
    ("DELETE", one(JANET), None, OVERRIDE, []),
]


@pytest.mark.parametrize(("method", "path", "body", "error", "fields"), REFUSALS)
def test_refusals(onboarding, method, path, body, error, fields):
    before = onboarding.snapshot()
    refused(onboarding(method, path, json=body), *error, *fields)
    assert onboarding.snapshot() == before


@pytest.mark.parametrize("flags", ["force", "dry_run", "destructively"])
def test_delete_needs_its_override(onboarding, flags):
    before = onboarding.snapshot()
    response = onboarding("DELETE", one(JANET), headers={"X-Operator-Override": flags})
    refused(response, 403, "override_required")
    assert onboarding.snapshot() == before


@pytest.mark.parametrize("content", [b"{", b"text", b"null"])
def test_body_that_is_not_json(onboarding, content):
    assert onboarding("PATCH", one(JANET), content=content).status_code == 422


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
def test_filters(onboarding, params, keys):
    listed, _ = page(onboarding("GET", ALL, params=params))
    assert listed == (keys or ["5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b03"])


# Writing


def test_new_contact_has_defaults(onboarding):
    contact = good(onboarding("POST", ALL, json={"email": "new@example.com"}), 201)
    assert UUID(contact["id"]).version == 4
    assert contact["inserted_at"] == contact["updated_at"] == "2026-10-01T09:00:00Z"
    for name, field in FIELDS.items():
        if field.nullable and name != "email":
            assert contact[name] is None
        elif field.kind == "boolean":
            assert contact[name] is False
    assert (contact["meta_public"], contact["active_journey_ids"]) == ({}, [])


@pytest.mark.parametrize(
    "change",
    [
        {"city": None, "sms_unsubscribed": True},
        {"meta_public": {"a": [1, {"b": None}]}},
        {"unique_id": "core-10001", "city": "Troy"},
    ],
)
def test_update_changes_the_given_fields_alone(onboarding, change):
    before = good(onboarding("GET", one(JANET)))
    after = good(onboarding("PATCH", one(JANET), json=change))
    assert after == before | change | {"updated_at": "2026-10-01T09:00:00Z"}


def test_unchanged_fields_of_the_server_are_accepted(onboarding):
    whole = good(onboarding("GET", one(JANET)))
    assert good(onboarding("PATCH", one(JANET), json=whole))["name_first"] == "Janet"
    assert good(onboarding("PATCH", one(JANET), json={"id": JANET}))["id"] == JANET
    changed = {**good(onboarding("GET", one(JANET))), "name_first": "Jan"}
    assert good(onboarding("PATCH", one(JANET), json=changed))["name_first"] == "Jan"


def test_update_needs_a_body(onboarding):
    before = onboarding.snapshot()
    refused(onboarding("PATCH", one(JANET)), 422, "validation_failed", "")
    assert onboarding.snapshot() == before
    assert onboarding("PATCH", one(JANET), json={}).status_code == 200


def test_strict_update_needs_every_starred_field():
    onboarding = RawClient("digital_onboarding", strict=True)
    whole = good(onboarding("GET", one(JANET)))
    starred = [name for name, field in FIELDS.items() if field.promised]
    refused(onboarding("PATCH", one(JANET), json={}), 422, "validation_failed", *starred)
    for name in starred:
        body = {other: value for other, value in whole.items() if other != name}
        refused(onboarding("PATCH", one(JANET), json=body), 422, "validation_failed", name)
    only = {name: whole[name] for name in starred}
    after = good(onboarding("PATCH", one(JANET), json={**only, "name_first": "Jan"}))
    assert after == whole | {"name_first": "Jan", "updated_at": after["updated_at"]}
    assert onboarding("POST", ALL, json={"name_first": "Jan"}).status_code == 201


@pytest.mark.parametrize("name", [n for n, f in FIELDS.items() if f.marker.access != "writable"])
def test_fields_of_the_server_cannot_be_changed(onboarding, name):
    before = onboarding.snapshot()
    response = onboarding("PATCH", one(JANET), json={name: "other", "city": "Troy"})
    refused(response, 422, "validation_failed", name)
    assert onboarding.snapshot() == before


def test_unique_id_is_unique(onboarding):
    body = {"unique_id": "core-10001"}
    refused(onboarding("POST", ALL, json=body), 409, "conflict")
    refused(onboarding("PATCH", one(OMAR), json=body), 409, "conflict")
    assert onboarding("PATCH", one(JANET), json=body).status_code == 200
    assert onboarding("POST", ALL, json={"email": "janet@example.com"}).status_code == 201


def test_delete_response_is_empty(onboarding):
    headers = {"X-Operator-Override": "force, destructive,bypass_validation=a|b"}
    response = onboarding("DELETE", one(JANET), headers=headers)
    assert (response.status_code, response.content) == (204, b"")
    refused(onboarding("DELETE", one(JANET), headers=headers), 404, "not_found")


# Upserts


def test_upsert_of_one_shows_the_contact(onboarding):
    created = good(onboarding("POST", ALL, json=[{"unique_id": "u-1", "city": "Troy"}]), 201)
    changed = good(onboarding("POST", ALL, json=[{"unique_id": "u-1", "city": "Rome"}]))
    assert (changed["id"], changed["city"]) == (created["id"], "Rome")


def test_upsert_of_several_shows_a_batch(onboarding):
    body = [{"unique_id": "core-10001", "city": "Troy"}, {"unique_id": "u-1"}]
    response = onboarding("POST", ALL, json=body, headers={"Idempotency-Key": "k1"})
    assert response.status_code == 202
    batch = response.json()
    assert UUID(batch["id"]).version == 4
    assert (batch["operation"], batch["surface"]) == ("contacts.upsert", "partner")
    assert (batch["status"], batch["idempotency_key"]) == ("accepted", "k1")
    assert onboarding.row(JANET)["city"] == "Troy"
    assert len(onboarding.engine.contacts) == 9


# Accounts


def test_new_account_has_every_field(onboarding):
    body = {"kind": "deposit", "balance_cents": -5, "opened_at": "2026-03-01T13:00:00+01:00"}
    response = onboarding("POST", one(JANET) + "/accounts", json=body)
    assert response.status_code == 201
    account = response.json()
    record = find("digital_onboarding").endpoint("create_account").record
    assert record
    assert list(account) == list(fields_of(record))
    assert (account["contact_id"], account["type"]) == (JANET, "account")
    assert (account["kind"], account["balance_cents"]) == ("deposit", -5)
    assert account["closed_at"] is None


# Dry runs and idempotency keys

WRITE_REQUESTS: list[tuple[str, str, Any, int]] = [
    ("POST", ALL, {"unique_id": "u-1"}, 201),
    ("POST", ALL, [{"unique_id": "core-10001", "city": "Troy"}], 200),
    ("POST", ALL, [{"unique_id": "core-10001", "city": "Troy"}, {"unique_id": "u-1"}], 202),
    ("PATCH", one(JANET), {"city": "Troy", "unique_id": "u-1"}, 200),
    ("DELETE", one(JANET), None, 204),
    ("POST", one(JANET) + "/accounts", {"kind": "loan"}, 201),
]
writes = pytest.mark.parametrize(("method", "path", "body", "status"), WRITE_REQUESTS)


@writes
def test_dry_run_shows_the_write_and_rolls_it_back(onboarding, method, path, body, status):
    before = onboarding.snapshot()
    headers = {"X-Operator-Override": "destructive,dry_run"}
    response = onboarding(method, path, json=body, headers=headers)
    assert (response.status_code, response.headers["X-Dry-Run"]) == (status, "true")
    assert onboarding.snapshot() == before
    real = onboarding(method, path, json=body, headers=DESTRUCTIVE)
    assert real.status_code == status
    assert "X-Dry-Run" not in real.headers
    if "accounts" not in path:
        assert onboarding.snapshot() != before


def test_dry_run_is_refused_like_a_real_write(onboarding):
    response = onboarding("PATCH", one(JANET), json={"timezone": "+05:00"}, headers=DRY)
    refused(response, 422, "validation_failed", "timezone")
    response = onboarding("PATCH", one(OMAR), json={"unique_id": "core-10001"}, headers=DRY)
    refused(response, 409, "conflict")
    refused(onboarding("PATCH", one(UNKNOWN), json={"city": "Troy"}, headers=DRY), 404, "not_found")


def test_dry_run_releases_and_takes_no_unique_value(onboarding):
    headers = {"X-Operator-Override": "destructive,dry_run"}
    onboarding("DELETE", one(JANET), headers=headers)
    onboarding("POST", ALL, json={"unique_id": "u-1"}, headers=DRY)
    refused(onboarding("POST", ALL, json={"unique_id": "core-10001"}), 409, "conflict")
    assert onboarding("POST", ALL, json={"unique_id": "u-1"}).status_code == 201


@writes
def test_repeated_write_is_replayed(onboarding, method, path, body, status):
    headers = {"Idempotency-Key": "any text!", **DESTRUCTIVE}
    first = onboarding(method, path, json=body, headers=headers | {"Idempotency-Key": "key!"})
    after = onboarding.snapshot()
    again = onboarding(method, path, json=body, headers=headers | {"Idempotency-Key": "key!"})
    assert first.status_code == again.status_code == status
    assert first.content == again.content
    assert again.headers["X-Idempotent-Replay"] == "true"
    assert "X-Idempotent-Replay" not in first.headers
    assert onboarding.snapshot() == after


def test_idempotency_key_of_another_body_shows_where_they_differ(onboarding):
    headers = {"Idempotency-Key": "k1"}
    for content in (b'{"city": "Troy", "state": "NY"}', b'{"state":"NY","city":"Troy"}'):
        response = onboarding("PATCH", one(OMAR), content=content, headers=headers)
        assert response.status_code == 200
    body = {"city": "Troy", "state": "CA", "sms_opted_in": None}
    response = onboarding("PATCH", one(OMAR), json=body, headers=headers)
    refused(response, 409, "idempotency_conflict", "state", "sms_opted_in")
    headers = {"Idempotency-Key": "k2"}
    body = {"unique_id": "u-1"}
    assert onboarding("POST", ALL, json=[body], headers=headers).status_code == 201
    response = onboarding("POST", ALL, json=[body, body], headers=headers)
    refused(response, 409, "idempotency_conflict", "")


def test_idempotency_key_is_separate_by_path(onboarding):
    headers = {"Idempotency-Key": "k1", **DESTRUCTIVE}
    for method, path, status in (
        ("PATCH", one(JANET), 200),
        ("PATCH", one(OMAR), 200),
        ("DELETE", one(JANET), 204),
    ):
        response = onboarding(method, path, json={"city": "Troy"}, headers=headers)
        assert response.status_code == status
        assert "X-Idempotent-Replay" not in response.headers


def test_idempotency_key_lives_a_day(onboarding):
    headers = {"Idempotency-Key": "k1"}
    onboarding("PATCH", one(JANET), json={"city": "Troy"}, headers=headers)
    onboarding.wait(86_399)
    response = onboarding("PATCH", one(JANET), json={"city": "Troy"}, headers=headers)
    assert "X-Idempotent-Replay" in response.headers
    onboarding.wait(1)
    response = onboarding("PATCH", one(JANET), json={"city": "Rome"}, headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(("length", "status"), [(128, 200), (129, 422)])
def test_idempotency_key_has_128_characters_at_most(onboarding, length, status):
    headers = {"Idempotency-Key": "k" * length}
    response = onboarding("PATCH", one(JANET), json={"city": "Troy"}, headers=headers)
    assert response.status_code == status
