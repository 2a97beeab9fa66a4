"""Access control of the simulator: keys, tokens, rate limits, idempotency keys."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from contactkit.simulator.access import idempotency_scope
from contactkit.simulator.messages import Request
from contactkit.simulator.rules.sent import CHILD
from tests.support.requests import ANONYMOUS, RawClient

SENT, PRIVY = "/v3/contacts", "/contacts"
FIRST = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
JANET = "cus_a1b2c3d4e5f60001"
TOKEN = "https://dashboard.privy.com/oauth/token"
NEW = {"phone_number": "+12125550187"}
DAY = 86_400
CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "simulator-app",
    "client_secret": "simulator-app-secret",
}


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


# Keys of Sent


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, "AUTH_001"),
        ({"x-api-key": ""}, "AUTH_001"),
        ({"Authorization": "Bearer x"}, "AUTH_001"),
        ({"x-api-key": "wrong"}, "AUTH_002"),
        ({"x-api-key": "simulator-organisation"}, "AUTH_002"),
        ({"x-api-key": "SIMULATOR-PROFILE-KEY"}, "AUTH_002"),
    ],
)
def test_sent_key_missing_or_wrong(sent, headers, error):
    response = sent("GET", SENT, ANONYMOUS, headers=headers)
    assert code(response) == (401, error)
    assert list(response.json()) == ["success", "data", "error", "meta"]
    assert list(response.json()["error"]) == ["code", "message", "details", "doc_url"]


def log_in(sent: RawClient, times: int, key: str = "wrong") -> list[int]:
    headers = {"x-api-key": key}
    return [sent("GET", SENT, ANONYMOUS, headers=headers).status_code for _ in range(times)]


def test_sent_lock_out_after_ten_failures(sent):
    assert log_in(sent, 12) == [401] * 10 + [429] * 2
    response = sent("GET", SENT, ANONYMOUS, headers={"x-api-key": "wrong"})
    assert code(response) == (429, "BUSINESS_002")
    assert response.headers["Retry-After"] == "60"


def test_sent_lock_out_ends(sent):
    log_in(sent, 10)
    sent.wait(59)
    assert log_in(sent, 1) == [429]
    sent.wait(1)
    assert log_in(sent, 1) == [401]


def test_sent_lock_out_doubles_up_to_an_hour(sent):
    log_in(sent, 10)
    waits: list[int] = []
    for _ in range(8):
        response = sent("GET", SENT, ANONYMOUS, headers={"x-api-key": "wrong"})
        waits.append(int(response.headers["Retry-After"]))
        sent.wait(waits[-1])
        assert log_in(sent, 1) == [401]
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_sent_lock_out_concerns_one_key(sent):
    log_in(sent, 11)
    assert sent("GET", SENT).status_code == 200
    assert log_in(sent, 1, "another") == [401]


def test_sent_lock_out_needs_consecutive_failures(sent):
    key = sent.simulator.accounts["profile"]["api_key"]
    account = sent.engine.accounts.pop("profile")
    assert log_in(sent, 9, key) == [401] * 9
    sent.engine.accounts["profile"] = account
    assert log_in(sent, 1, key) == [200]
    del sent.engine.accounts["profile"]
    assert log_in(sent, 9, key) == [401] * 9


# Tokens of Privy


def assert_unauthorized(response: httpx.Response) -> None:
    assert response.status_code == 401
    message = "Bearer token is missing or invalid"
    assert response.json() == {"error": {"code": "unauthorized", "message": message}}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic {}"},
        {"Authorization": "bearer {}"},
        {"Authorization": "{}"},
        {"Authorization": "Bearer x{}"},
        {"Authorization": "Bearer  {}"},
        {"x-api-key": "{}"},
    ],
)
def test_privy_bearer_missing_or_malformed(privy, headers):
    token = privy.simulator.accounts["token"]["token"]
    headers = {name: value.format(token) for name, value in headers.items()}
    assert_unauthorized(privy("GET", PRIVY, ANONYMOUS, headers=headers))


def test_privy_expired_token(privy):
    assert_unauthorized(privy("GET", PRIVY, "expired"))


def test_privy_revoked_token(privy):
    headers = privy.credentials("token")
    del privy.engine.accounts["token"]
    assert_unauthorized(privy("GET", PRIVY, ANONYMOUS, headers=headers))


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_privy_client_credential_is_no_bearer(privy, name):
    credentials = privy.simulator.accounts["oauth"][name]
    assert_unauthorized(privy("GET", PRIVY, ANONYMOUS, headers=bearer(credentials)))


def test_privy_api_tokens_have_the_documented_form(privy):
    for account in ("token", "read_only", "expired"):
        head, _, tail = privy.simulator.accounts[account]["token"].partition("_")
        assert (head, len(tail), set(tail) <= set("0123456789abcdef")) == ("privy", 40, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", PRIVY),
        ("PATCH", f"{PRIVY}/{JANET}"),
        ("DELETE", f"{PRIVY}/{JANET}"),
        ("POST", f"{PRIVY}/{JANET}/unsubscribe"),
    ],
)
def test_privy_read_only_token_may_not_write(privy, method, path):
    before = privy.snapshot()
    response = privy(
        method, path, "read_only", json={"first_name": "Jan", "email": "a@example.com"}
    )
    assert code(response) == (403, "insufficient_scope")
    assert list(response.json()["error"]) == ["code", "message"]
    assert privy.snapshot() == before


# Token requests of Privy


def request_token(privy: RawClient, account: str = "oauth", **form: str) -> httpx.Response:
    credentials = privy.simulator.accounts[account]
    data = {"grant_type": "client_credentials", **credentials, **form}
    return privy("POST", TOKEN, ANONYMOUS, data=data)


def test_token_request_response(privy):
    response = request_token(privy, scope="contacts_write contacts_read")
    body = response.json()
    assert response.status_code == 200
    assert body.pop("access_token")
    assert body == {
        "token_type": "Bearer",
        "expires_in": 7200,
        "scope": "contacts_read contacts_write",
        "created_at": 1_790_845_200,
    }


@pytest.mark.parametrize(
    ("form", "statuses"),
    [
        ({"scope": "contacts_read"}, (200, 403)),
        ({"scope": "contacts_write"}, (403, 201)),
        ({}, (403, 403)),
    ],
)
def test_access_token_is_limited_to_its_scopes(privy, form, statuses):
    headers = bearer(request_token(privy, **form).json()["access_token"])
    read = privy("GET", PRIVY, ANONYMOUS, headers=headers)
    write = privy("POST", PRIVY, ANONYMOUS, headers=headers, json=NEW)
    assert (read.status_code, write.status_code) == statuses
    refused = {code(response)[1] for response in (read, write) if response.status_code == 403}
    assert refused == {"insufficient_scope"}


def test_access_token_lives_7200_seconds(privy):
    token = request_token(privy, scope="contacts_read").json()["access_token"]
    privy.wait(7199)
    assert privy("GET", PRIVY, ANONYMOUS, headers=bearer(token)).status_code == 200
    privy.wait(1)
    assert_unauthorized(privy("GET", PRIVY, ANONYMOUS, headers=bearer(token)))


def test_token_request_leaves_earlier_tokens_valid(privy):
    tokens = [request_token(privy, scope="contacts_read").json()["access_token"] for _ in range(2)]
    assert len(set(tokens)) == 2
    for token in tokens:
        assert privy("GET", PRIVY, ANONYMOUS, headers=bearer(token)).status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"client_id": "someone"},
        {"client_secret": "guess"},
        {"client_secret": ""},
        {"client_id": "simulator-reader"},
        {"grant_type": "password"},
    ],
)
def test_token_request_with_wrong_client(privy, form):
    response = request_token(privy, **form)
    assert (response.status_code, response.json()) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize(
    ("account", "scope"),
    [("oauth_read_only", "contacts_write"), ("oauth", "orders_write"), ("oauth", "everything")],
)
def test_token_request_with_scope_not_enabled(privy, account, scope):
    response = request_token(privy, account, scope=scope)
    assert (response.status_code, response.json()) == (401, {"error": "invalid_scope"})


@pytest.mark.parametrize(
    "sent",
    [{"content": b"\xff\xfe"}, {"content": b"%ff=%fe&&="}, {"content": b""}, {"json": CLIENT}],
)
def test_token_request_without_a_form(privy, sent):
    response = privy("POST", TOKEN, ANONYMOUS, **sent)
    assert (response.status_code, response.json()) == (401, {"error": "invalid_client"})


def test_token_request_must_be_a_post(privy):
    assert code(privy("GET", TOKEN, ANONYMOUS)) == (404, "not_found")


# Rate limit of Sent

LIMIT_HEADERS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"}


def send_many(client: RawClient, path: str, times: int, **sent: Any) -> list[int]:
    return [client("GET", path, **sent).status_code for _ in range(times)]


def test_sent_limit_is_200_in_a_sliding_minute(sent):
    send_many(sent, SENT, 100)
    sent.wait(30)
    assert send_many(sent, SENT, 101) == [200] * 100 + [429]
    sent.wait(30)
    assert send_many(sent, SENT, 101) == [200] * 100 + [429]


def test_sent_limit_headers_only_on_429(sent):
    responses = [sent("GET", SENT) for _ in range(201)]
    assert all(not LIMIT_HEADERS & set(response.headers) for response in responses[:200])
    assert {name.lower() for name in LIMIT_HEADERS} <= set(responses[200].headers)


def test_sent_429_headers(sent):
    send_many(sent, SENT, 200)
    sent.wait(12.5)
    response = sent("GET", SENT)
    assert code(response) == (429, "BUSINESS_002")
    assert {name: response.headers[name] for name in LIMIT_HEADERS} == {
        "X-RateLimit-Limit": "200",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(1_790_845_260),
        "Retry-After": "48",
    }
    sent.wait(48)
    assert sent("GET", SENT).status_code == 200


def test_sent_limit_of_a_profile_key_is_separate(sent):
    send_many(sent, SENT, 200)
    assert send_many(sent, SENT, 200, account="profile") == [200] * 200
    assert code(sent("GET", SENT, "profile")) == (429, "BUSINESS_002")


def test_sent_limit_of_an_organisation_includes_its_profiles(sent):
    send_many(sent, SENT, 200, headers={"x-profile-id": CHILD})
    assert code(sent("GET", SENT)) == (429, "BUSINESS_002")


def test_sent_limit_does_not_count_anonymous_requests(sent):
    send_many(sent, SENT, 150, account=ANONYMOUS)
    assert send_many(sent, SENT, 200) == [200] * 200


# Rate limits of Privy

WINDOWS = [
    f"X-RateLimit-{n}-{w}" for w in ("Minute", "Day") for n in ("Limit", "Remaining", "Reset")
]


def limits(response: httpx.Response) -> list[int]:
    return [int(response.headers[name]) for name in WINDOWS]


@pytest.mark.parametrize(
    ("method", "path", "account", "body", "status"),
    [
        ("GET", PRIVY, "", None, 200),
        ("POST", PRIVY, "", NEW, 201),
        ("GET", PRIVY, ANONYMOUS, None, 401),
        ("GET", PRIVY, "expired", None, 401),
        ("POST", PRIVY, "read_only", NEW, 403),
        ("GET", f"{PRIVY}/cus_0", "", None, 404),
        ("GET", "/nowhere", "", None, 404),
        ("POST", PRIVY, "", {"email": "janet@example.com"}, 409),
        ("POST", PRIVY, "", {}, 422),
    ],
)
def test_privy_limit_headers_on_every_response(privy, method, path, account, body, status):
    response = privy(method, path, account, json=body)
    assert response.status_code == status
    assert [limits(response)[n] for n in (0, 3)] == [60, 10_000]
    assert "Retry-After" not in response.headers


def test_privy_limit_headers_count_down(privy):
    minute, day = 1_790_845_260, 1_790_899_200
    assert limits(privy("GET", PRIVY)) == [60, 59, minute, 10_000, 9_999, day]
    assert limits(privy("GET", PRIVY)) == [60, 58, minute, 10_000, 9_998, day]


def test_privy_429_headers(privy):
    privy.wait(7.5)
    send_many(privy, PRIVY, 60)
    response = privy("GET", PRIVY)
    assert response.json() == {"error": {"code": "rate_limited", "message": "Rate limit exceeded"}}
    assert limits(response) == [60, 0, 1_790_845_260, 10_000, 9_940, 1_790_899_200]
    assert response.headers["Retry-After"] == "53"


def test_privy_limit_is_60_in_a_fixed_minute(privy):
    privy.wait(50)
    assert send_many(privy, PRIVY, 61) == [200] * 60 + [429]
    privy.wait(10)
    assert send_many(privy, PRIVY, 61) == [200] * 60 + [429]


def test_privy_limit_is_shared_by_all_tokens(privy):
    send_many(privy, PRIVY, 30)
    send_many(privy, PRIVY, 30, account="read_only")
    token = request_token(privy, scope="contacts_read").json()["access_token"]
    response = privy("GET", PRIVY, ANONYMOUS, headers=bearer(token))
    assert code(response) == (429, "rate_limited")


def test_privy_limit_is_10_000_a_day(privy):
    [day] = [window for window in privy.engine.windows("") if window.limit.seconds == DAY]
    day.hits.extend([privy.simulator.clock.now()] * 9_990)
    assert send_many(privy, PRIVY, 11) == [200] * 10 + [429]
    response = privy("GET", PRIVY)
    assert limits(response)[4] == 0
    assert int(response.headers["Retry-After"]) == 1_790_899_200 - privy.simulator.clock.now()
    privy.wait(60)
    assert code(privy("GET", PRIVY)) == (429, "rate_limited")
    privy.wait(DAY)
    assert privy("GET", PRIVY).status_code == 200


# Idempotency keys of Sent


def send_keyed(sent: RawClient, key: str, body: Any = NEW, **more: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key, **more.pop("headers", {})}
    return sent(
        more.pop("method", "POST"), more.pop("path", SENT), headers=headers, json=body, **more
    )


def test_repeated_create_is_replayed(sent):
    first, again = send_keyed(sent, "k"), send_keyed(sent, "k")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["X-Original-Request-Id"] == first.headers["X-Request-Id"]
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert len(sent.engine.contacts) == 9


def test_repeated_update_is_replayed_unchanged(sent):
    update = {"method": "PATCH", "path": f"{SENT}/{FIRST}"}
    first = send_keyed(sent, "k", {"opt_out": True}, **update)
    sent("PATCH", f"{SENT}/{FIRST}", json={"opt_out": False})
    assert send_keyed(sent, "k", {"opt_out": True}, **update).json() == first.json()
    assert sent.row(FIRST)["opt_out"] is False


def test_idempotency_key_lives_24_hours_from_its_first_use(sent):
    send_keyed(sent, "k")
    sent.wait(DAY - 1)
    assert send_keyed(sent, "k").status_code == 201
    sent.wait(1)
    assert code(send_keyed(sent, "k")) == (409, "RESOURCE_007")


@pytest.mark.parametrize(
    "other",
    [
        {"body": {"phone_number": "+12125550188"}},
        {"body": {"phone_number": "+12125550187", "sandbox": True}},
        {"body": {"opt_out": True}, "method": "PATCH", "path": f"{SENT}/{FIRST}"},
    ],
)
def test_idempotency_key_of_another_request(sent, other):
    send_keyed(sent, "k")
    before = sent.snapshot()
    assert code(send_keyed(sent, "k", **other)) == (409, "CONFLICT_005")
    assert sent.snapshot() == before


def test_idempotency_key_ignores_the_order_of_names(sent):
    update = {"method": "PATCH", "path": f"{SENT}/{FIRST}"}
    send_keyed(sent, "k", {"opt_out": True, "default_channel": "sms"}, **update)
    response = send_keyed(sent, "k", {"default_channel": "sms", "opt_out": True}, **update)
    assert response.headers["Idempotent-Replayed"] == "true"


def in_flight(sent):
    """Put a request of the organisation under the key k in flight."""
    signed = sent.credentials("organisation")
    headers = {"Idempotency-Key": "k", **signed}
    request = Request.from_httpx(httpx.Request("POST", "https://x/v3/contacts", headers=headers))
    sent.engine.in_flight[idempotency_scope(sent.engine, request)] = request


def test_duplicate_in_flight_is_refused_after_5_seconds(sent):
    in_flight(sent)
    before, now = sent.snapshot(), sent.simulator.clock.now()
    assert code(send_keyed(sent, "k", timeout=30)) == (409, "CONFLICT_001")
    assert sent.simulator.clock.now() - now == pytest.approx(5)
    assert sent.snapshot() == before


def test_idempotency_key_in_flight_is_separate_by_customer(sent):
    in_flight(sent)
    assert send_keyed(sent, "k", account="profile").status_code == 201


def test_refusal_is_not_saved_under_the_key(sent):
    assert code(send_keyed(sent, "k", {"phone_number": "x"})) == (400, "VALIDATION_002")
    assert send_keyed(sent, "k").status_code == 201


def test_idempotency_key_is_separate_by_customer(sent):
    first, other = send_keyed(sent, "k"), send_keyed(sent, "k", account="profile")
    assert other.status_code == 201
    assert "Idempotent-Replayed" not in other.headers
    assert other.json()["data"]["id"] != first.json()["data"]["id"]


def test_idempotency_key_is_ignored_on_get_and_delete(sent):
    for key in ("k", "no good"):
        read = send_keyed(sent, key, None, method="GET", path=f"{SENT}/{FIRST}")
        assert read.status_code == 200
        assert "Idempotent-Replayed" not in read.headers
    delete = {"method": "DELETE", "path": f"{SENT}/{FIRST}"}
    assert send_keyed(sent, "no good", {}, **delete).status_code == 204
    assert code(send_keyed(sent, "k", {}, **delete)) == (404, "RESOURCE_001")


@pytest.mark.parametrize("key", ["", "a b", "a.b", "ключ".encode(), "k" * 256, "a/b"])
def test_invalid_idempotency_key(sent, key):
    before = sent.snapshot()
    assert code(send_keyed(sent, key)) == (400, "VALIDATION_007")
    assert sent.snapshot() == before


@pytest.mark.parametrize("key", ["k", "A-z_09", "k" * 255])
def test_valid_idempotency_key(sent, key):
    assert send_keyed(sent, key).status_code == 201


def test_sandboxed_response_is_saved_under_the_key(sent):
    body = {**NEW, "sandbox": True}
    first, again = send_keyed(sent, "k", body), send_keyed(sent, "k", body)
    assert again.json() == first.json()
    assert again.headers["X-Sandbox"] == again.headers["Idempotent-Replayed"] == "true"


def test_privy_ignores_idempotency_keys(privy):
    assert send_keyed(privy, "k", path=PRIVY).status_code == 201
    assert code(send_keyed(privy, "k", path=PRIVY)) == (409, "conflict")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 5000])
def test_number_that_json_cannot_hold(privy, number):
    content = f'{{"email": "new@example.com", "custom_fields": {{"n": {number}}}}}'
    assert code(privy("POST", PRIVY, content=content)) == (422, "validation_failed")


def test_saved_responses_expire(sent):
    for number in range(3):
        send_keyed(sent, f"k{number}", {"phone_number": f"+1212555018{number}"})
    sent.wait(86_400)
    send_keyed(sent, "later", {"phone_number": "+12125550189"})
    assert [key for *_, key in sent.engine.saved_responses] == ["later"]
