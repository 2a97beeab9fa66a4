"""The most memory that iterating over `contacts.pages()` holds, for ever longer listings.

Run as a program it measures one listing in its own process, so that no run sees another's heap.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import httpx

import contactkit as ck
from tests.bench import contacts
from tests.bench.measure import ROOT, Row, times

SIZE = 100
LISTINGS = (10, 100, 1_000)
WARM = 100


class Endless(ck.Live):
    """A world whose provider makes each page when it is asked, so that none is kept."""

    name = "endless"

    def __init__(self, pages: int) -> None:
        self._pages = pages

    def transport(self, provider: object) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page"])
        content = contacts.page(number, SIZE, self._pages)
        return httpx.Response(200, headers={"content-type": "application/json"}, content=content)


def rows() -> Iterator[Row]:
    """Each listing's peak beside that of the shortest, as Python counts it and as the system."""
    found = {pages: _alone(pages) for pages in LISTINGS}
    first, *longer = LISTINGS
    for index, counted in enumerate(("allocated (tracemalloc)", "resident (VmHWM)")):
        for pages in longer:
            ours, base = found[pages][index], found[first][index]
            yield Row(
                subject=f"{pages:,} pages of {SIZE}, {counted}",
                measured=_mib(ours),
                beside=f"{first} pages",
                against=_mib(base),
                outcome=times(ours / base),
                wanted="≤ 1.10x",
            )


def _alone(pages: int) -> tuple[int, int]:
    """Peak bytes of one listing, allocated and resident, each in a fresh process."""
    return _measured(pages, "allocated"), _measured(pages, "resident")


def _measured(pages: int, counted: str) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.memory", str(pages), counted],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return json.loads(done.stdout)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.2f} MiB"


def main(pages: int, counted: str) -> None:
    """Iterate over so many pages and print the peak in bytes.

    Two listings before it are not counted: the first imports, the second fills the caches that
    have a size of their own (pydantic keeps the last strings that it read).
    """
    _iterate(1)
    if counted == "allocated":
        tracemalloc.start()
    _iterate(WARM)
    tracemalloc.reset_peak()
    _iterate(pages)
    if counted == "allocated":
        print(tracemalloc.get_traced_memory()[1])
    else:
        print(_resident())


def _resident() -> int:
    """The most this process held, on Linux; `ru_maxrss` would count what its parent held too."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


def _iterate(pages: int) -> None:
    with contacts.client(via=Endless(pages)) as client:
        read = sum(len(frame) for frame in client.contacts.pages())
    if read != pages * SIZE:
        raise RuntimeError(f"{read} contacts were read where {pages * SIZE} were made")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
