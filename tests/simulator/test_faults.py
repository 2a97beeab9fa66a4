"""What each fault answers, to whom, how often, and what is refused of one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import pairwise
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.simulator.faults import KINDS
from contactkit.simulator.messages import Request, Response
from tests.support.requests import Talk

SENT, PRIVY = "/v3/contacts", "/contacts"
FIRST = f"{SENT}/6ba7b810-9dad-11d1-80b4-00c04fd430c8"
NEW = {"phone_number": "+12125550187"}
LOST = httpx.RemoteProtocolError


def statuses(talk: Talk, count: int, path: str = SENT) -> list[int]:
    return [talk("GET", path).status_code for _ in range(count)]


def written(talk: Talk) -> int:
    return sum(each.writes for each in talk.engine.contacts)


# How often, and for whom


def test_one_request_meets_a_fault_unless_more_are_asked_for(sent):
    sent.simulator.fault("rate_limited")
    assert statuses(sent, 3) == [429, 200, 200]
    sent.simulator.fault("server_error", times=2)
    assert statuses(sent, 3) == [500, 500, 200]


def struck(talk: Talk, seed: int) -> list[int]:
    talk.simulator.fault("rate_limited", probability=0.5, seed=seed)
    return statuses(talk, 30)


def test_a_probability_strikes_as_its_seed_says():
    first = struck(Talk("sent"), 1)
    assert set(first) == {200, 429}
    assert first == struck(Talk("sent"), 1) != struck(Talk("sent"), 2)


def test_a_probability_of_one_strikes_always(sent):
    sent.simulator.fault("rate_limited", probability=1)
    assert statuses(sent, 5) == [429] * 5


def test_all_faults_are_switched_off_at_once(sent):
    sent.simulator.fault("rate_limited", probability=1.0)
    sent.simulator.fault("latency", seconds=3, times=9)
    sent.simulator.faults.clear()
    now = sent.simulator.clock.now()
    assert statuses(sent, 2) == [200, 200]
    assert sent.simulator.clock.now() == now


def test_a_fault_can_be_switched_on_before_a_client_connects(name):
    simulator = ck.Simulator(contacts=1)
    simulator.fault("unsuccessful")
    client = ck.connect(name, via=simulator)
    with pytest.raises(ck.ApiError):
        client.contacts.list()
    assert len(client.contacts.list()) == 1


def test_a_request_meets_the_oldest_fault_and_every_latency(sent):
    sent.simulator.fault("server_error")
    sent.simulator.fault("latency", seconds=2)
    sent.simulator.fault("rate_limited")
    sent.simulator.fault("latency", seconds=3, times=2)
    now = sent.simulator.clock.now()
    assert statuses(sent, 2) == [500, 429]
    assert sent.simulator.clock.now() - now == pytest.approx(8)


@pytest.mark.parametrize("kind", ["duplicated_row", "deleted_row"])
def test_faults_of_listings_wait_for_a_listing(sent, kind):
    sent.simulator.fault(kind)
    before = sent.rows()
    assert sent("GET", FIRST).status_code == 200
    assert sent("POST", SENT, json={}).status_code == 400
    assert sent.rows() == before
    page = sent("GET", SENT).json()["data"]["contacts"]
    assert len({each["id"] for each in page}) < len(page) or sent.rows() != before


@pytest.mark.parametrize("kind", ["written_then_500", "written_then_dropped"])
def test_faults_of_writes_wait_for_a_write(sent, kind):
    sent.simulator.fault(kind)
    assert statuses(sent, 1) == statuses(sent, 1, FIRST) == [200]
    assert sent("GET", "/nowhere").status_code == 404
    if kind == "written_then_500":
        assert sent("POST", SENT, json=NEW).status_code == 500
    else:
        with pytest.raises(LOST):
            sent("POST", SENT, json=NEW)
    assert written(sent) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_request_meets_no_fault(privy, kind):
    privy.simulator.fault(kind, **({"seconds": 9} if kind == "latency" else {}))
    form = {"grant_type": "client_credentials", **privy.simulator.accounts["oauth"]}
    now = privy.simulator.clock.now()
    answer = privy.http.post("https://dashboard.privy.com/oauth/token", data=form)
    assert answer.status_code == 200
    assert privy.simulator.clock.now() == now


# What each one does


def test_latency_lets_time_pass_before_the_request_is_carried_out(sent):
    sent.simulator.fault("latency", seconds=4)
    now = sent.engine.now
    made = sent("POST", SENT, json=NEW)
    assert (sent.engine.now - now).total_seconds() == 4
    assert made.json()["data"]["created_at"].startswith(sent.engine.now.strftime("%FT%T"))


def delays(seed: int) -> list[float]:
    talk = Talk("sent")
    talk.simulator.fault("latency", seconds=1, up_to=4, times=8, seed=seed)
    times = [talk.simulator.clock.now()]
    for _ in range(8):
        talk("GET", FIRST)
        times.append(talk.simulator.clock.now())
    return [after - before for before, after in pairwise(times)]


def test_latency_up_to_a_time_is_as_the_seed_says():
    first = delays(1)
    assert all(1 <= each <= 4 for each in first) and len(set(first)) == 8
    assert first == delays(1) != delays(2)


def test_an_answer_later_than_the_caller_waits_is_lost_and_the_write_is_done(sent):
    sent.simulator.fault("latency", seconds=31)
    with pytest.raises(httpx.ReadTimeout):
        sent("POST", SENT, json=NEW, timeout=30)
    assert written(sent) == 1
    sent.simulator.fault("latency", seconds=31)
    assert sent("GET", FIRST, timeout=None).status_code == 200


@pytest.mark.parametrize(
    ("talk", "path", "body"),
    [
        ("sent", SENT, {"code": "BUSINESS_002"}),
        ("privy", PRIVY, {"code": "rate_limited", "message": "Rate limit exceeded"}),
    ],
)
def test_rate_limited_is_the_provider_s_own_429(request, talk, path, body):
    talk = request.getfixturevalue(talk)
    talk.simulator.fault("rate_limited", retry_after=7)
    talk.simulator.fault("rate_limited")
    for told in ("7", None):
        answer = talk("GET", path)
        assert answer.status_code == 429
        assert body.items() <= answer.json()["error"].items()
        assert answer.headers.get("Retry-After") == told
        assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(("status", "code"), [(500, "INTERNAL_001"), (503, "SERVICE_001")])
def test_a_server_error_is_the_provider_s_own_and_nothing_is_done(sent, status, code):
    sent.simulator.fault("server_error", status=status, retry_after=2)
    answer = sent("POST", SENT, json=NEW)
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "2")
    assert answer.json()["error"]["code"] == code
    assert written(sent) == 0


def test_a_server_error_that_a_provider_does_not_document_is_a_proxy_s_page(privy):
    privy.simulator.fault("server_error", status=503, retry_after=2)
    answer = privy("GET", PRIVY)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "503 Service Unavailable" in answer.text


@pytest.mark.parametrize(("kind", "count"), [("dropped", 0), ("written_then_dropped", 1)])
def test_a_dropped_connection_answers_nothing(sent, kind, count):
    sent.simulator.fault(kind)
    with pytest.raises(LOST, match="disconnected"):
        sent("POST", SENT, json=NEW)
    assert written(sent) == count


def test_a_body_in_part_is_lost_after_the_write(sent):
    sent.simulator.fault("truncated_body")
    with pytest.raises(LOST, match="complete message body"):
        sent("POST", SENT, json=NEW)
    assert written(sent) == 1


def test_a_slow_body_comes_whole_and_takes_time(sent):
    sent.simulator.fault("slow_body")
    now = sent.simulator.clock.now()
    assert sent("POST", SENT, json=NEW).json()["data"]["phone_number"] == NEW["phone_number"]
    assert sent.simulator.clock.now() > now
    assert written(sent) == 1


@pytest.mark.parametrize("status", [200, 502])
def test_a_proxy_s_page_hides_that_the_write_is_done(sent, status):
    sent.simulator.fault("html", status=status)
    answer = sent("POST", SENT, json=NEW)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<html>")
    assert written(sent) == 1


@pytest.mark.parametrize("name", names())
def test_unsuccessful_is_the_provider_s_refusal_under_200(name):
    provider, simulator = find(name), ck.Simulator(contacts=1)
    ck.connect(name, via=simulator)
    simulator.fault("unsuccessful")
    asked = httpx.Request("GET", provider.base_url + provider.endpoint("list").path)
    answer = simulator.transport(provider).handle_request(asked)
    assert answer.status_code == 200
    assert provider.errors.read(answer.json()) is not None


def test_an_expired_key_is_refused_once(sent):
    sent.simulator.fault("expired_token")
    answer = sent("POST", SENT, json=NEW)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AUTH_002")
    assert written(sent) == 0
    assert statuses(sent, 1) == [200]


def test_an_expired_access_token_stays_expired(privy):
    form = {"grant_type": "client_credentials", "scope": "contacts_read"}
    form |= privy.simulator.accounts["oauth"]
    url = "https://dashboard.privy.com/oauth/token"
    bearer = {"Authorization": f"Bearer {privy.http.post(url, data=form).json()['access_token']}"}
    privy.simulator.fault("expired_token")
    for _ in range(2):
        answer = privy("GET", PRIVY, "nobody", headers=bearer)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert statuses(privy, 1, PRIVY) == [200]


def page(talk: Talk, number: int) -> list[str]:
    answer = talk("GET", SENT, params={"page": number, "page_size": 3})
    return [each["id"] for each in answer.json()["data"]["contacts"]]


def test_a_row_comes_again_at_the_start_of_the_next_page(sent):
    first, second, third = (page(sent, number) for number in (1, 2, 3))
    sent.simulator.fault("duplicated_row", times=2)
    assert page(sent, 1) == [first[0], *first]
    assert page(sent, 2) == [first[-1], *second]
    assert page(sent, 3) == third
    sent.simulator.fault("duplicated_row", times=3)
    assert page(sent, 2) == [second[0], *second]
    assert page(sent, 1) == [first[0], *first]
    assert page(sent, 9) == []


def test_a_listing_that_is_refused_has_no_row_to_come_again_or_to_be_deleted(sent):
    before = sent.rows()
    for kind in ("duplicated_row", "deleted_row"):
        sent.simulator.fault(kind)
        assert sent("GET", SENT, params={"page": 0}).status_code == 400
    assert sent("GET", SENT, params={"page": "1"}).status_code == 200
    assert sent.rows() == before


def test_a_row_without_a_page_number_comes_again(sent):
    sent.simulator.fault("duplicated_row")
    rows = sent("GET", SENT).json()["data"]["contacts"]
    assert rows[0] == rows[1]


def test_a_row_is_deleted_after_its_page(sent):
    first, second = page(sent, 1), page(sent, 2)
    sent.simulator.fault("deleted_row")
    assert page(sent, 1) == first
    assert sent.engine.contacts.find(first[0]) is None
    assert page(sent, 2)[:2] == second[1:]


# Two at once under one idempotency key

Delivery = Generator[float, None, Response]


def started(sent: Talk, key: str = "k") -> Delivery:
    headers = {"Idempotency-Key": key, **sent.signed("")}
    asked = httpx.Request("POST", f"https://x{SENT}", headers=headers, json=NEW)
    return sent.simulator.deliver(Request.from_httpx(asked))


def until(talk: Talk, delivery: Delivery, done: Callable[[], bool]) -> Response | None:
    """Drive one delivery until it ends or `done`; its answer, if it ended."""
    try:
        while not done():
            talk.wait(next(delivery))
    except StopIteration as end:
        return end.value
    return None


def test_a_second_request_waits_for_the_first_and_gets_its_answer(sent):
    sent.simulator.fault("latency", seconds=4)
    first, second = started(sent), started(sent)
    assert next(first) == 4
    due = sent.simulator.clock.now() + 4
    assert until(sent, second, lambda: sent.simulator.clock.now() >= due) is None
    one, other = until(sent, first, lambda: False), until(sent, second, lambda: False)
    assert one and other
    assert (one.status, other.status) == (201, 201)
    assert one.body == other.body
    assert other.headers["Idempotent-Replayed"] == "true"
    assert written(sent) == 1


def test_a_second_request_waits_no_longer_than_5_seconds(sent):
    sent.simulator.fault("latency", seconds=9)
    first, second = started(sent), started(sent)
    next(first)
    now = sent.simulator.clock.now()
    refused = until(sent, second, lambda: False)
    assert sent.simulator.clock.now() - now == pytest.approx(5)
    assert refused and refused.status == 409
    assert refused.body["error"]["code"] == "CONFLICT_001"
    one = until(sent, first, lambda: False)
    assert one and one.status == 201
    assert written(sent) == 1


def test_a_request_that_its_caller_leaves_is_no_longer_in_flight(sent):
    sent.simulator.fault("latency", seconds=9)
    first = started(sent)
    next(first)
    first.close()
    done = until(sent, started(sent), lambda: False)
    assert done and done.status == 201


# What is refused

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "rate_limted"}, "did you mean 'rate_limited'"),
    ({"kind": None}, "allowed: .*latency"),
    ({"kind": "latency"}, "needs seconds= or up_to="),
    ({"kind": "latency", "seconds": 0}, "needs seconds= or up_to="),
    ({"kind": "latency", "seconds": -1}, "seconds from 0 to 86,400"),
    ({"kind": "latency", "seconds": True}, "seconds from 0 to 86,400"),
    ({"kind": "latency", "seconds": float("nan")}, "seconds from 0 to 86,400"),
    ({"kind": "latency", "seconds": 2, "up_to": 1}, "no less than seconds="),
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


@pytest.mark.parametrize(("given", "says"), WRONG, ids=str)
def test_a_senseless_fault_is_refused_and_not_switched_on(sent, given, says):
    with pytest.raises(ck.ConfigurationError, match=says):
        sent.simulator.fault(**given)
    now = sent.simulator.clock.now()
    assert statuses(sent, 2) == [200, 200]
    assert sent.simulator.clock.now() == now
