"""What is recorded from real sockets, by sync and async clients: responses and failures."""

from __future__ import annotations

import asyncio
import gzip
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from contactkit._http.clients import AsyncClient
from contactkit._http.connection import TapFlow
from contactkit._http.drivers import adrive, drive
from contactkit._http.world import RealClock
from contactkit.cassette.exchange import Exchange, RecordedResponse, request_of
from contactkit.cassette.recorder import capture

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


Recorded = tuple[httpx.Response | httpx.HTTPError, Exchange]


def recording(request: httpx.Request, exchanges: list[Exchange]) -> TapFlow:
    exchange, outcome = yield from capture(request, RealClock())
    exchanges.append(exchange)
    if isinstance(outcome, httpx.HTTPError):
        raise outcome
    return outcome


def record(url: str) -> Recorded:
    exchanges: list[Exchange] = []
    with httpx.Client(trust_env=False) as client:
        try:
            flow = recording(client.build_request("GET", url), exchanges)
            return drive(flow, client.send), exchanges[0]
        except httpx.HTTPError as error:
            return error, exchanges[0]


def record_async(url: str) -> Recorded:
    async def run() -> Recorded:
        exchanges: list[Exchange] = []
        async with AsyncClient(trust_env=False) as client:
            try:
                flow = recording(client.build_request("GET", url), exchanges)
                return await adrive(flow, client.send), exchanges[0]
            except httpx.HTTPError as error:
                return error, exchanges[0]

    return asyncio.run(run())


@pytest.fixture(params=[record, record_async])
def recorded(request: pytest.FixtureRequest) -> Callable[[str], Recorded]:
    return request.param


def test_capture_stores_a_compressed_body_without_compression(recorded, address):
    response, exchange = recorded(f"{address}/gzip")
    assert exchange.response.body == response.content == b'{"a": 12345678901234567890123}'
    assert "content-encoding" not in {name.lower() for name, _ in exchange.response.headers}


def test_capture_stores_a_chunked_body_whole(recorded, address):
    response, exchange = recorded(f"{address}/chunks")
    assert exchange.response.body == response.content == b'{"a":1}'


@pytest.mark.parametrize("path", [*ANSWERS, "/silence"])
def test_capture_is_the_same_sync_and_async(path, address):
    exchanges = [run(f"{address}{path}")[1] for run in (record, record_async)]
    sync, awaited = (replace(exchange, at=0.0, elapsed=0.0) for exchange in exchanges)
    assert sync == awaited


def test_capture_keeps_a_repeated_header(recorded, address):
    response, exchange = recorded(f"{address}/twice")
    links = [text for name, text in exchange.response.headers if name.lower() == "link"]
    assert links == response.headers.get_list("link") == ["<a>", "<b>"]


@pytest.mark.parametrize("path", ["/cut", "/silence"])
def test_capture_records_a_broken_connection(recorded, address, path):
    error, exchange = recorded(f"{address}{path}")
    assert isinstance(error, httpx.RemoteProtocolError)
    assert exchange.response == RecordedResponse(failure="RemoteProtocolError", sent=True)


def test_capture_records_a_refused_connection_as_unsent(recorded):
    error, exchange = recorded("http://127.0.0.1:1/")
    assert isinstance(error, httpx.ConnectError)
    assert exchange.response == RecordedResponse(failure="ConnectError", sent=False)


def test_capture_records_a_body_that_cannot_be_decompressed_as_a_failure(recorded, address):
    error, exchange = recorded(f"{address}/broken")
    assert isinstance(error, httpx.DecodingError)
    assert exchange.response == RecordedResponse(failure="DecodingError", sent=True)


def test_capture_accepts_only_encodings_that_can_be_decoded(address):
    with httpx.Client(trust_env=False) as client:
        request = client.build_request("GET", f"{address}/gzip", headers={"Accept-Encoding": "br"})
        drive(recording(request, []), client.send)
    assert request.headers["accept-encoding"] == "gzip, deflate"


def test_capture_closes_its_flow_when_it_is_interrupted():
    ended: list[str] = []

    def flow() -> TapFlow:
        try:
            return (yield httpx.Request("GET", "https://example.com"))
        finally:
            ended.append("ended")

    def interrupt(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(flow(), httpx.Client(transport=httpx.MockTransport(interrupt)).send)
    assert ended == ["ended"]


def test_request_of_keeps_the_request_as_sent():
    url = "https://h/a%2Fb?x=1&x=2&y=%2B1#f"
    sent = httpx.Request("post", url, json={"n": 1}, headers={"X-Key": "k"})
    request = request_of(sent)
    assert (request.method, request.url) == ("POST", "https://h/a%2Fb")
    assert request.query == (("x", "1"), ("x", "2"), ("y", "+1"))
    assert (request.body, request.content_type) == (b'{"n":1}', "application/json")
    assert dict(request.headers)["X-Key"] == "k"
