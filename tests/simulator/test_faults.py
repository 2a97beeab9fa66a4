"""Faults: which requests they apply to, what each one responds, and which options are refused."""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import pairwise
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.simulator.fault_kinds import KINDS
from contactkit.simulator.messages import Request, Response
from tests.support.requests import ANONYMOUS, RawClient

SENT, PRIVY = "/v3/contacts", "/contacts"
FIRST = f"{SENT}/6ba7b810-9dad-11d1-80b4-00c04fd430c8"
NEW = {"phone_number": "+12125550187"}
LOST = httpx.RemoteProtocolError


def statuses(client: RawClient, count: int, path: str = SENT) -> list[int]:
    return [client("GET", path).status_code for _ in range(count)]


def writes(client: RawClient) -> int:
    return sum(stored.writes for stored in client.engine.contacts)


# Which requests a fault applies to


def test_fault_applies_to_one_request_by_default(sent):
    sent.simulator.fault("rate_limited")
    assert statuses(sent, 3) == [429, 200, 200]
    sent.simulator.fault("server_error", times=2)
    assert statuses(sent, 3) == [500, 500, 200]
    sent.simulator.fault("rate_limited", probability=1)
    assert statuses(sent, 5) == [429] * 5


def strike(client: RawClient, seed: int) -> list[int]:
    client.simulator.fault("rate_limited", probability=0.5, seed=seed)
    return statuses(client, 30)


def test_probability_is_reproducible_by_its_seed():
    first = strike(RawClient("sent"), 1)
    assert set(first) == {200, 429}
    assert first == strike(RawClient("sent"), 1) != strike(RawClient("sent"), 2)


def test_clear_switches_all_faults_off(sent):
    sent.simulator.fault("rate_limited", probability=1.0)
    sent.simulator.fault("latency", seconds=3, times=9)
    sent.simulator.faults.clear()
    now = sent.simulator.clock.now()
    assert statuses(sent, 2) == [200, 200]
    assert sent.simulator.clock.now() == now


def test_fault_before_a_client_connects(name):
    simulator = ck.Simulator(contacts=1)
    simulator.fault("unsuccessful")
    client = ck.connect(name, via=simulator)
    with pytest.raises(ck.ApiError):
        client.contacts.list()
    assert len(client.contacts.list()) == 1


def test_oldest_fault_and_every_latency_apply(sent):
    sent.simulator.fault("server_error")
    sent.simulator.fault("latency", seconds=2)
    sent.simulator.fault("rate_limited")
    sent.simulator.fault("latency", seconds=3, times=2)
    now = sent.simulator.clock.now()
    assert statuses(sent, 2) == [500, 429]
    assert sent.simulator.clock.now() - now == pytest.approx(8)


@pytest.mark.parametrize("kind", ["duplicated_row", "deleted_row"])
def test_faults_of_listings_apply_to_listings_alone(sent, kind):
    sent.simulator.fault(kind)
    before = sent.snapshot()
    assert sent("GET", FIRST).status_code == 200
    assert sent("POST", SENT, json={}).status_code == 400
    assert sent.snapshot() == before
    list_page = sent("GET", SENT).json()["data"]["contacts"]
    assert (
        len({contact["id"] for contact in list_page}) < len(list_page) or sent.snapshot() != before
    )


@pytest.mark.parametrize("kind", ["written_then_500", "written_then_dropped"])
def test_faults_of_writes_apply_to_writes_alone(sent, kind):
    sent.simulator.fault(kind)
    assert statuses(sent, 1) == statuses(sent, 1, FIRST) == [200]
    assert sent("GET", "/nowhere").status_code == 404
    if kind == "written_then_500":
        assert sent("POST", SENT, json=NEW).status_code == 500
    else:
        with pytest.raises(LOST):
            sent("POST", SENT, json=NEW)
    assert writes(sent) == 1


def test_faults_do_not_apply_to_token_requests(privy):
    for kind in KINDS:
        privy.simulator.fault(kind, **({"seconds": 9} if kind == "latency" else {}))
    form = {"grant_type": "client_credentials", **privy.simulator.accounts["oauth"]}
    now = privy.simulator.clock.now()
    response = privy.http.post("https://dashboard.privy.com/oauth/token", data=form)
    assert response.status_code == 200
    assert privy.simulator.clock.now() == now


# What each fault does


def test_latency_comes_before_the_write(sent):
    sent.simulator.fault("latency", seconds=4)
    now = sent.engine.now
    created = sent("POST", SENT, json=NEW)
    assert (sent.engine.now - now).total_seconds() == 4
    assert created.json()["data"]["created_at"].startswith(sent.engine.now.strftime("%FT%T"))


def delays(seed: int) -> list[float]:
    client = RawClient("sent")
    client.simulator.fault("latency", seconds=1, up_to=4, times=8, seed=seed)
    times = [client.simulator.clock.now()]
    for _ in range(8):
        client("GET", FIRST)
        times.append(client.simulator.clock.now())
    return [after - before for before, after in pairwise(times)]


def test_latency_up_to_is_reproducible_by_its_seed():
    first = delays(1)
    assert all(1 <= delay <= 4 for delay in first) and len(set(first)) == 8
    assert first == delays(1) != delays(2)


def test_latency_past_the_timeout_loses_the_response_of_a_write(sent):
    sent.simulator.fault("latency", seconds=31)
    with pytest.raises(httpx.ReadTimeout):
        sent("POST", SENT, json=NEW, timeout=30)
    assert writes(sent) == 1
    sent.simulator.fault("latency", seconds=31)
    assert sent("GET", FIRST, timeout=None).status_code == 200


@pytest.mark.parametrize(
    ("client", "path", "body"),
    [
        ("sent", SENT, {"code": "BUSINESS_002"}),
        ("privy", PRIVY, {"code": "rate_limited", "message": "Rate limit exceeded"}),
    ],
)
def test_rate_limited_is_the_429_of_the_provider(request, client, path, body):
    client = request.getfixturevalue(client)
    client.simulator.fault("rate_limited", retry_after=7)
    client.simulator.fault("rate_limited")
    for seconds in ("7", None):
        response = client("GET", path)
        assert response.status_code == 429
        assert body.items() <= response.json()["error"].items()
        assert response.headers.get("Retry-After") == seconds
        assert response.headers["X-Request-Id"]


@pytest.mark.parametrize(("status", "code"), [(500, "INTERNAL_001"), (503, "SERVICE_001")])
def test_server_error_is_the_one_of_the_provider(sent, status, code):
    sent.simulator.fault("server_error", status=status, retry_after=2)
    response = sent("POST", SENT, json=NEW)
    assert (response.status_code, response.headers["Retry-After"]) == (status, "2")
    assert response.json()["error"]["code"] == code
    assert writes(sent) == 0


def test_server_error_names_the_request_in_its_message_as_sent_does(sent):
    sent.simulator.fault("server_error")
    response = sent("POST", SENT, json=NEW)
    error, request_id = response.json()["error"], response.headers["X-Request-Id"]
    assert request_id == response.json()["meta"]["request_id"]
    message = f"An unexpected error occurred. Please contact support with request ID: {request_id}"
    assert error["message"] == message


@pytest.mark.parametrize(
    ("status", "error"), [(401, ck.AuthenticationError), (403, ck.PermissionDeniedError)]
)
def test_refusal_without_a_body(sent, status, error):
    sent.simulator.fault("empty_refusal", status=status, times=2)
    response = sent("POST", SENT, json=NEW)
    assert (response.status_code, response.content, writes(sent)) == (status, b"", 0)
    contacts = ck.connect("sent", via=sent.simulator).contacts
    with pytest.raises(error) as caught:
        contacts.list()
    assert caught.value.problem.status == status


def test_server_error_without_documentation_is_a_proxy_page(privy):
    privy.simulator.fault("server_error", status=503, retry_after=2)
    response = privy("GET", PRIVY)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "503 Service Unavailable" in response.text


@pytest.mark.parametrize(("kind", "count"), [("dropped", 0), ("written_then_dropped", 1)])
def test_dropped_connection(sent, kind, count):
    sent.simulator.fault(kind)
    with pytest.raises(LOST, match="disconnected"):
        sent("POST", SENT, json=NEW)
    assert writes(sent) == count


def test_truncated_body_comes_after_the_write(sent):
    sent.simulator.fault("truncated_body")
    with pytest.raises(LOST, match="complete message body"):
        sent("POST", SENT, json=NEW)
    assert writes(sent) == 1


def test_slow_body_arrives_whole(sent):
    sent.simulator.fault("slow_body")
    now = sent.simulator.clock.now()
    assert sent("POST", SENT, json=NEW).json()["data"]["phone_number"] == NEW["phone_number"]
    assert sent.simulator.clock.now() > now
    assert writes(sent) == 1


@pytest.mark.parametrize("status", [200, 502])
def test_html_comes_after_the_write(sent, status):
    sent.simulator.fault("html", status=status)
    response = sent("POST", SENT, json=NEW)
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.text.startswith("<html>")
    assert writes(sent) == 1


@pytest.mark.parametrize("name", names())
def test_unsuccessful_is_a_refusal_with_status_200(name):
    provider, simulator = find(name), ck.Simulator(contacts=1)
    ck.connect(name, via=simulator)
    simulator.fault("unsuccessful")
    request = httpx.Request("GET", provider.base_url + provider.endpoint("list").path)
    response = simulator.transport(provider).handle_request(request)
    assert response.status_code == 200
    assert provider.errors.read(response.json()) is not None


def test_expired_token_refuses_a_key_once(sent):
    sent.simulator.fault("expired_token")
    response = sent("POST", SENT, json=NEW)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "AUTH_002")
    assert writes(sent) == 0
    assert statuses(sent, 1) == [200]


def test_expired_token_revokes_an_access_token(privy):
    form = {"grant_type": "client_credentials", "scope": "contacts_read"}
    form |= privy.simulator.accounts["oauth"]
    url = "https://dashboard.privy.com/oauth/token"
    bearer = {"Authorization": f"Bearer {privy.http.post(url, data=form).json()['access_token']}"}
    privy.simulator.fault("expired_token")
    for _ in range(2):
        response = privy("GET", PRIVY, ANONYMOUS, headers=bearer)
        assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthorized")
    assert statuses(privy, 1, PRIVY) == [200]


def list_page(client: RawClient, number: int) -> list[str]:
    response = client("GET", SENT, params={"page": number, "page_size": 3})
    return [contact["id"] for contact in response.json()["data"]["contacts"]]


def test_duplicated_row_begins_the_next_page(sent):
    first, second, third = (list_page(sent, number) for number in (1, 2, 3))
    sent.simulator.fault("duplicated_row", times=2)
    assert list_page(sent, 1) == [first[0], *first]
    assert list_page(sent, 2) == [first[-1], *second]
    assert list_page(sent, 3) == third
    sent.simulator.fault("duplicated_row", times=3)
    assert list_page(sent, 2) == [second[0], *second]
    assert list_page(sent, 1) == [first[0], *first]
    assert list_page(sent, 9) == []


def test_row_faults_on_a_refused_listing(sent):
    before = sent.snapshot()
    for kind in ("duplicated_row", "deleted_row"):
        sent.simulator.fault(kind)
        assert sent("GET", SENT, params={"page": 0}).status_code == 400
    assert sent("GET", SENT, params={"page": "1"}).status_code == 200
    assert sent.snapshot() == before


def test_deleted_row_is_deleted_after_its_page(sent):
    first, second = list_page(sent, 1), list_page(sent, 2)
    sent.simulator.fault("deleted_row")
    assert list_page(sent, 1) == first
    assert sent.engine.contacts.find(first[0]) is None
    assert list_page(sent, 2)[:2] == second[1:]


# Two at once under one idempotency key

Delivery = Generator[float, None, Response]


def start(sent: RawClient, key: str = "k") -> Delivery:
    headers = {"Idempotency-Key": key, **sent.credentials("")}
    request = httpx.Request("POST", f"https://x{SENT}", headers=headers, json=NEW)
    return sent.simulator.deliver(Request.from_httpx(request))


def drive(client: RawClient, delivery: Delivery, done: Callable[[], bool]) -> Response | None:
    """Drive one delivery until it ends or `done`; its response, if it ended."""
    try:
        while not done():
            client.wait(next(delivery))
    except StopIteration as end:
        return end.value
    return None


def test_duplicate_waits_for_the_response_to_the_first(sent):
    sent.simulator.fault("latency", seconds=4)
    first, second = start(sent), start(sent)
    assert next(first) == 4
    due = sent.simulator.clock.now() + 4
    assert drive(sent, second, lambda: sent.simulator.clock.now() >= due) is None
    one, other = drive(sent, first, lambda: False), drive(sent, second, lambda: False)
    assert one and other
    assert (one.status, other.status) == (201, 201)
    assert one.body == other.body
    assert other.headers["Idempotent-Replayed"] == "true"
    assert writes(sent) == 1


def test_duplicate_waits_5_seconds_at_most(sent):
    sent.simulator.fault("latency", seconds=9)
    first, second = start(sent), start(sent)
    next(first)
    now = sent.simulator.clock.now()
    refused = drive(sent, second, lambda: False)
    assert sent.simulator.clock.now() - now == pytest.approx(5)
    assert refused and refused.status == 409
    assert refused.body["error"]["code"] == "CONFLICT_001"
    one = drive(sent, first, lambda: False)
    assert one and one.status == 201
    assert writes(sent) == 1


def test_abandoned_request_is_no_longer_in_flight(sent):
    sent.simulator.fault("latency", seconds=9)
    first = start(sent)
    next(first)
    first.close()
    response = drive(sent, start(sent), lambda: False)
    assert response and response.status == 201


# Invalid faults

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "rate_limted"}, "did you mean 'rate_limited'"),
    ({"kind": None}, "allowed: .*latency"),
    ({"kind": "latency"}, "needs seconds= or up_to="),
    ({"kind": "latency", "seconds": 0}, "needs seconds= or up_to="),
    ({"kind": "latency", "seconds": -1}, "seconds from 0 to 86,400"),
    ({"kind": "latency", "seconds": True}, "seconds from 0 to 86,400"),
    ({"kind": "latency", "seconds": float("nan")}, "seconds from 0 to 86,400"),
    ({"kind": "latency", "seconds": 2, "up_to": 1}, "not be less than seconds="),
    ({"kind": "latency", "second": 2}, "did you mean 'seconds'"),
    ({"kind": "dropped", "seconds": 2}, "takes no seconds=; allowed: none"),
    ({"kind": "rate_limited", "retry_after": -1}, "whole seconds"),
    ({"kind": "rate_limited", "retry_after": 1.5}, "whole seconds"),
    ({"kind": "server_error", "status": 404}, "one of 500, 503"),
    ({"kind": "html", "status": 403}, "one of 200, 500, 502, 503, 504"),
    ({"kind": "dropped", "times": 0}, "times=0 must be a whole number above 0"),
    ({"kind": "dropped", "times": 2.0}, "whole number"),
    ({"kind": "dropped", "times": True}, "whole number"),
    ({"kind": "dropped", "probability": 0}, "above 0 and at most 1"),
    ({"kind": "dropped", "probability": 1.1}, "above 0 and at most 1"),
    ({"kind": "dropped", "probability": float("nan")}, "above 0 and at most 1"),
    ({"kind": "dropped", "probability": "0.5"}, "above 0 and at most 1"),
    ({"kind": "dropped", "probability": 0.5, "times": 2}, "not both"),
    ({"kind": "dropped", "probability": 0.5, "seed": "x"}, "seed='x' must be a whole number"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=str)
def test_invalid_fault_is_refused_and_not_switched_on(sent, options, message):
    with pytest.raises(ck.ConfigurationError, match=message):
        sent.simulator.fault(**options)
    now = sent.simulator.clock.now()
    assert statuses(sent, 2) == [200, 200]
    assert sent.simulator.clock.now() == now
