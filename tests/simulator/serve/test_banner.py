"""What a served simulator says of itself; that it is true is tested with the command line."""

from __future__ import annotations

import shlex
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

import httpx

from contactkit._providers import find
from contactkit.simulator.messages import Request
from contactkit.simulator.serve.app import SimulatorApp
from contactkit.simulator.serve.banner import banner_text
from contactkit.spec.provider import ClientCredentials

ADDRESS = "http://127.0.0.1:5000"


def test_where_every_request_needs_a_token_curl_gets_one():
    declared = find("privy")
    ways = tuple(each for each in declared.auth if isinstance(each, ClientCredentials))
    served = SimulatorApp(replace(declared, auth=ways), contacts=1, seed=0)
    command, *parts, url = shlex.split(banner_text(served, ADDRESS).splitlines()[-1])
    assert (command, set(parts[::2])) == ("curl", {"--data-urlencode"})
    form = urlencode(dict(each.split("=", 1) for each in parts[1::2])).encode()
    target = urlsplit(url).path.encode()
    answer = served.engine.respond(Request.parse("POST", target, httpx.Headers(), form))
    assert answer.status == 200
    assert answer.body["scope"] == "contacts_read contacts_write"


def test_it_tells_of_its_control_routes_only_where_there_are_any():
    for controlled in (True, False):
        served = SimulatorApp(find("sent"), contacts=1, seed=0, controlled=controlled)
        assert ("_simulator" in banner_text(served, ADDRESS)) is controlled
