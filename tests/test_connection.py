"""Both doors on real sockets: the same requests, the same answers, and the same failures."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme

from contactkit.calls import Answer, Call, Lost, Reply
from contactkit.connection import Connection
from tests.ports import free_port
from tests.sockets import GOOD, Talk, request, saying, talking

WAITS = httpx.Timeout(5.0)
SHORT = httpx.Timeout(5.0, read=0.1)


def call(address: str, method: str = "PATCH", **given: object) -> Call:
    return Call(method=method, url=f"{address}/v3/contacts/7?x=%2B1", **given)  # type: ignore


def both(
    address: str, *calls: Call, timeout: httpx.Timeout = WAITS
) -> tuple[list[Answer], list[Answer]]:
    """What the calls come to through each door, on a connection of its own."""
    connection = Connection(None, timeout, address)
    blocking = [connection.send(each) for each in calls]
    connection.close()

    async def awaited() -> list[Answer]:
        answers = [await connection.asend(each) for each in calls]
        await connection.aclose()
        return answers

    return blocking, asyncio.run(awaited())


def once(address: str, timeout: httpx.Timeout = WAITS, **given: object) -> Answer:
    """What one call comes to, which is the same through both doors."""
    blocking, awaited = both(address, call(address, **given), timeout=timeout)
    assert blocking == awaited
    return blocking[0]


@contextmanager
def at(talk: Talk) -> Iterator[str]:
    with talking(talk) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("given", [{"body": {"a": "é"}}, {"form": {"a": "1 2"}}, {}])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_both_doors_send_the_same_bytes(method, given):
    heard: list[bytes] = []
    with at(saying(GOOD, heard=heard)) as address:
        once(address, method=method, query={"q": "a b"}, headers={"X-Key": "k"}, **given)
    blocking, awaited = (each.partition(b"\r\n\r\n") for each in heard)
    assert blocking[2] == awaited[2]
    lines = [sorted(each[0].lower().split(b"\r\n")) for each in (blocking, awaited)]
    assert lines[0] == lines[1]
    assert [line.split(b" ")[1] for line in (blocking[0], awaited[0])] == [
        b"/v3/contacts/7?q=a+b"
    ] * 2


@pytest.mark.parametrize(
    "path",
    ["/%2B12025550123", "/ada%40example.com", "/a%2Fb", "/%7Ea.b", "/x:y", "/%C3%A9?a=%20+%26"],
)
def test_no_address_is_spelt_anew(path):
    heard: list[bytes] = []
    with at(saying(GOOD, heard=heard)) as address:
        both(address, Call(method="GET", url=address + path))
    assert [each.split(b" ")[1] for each in heard] == [path.encode()] * 2


SQUEEZED = gzip.compress(b'{"a": 1}')
ANSWERS = {
    "content": GOOD,
    "nothing": b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    "a refusal": b"HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    "compressed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
    % (len(SQUEEZED), SQUEEZED),
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    "until the end": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
    "twice": b"HTTP/1.1 200 OK\r\nLink: <a>\r\nlink: <b>\r\nContent-Length: 0\r\n\r\n",
    "a long line": b"HTTP/1.1 200 OK\r\nX-Long: %s\r\nContent-Length: 0\r\n\r\n" % (b"a" * 30_000),
    "Latin-1": b"HTTP/1.1 200 OK\r\nX-Name: Andr\xe9\r\nContent-Length: 0\r\n\r\n",
    "first a hint": b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + GOOD,
    "elsewhere": b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_both_doors_take_the_same_answers(answer):
    with at(saying(ANSWERS[answer])) as address:
        assert isinstance(once(address), Reply)


def test_no_cookie_is_kept_and_no_redirect_followed():
    heard: list[bytes] = []
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1; Path=/\r\nContent-Length: 0\r\n\r\n"
    with at(saying(cookie, ANSWERS["elsewhere"], GOOD, heard=heard)) as address:
        blocking, awaited = both(address, *[call(address)] * 3)
    assert (
        [each.status for each in blocking] == [each.status for each in awaited] == [200, 302, 200]
    )
    assert len(heard) == 6
    assert not any(b"cookie" in each.lower() or b"/other" in each for each in heard)


def reset(connection: socket.socket) -> None:
    request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def silent(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def deaf(connection: socket.socket) -> None:
    threading.Event().wait(0.5)


FAILURES: dict[str, tuple[Talk, str, bool]] = {
    "hangs up": (saying(b""), "connection failed (RemoteProtocolError)", True),
    "resets": (reset, "connection failed (ReadError)", True),
    "is silent": (silent, "timeout (ReadTimeout)", True),
    "stops in the head": (
        saying(b"HTTP/1.1 200 OK\r\n"),
        "connection failed (RemoteProtocolError)",
        True,
    ),
    "stops in the body": (saying(GOOD[:-1]), "connection failed (RemoteProtocolError)", True),
    "stops in a chunk": (
        saying(ANSWERS["chunks"][:-9]),
        "connection failed (RemoteProtocolError)",
        True,
    ),
    "speaks no HTTP": (
        saying(b"220 smtp.example.com\r\n\r\n"),
        "connection failed (RemoteProtocolError)",
        True,
    ),
    "packs wrongly": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
        "connection failed (DecodingError)",
        True,
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_both_doors_lose_an_answer_alike(failure):
    talk, reason, sent = FAILURES[failure]
    with at(talk) as address:
        assert once(address, SHORT, body={"a": 1}) == Lost(reason=reason, sent=sent)


def test_nobody_there_is_not_sent():
    found = once(f"http://127.0.0.1:{free_port()}")
    assert found == Lost(reason="connection failed (ConnectError)", sent=False)


def test_a_name_that_nobody_has_is_not_sent():
    found = once("https://api.contactkit.invalid")
    assert found == Lost(reason="connection failed (ConnectError)", sent=False)


def test_a_connection_that_hangs_is_not_sent():
    # Whoever waits in a queue of one is in nobody else's way.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.create_connection(full.getsockname()) for _ in range(1)]
        try:
            found = once(f"http://127.0.0.1:{full.getsockname()[1]}", httpx.Timeout(5, connect=0.2))
        finally:
            for each in waiting:
                each.close()
    assert found == Lost(reason="timeout (ConnectTimeout)", sent=False)


def test_a_body_that_nobody_reads_may_have_been_sent():
    with at(deaf) as address:
        found = once(address, httpx.Timeout(5, write=0.1), body={"a": "x" * 12_000_000})
    assert found == Lost(reason="timeout (WriteTimeout)", sent=True)


def test_a_header_that_cannot_be_written_is_not_sent():
    with at(saying(GOOD)) as address:
        found = once(address, headers={"X-Key": "a\r\nb: c"})
    assert found == Lost(reason="connection failed (LocalProtocolError)", sent=False)


def test_a_connection_that_was_hung_up_meanwhile_is_not_used_again():
    talk = saying(GOOD)
    with at(talk) as address:
        connection = Connection(None, WAITS, address)

        async def awaited() -> list[Answer]:
            first = await connection.asend(call(address))
            # The loop stands still while the server hangs up.
            threading.Event().wait(0.05)
            found = [first, await connection.asend(call(address))]
            await connection.aclose()
            return found

        assert [type(each) for each in asyncio.run(awaited())] == [Reply, Reply]


def test_no_key_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    with at(saying(GOOD)) as address:
        once(address, headers={"X-Key": "canary-4f1d"}, body={"a": "canary-4f1e"})
    assert caplog.records and "canary" not in caplog.text


class Listening:
    """A tap that only counts how often it was closed."""

    closed = 0

    def send(self, client: httpx.Client, request: httpx.Request) -> httpx.Response:
        return client.send(request)

    async def asend(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        return await client.send(request)

    def close(self, clean: bool) -> None:
        self.closed += 1


def test_who_leaves_a_loop_ends_no_recording():
    async def left(connection: Connection) -> list[int]:
        await connection.asend(call(address))
        await connection.leave()
        await connection.leave()
        before = tap.closed
        await connection.asend(call(address))
        await connection.aclose()
        return [before, tap.closed]

    with at(saying(GOOD)) as address:
        connection = Connection(None, WAITS, address)
        connection.tap = tap = Listening()
        assert asyncio.run(left(connection)) == [0, 1]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[int]:
    """The port of a TLS server that answers every request well."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            saying(GOOD, GOOD)(wrapped)

    with talking(talk) as port:
        yield port


def test_tls_is_verified_by_the_certificates_of_the_environment(secure, trusted):
    assert isinstance(once(f"https://localhost:{secure}"), Reply)


def test_whom_no_certificate_vouches_for_is_sent_nothing(secure):
    found = once(f"https://localhost:{secure}")
    assert found == Lost(reason="connection failed (ConnectError)", sent=False)


def test_another_name_than_the_certificates_is_sent_nothing(secure, trusted):
    found = once(f"https://127.0.0.1:{secure}")
    assert found == Lost(reason="connection failed (ConnectError)", sent=False)


@pytest.fixture
def proxy() -> Iterator[tuple[int, list[bytes]]]:
    """The port of a proxy that tunnels, and what it was asked for."""
    asked: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        asked.append(head := request(connection))
        port = int(head.split()[1].rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port)) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pour, args=(onward, connection))
            back.start()
            pour(connection, onward)
            back.join()

    with talking(talk) as port:
        yield port, asked


def pour(source: socket.socket, into: socket.socket) -> None:
    try:
        while found := source.recv(65_536):
            into.sendall(found)
        into.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_https_passes_the_proxy_of_the_environment(variable, secure, trusted, proxy, monkeypatch):
    port, asked = proxy
    monkeypatch.setenv(variable, f"http://ada:s%C3%A9cret@127.0.0.1:{port}")
    assert isinstance(once(f"https://localhost:{secure}", headers={"X-Key": "canary"}), Reply)
    assert [each.split(b"\r\n")[0] for each in asked] == [
        b"CONNECT localhost:%d HTTP/1.1" % secure
    ] * 2
    signed = [re_line(each, b"proxy-authorization") for each in asked]
    assert signed[0] == signed[1] != b""
    assert not any(b"canary" in each for each in asked)


def re_line(head: bytes, name: bytes) -> bytes:
    found = [line for line in head.split(b"\r\n") if line.lower().startswith(name + b":")]
    return found[0].split(b": ")[1] if found else b""


def test_who_needs_no_proxy_passes_none(secure, trusted, proxy, monkeypatch):
    port, asked = proxy
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert isinstance(once(f"https://localhost:{secure}"), Reply)
    assert asked == []


def test_http_on_loopback_never_passes_a_proxy(proxy, monkeypatch):
    port, asked = proxy
    for name in ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    with at(saying(GOOD)) as address:
        assert isinstance(once(address), Reply)
    assert asked == []


def test_both_doors_take_a_broken_proxy_alike(secure, trusted, monkeypatch):
    with talking(saying(b"")) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        assert isinstance(once(f"https://localhost:{secure}"), Lost)


def test_a_server_without_tls_is_sent_nothing():
    with talking(lambda connection: connection.sendall(GOOD)) as port:
        found = once(f"https://localhost:{port}")
    assert found == Lost(reason="connection failed (ConnectError)", sent=False)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n",
            "connection failed (ProxyError)",
        ),
        (b"HTTP/1.1 502 No\r\nContent-Length: 2\r\n\r\nno", "connection failed (ProxyError)"),
    ],
)
def test_what_a_proxy_refuses_is_not_sent(answer, reason, secure, trusted, monkeypatch):
    with talking(saying(answer)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        assert once(f"https://localhost:{secure}") == Lost(reason=reason, sent=False)


def test_a_proxy_that_is_not_there_is_not_sent(secure, trusted, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    found = once(f"https://localhost:{secure}")
    assert found == Lost(reason="connection failed (ConnectError)", sent=False)
