"""Recorded answers through real httpx clients, and a user's own respx routes before them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

import contactkit as ck
from contactkit._http.world import VirtualClock
from contactkit._providers import find
from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.format import Entry
from contactkit.cassette.matching import Exhausted, Index, marks
from contactkit.cassette.redaction.exchange import redact_exchange
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cassette.replay import Replay
from tests.support.exchanges import BASE, begun, exchange

SENT, ONBOARDING = find("sent"), find("digital_onboarding")
SECRET = "sk_live_a1b2c3d4e5f6"
REAL = "+14155552671"
GET = f"{BASE}/contacts/1"
JSON_TYPE = ("content-type", "application/json")


@pytest.fixture
def entries(tmp_path: Path) -> Callable[..., list[Entry]]:
    """Writes exchanges to a file, and gives what is read from it."""

    def read(*exchanges: Exchange) -> list[Entry]:
        tape = begun(tmp_path / "sent.jsonl")
        for each in exchanges:
            tape.append(each)
        return CassetteFile.load(tape.path).entries

    return read


@pytest.fixture
def replay(entries: Callable[..., list[Entry]]) -> Callable[..., Replay]:
    """Makes a replay of exchanges."""

    def make(
        *exchanges: Exchange, exhausted: Exhausted = "error", provider: Any = SENT, **about: Any
    ) -> Replay:
        index = Index(provider, entries(*exchanges), exhausted)
        return Replay(provider, index, redaction(provider), **about)

    return make


def redaction(provider: Any = SENT) -> Redactor:
    return Redactor(provider, lambda: [SECRET], b"k" * 32)


def client(found: Replay) -> httpx.Client:
    return httpx.Client(transport=found.transport, headers={"x-api-key": SECRET})


def answered(body: Any, path: str = "/contacts/1", **about: Any) -> Exchange:
    return exchange(path, body, **about)


def states(at: float = 0.0) -> list[Exchange]:
    return [answered(state, at=at) for state in ("PENDING", "RUNNING", "DONE")]


Replays = Callable[..., Replay]


def test_an_answer_comes_as_it_was_recorded(replay: Replays) -> None:
    headers = (("X-A", "1"), ("X-B", "é"), ("x-a", "2"), ("Content-Type", "application/json"))
    found = client(replay(answered({"a": 1}, status=203, headers=headers))).get(GET)
    assert (found.status_code, found.json()) == (203, {"a": 1})
    assert found.headers.raw == [(name.encode(), text.encode()) for name, text in headers]
    assert found.headers["x-b"] == "é"
    assert found.request.url == GET


async def test_both_doors_take_the_same_transport(replay: Replays) -> None:
    found = replay(*states())
    assert client(found).get(GET).json() == "PENDING"
    async with httpx.AsyncClient(transport=found.transport) as awaiting:
        assert (await awaiting.get(GET)).json() == "RUNNING"
    assert client(found).get(GET).json() == "DONE"


def test_a_fourth_of_three_answers_is_refused(replay: Replays) -> None:
    asking = client(replay(*states()))
    assert [asking.get(GET).json() for _ in range(3)] == ["PENDING", "RUNNING", "DONE"]
    with pytest.raises(ck.UnrecordedRequestError, match="all of them were replayed"):
        asking.get(GET)


def test_in_a_notebook_the_last_answer_stays(replay: Replays) -> None:
    asking = client(replay(*states(), exhausted="last"))
    given = [asking.get(GET).json() for _ in range(5)]
    assert given == ["PENDING", "RUNNING", "DONE", "DONE", "DONE"]


def test_a_read_after_a_write_has_the_answer_from_after_it(replay: Replays) -> None:
    patch = answered(None, method="PATCH", asks=b'{"opt_out":true}')
    asking = client(replay(answered("old"), patch, answered("new", epoch=1), exhausted="last"))
    assert [asking.get(GET).json() for _ in range(2)] == ["old", "old"]
    asking.patch(GET, json={"opt_out": True})
    assert [asking.get(GET).json() for _ in range(2)] == ["new", "new"]


def test_what_changes_a_request_by_a_header_is_looked_at(replay: Replays) -> None:
    assert ONBOARDING.dry_run
    url = f"{ONBOARDING.base_url}/contacts/1"
    rehearsal = marks(ONBOARDING, ONBOARDING.dry_run.headers)
    asks = [
        RecordedRequest.of("PATCH", url, b"{}", "application/json", each)
        for each in ((), rehearsal)
    ]
    kept = [exchange(request=each, body=n) for n, each in enumerate(asks)]
    asking = client(replay(*kept, provider=ONBOARDING))
    assert asking.patch(url, json={}, headers=ONBOARDING.dry_run.headers).json() == 1
    assert asking.patch(url, json={}).json() == 0


@pytest.mark.parametrize(
    ("failure", "sent", "kind"),
    [
        ("ReadTimeout", True, httpx.ReadTimeout),
        ("ConnectError", False, httpx.ConnectError),
        ("Vanished", True, httpx.TransportError),
        ("Vanished", False, httpx.ConnectError),
        ("HTTPStatusError", True, httpx.TransportError),
        ("get", True, httpx.TransportError),
    ],
)
async def test_a_failure_fails_again(replay: Replays, failure: str, sent: bool, kind: Any) -> None:
    lost = answered(b"", status=None, failure=failure, sent=sent)
    found = replay(lost, lost)
    with pytest.raises(httpx.RequestError) as error:
        client(found).get(GET)
    assert (type(error.value), error.value.request.url) == (kind, GET)
    async with httpx.AsyncClient(transport=found.transport) as asking:
        with pytest.raises(kind):
            await asking.get(GET)


def kept(url: str, body: Any, **about: Any) -> Exchange:
    """What a recording keeps of an exchange with these people."""
    raw = Exchange(
        request=RecordedRequest(method="GET", url=url, **about),
        response=RecordedResponse(status=200, headers=(JSON_TYPE,), body=json.dumps(body).encode()),
        at=0.0,
    )
    return redact_exchange(raw, SENT, redaction())


def test_somebody_is_found_by_the_real_value_and_by_the_recorded_one(replay: Replays) -> None:
    asked = kept(f"{BASE}/contacts", {"n": 1}, query=(("phone", REAL),))
    recorded = dict(asked.request.query)["phone"]
    assert recorded != REAL
    asking = client(replay(asked, asked))
    for phone in (REAL, recorded):
        assert asking.get(f"{BASE}/contacts", params={"phone": phone}).json() == {"n": 1}
    with pytest.raises(ck.UnrecordedRequestError, match="were replayed"):
        asking.get(f"{BASE}/contacts", params={"phone": REAL})


def test_what_has_run_out_is_not_looked_for_in_other_words(replay: Replays) -> None:
    pseudonym = dict(kept(BASE, {}, query=(("phone", REAL),)).request.query)["phone"]
    literal = answered("literal", f"/contacts?phone={REAL.replace('+', '%2B')}")
    other = answered("other", f"/contacts?phone={pseudonym.replace('+', '%2B')}")
    asking = client(replay(literal, other))
    assert asking.get(f"{BASE}/contacts", params={"phone": REAL}).json() == "literal"
    with pytest.raises(ck.UnrecordedRequestError):
        asking.get(f"{BASE}/contacts", params={"phone": REAL})


def test_a_miss_names_the_nearest_and_shows_nobody(replay: Replays) -> None:
    found = replay(kept(f"{BASE}/contacts", {}, query=(("phone", REAL), ("page", "1"))))
    with pytest.raises(ck.UnrecordedRequestError) as error:
        client(found).get(f"{BASE}/contacts", params={"phone": "+14155552672", "key": SECRET})
    text = str(error.value)
    assert "The nearest (sent.jsonl, line 2) differs" in text
    assert "query page: requested nothing, recorded '1'" in text
    asked = repr([vars(each) for each in found.calls])
    for shown in (text, asked):
        assert "4155552672" not in shown and SECRET not in shown


def test_only_the_last_requests_are_kept(replay: Replays) -> None:
    found = replay(*states(), exhausted="last")
    asking = client(found)
    for _ in range(300):
        asking.get(GET)
    assert (len(found.calls), len(found.router.calls), found.router.routes[0].call_count) == (
        *(256, 0),
        0,
    )


@pytest.mark.parametrize("length", [0, 1, 200])
def test_however_long_a_recording_is_it_is_one_route(replay: Replays, length: int) -> None:
    found = replay(*(answered(n, f"/contacts/{n}") for n in range(length)))
    assert len(found.router.routes) == 1


def test_play_moves_the_clock_to_the_end_of_the_exchange(replay: Replays) -> None:
    clock, overrides = VirtualClock(0.0), respx.Router()
    overrides.get(f"{BASE}/me")
    http = client(replay(answered("late", at=5.0, elapsed=2.0), overrides=overrides, clock=clock))
    http.get(f"{BASE}/me")
    assert clock.now() == 0.0
    http.get(GET)
    assert clock.now() == 7.0


def test_recorded_is_none_where_there_is_nothing(replay: Replays) -> None:
    found = replay(answered("there"))
    assert found.recorded(httpx.Request("GET", f"{BASE}/nowhere")) is None
    there = found.recorded(httpx.Request("GET", GET))
    assert there is not None and there.read() == b'"there"'
    assert found.overridden(httpx.Request("GET", GET)) is None


@pytest.mark.parametrize("strict", [True, False])
def test_a_users_own_route_goes_first(replay: Replays, strict: bool) -> None:
    own = respx.Router(assert_all_mocked=strict)
    asking = client(replay(answered("recorded"), overrides=own))
    busy = own.get(f"{BASE}/me").respond(503, json={"busy": True})
    assert asking.get(GET).json() == "recorded"
    assert (busy.called, own.calls.call_count) == (False, 0)
    assert asking.get(f"{BASE}/me").status_code == 503
    assert (busy.call_count, own.calls.call_count) == (1, 1)
    assert busy.calls.last.response.json() == {"busy": True}


def test_the_first_of_a_users_routes_that_matches_wins(replay: Replays) -> None:
    own = respx.Router(base_url=BASE)
    asking = client(replay(overrides=own))
    own.get("/contacts/1").mock(side_effect=[httpx.Response(500), httpx.Response(201)])
    own.route(method="GET").mock(return_value=httpx.Response(202))
    paths = ("/contacts/1", "/contacts/2", "/contacts/1")
    assert [asking.get(BASE + path).status_code for path in paths] == [500, 202, 201]


def test_a_side_effect_may_decline_and_then_the_recording_answers(replay: Replays) -> None:
    own = respx.Router()
    own.get(GET).mock(side_effect=lambda request: None)
    assert client(replay(answered("recorded"), overrides=own)).get(GET).json() == "recorded"


def test_what_a_user_passes_through_is_for_the_recording(replay: Replays) -> None:
    own = respx.Router()
    passed = own.get(GET).pass_through()
    assert client(replay(answered("recorded"), overrides=own)).get(GET).json() == "recorded"
    assert passed.called


@pytest.mark.parametrize("raised", [httpx.ConnectTimeout, httpx.ReadError("gone"), OSError("no")])
def test_what_a_side_effect_raises_is_raised(replay: Replays, raised: Any) -> None:
    own = respx.Router()
    failing = own.get(GET).mock(side_effect=raised)
    with pytest.raises(raised if isinstance(raised, type) else type(raised)):
        client(replay(answered("recorded"), overrides=own)).get(GET)
    assert failing.called


async def test_an_async_side_effect_is_refused_by_name(replay: Replays) -> None:
    async def later(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    own = respx.Router()
    own.get(GET).mock(side_effect=later)
    async with httpx.AsyncClient(transport=replay(overrides=own).transport) as asking:
        with pytest.raises(ck.ConfigurationError, match="coroutine function"):
            await asking.get(GET)


def test_threads_on_two_recordings_get_their_own_answers(entries: Any) -> None:
    numbers = range(120)
    read = entries(
        *(answered(n, f"/contacts/{n}") for n in numbers),
        *(kept(f"{BASE}/contacts", n, query=(("phone", f"+1415555{2600 + n}"),)) for n in numbers),
    )
    replays = [Replay(SENT, Index(SENT, read), redaction()) for _ in range(2)]
    wrong: list[object] = []
    given: list[int] = []

    def ask(own: Replay, part: int) -> None:
        asking = client(own)
        for n in numbers[part::4]:
            phone = {"phone": f"+1415555{2600 + n}"}
            one = asking.get(f"{BASE}/contacts/{n}").json()
            other = asking.get(f"{BASE}/contacts", params=phone).json()
            given.append(n)
            if not one == other == n:
                wrong.append((n, one, other))

    threads = [
        threading.Thread(target=ask, args=(each, part)) for each in replays for part in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong
    assert sorted(given) == sorted([*numbers, *numbers])
