"""Pages that are requested ahead: how many, in which order they count, and what their errors do."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._plans.listing import MOST_AHEAD
from tests.bench.contacts import contact
from tests.support.listing_server import ListingServer, serving_contacts

Read = Callable[..., pd.DataFrame]
SIZE, PAGES = 100, 30
FAR = 0.02


@pytest.fixture
def server() -> Iterator[ListingServer]:
    with serving_contacts(SIZE * PAGES, FAR) as server:
        yield server


def read_sync(server: ListingServer, **options: Any) -> pd.DataFrame:
    with server.connect() as client:
        return client.contacts.list(**options)


def read_async(server: ListingServer, **options: Any) -> pd.DataFrame:
    async def read() -> pd.DataFrame:
        async with server.connect().aio as client:
            return await client.contacts.list(**options)

    return asyncio.run(read())


BOTH = pytest.mark.parametrize("read", [read_sync, read_async], ids=["sync", "async"])


@BOTH
def test_numbered_pages_are_read_several_at_a_time(server: ListingServer, read: Read) -> None:
    people = read(server)
    assert people["id"].to_list() == [row["id"] for row in server.contacts]
    assert sorted(server.requests) == list(range(1, PAGES + 1))
    assert 3 <= server.most_in_flight <= MOST_AHEAD


@BOTH
def test_limit_requests_no_page_beyond_it(server: ListingServer, read: Read) -> None:
    with pytest.warns(ck.ContactKitWarning, match="cut at 950 of 3,000"):
        assert len(read(server, limit=950)) == 950
    time.sleep(3 * FAR)
    assert sorted(server.requests) == list(range(1, 11))


def wait_for(server: ListingServer, requests: int) -> None:
    """Wait for so many requests, and for one more, which does not come."""
    for _ in range(500):
        if len(server.requests) >= requests:
            break
        time.sleep(FAR / 2)
    time.sleep(2 * FAR)


def test_pages_request_one_more_than_is_used(server: ListingServer) -> None:
    with server.connect() as client:
        for number, _ in enumerate(client.contacts.pages(), start=1):
            wait_for(server, number + 1)
            assert server.requests == list(range(1, number + 2))
            if number == 3:
                break
        time.sleep(2 * FAR)
    assert server.requests == [1, 2, 3, 4]
    assert server.most_in_flight == 1


async def test_async_pages_request_one_more_than_is_used(server: ListingServer) -> None:
    async with server.connect().aio as client:
        pages = client.contacts.pages()
        async for _ in pages:
            await asyncio.to_thread(wait_for, server, 2)
            assert server.requests == [1, 2]
            break
        await pages.aclose()
        await asyncio.sleep(2 * FAR)
    assert server.requests == [1, 2]


def test_next_page_is_read_while_the_caller_works(server: ListingServer) -> None:
    server.latency = 0.1
    with server.connect() as client:
        pages = client.contacts.pages()
        next(pages)
        time.sleep(0.3)
        started = time.perf_counter()
        next(pages)
        assert time.perf_counter() - started < 0.1
        pages.close()
        time.sleep(0.2)


@BOTH
def test_error_of_a_page_is_raised_after_the_pages_before_it(
    server: ListingServer, read: Read
) -> None:
    server.faults = {9: [403] * 9}
    with pytest.raises(ck.PermissionDeniedError):
        read(server)
    # Once ahead, and once at its place.
    assert server.requests.count(9) == 2
    server.faults = {9: [403] * 9}
    with server.connect() as client:
        pages = client.contacts.pages()
        assert sum(len(next(pages)) for _ in range(8)) == 8 * SIZE
        with pytest.raises(ck.PermissionDeniedError):
            next(pages)


@BOTH
def test_lost_and_refused_pages_are_read_again(server: ListingServer, read: Read) -> None:
    server.faults = {4: [0], 7: [429, 429], 8: [503], 12: [0, 0], 30: [500]}
    people = read(server)
    assert people["id"].to_list() == [row["id"] for row in server.contacts]


@BOTH
def test_refusals_of_all_pages_at_once_do_not_end_the_listing(
    server: ListingServer, read: Read
) -> None:
    page = server.page

    def refuse(number: int, size: int) -> bytes:
        if number == 9 and not server.refusing_until:
            server.refusing_until = time.monotonic() + 0.5
        return page(number, size)

    server.page, server.retry_after = refuse, "1"
    assert len(read(server)) == SIZE * PAGES
    assert len(server.requests) < PAGES + 2 * MOST_AHEAD


@BOTH
def test_listing_that_shrinks_while_pages_are_read_ahead_warns(
    server: ListingServer, read: Read
) -> None:
    page = server.page

    def shrink(number: int, size: int) -> bytes:
        if number == 12:
            del server.contacts[:5]
        return page(number, size)

    server.page = shrink
    with pytest.warns(ck.ContactKitWarning, match="the listing changed while it was read"):
        people = read(server)
    assert people["id"].is_unique
    # Pages in flight together may be of either state.
    assert len(people) >= SIZE * PAGES - 5 * MOST_AHEAD


@BOTH
def test_listing_that_grows_is_read_to_its_new_end(server: ListingServer, read: Read) -> None:
    answer, answered, others = server.answer, set[int](), threading.Event()

    def grow(number: int, size: int) -> tuple[int, bytes]:
        if number == PAGES and len(server.contacts) == SIZE * PAGES:
            # An earlier page that is answered later would announce other totals out of order.
            others.wait(10)
            server.contacts += [contact(SIZE * PAGES + more) for more in range(150)]
        status_and_body = answer(number, size)
        answered.add(number)
        if len(answered) == PAGES - 1:
            others.set()
        return status_and_body

    server.answer = grow
    assert len(read(server)) == SIZE * PAGES + 150


def test_interrupt_abandons_the_pages_ahead(
    server: ListingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = threading.Event.wait

    def interrupt(self: threading.Event, timeout: float | None = None) -> bool:
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        return wait(self, timeout)

    with server.connect() as client:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(threading.Event, "wait", interrupt)
            client.contacts.list()
        assert len(server.requests) < PAGES
        assert len(client.contacts.list()) == SIZE * PAGES


def test_thread_that_waits_for_the_rate_limit_sends_nothing_after_a_break(
    server: ListingServer,
) -> None:
    with server.connect(rate_limit="2/second") as client:
        for number, _ in enumerate(client.contacts.pages(), start=1):
            if number == 2:
                break
        time.sleep(1.2)
    assert server.requests == [1, 2]


def test_pages_ahead_keep_to_the_rate_limit_and_their_order(server: ListingServer) -> None:
    with serving_contacts(2_400) as server, server.connect(rate_limit="8/second") as client:
        started = time.perf_counter()
        client.contacts.list()
        assert time.perf_counter() - started > 2.0
    windows = [server.requests[start : start + 8] for start in range(0, 24, 8)]
    assert [page for window in windows for page in sorted(window)] == list(range(1, 25))


def test_simulator_gets_its_requests_one_at_a_time_and_in_order(wire) -> None:
    wire.simulator = ck.Simulator(contacts=850, seed=7)
    client = ck.connect("sent", via=wire)
    for _ in client.contacts.pages():
        break
    assert len(wire.requests) == 1
    assert len(client.contacts.list()) == 850
    pages = [int(request.url.params["page"]) for request in wire.requests[1:]]
    assert pages == list(range(1, 10))


def test_recording_has_the_pages_in_order(server: ListingServer, tmp_path) -> None:
    file = tmp_path / "listing.jsonl"
    # Redaction reads every contact.
    del server.contacts[9 * SIZE :]
    with server.connect() as client, ck.record(client, file):
        people = client.contacts.list()
    assert server.requests == list(range(1, 10))
    with ck.connect("sent", via=ck.Cassette(file), base_url=server.address) as replayed:
        assert len(replayed.contacts.list()) == len(people)
