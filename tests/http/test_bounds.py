"""A response has a largest size and a deadline, for both clients, whatever a server sends."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._http.connection import Connection
from contactkit._http.content import MAX_ANSWER, Content, TooLong
from contactkit._http.session import Answer, NoResponse, Request, Response
from tests.support.providers import loses, then_says
from tests.support.sockets import (
    GOOD,
    TIMEOUT,
    Handler,
    answering,
    read_request,
    request_to,
    serving,
)

LIMIT = 1 << 20
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LAST = HEAD + b"Connection: close\r\n\r\n{}"
SHORT = httpx.Timeout(5.0, read=0.4)
LATE = NoResponse(reason="timeout (ReadTimeout)", sent=True)


def squeezed(content: bytes, times: int, format: int) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, format)
    return b"".join(squeeze.compress(content) for _ in range(times)) + squeeze.flush()


def says_packed(encoding: str, content: bytes) -> Handler:
    head = b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding.encode(), len(content))
    return answering(HEAD + head + content)


def says_endlessly(head: bytes, piece: bytes, pause: float = 0.0) -> Handler:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return handle


def refused_by(send: Callable[[], Answer], limit: int) -> Answer:
    """The answer, for which no more memory was needed than a response may have."""
    tracemalloc.start()
    try:
        answer = send()
        assert tracemalloc.get_traced_memory()[1] < 2.5 * limit
    finally:
        tracemalloc.stop()
    return answer


def senders(address: str, request: Request, timeout: httpx.Timeout = TIMEOUT, **options: Any):
    """One request by the sync client, by the async client, and by it with a query."""
    connection = Connection(None, timeout, address, **options)

    def sync() -> Answer:
        answer = connection.send(request)
        connection.close()
        return answer

    async def send(request: Request) -> Answer:
        answer = await connection.asend(request)
        await connection.aclose()
        return answer

    listing = Request(method="GET", url=address, query={"page": "1"})
    return sync, lambda: asyncio.run(send(request)), lambda: asyncio.run(send(listing))


MILLION = bytes(1 << 20)
BOMBS: dict[str, Callable[[], Handler]] = {
    "gzip": lambda: says_packed("gzip", squeezed(MILLION, 20, 31)),
    "deflate": lambda: says_packed("deflate", squeezed(MILLION, 20, 15)),
    "deflate without its header": lambda: says_packed("deflate", squeezed(MILLION, 20, -15)),
    "gzip twice": lambda: says_packed("gzip, gzip", gzip.compress(squeezed(MILLION, 40, 31))),
    "nothing, twice": lambda: says_packed(
        "gzip, gzip", gzip.compress(b"".join(gzip.compress(b"") for _ in range(100_000)))
    ),
    "no end": lambda: says_endlessly(HEAD + b"\r\n", bytes(1 << 16)),
    "no last chunk": lambda: says_endlessly(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_response_is_read_no_further_than_its_largest_size(bomb):
    with serving(BOMBS[bomb]()) as address:
        for send in senders(address, request_to(address, "GET"), max_answer=LIMIT):
            answer = refused_by(send, LIMIT)
            assert isinstance(answer, Response)
            assert (answer.too_long, answer.content) == (LIMIT, b"")


def test_bomb_of_600_mebibytes_needs_no_more_memory_than_a_response_may_have():
    bomb = says_packed("gzip", squeezed(MILLION, 600, 31))
    with serving(bomb) as address:
        for send in senders(address, request_to(address, "GET")):
            tracemalloc.start()
            answer = send()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert isinstance(answer, Response) and answer.too_long == MAX_ANSWER
            assert peak < 1.1 * MAX_ANSWER


@pytest.mark.parametrize("length", [999, 1000])
def test_response_of_the_largest_size_is_whole(length):
    body = b'"' + b"a" * (length - 2) + b'"'
    plain = answering(HEAD + b"Content-Length: %d\r\n\r\n" % length + body)
    for talk in (plain, says_packed("gzip", gzip.compress(body))):
        with serving(talk) as address:
            for send in senders(address, request_to(address, "GET"), max_answer=1000):
                answer = send()
                assert isinstance(answer, Response)
                assert (answer.content, answer.too_long) == (body, 0)
                assert "content-encoding" not in answer.headers


DRIPS = {
    "a byte now and then": says_endlessly(HEAD + b"Content-Length: 999\r\n\r\n", b" ", 0.1),
    "a chunk now and then": says_endlessly(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.1
    ),
    "a header now and then": says_endlessly(HEAD, b"X-A: 1\r\n", 0.1),
    "a part of a header now and then": says_endlessly(HEAD + b"X-A: ", b"1", 0.1),
    "a hint now and then": says_endlessly(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.1),
}


@pytest.mark.parametrize("drip", DRIPS)
def test_dripping_response_ends_at_the_deadline(drip):
    with serving(DRIPS[drip]) as address:
        for send in senders(address, request_to(address, "GET"), SHORT):
            started = time.monotonic()
            assert send() == LATE
            assert 0.3 < time.monotonic() - started < 10


@pytest.mark.parametrize("timeout", [httpx.Timeout(5.0), httpx.Timeout(None)])
def test_slow_response_within_the_deadline_is_read(timeout):
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        for number in range(len(GOOD)):
            connection.sendall(GOOD[number : number + 1])
            time.sleep(0.005)

    with serving(handle) as address:
        for send in senders(address, request_to(address, "GET"), timeout):
            assert isinstance(send(), Response)


def test_next_request_has_the_whole_time_again():
    def handle(connection: socket.socket) -> None:
        while read_request(connection):
            time.sleep(0.25)
            connection.sendall(GOOD)

    async def both(connection: Connection) -> list[Answer]:
        found = [await connection.asend(request_to(address)) for _ in range(3)]
        await connection.aclose()
        return found

    with serving(handle) as address:
        connection = Connection(None, SHORT, address)
        assert all(isinstance(connection.send(request_to(address)), Response) for _ in range(3))
        connection.close()
        assert all(isinstance(each, Response) for each in asyncio.run(both(connection)))


# What a verb and a plan make of it


def too_large(client: ck.Client, sync: bool, verb: str, *args: Any, **fields: Any) -> ck.ApiError:
    contacts = client.contacts if sync else client.aio.contacts
    with pytest.raises(ck.ApiError) as caught:
        answer = getattr(contacts, verb)(*args, **fields)
        if not sync:
            asyncio.run(answer)
    assert type(caught.value) is ck.ApiError
    assert "is longer than the 1,000 bytes of max_answer=" in caught.value.problem.message
    return caught.value


@pytest.mark.parametrize("sync", [True, False])
def test_long_response_to_a_read_is_an_error_and_not_requested_again(name, wire, example, sync):
    client = ck.connect(name, via=wire, max_answer=1000)
    wire.faults = [then_says(200, b" " * 1001)]
    too_large(client, sync, "get", example.key)
    wire.faults = [then_says(200, b" " * 1001)]
    too_large(client, sync, "list")
    assert len(wire.requests) == 2


@pytest.mark.parametrize("sync", [True, False])
def test_write_with_a_long_response_is_unknown_and_not_repeated(
    name, wire, example, sync, tmp_path
):
    client = ck.connect(name, via=wire, max_answer=1000, journal=tmp_path / "journal.sqlite3")
    wire.faults = [then_says(200, b" " * 1001)]
    too_large(client, sync, "create", **example.create)
    assert ck.journal(tmp_path / "journal.sqlite3")["outcome"].tolist() == ["unknown"]
    assert len(wire.requests) == 1


@pytest.mark.parametrize("late", [False, True])
def test_planned_write_without_its_whole_response_is_unknown(name, wire, example, late):
    client = ck.connect(name, via=wire, max_answer=100_000)
    people = client.contacts.list()
    field = {"sent": "opt_out", "digital_onboarding": "name_first"}.get(name, "first_name")
    value: Any = True if name == "sent" else "Zoë"
    edited = people.assign(**{field: value})
    plan = client.contacts.plan(edited, people)
    lost = loses(httpx.ReadTimeout, after=True) if late else then_says(200, b" " * 100_001)
    wire.faults = [lost] * 4
    result = plan.apply(progress=False, limit=1)
    assert result["outcome"].tolist().count("unknown") == 1
    wire.faults = []
    assert not plan.apply(progress=False)["outcome"].isin(["unknown", "failed"]).any()


@pytest.mark.parametrize("sync", [True, False])
def test_recording_of_a_long_response_replays_as_an_error(name, wire, example, sync, tmp_path):
    path = tmp_path / "calls.jsonl"
    client = ck.connect(name, via=wire, max_answer=1000)
    wire.faults = [then_says(200, b" " * 1001)]
    with ck.record(client, path):
        too_large(client, sync, "get", example.key)
    assert path.stat().st_size < 1000
    replay = ck.connect(name, via=ck.Cassette(path, "replay"))
    with pytest.raises(ck.ApiError) as caught:
        replay.contacts.get(example.key)
    assert caught.value.problem.code == "undocumented"


@pytest.mark.parametrize("sync", [True, False])
def test_recorded_client_keeps_to_the_deadline(tmp_path: Path, sync: bool):
    path, drips = tmp_path / "calls.jsonl", iter([answering(LAST), *DRIPS.values()])
    with serving(lambda connection: next(drips)(connection)) as address:
        client = ck.connect("sent", api_key="k", base_url=address, timeout=0.2)
        with client, ck.record(client, path):
            for error in (ck.ApiError, ck.TransportError):
                with pytest.raises(error):
                    if sync:
                        client.contacts.list()
                    else:
                        asyncio.run(client.aio.contacts.list())
    failures = ck.Cassette(path, "replay").frame()["failure"]
    assert failures.dropna().tolist() == ["ReadTimeout"] * 4


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "64 MiB", None])
def test_connect_refuses_an_invalid_largest_size(value):
    with pytest.raises(ck.ConfigurationError, match=r"max_answer= must be a whole number of bytes"):
        ck.connect("sent", api_key="k", max_answer=value)


# Content in pieces

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "GZip": gzip.compress,
    "deflate": zlib.compress,
    "gzip, deflate": lambda content: zlib.compress(gzip.compress(content)),
}


@given(st.sampled_from([*PACKERS]), st.binary(max_size=400), st.integers(1, 50), st.integers(1, 99))
def test_content_is_decoded_in_pieces_of_any_size(
    encoding: str, unit: bytes, times: int, size: int
) -> None:
    whole = unit * times * 20
    packed = PACKERS[encoding](whole)
    content = Content(encoding, max(len(whole), len(packed) * 2, 100))
    for start in range(0, len(packed), size):
        content.add(packed[start : start + size])
    assert content.whole() == whole


@given(st.sampled_from([*PACKERS]), st.integers(1, 3_000_000))
def test_content_over_its_limit_is_too_long(encoding: str, length: int) -> None:
    packed = PACKERS[encoding](bytes(length))
    content = Content(encoding, min(length - 1, len(packed) + 200))
    with pytest.raises(TooLong):
        content.add(packed)
        content.whole()


def test_content_in_an_unknown_encoding_is_left_as_it_is() -> None:
    for encoding in ("br", "gzip, br"):
        content = Content(encoding, 100)
        content.add(b"abc")
        assert (content.whole(), content.decoded) == (b"abc", False)


def test_what_follows_the_end_of_a_compressed_content_is_ignored() -> None:
    content = Content("gzip", 1000)
    content.add(gzip.compress(b"abc") + b"rest")
    content.add(b"more")
    assert content.whole() == b"abc"
