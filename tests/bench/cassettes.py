"""A recording of 10,000 exchanges: opening it, replaying it, and what a changed contact costs.

Run as a program it opens one recording in its own process, so that its memory is all it measures.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from contactkit._providers import find
from contactkit.cassette.body import dump_json
from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.matching import Index
from tests.bench import replays
from tests.bench.measure import ROOT, Row, medians, ms
from tests.support.requests import RawClient

EXCHANGES = 10_000
ROUNDS = 9
HEADERS = (("Content-Type", "application/json"), ("X-Request-Id", "req_7X9zKp2jDw"))
PROVIDER = find("sent")


def rows() -> Iterator[Row]:
    """Time and memory of opening, the size of a diff, and the time of a replay."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tape.jsonl")
        record(path)
        (took,) = medians(ROUNDS, lambda: opened(path))
        subject = f"opening {EXCHANGES:,} exchanges ({path.stat().st_size / 1e6:.1f} MB)"
        yield Row(subject=f"{subject}: time", measured="", outcome=ms(took), wanted="≤ 100 ms")
        held = f"{_alone(path) / 1e6:.1f} MB"
        yield Row(subject=f"{subject}: memory", measured="", outcome=held, wanted="≤ 30 MB")
        size = f"{difference(Path(folder)):,} B"
        subject = "diff of one contact changed in a page of 100"
        yield Row(subject=subject, measured="", outcome=size, wanted="≤ 1,300 B")
        yield from replays.rows(PROVIDER, CassetteFile.load(path).entries, Path(folder))


def opened(path: Path) -> Index:
    """A recording, ready to answer."""
    return Index(PROVIDER, CassetteFile.load(path).entries)


def record(path: Path) -> None:
    """One exchange about each of so many contacts, all of the length of a real one.

    Each has a number of its own, whose owner the recording names.
    """
    answer = RawClient("sent", contacts=1)("GET", "/v3/contacts").json()
    row = answer["data"]["contacts"][0]
    tape = CassetteFile.create(path, provider=PROVIDER.name, world="simulator", created=0)
    for number in range(EXCHANGES):
        key = f"00000000-0000-4000-8000-{number:012}"
        asked = RecordedRequest.of("GET", f"{PROVIDER.base_url}/v3/contacts/{key}")
        content = dump_json({**answer, "data": {**row, "id": key}})
        response = RecordedResponse(status=200, headers=HEADERS, body=content)
        exchange = Exchange(request=asked, response=response, at=number)
        tape.append(exchange, {f"+1202{number:07}": f"{number:016x}"})


def difference(folder: Path) -> int:
    """Bytes that git shows between two recordings of a page in which one flag differs."""
    answer = RawClient("sent", contacts=100)("GET", "/v3/contacts?page_size=100").json()
    asked = RecordedRequest.of("GET", f"{PROVIDER.base_url}/v3/contacts?page_size=100")
    for name, opt_out in (("a.jsonl", False), ("b.jsonl", True)):
        answer["data"]["contacts"][50]["opt_out"] = opt_out
        tape = CassetteFile.create(
            folder / name, provider=PROVIDER.name, world="simulator", created=0
        )
        response = RecordedResponse(status=200, body=dump_json(answer))
        tape.append(Exchange(request=asked, response=response, at=0.0))
    command = ["git", "diff", "--no-index", "-U0", "a.jsonl", "b.jsonl"]
    return len(subprocess.run(command, cwd=folder, capture_output=True).stdout)


def _alone(path: Path) -> int:
    command = [sys.executable, "-m", "tests.bench.cassettes", str(path)]
    return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def main(path: Path) -> None:
    """Open a recording and print by how many bytes that raised the peak, on Linux."""
    before = _resident("VmRSS")
    index = opened(path)
    print(_resident("VmHWM") - before)
    del index


def _resident(name: str) -> int:
    found = re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
