"""Requests and their recorded responses: keys, write epochs, and what a miss explains."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._providers import find
from contactkit._redact import redact
from contactkit.cassette.exchange import Exchange, RecordedRequest
from contactkit.cassette.format import Entry, entry_of
from contactkit.cassette.matching import Exhausted, Index, Matcher, WriteEpochs, marks
from contactkit.cassette.nearest import nearest
from tests.support.exchanges import BASE, exchange

SENT, ONBOARDING, SENDBLUE = find("sent"), find("digital_onboarding"), find("sendblue")
FORM = "application/x-www-form-urlencoded"
TOKEN_URL = "https://api.digitalonboarding.com/oauth2/token"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def entries(exchanges: Iterable[Exchange]) -> list[Entry]:
    """Exchanges in a file."""
    return [
        entry_of(Path("sent.jsonl"), exchange, lambda line, n=n: f"x{n}")
        for n, exchange in enumerate(exchanges)
    ]


def index_of(*exchanges: Exchange, exhausted: Exhausted = "error", provider: Any = SENT) -> Index:
    """An index of these exchanges."""
    return Index(provider, entries(exchanges), exhausted, "Record it anew.")


def request_to(method: str, path: str, body: Any = None, **about: Any) -> RecordedRequest:
    """A request to Sent."""
    content = b"" if body is None else json.dumps(body).encode()
    return RecordedRequest.of(method, BASE + path, content, "application/json", **about)


def answered(request: RecordedRequest, body: Any = None, **about: Any) -> Exchange:
    """A request with a response."""
    return exchange(request=request, body=body, **about)


def taken(index: Index, request: RecordedRequest) -> Any:
    """The body of the next response, parsed."""
    exchange = index.take(request)
    return exchange and json.loads(exchange.response.body or b"null")


def same(one: RecordedRequest, other: RecordedRequest, provider: Any = SENT) -> bool:
    """Whether two requests are one."""
    matcher = Matcher(provider)
    return matcher.read(one).key == matcher.read(other).key


LIST, GET = request_to("GET", "/contacts"), request_to("GET", "/contacts/1")
PATCH = request_to("PATCH", "/contacts/1", {"opt_out": True})


@given(st.dictionaries(st.text(), JSON_VALUES), st.randoms())
def test_key_ignores_the_order_of_fields(body: dict[str, Any], random: Any) -> None:
    names = list(body)
    random.shuffle(names)
    other = RecordedRequest.of(
        "POST", BASE, json.dumps({n: body[n] for n in names}, indent=1).encode()
    )
    assert same(
        RecordedRequest.of("POST", BASE, json.dumps(body, ensure_ascii=False).encode()), other
    )


@given(JSON_VALUES, JSON_VALUES)
def test_key_differs_with_the_body(one: Any, other: Any) -> None:
    first, second = (
        RecordedRequest.of("POST", BASE, json.dumps(part).encode()) for part in (one, other)
    )
    equal = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert same(first, second) == equal


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1), st.randoms())
def test_key_ignores_the_order_of_a_query_or_form(pairs: Any, random: Any) -> None:
    shuffled = random.sample(pairs, len(pairs))
    assert same(
        *(RecordedRequest.of("GET", f"{BASE}?{urlencode(query)}") for query in (pairs, shuffled))
    )
    forms = [urlencode(query).encode() for query in (pairs, shuffled)]
    assert same(
        *(RecordedRequest.of("POST", BASE, form, f"{FORM}; charset=utf-8") for form in forms)
    )


@given(st.text(min_size=1))
def test_key_ignores_how_a_path_is_quoted(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode() or "a"
    urls = [f"{BASE}/contacts/{quote(text, safe=safe)}" for safe in ("", "+@:=,")]
    urls.append("".join(f"%{byte:02x}" for byte in text.encode()).join((f"{BASE}/contacts/", "")))
    assert len({Matcher(SENT).read(RecordedRequest.of("GET", url)).key for url in urls}) == 1


def test_key_keeps_a_quoted_slash() -> None:
    assert not same(request_to("GET", "/contacts/a%2Fb"), request_to("GET", "/contacts/a/b"))


def test_key_ignores_the_host() -> None:
    assert same(GET, RecordedRequest.of("GET", "http://127.0.0.1:8000/v3/contacts/1"))
    assert same(
        RecordedRequest.of("GET", "https://example.com"),
        RecordedRequest.of("GET", "https://example.com/"),
    )


@pytest.mark.parametrize(
    "other",
    [
        request_to("GET", "/contacts/2"),
        request_to("GET", "/contacts/1?page=1"),
        request_to("DELETE", "/contacts/1"),
        request_to("GET", "/contacts/1", {}),
        request_to("GET", "/contacts/1", headers=(("x-override", "dry_run"),)),
    ],
)
def test_key_differs_with_any_part_of_the_request(other: RecordedRequest) -> None:
    assert not same(GET, other)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"{", b"[" * 100_000])
def test_key_compares_a_body_without_json_as_bytes(body: bytes) -> None:
    assert same(RecordedRequest.of("POST", BASE, body), RecordedRequest.of("POST", BASE, body))
    assert not same(
        RecordedRequest.of("POST", BASE, body), RecordedRequest.of("POST", BASE, body + b"!")
    )


def test_key_knows_a_dry_run_and_no_idempotency_key() -> None:
    plain = {"Idempotency-Key": "abc", "Authorization": "Bearer sk", "X-OVERRIDE": "destructive"}
    name = next(iter(ONBOARDING.dry_run.headers)) if ONBOARDING.dry_run else ""
    assert marks(ONBOARDING, {"Idempotency-Key": "abc", "Authorization": "Bearer sk"}) == ()
    assert marks(ONBOARDING, {**plain, name.upper(): "destructive, dry_run"}) == (
        (name.lower(), "destructive,dry_run"),
    )
    assert marks(SENT, plain) == marks(SENDBLUE, plain) == ()
    assert not same(PATCH, request_to("PATCH", "/contacts/1", {"opt_out": True, "sandbox": True}))


def token(client: str, scope: str = "read") -> RecordedRequest:
    """A request for a token."""
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": "s" + client}
    return RecordedRequest.of("POST", TOKEN_URL, urlencode({**form, "scope": scope}).encode(), FORM)


def test_key_of_a_token_request_has_no_credentials() -> None:
    assert same(token("a"), token("b"), ONBOARDING)
    assert not same(token("a"), token("a", "write"), ONBOARDING)
    elsewhere = [RecordedRequest.of("POST", BASE, token(letter).body, FORM) for letter in "ab"]
    assert not same(*elsewhere, ONBOARDING)


def test_take_repeats_a_token_in_every_epoch() -> None:
    base = ONBOARDING.base_url
    write = RecordedRequest.of("PATCH", f"{base}/contacts/1", b"{}")
    index = index_of(answered(token("a"), 1), answered(write, 2), provider=ONBOARDING)
    assert [taken(index, request) for request in (token("b"), write, token("b"), token("b"))] == [
        *(1, 2, 1, 1)
    ]


STATES = [answered(GET, state) for state in ("PENDING", "RUNNING", "DONE")]


def test_take_replays_equal_requests_in_order() -> None:
    index = index_of(*STATES)
    assert [taken(index, GET) for _ in range(5)] == ["PENDING", "RUNNING", "DONE", None, None]
    assert index.hits == {"x0": 1, "x1": 1, "x2": 1}


def test_knows_exhausted_requests_and_other_epochs() -> None:
    index = index_of(answered(GET), answered(LIST, epoch=1), answered(request_to("GET", "/me?a=1")))
    index.take(GET)
    assert [index.knows(request) for request in (GET, LIST, PATCH, request_to("GET", "/me"))] == [
        *(True, True, False, False)
    ]


def test_take_repeats_the_last_response() -> None:
    index = index_of(*STATES, exhausted="last")
    assert [taken(index, GET) for _ in range(5)] == ["PENDING", "RUNNING", *["DONE"] * 3]
    assert index.hits == {"x0": 1, "x1": 1, "x2": 3}


def test_take_returns_a_failure() -> None:
    lost = answered(GET, status=None, failure="ReadTimeout")
    index = index_of(lost, answered(GET, "there"))
    first = index.take(GET)
    assert first is not None and first.response.failure == "ReadTimeout"
    assert taken(index, GET) == "there"


def noted(index: Index, done: Exchange) -> None:
    """Count an exchange that the index did not replay."""
    index.settle(index.issue(done.request), done)


def recorded(session: Iterable[RecordedRequest]) -> list[Exchange]:
    """The exchanges of a recorded session; each body is the number of writes before it."""
    counting, exchanges = index_of(), list[Exchange]()
    for request in session:
        writes = sum(exchange.request.method != "GET" for exchange in exchanges)
        exchanges.append(answered(request, writes, epoch=counting.epoch(request)))
        noted(counting, exchanges[-1])
    return exchanges


@pytest.mark.parametrize("read", [GET, LIST])
@pytest.mark.parametrize(
    "done", [answered(PATCH), answered(PATCH, status=409), answered(PATCH, status=503), None]
)
def test_epoch_of_a_read_during_a_write_is_that_of_the_replay(
    read: RecordedRequest, done: Exchange | None
) -> None:
    index = index_of()
    before, writing, beside = index.issue(read), index.issue(PATCH), index.issue(read)
    index.settle(writing, done)
    replayed = WriteEpochs()
    if done:
        replayed.note(Matcher(SENT).read(PATCH), done)
    assert before.epoch == 0
    assert beside.epoch == index.epoch(read) == replayed.of(Matcher(SENT).read(read))


@pytest.mark.parametrize("reads", [1, 3])
@pytest.mark.parametrize("read", [GET, LIST, request_to("GET", "/contacts/1/message-summary")])
def test_take_after_a_write_is_another_read(read: RecordedRequest, reads: int) -> None:
    index = index_of(*recorded([read, PATCH, read]), exhausted="last")
    assert [taken(index, read) for _ in range(reads)] == [0] * reads
    taken(index, PATCH)
    assert [taken(index, read) for _ in range(reads)] == [1] * reads


LISTINGS = [LIST, request_to("GET", "/contacts?page=2")]
READS = st.sampled_from([GET, request_to("GET", "/contacts/2"), *LISTINGS])
WRITES = st.sampled_from(
    [PATCH, request_to("PATCH", "/contacts/2", {}), request_to("POST", "/contacts", {})]
)


@given(st.lists(READS | WRITES), st.lists(st.integers(1, 3), min_size=60, max_size=60))
def test_take_shows_the_writes_before_a_listing(
    session: list[RecordedRequest], times: list[int]
) -> None:
    exchanges = recorded(session)
    index = index_of(*exchanges, exhausted="last")
    for earlier, often in zip(exchanges, times, strict=False):
        reads = earlier.request.method == "GET"
        bodies = [taken(index, earlier.request) for _ in range(often if reads else 1)]
        assert None not in bodies
        if earlier.request in LISTINGS:
            assert {*bodies} == {json.loads(earlier.response.body)}


def write(path: str, method: str = "POST", provider: Any = SENDBLUE) -> RecordedRequest:
    return RecordedRequest.of(method, provider.base_url + path, b"{}")


@pytest.mark.parametrize(
    ("done", "read", "epoch"),
    [
        (request_to("PATCH", "/contacts/1", {}), "/contacts/1", 1),
        (request_to("PATCH", "/contacts/2", {}), "/contacts/1", 0),
        (request_to("PATCH", "/contacts/2", {}), "/contacts", 1),
        (request_to("POST", "/contacts", {}), "/contacts/1", 1),
        (request_to("DELETE", "/contacts/1"), "/contacts/1/message-summary", 1),
        (request_to("PATCH", "/contacts/1", {"sandbox": True}), "/contacts/1", 0),
        (request_to("PATCH", "/contacts/%2B1", {}), "/contacts/+1", 1),
        (request_to("GET", "/contacts/1"), "/contacts/1", 0),
        (request_to("POST", "/elsewhere", {}), "/contacts/1", 1),
        (request_to("POST", "/elsewhere", {}), "/nowhere", 1),
    ],
)
def test_epoch_counts_the_writes_a_read_sees(done: RecordedRequest, read: str, epoch: int) -> None:
    index = index_of()
    noted(index, answered(done))
    assert index.epoch(request_to("GET", read)) == epoch
    assert index.epoch(PATCH) == 0


def test_epoch_of_every_contact_counts_a_write_without_one_in_its_path() -> None:
    index = index_of(provider=SENDBLUE)
    noted(index, answered(write("/api/v2/contacts/opt-out")))
    assert index.epoch(write("/api/v2/contacts/7", "GET")) == 1
    noted(index, answered(write("/api/v2/contacts/7", "PUT")))
    assert index.epoch(write("/api/v2/contacts/count", "GET")) == 2
    assert index.epoch(write("/api/v2/contacts/8", "GET")) == 1


def test_epoch_ignores_a_dry_run_by_header() -> None:
    index = index_of(provider=ONBOARDING)
    assert ONBOARDING.dry_run
    rehearsal = marks(ONBOARDING, ONBOARDING.dry_run.headers)
    url = f"{ONBOARDING.base_url}/contacts/1"
    noted(index, answered(RecordedRequest.of("PATCH", url, b"{}", headers=rehearsal)))
    assert index.epoch(RecordedRequest.of("GET", url)) == 0
    noted(index, answered(RecordedRequest.of("PATCH", url, b"{}")))
    assert index.epoch(RecordedRequest.of("GET", url)) == 1


@pytest.mark.parametrize(
    ("about", "epoch"),
    [
        ({"status": 200}, 1),
        ({"status": 404}, 0),
        ({"status": 429}, 0),
        ({"status": 503}, 1),
        ({"status": None, "failure": "ReadTimeout", "sent": True}, 1),
        ({"status": None, "failure": "ConnectError", "sent": False}, 0),
    ],
)
def test_epoch_counts_a_write_that_may_have_changed_something(
    about: dict[str, Any], epoch: int
) -> None:
    index = index_of()
    noted(index, answered(PATCH, **about))
    assert index.epoch(GET) == epoch


def test_epoch_ignores_a_repeated_response() -> None:
    index = index_of(*recorded([PATCH, GET]), exhausted="last")
    for _ in range(3):
        taken(index, PATCH)
    assert taken(index, GET) == 1


def test_epoch_counts_writes_of_a_provider_without_dry_runs() -> None:
    index = index_of(provider=SENDBLUE)
    noted(index, answered(write("/api/v2/contacts")))
    assert index.epoch(write("/api/v2/contacts", "GET")) == 1


def test_take_gives_each_response_once_in_threads() -> None:
    index = index_of(*(answered(GET, n) for n in range(400)))
    seen: list[int] = []

    def ask() -> None:
        seen.extend(taken(index, GET) for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(400))


def plain(text: str) -> str:
    return text


def explain(index: Index, request: RecordedRequest, by: Callable[[str], str] = plain) -> list[str]:
    """The error's text, line by line."""
    error = index.unrecorded(request, by)
    assert isinstance(error, ck.UnrecordedRequestError)
    return str(error).splitlines()


def test_unrecorded_names_the_nearest_and_the_differences() -> None:
    index = index_of(
        answered(request_to("GET", "/contacts?page=1")),
        answered(request_to("PATCH", "/contacts/1", {"opt_out": True, "name": {"first": "A"}})),
        answered(request_to("PATCH", "/contacts/1", {"opt_out": False, "tags": []}), epoch=0),
    )
    title, *differs, advice = explain(
        index,
        request_to("PATCH", "/contacts/1?notify=1", {"opt_out": True, "name": {"first": "B"}}),
    )
    assert title.startswith(
        "PATCH /v3/contacts/1 has no recorded response. The nearest (sent.jsonl"
    )
    assert differs == [
        "    query notify: requested '1', recorded nothing",
        "    body.name.first: requested 'B', recorded 'A'",
    ]
    assert advice == "  Record it anew."


def test_unrecorded_names_a_write_in_between() -> None:
    index = index_of(answered(GET, epoch=1))
    assert explain(index, GET)[1:-1] == ["    writes before it: requested 0, recorded 1"]


def test_unrecorded_says_that_responses_ran_out() -> None:
    index = index_of(answered(GET))
    index.take(GET)
    assert "all were replayed" in explain(index, GET)[0]
    assert "the recording is empty" in explain(index_of(), GET)[0]


def test_nearest_is_by_path_and_method() -> None:
    paths = ("/contacts", "/contacts/10", "/contacts/11", "/contacts/11/message-summary")
    exchanges = entries(
        [
            *(answered(request_to("GET", path)) for path in paths),
            answered(request_to("PATCH", "/contacts/12", [1, {"a": {}}])),
        ]
    )

    def closest(request: RecordedRequest) -> str:
        return nearest(request, 0, exchanges)[0].id

    assert closest(request_to("GET", "/contacts/1x")) == "x1"
    assert closest(request_to("GET", "/contacts/21")) == "x2"
    assert closest(request_to("GET", "/contacts?page=9")) == "x0"
    assert closest(request_to("PATCH", "/contacts/12", [2])) == "x4"
    assert closest(request_to("GET", "/contacts/11/message")) == "x3"


def test_unrecorded_shows_no_personal_values() -> None:
    phone, key = "+12025550123", "sk-live-0123456789"
    recorded = request_to(
        "PATCH", f"/contacts/{phone}", {"phone": phone, key: 1, "long": "x" * 55 + key}
    )
    ask = request_to("PATCH", f"/contacts/%2B12025550199?q={phone}", {"phone": "+12025550198"})
    text = "\n".join(explain(index_of(answered(recorded)), ask, lambda text: redact(text, [key])))
    assert "555" not in text
    assert "sk-" not in text
    assert "body.phone: requested '…', recorded '…'" in text
