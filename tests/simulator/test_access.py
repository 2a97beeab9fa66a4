"""Who comes in, how often, and who was here before: keys, tokens, limits, idempotency."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contactkit.simulator.access import idempotency_scope
from contactkit.simulator.messages import Request
from contactkit.simulator.rules.sent import CHILD
from tests.support.requests import Talk

SENT, PRIVY = "/v3/contacts", "/contacts"
FIRST = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
JANET = "cus_a1b2c3d4e5f60001"
TOKEN = "https://dashboard.privy.com/oauth/token"
NEW = {"phone_number": "+12125550187"}
DAY = 86_400


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# Sent's key


def test_sent_without_a_key_is_auth_001(sent):
    assert code(sent("GET", SENT, "nobody")) == (401, "AUTH_001")


@pytest.mark.parametrize("headers", [{"x-api-key": ""}, {"Authorization": "Bearer x"}])
def test_sent_takes_the_key_in_its_header_alone(sent, headers):
    assert code(sent("GET", SENT, "nobody", headers=headers)) == (401, "AUTH_001")


@pytest.mark.parametrize("key", ["wrong", "simulator-organisation", "SIMULATOR-PROFILE-KEY"])
def test_sent_with_a_wrong_key_is_auth_002(sent, key):
    headers = {"x-api-key": key}
    assert code(sent("GET", SENT, "nobody", headers=headers)) == (401, "AUTH_002")


@pytest.mark.parametrize(("account", "status"), [("nobody", "AUTH_001"), ("wrong", "AUTH_002")])
def test_sents_401_is_an_envelope(sent, account, status):
    headers = {"x-api-key": "wrong"} if account == "wrong" else {}
    body = sent("GET", SENT, "nobody", headers=headers).json()
    assert list(body) == ["success", "data", "error", "meta"]
    assert list(body["error"]) == ["code", "message", "details", "doc_url"]
    assert body["error"]["code"] == status


def fail(sent: Talk, times: int, key: str = "wrong") -> list[int]:
    headers = {"x-api-key": key}
    return [sent("GET", SENT, "nobody", headers=headers).status_code for _ in range(times)]


def test_ten_failures_lock_a_key(sent):
    assert fail(sent, 12) == [401] * 10 + [429] * 2


def test_a_lock_out_says_business_002_and_when_to_return(sent):
    fail(sent, 10)
    answer = sent("GET", SENT, "nobody", headers={"x-api-key": "wrong"})
    assert code(answer) == (429, "BUSINESS_002")
    assert answer.headers["Retry-After"] == "60"


def test_a_lock_out_ends_with_time(sent):
    fail(sent, 10)
    sent.wait(59)
    assert fail(sent, 1) == [429]
    sent.wait(1)
    assert fail(sent, 1) == [401]


def test_a_lock_out_grows_from_one_minute_to_sixty(sent):
    fail(sent, 10)
    waits: list[int] = []
    for _ in range(8):
        answer = sent("GET", SENT, "nobody", headers={"x-api-key": "wrong"})
        waits.append(int(answer.headers["Retry-After"]))
        sent.wait(waits[-1])
        assert fail(sent, 1) == [401]
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_a_lock_out_leaves_other_keys_alone(sent):
    fail(sent, 11)
    assert sent("GET", SENT).status_code == 200
    assert fail(sent, 1, "another") == [401]


def test_only_failures_in_a_row_lock_a_key(sent):
    key = sent.simulator.accounts["profile"]["api_key"]
    account = sent.engine.accounts.pop("profile")
    assert fail(sent, 9, key) == [401] * 9
    sent.engine.accounts["profile"] = account
    assert fail(sent, 1, key) == [200]
    del sent.engine.accounts["profile"]
    assert fail(sent, 9, key) == [401] * 9


# Privy's tokens


def unauthorized(answer: httpx.Response) -> None:
    assert answer.status_code == 401
    message = "Bearer token is missing or invalid"
    assert answer.json() == {"error": {"code": "unauthorized", "message": message}}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": ""}, {"Authorization": "Bearer "}, {"x-api-key": "x"}]
)
def test_privy_without_a_bearer_is_unauthorized(privy, headers):
    unauthorized(privy("GET", PRIVY, "nobody", headers=headers))


@pytest.mark.parametrize("value", ["Basic {}", "bearer {}", "{}", "Bearer x{}", "Bearer  {}"])
def test_privy_with_a_malformed_bearer_is_unauthorized(privy, value):
    token = privy.simulator.accounts["token"]["token"]
    headers = {"Authorization": value.format(token)}
    unauthorized(privy("GET", PRIVY, "nobody", headers=headers))


def test_privy_with_an_expired_token_is_unauthorized(privy):
    unauthorized(privy("GET", PRIVY, "expired"))


def test_privy_with_a_revoked_token_is_unauthorized(privy):
    headers = privy.signed("token")
    del privy.engine.accounts["token"]
    unauthorized(privy("GET", PRIVY, "nobody", headers=headers))


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_privy_takes_no_client_credential_for_a_bearer(privy, name):
    held = privy.simulator.accounts["oauth"][name]
    unauthorized(privy("GET", PRIVY, "nobody", headers=bearer(held)))


def test_privys_api_tokens_look_as_documented(privy):
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
def test_a_reading_token_may_not_write(privy, method, path):
    before = privy.rows()
    answer = privy(method, path, "read_only", json={"first_name": "Jan", "email": "a@example.com"})
    assert code(answer) == (403, "insufficient_scope")
    assert list(answer.json()["error"]) == ["code", "message"]
    assert privy.rows() == before


@pytest.mark.parametrize("path", [PRIVY, f"{PRIVY}/{JANET}"])
def test_a_reading_token_may_read(privy, path):
    assert privy("GET", path, "read_only").status_code == 200


# Privy's token exchange


def exchange(privy: Talk, account: str = "oauth", **form: str) -> httpx.Response:
    held = privy.simulator.accounts[account]
    data = {"grant_type": "client_credentials", **held, **form}
    return privy("POST", TOKEN, "nobody", data=data)


def test_a_token_is_exchanged_for_client_credentials(privy):
    answer = exchange(privy, scope="contacts_write contacts_read")
    body = answer.json()
    assert answer.status_code == 200
    assert body.pop("access_token")
    assert body == {
        "token_type": "Bearer",
        "expires_in": 7200,
        "scope": "contacts_read contacts_write",
        "created_at": 1_790_845_200,
    }


def test_an_exchanged_token_opens_every_endpoint_of_its_scope(privy):
    token = exchange(privy, scope="contacts_read").json()["access_token"]
    assert privy("GET", PRIVY, "nobody", headers=bearer(token)).status_code == 200
    answer = privy("POST", PRIVY, "nobody", headers=bearer(token), json=NEW)
    assert code(answer) == (403, "insufficient_scope")


def test_writing_does_not_imply_reading(privy):
    token = exchange(privy, scope="contacts_write").json()["access_token"]
    answer = privy("GET", PRIVY, "nobody", headers=bearer(token))
    assert code(answer) == (403, "insufficient_scope")


def test_a_token_without_a_scope_opens_nothing(privy):
    token = exchange(privy).json()["access_token"]
    answer = privy("GET", PRIVY, "nobody", headers=bearer(token))
    assert code(answer) == (403, "insufficient_scope")


def test_an_exchanged_token_lives_for_7200_seconds(privy):
    token = exchange(privy, scope="contacts_read").json()["access_token"]
    privy.wait(7199)
    assert privy("GET", PRIVY, "nobody", headers=bearer(token)).status_code == 200
    privy.wait(1)
    unauthorized(privy("GET", PRIVY, "nobody", headers=bearer(token)))


def test_a_token_is_renewed_by_another_exchange(privy):
    tokens = [exchange(privy, scope="contacts_read").json()["access_token"] for _ in range(2)]
    assert len(set(tokens)) == 2
    for token in tokens:
        assert privy("GET", PRIVY, "nobody", headers=bearer(token)).status_code == 200


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
def test_a_wrong_client_is_invalid_client_in_plain_text(privy, form):
    answer = exchange(privy, **form)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize(
    ("account", "scope"),
    [("oauth_read_only", "contacts_write"), ("oauth", "orders_write"), ("oauth", "everything")],
)
def test_a_scope_that_is_not_enabled_is_invalid_scope_in_plain_text(privy, account, scope):
    answer = exchange(privy, account, scope=scope)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_scope"})


def test_the_exchange_takes_a_form_and_no_json(privy):
    held = privy.simulator.accounts["oauth"]
    answer = privy("POST", TOKEN, "nobody", json={"grant_type": "client_credentials", **held})
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize("content", [b"\xff\xfe", b"%ff=%fe&&=", b""])
def test_a_form_of_any_bytes_is_invalid_client(privy, content):
    answer = privy("POST", TOKEN, "nobody", content=content)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_the_exchange_is_a_post(privy):
    assert code(privy("GET", TOKEN, "nobody")) == (404, "not_found")


# Sent's limit

LIMIT_HEADERS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"}


def spend(talk: Talk, path: str, times: int, **sent: Any) -> list[int]:
    return [talk("GET", path, **sent).status_code for _ in range(times)]


def test_sent_allows_200_in_a_minute(sent):
    assert spend(sent, SENT, 201) == [200] * 200 + [429]


def test_sents_minute_slides(sent):
    spend(sent, SENT, 100)
    sent.wait(30)
    assert spend(sent, SENT, 101) == [200] * 100 + [429]
    sent.wait(30)
    assert spend(sent, SENT, 101) == [200] * 100 + [429]


def test_sent_tells_its_limit_only_on_429(sent):
    answers = [sent("GET", SENT) for _ in range(201)]
    assert all(not LIMIT_HEADERS & set(answer.headers) for answer in answers[:200])
    assert {name.lower() for name in LIMIT_HEADERS} <= set(answers[200].headers)


def test_sents_429_says_what_and_until_when(sent):
    spend(sent, SENT, 200)
    sent.wait(12.5)
    answer = sent("GET", SENT)
    assert code(answer) == (429, "BUSINESS_002")
    assert {name: answer.headers[name] for name in LIMIT_HEADERS} == {
        "X-RateLimit-Limit": "200",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(1_790_845_260),
        "Retry-After": "48",
    }
    sent.wait(48)
    assert sent("GET", SENT).status_code == 200


def test_a_refused_request_does_not_count(sent):
    spend(sent, SENT, 250)
    sent.wait(60)
    assert spend(sent, SENT, 200) == [200] * 200


def test_a_profile_key_has_a_pool_of_its_own(sent):
    spend(sent, SENT, 200)
    assert spend(sent, SENT, 200, account="profile") == [200] * 200
    assert code(sent("GET", SENT, "profile")) == (429, "BUSINESS_002")


def test_an_organisation_spends_its_own_pool_for_a_profile(sent):
    spend(sent, SENT, 200, headers={"x-profile-id": CHILD})
    assert code(sent("GET", SENT)) == (429, "BUSINESS_002")


def test_an_unauthenticated_request_spends_nothing(sent):
    spend(sent, SENT, 150, account="nobody")
    assert spend(sent, SENT, 200) == [200] * 200


# Privy's limits

WINDOWS = [
    f"X-RateLimit-{n}-{w}" for w in ("Minute", "Day") for n in ("Limit", "Remaining", "Reset")
]


def told(answer: httpx.Response) -> list[int]:
    return [int(answer.headers[name]) for name in WINDOWS]


@pytest.mark.parametrize(
    ("method", "path", "account", "body", "status"),
    [
        ("GET", PRIVY, "", None, 200),
        ("POST", PRIVY, "", NEW, 201),
        ("GET", PRIVY, "nobody", None, 401),
        ("GET", PRIVY, "expired", None, 401),
        ("POST", PRIVY, "read_only", NEW, 403),
        ("GET", f"{PRIVY}/cus_0", "", None, 404),
        ("GET", "/nowhere", "", None, 404),
        ("POST", PRIVY, "", {"email": "janet@example.com"}, 409),
        ("POST", PRIVY, "", {}, 422),
    ],
)
def test_every_answer_of_privy_tells_both_limits(privy, method, path, account, body, status):
    answer = privy(method, path, account, json=body)
    assert answer.status_code == status
    assert [told(answer)[n] for n in (0, 3)] == [60, 10_000]
    assert "Retry-After" not in answer.headers


def test_privy_counts_down_both_limits(privy):
    minute, day = 1_790_845_260, 1_790_899_200
    assert told(privy("GET", PRIVY)) == [60, 59, minute, 10_000, 9_999, day]
    assert told(privy("GET", PRIVY)) == [60, 58, minute, 10_000, 9_998, day]


def test_privy_allows_60_in_a_minute(privy):
    assert spend(privy, PRIVY, 61) == [200] * 60 + [429]


def test_privys_429_tells_both_limits_and_when_to_return(privy):
    privy.wait(7.5)
    spend(privy, PRIVY, 60)
    answer = privy("GET", PRIVY)
    assert answer.json() == {"error": {"code": "rate_limited", "message": "Rate limit exceeded"}}
    assert told(answer) == [60, 0, 1_790_845_260, 10_000, 9_940, 1_790_899_200]
    assert answer.headers["Retry-After"] == "53"


def test_privys_minute_is_a_fixed_one(privy):
    privy.wait(50)
    assert spend(privy, PRIVY, 61) == [200] * 60 + [429]
    privy.wait(10)
    assert spend(privy, PRIVY, 61) == [200] * 60 + [429]


def test_privys_limit_is_shared_by_all_tokens(privy):
    spend(privy, PRIVY, 30)
    spend(privy, PRIVY, 30, account="read_only")
    token = exchange(privy, scope="contacts_read").json()["access_token"]
    answer = privy("GET", PRIVY, "nobody", headers=bearer(token))
    assert code(answer) == (429, "rate_limited")


def test_privys_day_ends_after_10_000():
    privy = Talk("privy", contacts=0)
    for _ in range(166):
        assert spend(privy, f"{PRIVY}/cus_0", 60) == [404] * 60
        privy.wait(60)
    assert spend(privy, f"{PRIVY}/cus_0", 41) == [404] * 40 + [429]
    answer = privy("GET", PRIVY)
    assert told(answer)[4] == 0
    assert int(answer.headers["Retry-After"]) == 1_790_899_200 - privy.simulator.clock.now()
    privy.wait(60)
    assert code(privy("GET", PRIVY)) == (429, "rate_limited")
    privy.wait(DAY)
    assert privy("GET", PRIVY).status_code == 200


# Sent's idempotency keys


def keyed(sent: Talk, key: str, body: Any = NEW, **more: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key, **more.pop("headers", {})}
    return sent(
        more.pop("method", "POST"), more.pop("path", SENT), headers=headers, json=body, **more
    )


def test_a_repeated_create_is_replayed(sent):
    first, again = keyed(sent, "k"), keyed(sent, "k")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["X-Original-Request-Id"] == first.headers["X-Request-Id"]
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert len(sent.engine.contacts) == 9


def test_a_first_answer_is_no_replay(sent):
    assert not {"idempotent-replayed", "x-original-request-id"} & set(keyed(sent, "k").headers)


def test_a_repeated_update_is_replayed_as_it_was(sent):
    update = {"method": "PATCH", "path": f"{SENT}/{FIRST}"}
    first = keyed(sent, "k", {"opt_out": True}, **update)
    sent("PATCH", f"{SENT}/{FIRST}", json={"opt_out": False})
    assert keyed(sent, "k", {"opt_out": True}, **update).json() == first.json()
    assert sent.row(FIRST)["opt_out"] is False


def test_a_key_lives_for_24_hours(sent):
    keyed(sent, "k")
    sent.wait(DAY - 1)
    assert keyed(sent, "k").status_code == 201
    sent.wait(1)
    assert code(keyed(sent, "k")) == (409, "RESOURCE_007")


def test_a_replay_does_not_lengthen_a_keys_life(sent):
    keyed(sent, "k")
    sent.wait(DAY / 2)
    keyed(sent, "k")
    sent.wait(DAY / 2)
    assert code(keyed(sent, "k")) == (409, "RESOURCE_007")


@pytest.mark.parametrize(
    "other",
    [
        {"body": {"phone_number": "+12125550188"}},
        {"body": {"phone_number": "+12125550187", "sandbox": True}},
        {"body": {"opt_out": True}, "method": "PATCH", "path": f"{SENT}/{FIRST}"},
    ],
)
def test_another_request_under_a_used_key_is_conflict_005(sent, other):
    keyed(sent, "k")
    before = sent.rows()
    assert code(keyed(sent, "k", **other)) == (409, "CONFLICT_005")
    assert sent.rows() == before


def test_the_order_of_a_bodys_names_makes_no_other_request(sent):
    update = {"method": "PATCH", "path": f"{SENT}/{FIRST}"}
    keyed(sent, "k", {"opt_out": True, "default_channel": "sms"}, **update)
    answer = keyed(sent, "k", {"default_channel": "sms", "opt_out": True}, **update)
    assert answer.headers["Idempotent-Replayed"] == "true"


def in_flight(sent):
    """Have a request of the organisation's under the key k arrive, and not be answered yet."""
    signed = sent.signed("organisation")
    headers = {"Idempotency-Key": "k", **signed}
    request = Request.from_httpx(httpx.Request("POST", "https://x/v3/contacts", headers=headers))
    sent.engine.in_flight[idempotency_scope(sent.engine, request)] = request


def test_a_duplicate_in_flight_waits_5_seconds_and_is_conflict_001(sent):
    in_flight(sent)
    before, now = sent.rows(), sent.simulator.clock.now()
    assert code(keyed(sent, "k", timeout=30)) == (409, "CONFLICT_001")
    assert sent.simulator.clock.now() - now == pytest.approx(5)
    assert sent.rows() == before


def test_a_key_in_flight_is_its_customers_own(sent):
    in_flight(sent)
    assert keyed(sent, "k", account="profile").status_code == 201


def test_a_refusal_is_not_kept_under_the_key(sent):
    assert code(keyed(sent, "k", {"phone_number": "x"})) == (400, "VALIDATION_002")
    assert keyed(sent, "k").status_code == 201


def test_a_key_is_its_customers_own(sent):
    first, other = keyed(sent, "k"), keyed(sent, "k", account="profile")
    assert other.status_code == 201
    assert "Idempotent-Replayed" not in other.headers
    assert other.json()["data"]["id"] != first.json()["data"]["id"]


def test_a_key_is_ignored_on_get(sent):
    answers = [keyed(sent, "k", None, method="GET") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "Idempotent-Replayed" not in answers[1].headers


def test_a_key_is_ignored_on_delete(sent):
    delete = {"method": "DELETE", "path": f"{SENT}/{FIRST}"}
    assert keyed(sent, "k", {}, **delete).status_code == 204
    assert code(keyed(sent, "k", {}, **delete)) == (404, "RESOURCE_001")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_bad_key_is_ignored_where_keys_are(sent, method):
    path = f"{SENT}/{FIRST}"
    assert keyed(sent, "no good", {}, method=method, path=path).status_code in (200, 204)


@pytest.mark.parametrize("key", ["", "a b", "a.b", "ключ".encode(), "k" * 256, "a/b"])
def test_a_bad_key_is_validation_007(sent, key):
    before = sent.rows()
    assert code(keyed(sent, key)) == (400, "VALIDATION_007")
    assert sent.rows() == before


@pytest.mark.parametrize("key", ["k", "A-z_09", "k" * 255])
def test_a_key_of_1_to_255_letters_digits_hyphens_underscores_is_good(sent, key):
    assert keyed(sent, key).status_code == 201


def test_a_sandboxed_answer_is_kept_under_the_key(sent):
    body = {**NEW, "sandbox": True}
    first, again = keyed(sent, "k", body), keyed(sent, "k", body)
    assert again.json() == first.json()
    assert again.headers["X-Sandbox"] == again.headers["Idempotent-Replayed"] == "true"


def test_privy_has_no_idempotency_keys(privy):
    assert keyed(privy, "k", path=PRIVY).status_code == 201
    assert code(keyed(privy, "k", path=PRIVY)) == (409, "conflict")


# Whatever comes

METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"]
PATHS = {
    "sent": ["", SENT, f"{SENT}/{FIRST}", f"{SENT}/{FIRST}/message-summary"],
    "privy": ["", PRIVY, f"{PRIVY}/{JANET}", f"{PRIVY}/{JANET}/unsubscribe", TOKEN],
}
HEADERS = ["x-api-key", "x-profile-id", "Idempotency-Key", "Authorization", "Content-Type"]
NAMES = (
    "phone_number email default_channel opt_out sandbox first_name tags custom_fields "
    "email_consent sms_consent send_welcome_sms reason id"
).split()
visible = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), max_size=30)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(scalars, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8)
likely = st.sampled_from(
    ["+12125550187", "+1234567890", "sms", "subscribed", "a@example.com", True]
)
bodies = st.binary(max_size=60) | st.dictionaries(
    st.sampled_from(NAMES) | st.text(), values | likely, max_size=6
).map(lambda body: json.dumps(body).encode("utf-8", "replace"))
whatever = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def answered(answer: httpx.Response) -> None:
    assert answer.status_code < 500
    assert answer.status_code == 204 or isinstance(answer.json(), dict)


@pytest.mark.parametrize("provider", ["sent", "privy"])
@given(data=st.data())
@whatever
def test_no_body_breaks_the_simulator(provider, data):
    talk = Talk(provider, contacts=6)
    for _ in range(3):
        path = data.draw(st.sampled_from(PATHS[provider]))
        method = data.draw(st.sampled_from(METHODS))
        answered(talk(method, path, content=data.draw(bodies)))
    answered(talk("GET", SENT if provider == "sent" else PRIVY))


@pytest.mark.parametrize("provider", ["sent", "privy"])
@given(method=st.sampled_from(METHODS), path=st.binary(max_size=40))
@whatever
def test_no_path_breaks_the_simulator(provider, method, path):
    talk = Talk(provider, contacts=2)
    for start in ("/", f"{SENT if provider == 'sent' else PRIVY}/"):
        answered(talk(method, start + quote(path, safe="/%").lstrip("/"), json={}))


@pytest.mark.parametrize("provider", ["sent", "privy"])
@given(
    query=st.dictionaries(
        st.sampled_from(
            [
                "page",
                "per_page",
                "page_size",
                "search",
                "phone",
                "channel",
                "email",
                "phone_number",
                "email_consent",
            ]
        )
        | st.text(),
        st.text(),
    )
)
@whatever
def test_no_query_breaks_the_simulator(provider, query):
    answered(Talk(provider, contacts=2)("GET", SENT if provider == "sent" else PRIVY, params=query))


@pytest.mark.parametrize("provider", ["sent", "privy"])
@given(
    headers=st.dictionaries(st.sampled_from(HEADERS), visible.map(str.encode) | st.binary()),
    account=st.sampled_from(["", "nobody"]),
)
@whatever
def test_no_header_breaks_the_simulator(provider, headers, account):
    talk = Talk(provider, contacts=2)
    path = SENT if provider == "sent" else PRIVY
    for method in ("GET", "POST"):
        answered(talk(method, path, account, headers=headers, json={}))


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 5000])
def test_a_number_that_json_cannot_repeat_is_refused(privy, number):
    content = f'{{"email": "new@example.com", "custom_fields": {{"n": {number}}}}}'
    assert code(privy("POST", PRIVY, content=content)) == (422, "validation_failed")


def test_answers_that_are_too_old_to_be_repeated_are_forgotten(sent):
    for number in range(3):
        keyed(sent, f"k{number}", {"phone_number": f"+1212555018{number}"})
    sent.wait(86_400)
    keyed(sent, "later", {"phone_number": "+12125550189"})
    assert [key for *_, key in sent.engine.saved_responses] == ["later"]
