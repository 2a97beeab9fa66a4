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
from contactkit.cassette.format import Entry
from contactkit.cassette.matching import Exhausted, Index
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cassette.replay import Replay
from contactkit.spec.provider import Provider
from tests.bench.measure import Row, times

ROUNDS = 7
REQUESTS, FEW_REQUESTS = 2_000, 50
FEW, BORNE = 100, 1_000
Subject: TypeAlias = Callable[[], AbstractContextManager[Sequence["Turn"]]]


class Turn:
    """Requests that one client makes, one after the other."""

    def __init__(self, transport: httpx.BaseTransport, urls: Sequence[str]) -> None:
        self.client = httpx.Client(transport=transport)
        self.urls = urls

    def __call__(self) -> None:
        for url in self.urls:
            self.client.get(url).read()


class Replays:
    """The same recording under several engines."""

    def __init__(self, provider: Provider, entries: Sequence[Entry], folder: Path) -> None:
        self.provider, self.entries, self.folder = provider, entries, folder
        self.exchanges = [each.exchange for each in entries]

    def urls(self, size: int) -> list[str]:
        """The first addresses, in the order that they were recorded in."""
        return [each.url for each in self.entries[: min(size, REQUESTS)]]

    def spread(self, size: int) -> list[str]:
        """A few addresses from all over, for those who look through the recording for each."""
        return [each.url for each in self.entries[: size : size // FEW_REQUESTS]]

    def bare(self, size: int) -> httpx.MockTransport:
        """A dict that holds the answers ready."""
        known = {path_of(each.request.url): each for each in self.exchanges[:size]}
        return httpx.MockTransport(lambda request: _response(known[request.url.path]))

    def replay(self, size: int, exhausted: Exhausted) -> httpx.MockTransport:
        """Ours."""
        index = Index(self.provider, self.entries[:size], exhausted)
        return Replay(self.provider, index, Redactor(self.provider, tuple, b"k" * 32)).transport

    def known(self, transport: httpx.MockTransport, size: int) -> Subject:
        """Asked for what it was asked for before."""
        turn = Turn(transport, self.urls(size))
        turn()

        @contextmanager
        def subject() -> Iterator[Sequence[Turn]]:
            yield [turn] * (REQUESTS // len(turn.urls))

        return subject

    def fresh(self, size: int) -> Subject:
        """Asked for each address for the first time."""
        urls = self.urls(size)

        @contextmanager
        def subject() -> Iterator[Sequence[Turn]]:
            count = REQUESTS // len(urls)
            yield [Turn(self.replay(size, "error"), urls) for _ in range(count)]

        return subject

    def respx_by_url(self, size: int) -> Subject:
        """respx as it comes, with a route a URL."""
        router = respx.Router()
        for each in self.exchanges[:size]:
            router.get(each.request.url).mock(return_value=_response(each))
        turn = Turn(httpx.MockTransport(router.handler), self.spread(size))

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
                yield [Turn(self.bare(0), self.spread(size))]

        return subject

    def cassetter(self, size: int) -> Subject:
        """cassetter, from TOML, which alone it can read at this length."""
        import cassetter

        path = self.folder / "cassetter.toml"
        with cassetter.use_cassette(path):
            Turn(self.bare(size), [each.url for each in self.entries[:size]])()

        @contextmanager
        def subject() -> Iterator[Sequence[Turn]]:
            with cassetter.use_cassette(path, record_mode="none"):
                yield [Turn(self.bare(0), self.urls(size))]

        return subject


def _response(exchange: Exchange) -> httpx.Response:
    return httpx.Response(200, headers=exchange.response.headers, content=exchange.response.body)


def _vcr_interaction(exchange: Exchange) -> dict[str, Any]:
    asked = exchange.request
    return {
        "request": {"method": asked.method, "uri": asked.url, "body": "", "headers": {}},
        "response": {
            "status": {"code": exchange.response.status, "message": "OK"},
            "headers": {name: [value] for name, value in exchange.response.headers},
            "body": {"string": exchange.response.body.decode()},
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
    """Ours at two lengths, asked for the first time and again; then the peers."""
    length, made = len(entries), Replays(provider, entries, folder)
    peers = {"respx": (made.respx_by_url, BORNE), "vcr": (made.vcrpy, BORNE)}
    peers["cassetter"] = (made.cassetter, length)
    there = {name: make(size) for name, (make, size) in peers.items() if find_spec(name)}
    took = measured(
        {
            "bare": made.known(made.bare(length), length),
            "cold": made.fresh(length),
            "warm": made.known(made.replay(length, "last"), length),
            "cold, few": made.fresh(FEW),
            "warm, few": made.known(made.replay(FEW, "last"), FEW),
            **there,
        }
    )
    first, again = (f"replaying one request of {length:,}, asked {at}" for at in ("first", "again"))
    yield _row(first, took["cold"], "a dict", took["bare"], "≤ 1.30x")
    yield _row(again, took["warm"], "a dict", took["bare"], "≤ 1.15x")
    yield _row(first, took["cold"], f"one of {FEW}", took["cold, few"], "≤ 1.15x")
    yield _row(again, took["warm"], f"one of {FEW}", took["warm, few"], "≤ 1.15x")
    for name, (make, size) in peers.items():
        subject = f"the same under {make.__name__}, of {size:,}"
        if name in there:
            yield _row(subject, took[name], "a dict", took["bare"])
        else:
            yield Row(subject=subject, measured="", outcome="not there")


def _row(
    subject: str, ours: list[float], beside: str, theirs: list[float], wanted: str = ""
) -> Row:
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    return Row(
        subject=subject,
        measured=_us(ours),
        beside=beside,
        against=_us(theirs),
        outcome=times(ratio),
        wanted=wanted,
    )


def _us(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e6:,.0f} µs"
