"""Recorded responses in real httpx clients, after the routes of the user's own respx router."""

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
from contactkit.cassette.recorder import redact_exchange
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
    """Writes exchanges to a file and reads them again."""

    def read(*exchanges: Exchange) -> list[Entry]:
        file = begun(tmp_path / "sent.jsonl")
        for recorded in exchanges:
            file.append(recorded)
        return CassetteFile.load(file.path).entries

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


def client(player: Replay) -> httpx.Client:
    return httpx.Client(transport=player.transport, headers={"x-api-key": SECRET})


def answered(body: Any, path: str = "/contacts/1", **about: Any) -> Exchange:
    return exchange(path, body, **about)


def states(at: float = 0.0) -> list[Exchange]:
    return [answered(state, at=at) for state in ("PENDING", "RUNNING", "DONE")]


Replays = Callable[..., Replay]


def test_replay_returns_the_recorded_response(replay: Replays) -> None:
    headers = (("X-A", "1"), ("X-B", "é"), ("x-a", "2"), ("Content-Type", "application/json"))
    response = client(replay(answered({"a": 1}, status=203, headers=headers))).get(GET)
    assert (response.status_code, response.json()) == (203, {"a": 1})
    assert response.headers.raw == [(name.encode(), text.encode()) for name, text in headers]
    assert response.headers["x-b"] == "é"
    assert response.request.url == GET


async def test_transport_serves_sync_and_async_clients(replay: Replays) -> None:
    player = replay(*states())
    assert client(player).get(GET).json() == "PENDING"
    async with httpx.AsyncClient(transport=player.transport) as awaiting:
        assert (await awaiting.get(GET)).json() == "RUNNING"
    assert client(player).get(GET).json() == "DONE"


def test_replay_refuses_a_fourth_of_three_responses(replay: Replays) -> None:
    asking = client(replay(*states()))
    assert [asking.get(GET).json() for _ in range(3)] == ["PENDING", "RUNNING", "DONE"]
    with pytest.raises(ck.UnrecordedRequestError, match="all were replayed"):
        asking.get(GET)


def test_replay_of_a_read_after_a_write_is_the_later_one(replay: Replays) -> None:
    patch = answered(None, method="PATCH", asks=b'{"opt_out":true}')
    asking = client(replay(answered("old"), patch, answered("new", epoch=1), exhausted="last"))
    assert [asking.get(GET).json() for _ in range(2)] == ["old", "old"]
    asking.patch(GET, json={"opt_out": True})
    assert [asking.get(GET).json() for _ in range(2)] == ["new", "new"]


def test_replay_matches_marks(replay: Replays) -> None:
    assert ONBOARDING.dry_run
    url = f"{ONBOARDING.base_url}/contacts/1"
    rehearsal = marks(ONBOARDING, ONBOARDING.dry_run.headers)
    asks = [
        RecordedRequest.of("PATCH", url, b"{}", "application/json", each)
        for each in ((), rehearsal)
    ]
    recorded = [exchange(request=request, body=n) for n, request in enumerate(asks)]
    asking = client(replay(*recorded, provider=ONBOARDING))
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
async def test_replay_raises_a_recorded_failure(
    replay: Replays, failure: str, sent: bool, kind: Any
) -> None:
    lost = answered(b"", status=None, failure=failure, sent=sent)
    player = replay(lost, lost)
    with pytest.raises(httpx.RequestError) as error:
        client(player).get(GET)
    assert (type(error.value), error.value.request.url) == (kind, GET)
    async with httpx.AsyncClient(transport=player.transport) as asking:
        with pytest.raises(kind):
            await asking.get(GET)


def kept(url: str, body: Any, **about: Any) -> Exchange:
    """The redacted exchange with these people."""
    raw = Exchange(
        request=RecordedRequest(method="GET", url=url, **about),
        response=RecordedResponse(status=200, headers=(JSON_TYPE,), body=json.dumps(body).encode()),
        at=0.0,
    )
    return redact_exchange(raw, SENT, redaction())


def test_replay_finds_a_person_either_way(replay: Replays) -> None:
    stored = kept(f"{BASE}/contacts", {"n": 1}, query=(("phone", REAL),))
    recorded = dict(stored.request.query)["phone"]
    assert recorded != REAL
    asking = client(replay(stored, stored))
    for phone in (REAL, recorded):
        assert asking.get(f"{BASE}/contacts", params={"phone": phone}).json() == {"n": 1}
    with pytest.raises(ck.UnrecordedRequestError, match="were replayed"):
        asking.get(f"{BASE}/contacts", params={"phone": REAL})


def test_replay_of_an_exhausted_literal_request_is_not_redacted(replay: Replays) -> None:
    pseudonym = dict(kept(BASE, {}, query=(("phone", REAL),)).request.query)["phone"]
    literal = answered("literal", f"/contacts?phone={REAL.replace('+', '%2B')}")
    other = answered("other", f"/contacts?phone={pseudonym.replace('+', '%2B')}")
    asking = client(replay(literal, other))
    assert asking.get(f"{BASE}/contacts", params={"phone": REAL}).json() == "literal"
    with pytest.raises(ck.UnrecordedRequestError):
        asking.get(f"{BASE}/contacts", params={"phone": REAL})


def test_unrecorded_request_shows_no_personal_values(replay: Replays) -> None:
    player = replay(kept(f"{BASE}/contacts", {}, query=(("phone", REAL), ("page", "1"))))
    with pytest.raises(ck.UnrecordedRequestError) as error:
        client(player).get(f"{BASE}/contacts", params={"phone": "+14155552672", "key": SECRET})
    text = str(error.value)
    assert "The nearest (sent.jsonl, line 2) differs" in text
    assert "query page: requested nothing, recorded '1'" in text
    assert "4155552672" not in text and SECRET not in text


def test_play_moves_the_clock_to_the_end_of_the_exchange(replay: Replays) -> None:
    clock, overrides = VirtualClock(0.0), respx.Router()
    overrides.get(f"{BASE}/me")
    http = client(replay(answered("late", at=5.0, elapsed=2.0), overrides=overrides, clock=clock))
    http.get(f"{BASE}/me")
    assert clock.now() == 0.0
    http.get(GET)
    assert clock.now() == 7.0


def test_recorded_is_none_for_an_unrecorded_request(replay: Replays) -> None:
    player = replay(answered("there"))
    assert player.recorded(httpx.Request("GET", f"{BASE}/nowhere")) is None
    there = player.recorded(httpx.Request("GET", GET))
    assert there is not None and there.read() == b'"there"'
    assert player.overrides is None


@pytest.mark.parametrize("strict", [True, False])
def test_override_goes_first(replay: Replays, strict: bool) -> None:
    own = respx.Router(assert_all_mocked=strict)
    asking = client(replay(answered("recorded"), overrides=own))
    busy = own.get(f"{BASE}/me").respond(503, json={"busy": True})
    assert asking.get(GET).json() == "recorded"
    assert (busy.called, own.calls.call_count) == (False, 0)
    assert asking.get(f"{BASE}/me").status_code == 503
    assert (busy.call_count, own.calls.call_count) == (1, 1)
    assert busy.calls.last.response.json() == {"busy": True}


def test_override_takes_the_first_matching_route(replay: Replays) -> None:
    own = respx.Router(base_url=BASE)
    asking = client(replay(overrides=own))
    own.get("/contacts/1").mock(side_effect=[httpx.Response(500), httpx.Response(201)])
    own.route(method="GET").mock(return_value=httpx.Response(202))
    paths = ("/contacts/1", "/contacts/2", "/contacts/1")
    assert [asking.get(BASE + path).status_code for path in paths] == [500, 202, 201]


def test_override_that_declines_is_replayed(replay: Replays) -> None:
    own = respx.Router()
    own.get(GET).mock(side_effect=lambda request: None)
    assert client(replay(answered("recorded"), overrides=own)).get(GET).json() == "recorded"


def test_override_that_passes_through_is_replayed(replay: Replays) -> None:
    own = respx.Router()
    passed = own.get(GET).pass_through()
    assert client(replay(answered("recorded"), overrides=own)).get(GET).json() == "recorded"
    assert passed.called


@pytest.mark.parametrize("raised", [httpx.ConnectTimeout, httpx.ReadError("gone"), OSError("no")])
def test_override_raises_what_its_side_effect_raises(replay: Replays, raised: Any) -> None:
    own = respx.Router()
    failing = own.get(GET).mock(side_effect=raised)
    with pytest.raises(raised if isinstance(raised, type) else type(raised)):
        client(replay(answered("recorded"), overrides=own)).get(GET)
    assert failing.called


async def test_override_refuses_an_async_side_effect(replay: Replays) -> None:
    async def later(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    own = respx.Router()
    own.get(GET).mock(side_effect=later)
    async with httpx.AsyncClient(transport=replay(overrides=own).transport) as asking:
        with pytest.raises(ck.ConfigurationError, match="coroutine function"):
            await asking.get(GET)


def test_replay_is_right_in_threads_on_two_cassettes(entries: Any) -> None:
    numbers = range(120)
    read = entries(
        *(answered(n, f"/contacts/{n}") for n in numbers),
        *(kept(f"{BASE}/contacts", n, query=(("phone", f"+1415555{2600 + n}"),)) for n in numbers),
    )
    replays = [Replay(SENT, Index(SENT, read), redaction()) for _ in range(2)]
    wrong: list[object] = []
    answered_numbers: list[int] = []

    def ask(own: Replay, part: int) -> None:
        asking = client(own)
        for n in numbers[part::4]:
            phone = {"phone": f"+1415555{2600 + n}"}
            one = asking.get(f"{BASE}/contacts/{n}").json()
            other = asking.get(f"{BASE}/contacts", params=phone).json()
            answered_numbers.append(n)
            if not one == other == n:
                wrong.append((n, one, other))

    threads = [
        threading.Thread(target=ask, args=(player, part)) for player in replays for part in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert sorted(answered_numbers) == sorted([*numbers, *numbers])
