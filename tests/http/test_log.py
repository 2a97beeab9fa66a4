"""Neither the logs of the libraries below nor a traceback with variables shows a credential."""

from __future__ import annotations

import json
import logging
from traceback import TracebackException

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.auth import ClientCredentials
from tests.support.providers import Wire, says
from tests.support.sockets import answering, listening

CANARY, NUMBER = "canary-4f1b2", "415" + "8642975"


def test_httpcore_logs_no_header(caplog):
    head = (
        "HTTP/1.1 302 Found\r\n"
        f"Set-Cookie: sid={CANARY}\r\nLocation: /c/%2B1{NUMBER}\r\nContent-Length: 0\r\n\r\n"
    )
    with listening(answering(head.encode())) as port, caplog.at_level(logging.DEBUG):
        with (
            ck.connect("sent", api_key=CANARY, base_url=f"http://127.0.0.1:{port}") as client,
            pytest.raises(ck.ContactKitError),
        ):
            client.contacts.get("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    assert "receive_response_headers.complete" in caplog.text and "302" in caplog.text
    assert CANARY not in caplog.text and NUMBER not in caplog.text


def test_httpcore_quotes_no_line_that_it_cannot_read(caplog):
    broken = f"HTTP/1.1 200 OK\r\nSet-Cookie sid={CANARY}\r\n\r\n"
    with listening(answering(broken.encode())) as port, caplog.at_level(logging.DEBUG):
        with (
            ck.connect("sent", api_key="k", base_url=f"http://127.0.0.1:{port}") as client,
            pytest.raises(ck.ContactKitError) as raised,
        ):
            client.contacts.create(phone_number="+12025550123")
    assert CANARY not in caplog.text + str(raised.value)


ANSWERS = {
    "refused": says(401, "{}"),
    "no JSON": says(200, "<p>no</p>", "text/html"),
    "no list": says(200, '"x"'),
    "server error": says(500, "{}"),
    "no response": httpx.ReadError("no response"),
    "unusable token": says(
        200, json.dumps({"access_token": f"{CANARY} {CANARY}", "refresh_token": CANARY})
    ),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("renewed", [False, True])
def test_traceback_with_variables_shows_no_credential(name, answer, renewed):
    def respond(request, otherwise):
        fetches = request.url.path.endswith("/token")
        if fetches and answer is not ANSWERS["unusable token"]:
            body = {"access_token": CANARY, "refresh_token": CANARY, "expires_in": 3600}
            return httpx.Response(200, json=body)
        if isinstance(answer, Exception):
            raise answer
        return answer(request, otherwise)

    ways = find(name).auth
    way = ways[-1] if renewed else ways[0]
    if answer is ANSWERS["unusable token"] and not isinstance(way, ClientCredentials):
        answer = ANSWERS["refused"]
    held = {credential.name: CANARY for credential in way.credentials}
    client = ck.connect(name, via=Wire(faults=[respond] * 30), **held)
    with pytest.raises(ck.ContactKitError) as raised:
        client.contacts.list()
    found = TracebackException.from_exception(raised.value, capture_locals=True)
    frames = [frame for frame in found.stack if "contactkit" in frame.filename]
    frames = [frame for frame in frames if "/tests/" not in frame.filename]
    assert frames and not [frame for frame in frames if CANARY in str(frame.locals)]
