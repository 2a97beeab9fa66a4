"""One call: beside the same by hand, without I/O, over each transport, in pages and in a form.

Run as a program it reads one listing and measures its memory.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from statistics import median
from typing import Any

import aiohttp
import httpx
import ipywidgets
import pandas as pd
from httpx_aiohttp import HttpxAiohttpClient

import contactkit as ck
from contactkit._http.connection import Connection
from contactkit._http.flow import send
from contactkit._http.request import build_operation
from contactkit._http.session import Request, Response
from contactkit.forms.browser import PAGE_SIZE as FORM_PAGE
from contactkit.forms.widget import Widget
from tests.bench import contacts
from tests.bench.frames import SIZE, frame
from tests.bench.measure import Row, medians, memory, mib, ms, ratio, run_alone, serving, times, us
from tests.support.providers import EXAMPLES

GET_ROUNDS, GET_CALLS = 41, 50
TRANSPORT_ROUNDS, REQUESTS, TURNS = 3, 1_920, 30
LATENCIES, IN_FLIGHT = (0, 80), (1, 16, 64)
PAGE_SIZE, LISTINGS, WARM = 100, (10, 100, 1_000), 100
FORM_ROUNDS, FORM_LIMITS = 15, {"privy": 100, "digital_onboarding": 400}

KEYS = [contacts.contact(number)["id"] for number in range(REQUESTS)]
KEY = KEYS[7]
BODY = {"default_channel": "sms", "opt_out": True}
HEADERS = {"x-api-key": "test", "Idempotency-Key": "00000000-0000-0000-0000-000000000000"}
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
STRING = pd.StringDtype("python")
DTYPES: dict[str, Any] = {
    **dict.fromkeys(contacts.contact(7), STRING),
    "default_channel": pd.CategoricalDtype(["sms", "whatsapp"]),
    "opt_out": pd.BooleanDtype(),
    "is_inherited": pd.BooleanDtype(),
    "created_at": pd.DatetimeTZDtype("us", "UTC"),
    "updated_at": pd.DatetimeTZDtype("us", "UTC"),
}

Send = Callable[[int], Awaitable[object]]


def rows() -> Iterator[Row]:
    """A get, its flow, the memory of pages, the transports, forms and the browser."""
    yield from get()
    yield flow_alone()
    yield from memory_of_pages()
    yield from transports()
    yield from forms()
    yield browser()


# A get


def get() -> Iterator[Row]:
    """A get beside one written by hand, and the share of the network in it."""
    with serving() as address, contacts.client(base_url=address) as ours, httpx.Client() as bare:
        whole, by_hand, network = medians(
            GET_ROUNDS,
            lambda: ours.contacts.get(KEY),
            lambda: frame_by_hand(fetch(bare, address)),
            lambda: fetch(bare, address),
            calls=GET_CALLS,
        )
    subject = "contacts.get() on loopback, frame included"
    yield ratio(subject, whole, "httpx, json, the same frame by hand", by_hand, "≤ 1.25x")
    yield Row(
        subject="of that, httpx and json alone",
        measured=ms(network),
        beside="the frame by hand",
        against=ms(by_hand - network),
        outcome=times(network / whole),
    )


def fetch(client: httpx.Client, address: str) -> dict[str, Any]:
    """Get a contact with bare httpx."""
    response = client.get(f"{address}/v3/contacts/{KEY}", headers={"x-api-key": "test"})
    response.raise_for_status()
    return response.json()["data"]


def frame_by_hand(row: dict[str, Any]) -> pd.DataFrame:
    """The typed frame of a contact."""
    return pd.DataFrame(
        {name: pd.array([row[name]], dtype=dtype) for name, dtype in DTYPES.items()}
    )


def flow_alone() -> Row:
    """Build, pace, sign and parse a call that is answered at once."""
    session = contacts.session()
    endpoint, answer = session.provider.endpoint("get"), contacts.response(contacts.one(7))
    (seconds,) = medians(
        GET_ROUNDS,
        lambda: contacts.finish(send(session, build_operation(session, endpoint, key=KEY)), answer),
        calls=GET_CALLS,
    )
    subject = "the flow of one call, no I/O"
    return Row(subject=subject, measured=ms(seconds), outcome=ms(seconds), wanted="≤ 0.1 ms")


# Pages


class Endless(ck.Live):
    """A world whose provider makes a page when it is asked for it, and keeps none."""

    name = "endless"

    def __init__(self, pages: int) -> None:
        self._pages = pages

    def transport(self, provider: object) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        content = contacts.page(int(request.url.params["page"]), PAGE_SIZE, self._pages)
        return httpx.Response(200, headers={"content-type": "application/json"}, content=content)


def memory_of_pages() -> Iterator[Row]:
    """The peak of iterating over `contacts.pages()`, of longer listings beside the shortest."""
    first, *longer = LISTINGS
    for count in ("allocated (tracemalloc)", "resident (VmHWM)"):
        peaks = {pages: run_alone("call", pages, count.partition(" ")[0]) for pages in LISTINGS}
        for pages in longer:
            subject = f"{pages:,} pages of {PAGE_SIZE}, {count}"
            yield ratio(subject, peaks[pages], f"{first} pages", peaks[first], "≤ 1.10x", mib)


def print_peak(pages: int, count: str) -> None:
    """Read a listing and print the peak in bytes.

    Two listings before it are not counted: the first imports, the second fills caches of a fixed
    size (pydantic keeps the last strings that it read).
    """
    read_pages(1)
    if count == "allocated":
        tracemalloc.start()
    read_pages(WARM)
    tracemalloc.reset_peak()
    read_pages(pages)
    print(tracemalloc.get_traced_memory()[1] if count == "allocated" else memory("VmHWM"))


def read_pages(pages: int) -> None:
    """Iterate over a listing of so many pages."""
    with contacts.client(via=Endless(pages)) as client:
        size = sum(len(page) for page in client.contacts.pages())
    if size != pages * PAGE_SIZE:
        raise RuntimeError(f"{size} contacts were read of {pages * PAGE_SIZE}")


# Transports


@asynccontextmanager
async def our_connection(address: str) -> AsyncIterator[Send]:
    """The connection of an async client."""
    connection = Connection(None, TIMEOUT, address)

    async def patch(number: int) -> None:
        url = f"{address}/v3/contacts/{KEYS[number]}"
        request = Request(method="PATCH", url=url, headers=HEADERS, body=BODY)
        answer = await connection.asend(request)
        assert isinstance(answer, Response) and answer.status == 200, answer

    try:
        yield patch
    finally:
        await connection.aclose_client()


@asynccontextmanager
async def httpx_clients(address: str) -> AsyncIterator[Send]:
    """httpx, never with two requests in one client."""
    context = httpx.create_ssl_context()
    async with AsyncExitStack() as stack:
        idle: list[httpx.AsyncClient] = []

        async def patch(number: int) -> None:
            client = idle.pop() if idle else await stack.enter_async_context(new_client())
            await _patch(client, address, number)
            idle.append(client)

        def new_client() -> httpx.AsyncClient:
            return httpx.AsyncClient(timeout=TIMEOUT, verify=context, trust_env=False)

        yield patch


@asynccontextmanager
async def httpx_aiohttp(address: str) -> AsyncIterator[Send]:
    """httpx over the package httpx-aiohttp."""
    async with HttpxAiohttpClient(timeout=TIMEOUT) as client:
        yield lambda number: _patch(client, address, number)


async def _patch(client: httpx.AsyncClient, address: str, number: int) -> None:
    url = f"{address}/v3/contacts/{KEYS[number]}"
    answer = await client.patch(url, json=BODY, headers=HEADERS)
    assert answer.status_code == 200


@asynccontextmanager
async def bare_aiohttp(address: str) -> AsyncIterator[Send]:
    """aiohttp by itself."""
    async with aiohttp.ClientSession() as session:

        async def patch(number: int) -> None:
            url = f"{address}/v3/contacts/{KEYS[number]}"
            async with session.patch(url, json=BODY, headers=HEADERS) as answer:
                assert answer.status == 200
                await answer.read()

        yield patch


TRANSPORTS = {
    "an async client": our_connection,
    "httpx, a client a worker": httpx_clients,
    f"httpx-aiohttp {version('httpx-aiohttp')}": httpx_aiohttp,
    f"aiohttp {version('aiohttp')}": bare_aiohttp,
}


def transports() -> Iterator[Row]:
    """A PATCH over loopback, near and far, alone and with many in flight.

    The server is another process and faster than every client, so the client is what is measured.
    """
    for latency in LATENCIES:
        with serving(latency=latency) as address:
            for width in IN_FLIGHT:
                yield from beside_other_transports(address, latency, width)


def beside_other_transports(address: str, latency: int, width: int) -> Iterator[Row]:
    """Requests a second and CPU a request, beside each transport and the limit of the latency."""
    requests = min(REQUESTS, width * TURNS) if latency else REQUESTS
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in TRANSPORTS}
    for _ in range(TRANSPORT_ROUNDS):
        for name, transport in TRANSPORTS.items():
            gc.collect()
            runs[name].append(asyncio.run(load(transport, address, width, requests)))
    figures = {n: tuple(map(median, zip(*pairs, strict=True))) for n, pairs in runs.items()}
    (rate, cost), *_ = figures.values()
    subject = f"{width} in flight, {latency} ms away"
    measured = f"{rate:,.0f}/s, {us(cost)}"
    for name, (other_rate, other_cost) in list(figures.items())[1:]:
        yield Row(
            subject=subject,
            measured=measured,
            beside=name,
            against=f"{other_rate:,.0f}/s, {us(other_cost)}",
            outcome=f"{times(rate / other_rate)}, CPU {times(cost / other_cost)}",
        )
    if latency:
        possible = width / (latency / 1000)
        yield Row(
            subject=subject,
            measured=measured,
            beside="in flight / latency",
            against=f"{possible:,.0f}/s",
            outcome=times(rate / possible),
            wanted="≥ 0.95x" if width == max(IN_FLIGHT) else "",
        )


async def load(
    transport: Callable[[str], Any], address: str, width: int, requests: int
) -> tuple[float, float]:
    """Requests a second, and seconds of this process's CPU a request."""
    async with transport(address) as patch:
        await asyncio.gather(*(patch(0) for _ in range(width)))
        numbers = iter(range(requests))

        async def work() -> None:
            for number in numbers:
                await patch(number)

        started, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(width)))
        seconds, cost = time.perf_counter() - started, time.process_time() - cpu
    return requests / seconds, cost / requests


# Forms


def forms() -> Iterator[Row]:
    """From the verb, its get from the simulator included, to the first message of the form."""
    for name, limit in FORM_LIMITS.items():
        client = ck.connect(name, via=ck.Simulator(contacts=8))
        form = partial(client.contacts.form, EXAMPLES[name].key)
        (seconds,) = medians(FORM_ROUNDS, lambda form=form: first_message(form().widget))
        yield Row(subject=f"form, {name}", outcome=ms(seconds), wanted=f"≤ {limit} ms")
    ipywidgets.Widget.close_all()


def browser() -> Row:
    """`browse(people)` until its first page is sent, beside pandas drawing as many rows."""
    people, client = frame(SIZE), contacts.client(via=ck.Simulator(contacts=0))
    ours, pandas = medians(
        FORM_ROUNDS,
        lambda: first_message(client.contacts.browse(people).widget.children[0]),
        lambda: people.head(FORM_PAGE).to_html(),
    )
    ipywidgets.Widget.close_all()
    subject = f"browse({len(people):,} contacts), first page sent"
    return ratio(subject, ours, f"frame.head({FORM_PAGE}).to_html()", pandas, "≤ 1,000 ms")


def first_message(widget: Widget) -> str:
    """The message that a front end receives when it is ready."""
    messages: list[str] = []
    widget.send = lambda message: messages.append(json.dumps(message))
    widget.receive({"kind": "ready"})
    return "".join(messages)


if __name__ == "__main__":
    print_peak(int(sys.argv[1]), sys.argv[2])
