"""TLS and the proxies of the environment: verified, and the same for both clients."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from contactkit._http.session import NoResponse, Response
from tests.support.sockets import (
    GOOD,
    answering,
    free_port,
    listening,
    read_request,
    send_one,
    serving,
)


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
            answering(GOOD, GOOD)(wrapped)

    with listening(talk) as port:
        yield port


def test_tls_is_verified_by_the_certificates_of_the_environment(secure, trusted):
    assert isinstance(send_one(f"https://localhost:{secure}"), Response)


def test_dripping_response_over_tls_ends_at_the_deadline(authority, trusted):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            read_request(wrapped)
            wrapped.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
            while True:
                wrapped.sendall(b" ")
                time.sleep(0.1)

    with listening(talk) as port:
        found = send_one(f"https://localhost:{port}", httpx.Timeout(5.0, read=0.5))
    assert found == NoResponse(reason="timeout (ReadTimeout)", sent=True)


def test_server_without_a_trusted_certificate_is_sent_nothing(secure):
    found = send_one(f"https://localhost:{secure}")
    assert found == NoResponse(reason="connection failed (ConnectError)", sent=False)


def test_server_with_another_name_is_sent_nothing(secure, trusted):
    found = send_one(f"https://127.0.0.1:{secure}")
    assert found == NoResponse(reason="connection failed (ConnectError)", sent=False)


@pytest.fixture
def proxy() -> Iterator[tuple[int, list[bytes]]]:
    """The port of a proxy that tunnels, and what it was asked for."""
    asked: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        asked.append(head := read_request(connection))
        port = int(head.split()[1].rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port)) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pour, args=(onward, connection))
            back.start()
            pour(connection, onward)
            back.join()

    with listening(talk) as port:
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
    assert isinstance(
        send_one(f"https://localhost:{secure}", headers={"X-Key": "canary"}), Response
    )
    assert [each.split(b"\r\n")[0] for each in asked] == [
        b"CONNECT localhost:%d HTTP/1.1" % secure
    ] * 2
    signed = [line_of(each, b"proxy-authorization") for each in asked]
    assert signed[0] == signed[1] != b""
    assert not any(b"canary" in each for each in asked)


def line_of(head: bytes, name: bytes) -> bytes:
    found = [line for line in head.split(b"\r\n") if line.lower().startswith(name + b":")]
    return found[0].split(b": ")[1] if found else b""


def test_request_exempt_from_the_proxy_passes_none(secure, trusted, proxy, monkeypatch):
    port, asked = proxy
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert isinstance(send_one(f"https://localhost:{secure}"), Response)
    assert asked == []


def test_loopback_request_passes_no_proxy(proxy, monkeypatch):
    port, asked = proxy
    for name in ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    with serving(answering(GOOD)) as address:
        assert isinstance(send_one(address), Response)
    assert asked == []


def test_sync_and_async_clients_refuse_a_broken_proxy_alike(secure, trusted, monkeypatch):
    with listening(answering(b"")) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        assert isinstance(send_one(f"https://localhost:{secure}"), NoResponse)


def test_server_without_tls_is_sent_nothing():
    with listening(lambda connection: connection.sendall(GOOD)) as port:
        found = send_one(f"https://localhost:{port}")
    assert found == NoResponse(reason="connection failed (ConnectError)", sent=False)


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
def test_request_refused_by_a_proxy_is_not_sent(answer, reason, secure, trusted, monkeypatch):
    with listening(answering(answer)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        assert send_one(f"https://localhost:{secure}") == NoResponse(reason=reason, sent=False)


def test_request_to_a_missing_proxy_is_not_sent(secure, trusted, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    found = send_one(f"https://localhost:{secure}")
    assert found == NoResponse(reason="connection failed (ConnectError)", sent=False)
