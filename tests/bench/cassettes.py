"""A recording of 10,000 exchanges: opening it, replaying it, and the diff of a changed contact.

Run as a program it opens a recording and measures its memory.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import httpx

import contactkit as ck
from contactkit._providers import find
from contactkit.cassette.body import dump_json
from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse, path_of
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.format import Entry
from contactkit.cassette.matching import Exhausted, Index
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cassette.replay import Replay
from tests.bench.measure import Row, medians, memory, ms, run_alone, times, us
from tests.support.requests import RawClient

EXCHANGES, FEW, REQUESTS = 10_000, 100, 2_000
OPEN_ROUNDS, REPLAY_ROUNDS = 9, 7
HEADERS = (("Content-Type", "application/json"), ("X-Request-Id", "req_7X9zKp2jDw"))
PROVIDER = find("sent")

Subject = Callable[[], "list[Client]"]


def rows() -> Iterator[Row]:
    """Time and memory of opening, the size of a diff, and the time of a replay."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "recording.jsonl")
        record(path)
        (seconds,) = medians(OPEN_ROUNDS, lambda: open_recording(path))
        size = run_alone("cassettes", path)
        subject = f"opening {EXCHANGES:,} exchanges ({path.stat().st_size / 1e6:.1f} MB)"
        yield Row(subject=f"{subject}: time", outcome=ms(seconds), wanted="≤ 100 ms")
        yield Row(subject=f"{subject}: memory", outcome=f"{size / 1e6:.1f} MB", wanted="≤ 30 MB")
        yield Row(
            subject="diff of one contact changed in a page of 100",
            outcome=f"{size_of_diff(Path(folder)):,} B",
            wanted="≤ 1,300 B",
        )
        yield recording(Path(folder))
        yield from replaying(CassetteFile.load(path).entries)


def recording(folder: Path) -> Row:
    """What recording adds to a request for a contact."""
    simulated = ck.connect("sent", via=ck.Simulator())
    keys = simulated.contacts.list()["id"].tolist() * 2

    def get_all() -> None:
        for key in keys:
            simulated.contacts.get(key)

    (alone,) = medians(REPLAY_ROUNDS, get_all)
    with ck.record(simulated, folder / "recorded.jsonl"):
        (recorded,) = medians(REPLAY_ROUNDS, get_all)
    one, other = recorded / len(keys), alone / len(keys)
    return Row(
        subject="recording one request to the simulator",
        measured=us(one),
        beside="not recorded",
        against=us(other),
        outcome=f"+{us(one - other)}",
        wanted="",
    )


def open_recording(path: Path) -> Index:
    """Read a recording until it can answer."""
    return Index(PROVIDER, CassetteFile.load(path).entries)


def record(path: Path) -> None:
    """Record an exchange for each contact, of the length of a real one.

    Each has a phone number of its own, whose pseudonym the recording keeps.
    """
    answer = RawClient("sent", contacts=1)("GET", "/v3/contacts").json()
    row = answer["data"]["contacts"][0]
    file = CassetteFile.create(path, provider=PROVIDER.name, world="simulator", created=0)
    for number in range(EXCHANGES):
        key = f"00000000-0000-4000-8000-{number:012}"
        request = RecordedRequest.of("GET", f"{PROVIDER.base_url}/v3/contacts/{key}")
        content = dump_json({**answer, "data": {**row, "id": key}})
        response = RecordedResponse(status=200, headers=HEADERS, body=content)
        exchange = Exchange(request=request, response=response, at=number)
        file.append(exchange, {f"+1202{number:07}": f"{number:016x}"})


def size_of_diff(folder: Path) -> int:
    """Bytes that git shows between two recordings of a page in which one flag differs."""
    answer = RawClient("sent", contacts=100)("GET", "/v3/contacts?page_size=100").json()
    request = RecordedRequest.of("GET", f"{PROVIDER.base_url}/v3/contacts?page_size=100")
    for name, opt_out in (("a.jsonl", False), ("b.jsonl", True)):
        answer["data"]["contacts"][50]["opt_out"] = opt_out
        file = CassetteFile.create(
            folder / name, provider=PROVIDER.name, world="simulator", created=0
        )
        response = RecordedResponse(status=200, body=dump_json(answer))
        file.append(Exchange(request=request, response=response, at=0.0))
    command = ["git", "diff", "--no-index", "-U0", "a.jsonl", "b.jsonl"]
    return len(subprocess.run(command, cwd=folder, capture_output=True).stdout)


class Client:
    """Requests that one client makes, one after the other, reading each answer whole."""

    def __init__(self, transport: httpx.BaseTransport, urls: Sequence[str]) -> None:
        self.client = httpx.Client(transport=transport)
        self.urls = urls

    def get_all(self) -> None:
        for url in self.urls:
            self.client.get(url).read()


def replaying(entries: Sequence[Entry]) -> Iterator[Row]:
    """Replay of the long and of a short recording, of requests made first and made again.

    They are compared with a dict under httpx's MockTransport.
    """
    few = entries[:FEW]
    seconds = measure(
        {
            "dict": again(answers_from_dict(entries), entries),
            "first": partial(first, entries),
            "again": again(replay(entries, "last"), entries),
            "first of few": partial(first, few),
            "again of few": again(replay(few, "last"), few),
        }
    )
    subject = f"replaying one request of {len(entries):,}, asked"
    for order, wanted in (("first", "≤ 1.30x"), ("again", "≤ 1.15x")):
        yield _row(f"{subject} {order}", seconds[order], "a dict", seconds["dict"], wanted)
    for order in ("first", "again"):
        few_seconds = seconds[f"{order} of few"]
        yield _row(f"{subject} {order}", seconds[order], f"one of {FEW}", few_seconds, "≤ 1.15x")


def answers_from_dict(entries: Sequence[Entry]) -> httpx.MockTransport:
    """A transport that finds its answers in a dict."""
    answers = {path_of(entry.exchange.request.url): entry.exchange.response for entry in entries}

    def answer(request: httpx.Request) -> httpx.Response:
        recorded = answers[request.url.path]
        return httpx.Response(200, headers=recorded.headers, content=recorded.body)

    return httpx.MockTransport(answer)


def replay(entries: Sequence[Entry], exhausted: Exhausted) -> httpx.MockTransport:
    """A transport that replays a recording."""
    index = Index(PROVIDER, entries, exhausted)
    return Replay(PROVIDER, index, Redactor(PROVIDER, tuple, b"k" * 32)).transport


def again(transport: httpx.MockTransport, entries: Sequence[Entry]) -> Subject:
    """Requests that the transport has answered before."""
    client = Client(transport, urls_of(entries))
    client.get_all()
    return lambda: [client] * (REQUESTS // len(client.urls))


def first(entries: Sequence[Entry]) -> list[Client]:
    """Requests to new replays, each made once."""
    urls = urls_of(entries)
    return [Client(replay(entries, "error"), urls) for _ in range(REQUESTS // len(urls))]


def urls_of(entries: Sequence[Entry]) -> list[str]:
    """The addresses to ask for, in the order of the recording."""
    return [entry.url for entry in entries[:REQUESTS]]


def measure(subjects: dict[str, Subject]) -> dict[str, list[float]]:
    """Seconds a request of each subject, one figure a round; the subjects take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(REPLAY_ROUNDS):
        for name, subject in subjects.items():
            clients = subject()
            gc.collect()
            started = time.perf_counter()
            for client in clients:
                client.get_all()
            elapsed = time.perf_counter() - started
            seconds[name].append(elapsed / sum(len(client.urls) for client in clients))
    return seconds


def _row(subject: str, ours: list[float], beside: str, other: list[float], wanted: str) -> Row:
    return Row(
        subject=subject,
        measured=us(statistics.median(ours)),
        beside=beside,
        against=us(statistics.median(other)),
        outcome=times(statistics.median(a / b for a, b in zip(ours, other, strict=True))),
        wanted=wanted,
    )


def main(path: Path) -> None:
    """Open a recording and print by how many bytes that raised the peak, on Linux."""
    before = memory("VmRSS")
    index = open_recording(path)
    print(memory("VmHWM") - before)
    del index


if __name__ == "__main__":
    main(Path(sys.argv[1]))
