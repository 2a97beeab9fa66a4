"""An export of millions of contacts beside `contacts.list()`, and pages that are far away.

Run as a program it exports or lists so many contacts, and prints its CPU time and its memory.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx

import contactkit as ck
from tests.bench import contacts
from tests.bench.measure import Row, memory, mib, ratio, run_alone, serving

PAGE = 100
WHOLE, COMPARED, WARM = 3_000_000, 300_000, 2_000
LATENCY, FAR_PAGES, ROUNDS = 80, 100, 3
_NUMBER = b"PPPPPPPP"


class Made(ck.Live):
    """A world with so many contacts, whose pages are made when they are requested."""

    name = "made"

    def __init__(self, rows: int) -> None:
        self._pages = -(-rows // PAGE)
        rest = contacts.page(1, PAGE, self._pages)
        # Each page has ids of its own.
        for number in range(PAGE):
            whole = contacts.contact(number)["id"].encode()
            rest = rest.replace(whole, whole[:24] + _NUMBER + whole[-4:])
        self._template = rest.replace(b'"page":1,', b'"page":%d,')

    def transport(self, provider: object) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page"])
        content = self._template % number
        content = content.replace(_NUMBER, b"%08x" % number)
        if number == self._pages:
            content = content.replace(b'"has_more":true', b'"has_more":false')
        return httpx.Response(200, headers={"content-type": "application/json"}, content=content)


def rows() -> Iterator[Row]:
    """The CPU and the memory of an export, then the time of pages that are far away."""
    runs = [(_cpu("export"), _cpu("list")) for _ in range(ROUNDS)]
    export, listing = map(median, zip(*runs, strict=True))
    subject = f"CPU of an export of {COMPARED:,} contacts"
    yield ratio(subject, export, "contacts.list()", listing, "≤ 1.3x")
    size = run_alone("export", "export", WHOLE)["memory"]
    yield Row(
        subject=f"memory of an export of {WHOLE:,} contacts, above the imports",
        measured=mib(size),
        outcome=mib(size),
        wanted="≤ 100 MiB",
    )
    yield far_pages()


def _cpu(verb: str) -> float:
    return run_alone("export", verb, COMPARED)["cpu"]


def far_pages() -> Row:
    """`list()` of far pages that are numbered, without a limit, beside one page at a time."""
    with serving(latency=LATENCY) as address, contacts.client(base_url=address) as client:
        seconds = min(_seconds(client) for _ in range(ROUNDS))
    subject = f"list() of {FAR_PAGES} pages, {LATENCY} ms away"
    return ratio(subject, seconds, "the latencies", FAR_PAGES * LATENCY / 1000, "≤ 0.25x")


def _seconds(client: ck.Client) -> float:
    started = time.perf_counter()
    people = client.contacts.list()
    if len(people) != FAR_PAGES * PAGE:
        raise RuntimeError(f"{len(people)} contacts were read")
    return time.perf_counter() - started


def read(verb: str, count: int) -> None:
    """List or export so many contacts."""
    with tempfile.TemporaryDirectory() as folder, contacts.client(via=Made(count)) as client:
        if verb == "list":
            size = len(client.contacts.list())
        else:
            size = client.contacts.export(Path(folder, "people")).rows
    if size != count:
        raise RuntimeError(f"{size} contacts were read of {count}")


if __name__ == "__main__":
    read(sys.argv[1], WARM)
    before, started = memory("VmRSS"), time.process_time()
    read(sys.argv[1], int(sys.argv[2]))
    cpu = time.process_time() - started
    print(json.dumps({"cpu": cpu, "memory": memory("VmHWM") - before}))
