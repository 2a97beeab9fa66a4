"""The application on a real socket: whole, slow, truncated and dropped responses; its clock."""

from __future__ import annotations

import asyncio
import re
import time
import warnings
from collections.abc import AsyncIterator, Generator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.simulator.clocks import OffsetClock
from contactkit.simulator.messages import Request, Response
from contactkit.simulator.serve import app as serve_app
from contactkit.simulator.serve.app import SimulatorApp, address_of, create_server, listen
from tests.contract.test_faults import FAULTS
from tests.support.providers import EXAMPLES
from tests.support.requests import RawClient
from tests.support.simulator_server import served

KEY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
SIGNED = {"x-api-key": "simulator-organisation-key"}
BODY = {"text": "0123456789" * 20_000}


# No test waits as long as a provider may.
SHORT = {
    "latency": {"seconds": 0.01},
    "rate_limited": {"retry_after": 0},
    "server_error": {"retry_after": 0},
}


@pytest.fixture
def app(request: pytest.FixtureRequest) -> SimulatorApp:
    return SimulatorApp(find(getattr(request, "param", "sent")), contacts=8, seed=0)


@pytest.fixture
async def address(app: SimulatorApp) -> AsyncIterator[str]:
    with listen("127.0.0.1", 0) as listener:
        ready = asyncio.Event()
        server = create_server(app, ready.set)
        task = asyncio.create_task(server.serve([listener]))
        await ready.wait()
        yield address_of(listener)
        server.should_exit = True
        await task


@pytest.fixture
async def http(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address, headers=SIGNED, trust_env=False) as client:
        yield client


@pytest.fixture
def responses(monkeypatch: pytest.MonkeyPatch) -> list[Response]:
    """The next responses of the simulator, to any request."""
    queue: list[Response] = []

    def deliver(simulator: object, request: Request) -> Generator[float, None, Response]:
        yield 0.0
        return queue.pop(0)

    monkeypatch.setattr(ck.Simulator, "deliver", deliver)
    monkeypatch.setattr(serve_app, "_PAUSE", 0.0)
    return queue


async def raw(address: str, request: bytes) -> bytes:
    """All bytes that come back on a new connection, until it is closed."""
    host, port = httpx.URL(address).host, httpx.URL(address).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    read = await reader.read()
    writer.close()
    await writer.wait_closed()
    return read


def get(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: here", *lines, "", ""]).encode()


def timeless(text: str) -> str:
    return re.sub(r'"\d{4}-[^"]+"', '"then"', text)


# The same engine


async def test_responses_equal_those_in_process(http):
    client = RawClient("sent")
    for method, path, sent in [
        ("GET", f"/v3/contacts/{KEY}", {}),
        ("GET", "/v3/contacts?page=2&page_size=3", {}),
        ("GET", "/v3/contacts?search=%28202%29+555-0123", {}),
        ("GET", "/v3/contacts/a%2Fb", {}),
        ("GET", "/v3/nowhere", {}),
        ("PATCH", f"/v3/contacts/{KEY}", {"json": {"default_channel": "fax"}}),
        ("PATCH", f"/v3/contacts/{KEY}", {"content": b"{"}),
        ("DELETE", f"/v3/contacts/{KEY}", {}),
        ("DELETE", f"/v3/contacts/{KEY}", {}),
    ]:
        ours, theirs = await http.request(method, path, **sent), client(method, path, **sent)
        assert ours.status_code == theirs.status_code
        assert set(ours.headers) - {"content-length"} == set(theirs.headers) - {"content-length"}
        assert ours.headers["x-request-id"] == theirs.headers["x-request-id"]
        assert timeless(ours.text) == timeless(theirs.text)


async def test_path_is_left_encoded(http, monkeypatch):
    seen: list[Request] = []

    def deliver(simulator: object, request: Request) -> Generator[float, None, Response]:
        seen.append(request)
        yield from ()
        return Response(204)

    monkeypatch.setattr(ck.Simulator, "deliver", deliver)
    await http.post("/a/%2B1%2f+1?q=a%20b+c&q=&e=", content=b"x" * 300_000)
    [request] = seen
    assert (request.path, request.query) == ("/a/%2B1%2f+1", {"q": "", "e": ""})
    assert (request.method, request.content) == ("POST", b"x" * 300_000)
    assert request.headers["x-api-key"] == SIGNED["x-api-key"]


async def test_waiting_request_does_not_delay_others(http, monkeypatch):
    arrived, passed = asyncio.Event(), asyncio.Event()

    def deliver(simulator: object, request: Request) -> Generator[float, None, Response]:
        arrived.set()
        while request.path == "/first" and not passed.is_set():
            yield 0.001
        return Response(200, request.path)

    monkeypatch.setattr(ck.Simulator, "deliver", deliver)
    first = asyncio.create_task(http.get("/first"))
    await arrived.wait()
    assert (await http.get("/second")).json() == "/second"
    assert not first.done()
    passed.set()
    assert (await first).json() == "/first"


async def test_internal_error_is_logged_and_a_500(http, responses, caplog):
    assert (await http.get("/v3/contacts")).status_code == 500
    assert "GET /v3/contacts" in caplog.text and "IndexError" in caplog.text


async def test_client_that_disconnects_is_ignored(address, responses, caplog):
    host, port = httpx.URL(address).host, httpx.URL(address).port
    _, writer = await asyncio.open_connection(host, port)
    writer.write(b"POST /a HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nabc")
    await writer.drain()
    writer.transport.abort()
    responses.append(Response(200, 1))
    async with httpx.AsyncClient(base_url=address, trust_env=False) as http:
        assert (await http.get("/b")).json() == 1
    assert not caplog.records


# What arrives


@pytest.mark.parametrize("delivery", ["whole", "slow"])
async def test_whole_response_arrives(http, responses, delivery):
    responses += [
        Response(200, BODY, {"X-A": "b"}, delivery=delivery),
        Response(200, delivery=delivery),
    ]
    full, empty = [await http.get("/") for _ in range(2)]
    assert (full.status_code, full.json(), full.headers["x-a"]) == (200, BODY, "b")
    assert full.headers["content-type"] == "application/json"
    assert (empty.content, empty.headers["content-length"]) == (b"", "0")
    assert "content-type" not in empty.headers


async def test_slow_response_comes_in_pieces(responses):
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await serve_app._send_response(Response(200, BODY, delivery="slow"), {}, send, send)
    head, *parts = sent
    assert (
        dict(head["headers"])[b"content-length"] == str(len(Response(200, BODY).content)).encode()
    )
    assert [len(part["body"]) for part in parts] == [20_002] * 9 + [19_993, 0]
    assert [part["more_body"] for part in parts] == [True] * 10 + [False]


async def test_raw_content_replaces_the_body(http, responses):
    responses.append(Response(502, {"a": 1}, raw=("text/html", b"<h1>Bad gateway</h1>")))
    response = await http.get("/")
    assert (response.status_code, response.text) == (502, "<h1>Bad gateway</h1>")
    assert response.headers["content-type"] == "text/html"


async def test_truncated_response_ends_halfway(http, address, responses, caplog):
    responses += [Response(200, BODY, delivery="truncated")] * 2
    whole = Response(200, BODY).content
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection without sending"):
        await http.get("/")
    head, _, body = (await raw(address, get("/"))).partition(b"\r\n\r\n")
    assert f"content-length: {len(whole)}".encode() in head
    assert body == whole[: len(whole) // 2]
    assert not caplog.records


async def test_dropped_response_is_empty(http, address, responses, caplog):
    responses += [Response(200, BODY, delivery="dropped")] * 2
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await http.get("/")
    assert await raw(address, get("/")) == b""
    responses.append(Response(200, 1))
    assert (await http.get("/")).json() == 1
    assert not caplog.records


async def test_response_has_no_server_or_date_header(address, responses):
    responses.append(Response(204, headers={"X-A": "b"}))
    read = await raw(address, get("/", "Connection: close"))
    assert read == b"HTTP/1.1 204 No Content\r\nx-a: b\r\nConnection: close\r\n\r\n"


# Time, and beginning again


async def test_clock_is_real_time_plus_an_offset():
    clock = OffsetClock()
    before = clock.now()
    clock.offset += 3600
    assert 3600 <= clock.now() - before < 3700
    clock.sleep(clock.now() + 0.001)
    await clock.asleep(clock.now() + 0.001)
    assert 3600 <= clock.now() - before < 3700


async def test_reset_starts_again(app, http):
    before = [replace(stored) for stored in app.engine.contacts]
    await http.patch(f"/v3/contacts/{KEY}", json={"opt_out": True})
    app.clock.offset = 60.0
    app.reset()
    assert [stored.row["id"] for stored in app.engine.contacts] == [
        stored.row["id"] for stored in before
    ]
    assert not any(stored.writes for stored in app.engine.contacts)
    assert (await http.get(f"/v3/contacts/{KEY}")).json()["data"]["opt_out"] is False
    assert app.clock.offset == 0


# Faults on a real socket


async def test_control_routes_switch_faults_on_and_off(app, http):
    app.controlled = True
    fault = {"kind": "server_error", "times": 2, "status": 503, "retry_after": 7}
    await http.post("/_simulator/faults", json=fault)
    responses = [await http.get("/v3/contacts") for _ in range(3)]
    assert [response.status_code for response in responses] == [503, 503, 200]
    assert responses[0].headers["retry-after"] == "7"
    for route in ("faults", "reset"):
        await http.post("/_simulator/faults", json={"kind": "server_error", "probability": 1})
        assert (await http.get("/v3/contacts")).status_code == 500
        await http.post(f"/_simulator/{route}", json={})
        assert (await http.get("/v3/contacts")).status_code == 200


async def test_dropped_request_is_carried_out_only_if_written(app, http):
    for kind, writes in [("dropped", 0), ("written_then_dropped", 1)]:
        app.simulator.fault(kind)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await http.patch(f"/v3/contacts/{KEY}", json={"opt_out": True})
        assert app.engine.contacts.find(KEY).writes == writes


async def test_latency_and_slow_body_take_real_time(app, http):
    for kind, options, least in [("latency", {"seconds": 0.3}, 0.3), ("slow_body", {}, 0.9)]:
        app.simulator.fault(kind, **options)
        started = time.monotonic()
        assert (await http.get(f"/v3/contacts/{KEY}")).status_code == 200
        assert time.monotonic() - started >= least


async def test_truncated_response_without_a_body_is_dropped(app, http):
    app.simulator.fault("truncated_body")
    with pytest.raises(httpx.RemoteProtocolError):
        await http.delete(f"/v3/contacts/{KEY}")


QUICK = [(kind, {**options, **SHORT.get(kind, {})}) for kind, options in FAULTS]


@pytest.mark.parametrize("app", ["sent", "privy"], indirect=True)
async def test_write_under_every_fault_is_reported_truly(app, address, monkeypatch):
    monkeypatch.setattr("contactkit._http.flow._FIRST_PAUSE", 0.001)
    monkeypatch.setattr(serve_app, "_PAUSE", 0.001)
    name, example = app.provider.name, EXAMPLES[app.provider.name]
    url = address + urlsplit(app.provider.base_url).path
    for kind, options in QUICK:
        app.reset()
        credentials = app.engine.accounts[next(iter(app.engine.accounts))].credentials
        async with ck.connect(name, base_url=url, **credentials).aio as client:
            app.simulator.fault(kind, **options)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ck.ContactKitWarning)
                    await client.contacts.list()
                    result = await client.contacts.update(example.key, **example.update)
                outcome = result["outcome"][0]
            except ck.TransportError as error:
                outcome = "unknown" if error.sent else "refused"
            except ck.ApiError as error:
                doubtful = isinstance(error, ck.ServerError) or error.problem.code == "undocumented"
                outcome = "unknown" if doubtful else "refused"
        writes = sum(stored.writes for stored in app.engine.contacts if not stored.deleted)
        # What sets values may be sent twice where no key tells the two apart.
        assert writes <= (1 if app.provider.endpoint("update").keyed else 2), kind
        assert writes or outcome != "updated", kind
        assert not writes or outcome != "refused", kind


@pytest.mark.parametrize(("option", "status"), [("--strict", 422), ("--no-strict", 200)])
def test_serve_takes_the_page_to_the_letter_or_not(option, status):
    with served("privy", "--contacts", "8", option) as privy:
        key = next(c["id"] for c in privy.contacts() if c["email_consent"].startswith("compl"))
        headers = {"Authorization": f"Bearer {privy.credentials['token']}"}
        response = httpx.patch(
            f"{privy.base_url}/contacts/{key}",
            json={"first_name": "Jan"},
            headers=headers,
            trust_env=False,
        )
    assert response.status_code == status
