"""What is heard on a real wire: bytes, chunks and failures as they came, through both doors."""

from __future__ import annotations

import asyncio
import gzip
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from contactkit._http.connection import AsyncClient
from contactkit._http.world import RealClock
from contactkit.cassette.exchange import Exchange
from contactkit.cassette.recorder import asend_recorded, request_of, send_recorded

SQUEEZED = gzip.compress(b'{"a": 12345678901234567890123}')
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(
    b"%x\r\n%s\r\n" % (len(each), each) for each in (b'{"a":', b"1}", b"")
)
ANSWERS = {
    "/gzip": b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(SQUEEZED) + SQUEEZED,
    "/broken": b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    "/chunks": CHUNKED,
    "/twice": b"Link: <a>\r\nLink: <b>\r\nContent-Length: 0\r\n\r\n",
    "/cut": b"Content-Length: 9\r\n\r\nhalf",
}


class Answering(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        path = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
        self.wfile.write(head + ANSWERS[path] if path in ANSWERS else b"")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


Outcome = tuple[httpx.Response | httpx.HTTPError, list[Exchange]]


def blocking(url: str) -> Outcome:
    kept: list[Exchange] = []
    with httpx.Client(trust_env=False) as client:
        try:
            return send_recorded(
                client, client.build_request("GET", url), RealClock(), kept.append
            ), kept
        except httpx.HTTPError as error:
            return error, kept


def awaiting(url: str) -> Outcome:
    async def awaited() -> Outcome:
        kept: list[Exchange] = []
        async with AsyncClient(trust_env=False) as client:
            asked = client.build_request("GET", url)
            try:
                return await asend_recorded(client, asked, RealClock(), kept.append), kept
            except httpx.HTTPError as error:
                return error, kept

    return asyncio.run(awaited())


@pytest.fixture(params=[blocking, awaiting])
def ask(request: pytest.FixtureRequest) -> Callable[[str], Outcome]:
    return request.param


def test_a_compressed_answer_is_recorded_without_its_compression(ask, address):
    answer, (heard,) = ask(f"{address}/gzip")
    assert heard.response.body == answer.content == b'{"a": 12345678901234567890123}'
    assert "content-encoding" not in {name.lower() for name, _ in heard.response.headers}


def test_an_answer_in_chunks_is_recorded_whole(ask, address):
    answer, (heard,) = ask(f"{address}/chunks")
    assert heard.response.body == answer.content == b'{"a":1}'


@pytest.mark.parametrize("path", [*ANSWERS, "/silence"])
def test_both_doors_hear_the_same(path, address):
    heard = [ask(f"{address}{path}")[1][0] for ask in (blocking, awaiting)]
    first, second = (replace(each, at=0.0, elapsed=0.0) for each in heard)
    assert first == second


def test_a_header_that_came_twice_is_heard_twice(ask, address):
    answer, (heard,) = ask(f"{address}/twice")
    assert [text for name, text in heard.response.headers if name.lower() == "link"] == [
        "<a>",
        "<b>",
    ]
    assert answer.headers.get_list("link") == ["<a>", "<b>"]


@pytest.mark.parametrize("path", ["/cut", "/silence"])
def test_a_connection_that_breaks_is_heard_and_raised(ask, address, path):
    error, (heard,) = ask(f"{address}{path}")
    assert type(error).__name__ == heard.response.failure == "RemoteProtocolError"
    assert heard.response.sent and heard.response.status is None


def test_a_connection_that_is_refused_was_never_sent(ask):
    error, (heard,) = ask("http://127.0.0.1:1/")
    assert isinstance(error, httpx.ConnectError)
    assert (heard.response.failure, heard.response.sent) == ("ConnectError", False)


def test_an_answer_that_cannot_be_decompressed_is_recorded_as_a_failure(ask, address):
    error, (heard,) = ask(f"{address}/broken")
    assert isinstance(error, httpx.DecodingError)
    assert (heard.response.status, heard.response.failure) == (None, "DecodingError")


def test_only_what_can_be_looked_into_is_asked_for(address):
    with httpx.Client(trust_env=False) as client:
        asked = client.build_request("GET", f"{address}/gzip", headers={"Accept-Encoding": "br"})
        send_recorded(client, asked, RealClock(), [].append)
    assert asked.headers["accept-encoding"] == "gzip, deflate"


def test_a_request_is_read_as_it_is_sent():
    url = "https://h/a%2Fb?x=1&x=2&y=%2B1#f"
    sent = httpx.Request("post", url, json={"n": 1}, headers={"X-Key": "k"})
    found = request_of(sent)
    assert (found.method, found.url) == ("POST", "https://h/a%2Fb")
    assert found.query == (("x", "1"), ("x", "2"), ("y", "+1"))
    assert (found.body, found.content_type) == (b'{"n":1}', "application/json")
    assert dict(found.headers)["X-Key"] == "k"
