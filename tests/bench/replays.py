"""What one replayed request costs, beside a dict under httpx's MockTransport and beside its peers.

vcrpy and cassetter are measured where they are installed (`pip install vcrpy cassetter`). Each
peer is given as many exchanges as it bears; every answer is read whole.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import respx

from contactkit.cassette.exchange import Exchange, path_of
from contactkit.cassette.keys import Exhausted, Index
from contactkit.cassette.lines import Entry
from contactkit.cassette.redaction import Redaction
from contactkit.cassette.replay import Replay
from contactkit.spec import Provider
from tests.bench.measure import Row, times

ROUNDS = 7
REQUESTS, FEW_REQUESTS = 2_000, 100
SMALL, BORNE = 100, 1_000
Subject: TypeAlias = Callable[[], AbstractContextManager[Sequence["Turn"]]]


class Turn:
    """Requests that one client makes, one after the other."""

    def __init__(self, transport: httpx.BaseTransport, urls: Sequence[str]) -> None:
        self.client = httpx.Client(transport=transport)
        self.urls = urls

    def __call__(self) -> None:
        for url in self.urls:
            self.client.get(url).content


class Replays:
    """The same recording under several engines."""

    def __init__(self, provider: Provider, entries: Sequence[Entry], folder: Path) -> None:
        self.provider, self.entries, self.folder = provider, entries, folder
        self.exchanges = [each.exchange for each in entries]

    def urls(self, size: int, requests: int) -> list[str]:
        """So many of the first addresses, from all over them."""
        return [each.url for each in self.entries[: size : max(1, size // requests)]]

    def bare(self, size: int) -> httpx.MockTransport:
        """A dict that holds the answers ready."""
        known = {path_of(each.asked.url): each for each in self.exchanges[:size]}
        return httpx.MockTransport(lambda request: _response(known[request.url.path]))

    def replay(self, size: int, exhausted: Exhausted) -> httpx.MockTransport:
        """Ours."""
        index = Index(self.provider, self.entries[:size], exhausted)
        return Replay(self.provider, index, Redaction(self.provider, tuple, b"k" * 32)).transport

    def known(self, transport: httpx.MockTransport, size: int) -> Subject:
        """Asked for what it was asked for before."""
        turn = Turn(transport, self.urls(size, REQUESTS))
        turn()

        @contextmanager
        def subject() -> Iterator[Sequence[Turn]]:
            yield [turn] * (REQUESTS // len(turn.urls))

        return subject

    def fresh(self, size: int) -> Subject:
        """Asked for each address for the first time."""
        urls = self.urls(size, REQUESTS)

        @contextmanager
        def subject() -> Iterator[Sequence[Turn]]:
            count = REQUESTS // len(urls)
            yield [Turn(self.replay(size, "error"), urls) for _ in range(count)]

        return subject

    def routes(self, size: int) -> Subject:
        """respx as it comes, with a route an address."""
        router = respx.Router()
        for each in self.exchanges[:size]:
            router.get(each.asked.url).mock(return_value=_response(each))
        turn = Turn(httpx.MockTransport(router.handler), self.urls(size, FEW_REQUESTS))

        @contextmanager
        def subject() -> Iterator[Sequence[Turn]]:
            router.reset()
            yield [turn]

        return subject

    def vcrpy(self, size: int) -> Subject:
        """vcrpy, from its JSON."""
        import vcr

        path = self.folder / "vcrpy.json"
        interactions = [_vcr_interaction(each) for each in self.exchanges[:size]]
        path.write_text(json.dumps({"version": 1, "interactions": interactions}))
        options: dict[str, Any] = {"serializer": "json", "record_mode": "none"}

        @contextmanager
        def subject() -> Iterator[Sequence[Turn]]:
            with vcr.use_cassette(str(path), allow_playback_repeats=True, **options):
                yield [Turn(self.bare(0), self.urls(size, FEW_REQUESTS))]

        return subject

    def cassetter(self, size: int) -> Subject:
        """cassetter, from TOML, which alone it can read at this length."""
        import cassetter

        path = self.folder / "cassetter.toml"
        with cassetter.use_cassette(path):
            Turn(self.bare(size), self.urls(size, size))()

        @contextmanager
        def subject() -> Iterator[Sequence[Turn]]:
            with cassetter.use_cassette(path, record_mode="none"):
                yield [Turn(self.bare(0), self.urls(size, REQUESTS))]

        return subject


def _response(exchange: Exchange) -> httpx.Response:
    return httpx.Response(200, headers=exchange.headers, content=exchange.content)


def _vcr_interaction(exchange: Exchange) -> dict[str, Any]:
    asked = exchange.asked
    return {
        "request": {"method": asked.method, "uri": asked.url, "body": "", "headers": {}},
        "response": {
            "status": {"code": exchange.status, "message": "OK"},
            "headers": {name: [value] for name, value in exchange.headers},
            "body": {"string": exchange.content.decode()},
        },
    }


def measured(subjects: dict[str, Subject]) -> dict[str, list[float]]:
    """Seconds a request by subject, one figure a round; the subjects take turns."""
    found: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(ROUNDS):
        for name, subject in subjects.items():
            with subject() as turns:
                gc.collect()
                started = time.perf_counter()
                for turn in turns:
                    turn()
                took = time.perf_counter() - started
                found[name].append(took / sum(len(turn.urls) for turn in turns))
    return found


def rows(provider: Provider, entries: Sequence[Entry], folder: Path) -> Iterator[Row]:
    """Ours first and last asked, at two lengths; then the peers that are there."""
    all_of, made = len(entries), Replays(provider, entries, folder)
    subjects = {
        "bare": made.known(made.bare(all_of), all_of),
        "cold": made.fresh(all_of),
        "warm": made.known(made.replay(all_of, "last"), all_of),
        "cold, few": made.fresh(SMALL),
        "warm, few": made.known(made.replay(SMALL, "last"), SMALL),
        f"respx, a route a URL, of {BORNE:,}": made.routes(BORNE),
    }
    peers = {"vcrpy": (made.vcrpy, BORNE), "cassetter": (made.cassetter, all_of)}
    for name, (make, size) in peers.items():
        if find_spec("vcr" if name == "vcrpy" else name):
            subjects[f"{name}, of {size:,}"] = make(size)
    took = measured(subjects)

    def row(subject: str, name: str, against: str, beside: str, wanted: str = "") -> Row:
        pairs = zip(took[name], took[against], strict=True)
        return Row(
            subject=subject,
            measured=_us(took[name]),
            beside=beside,
            against=_us(took[against]),
            outcome=times(statistics.median(one / other for one, other in pairs)),
            wanted=wanted,
        )

    asked = f"one request of {all_of:,}"
    yield row(f"{asked}, asked first", "cold", "bare", "a dict", "≤ 1.30x")
    yield row(f"{asked}, asked before", "warm", "bare", "a dict", "≤ 1.15x")
    yield row(f"{asked}, asked first", "cold", "cold, few", f"of {SMALL}", "≤ 1.15x")
    yield row(f"{asked}, asked before", "warm", "warm, few", f"of {SMALL}", "≤ 1.15x")
    for name in list(subjects)[5:]:
        yield row(name, name, "bare", "a dict")
    for name in peers:
        if not any(each.startswith(name) for each in subjects):
            yield Row(subject=name, measured="", outcome="not installed")


def _us(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e6:,.0f} µs"
