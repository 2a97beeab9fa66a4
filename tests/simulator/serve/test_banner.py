"""What a served simulator prints when it starts; tests of the command line prove it true."""

from __future__ import annotations

import shlex
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

import httpx

from contactkit._providers import find
from contactkit.simulator.messages import Request
from contactkit.simulator.serve.app import SimulatorApp
from contactkit.simulator.serve.banner import banner_text
from contactkit.spec.auth import ClientCredentials

ADDRESS = "http://127.0.0.1:5000"


def test_curl_command_gets_a_token_where_requests_need_one():
    declaration = find("privy")
    ways = tuple(way for way in declaration.auth if isinstance(way, ClientCredentials))
    served = SimulatorApp(replace(declaration, auth=ways), contacts=1, seed=0)
    command, *parts, url = shlex.split(banner_text(served, ADDRESS).splitlines()[-1])
    assert (command, set(parts[::2])) == ("curl", {"--data-urlencode"})
    form = urlencode(dict(part.split("=", 1) for part in parts[1::2])).encode()
    target = urlsplit(url).path.encode()
    response = served.engine.respond(Request.parse("POST", target, httpx.Headers(), form))
    assert response.status == 200
    assert response.body["scope"] == "contacts_read contacts_write"


def test_control_routes_are_shown_only_if_there_are_any():
    for controlled in (True, False):
        served = SimulatorApp(find("sent"), contacts=1, seed=0, controlled=controlled)
        assert ("_simulator" in banner_text(served, ADDRESS)) is controlled
