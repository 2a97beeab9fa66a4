"""The routes that steer a served simulator, without a network."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic_core import from_json, to_json

from contactkit._providers import find
from contactkit.simulator.messages import Request
from contactkit.simulator.serve import control
from contactkit.simulator.serve.app import SimulatorApp

KEY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
JANET = "cus_a1b2c3d4e5f60001"
PHONE = "+12125550187"


class Control:
    """A served simulator and the responses of its control routes."""

    def __init__(self, provider: str, **options: Any) -> None:
        self.served = SimulatorApp(find(provider), 8, 0, controlled=True, **options)

    def __call__(self, method: str, name: str, content: bytes = b"") -> tuple[int, Any]:
        target = (control.ROOT + name).encode()
        return self.send(method, target, {"Host": "localhost:5000"}, content)

    def send(
        self, method: str, target: bytes, headers: dict[str, str], content: bytes
    ) -> tuple[int, Any]:
        request = Request.parse(method, target, httpx.Headers(headers), content)
        response = control.respond(self.served, request)
        return response.status, from_json(response.content or b"null")

    def post(self, name: str, **body: Any) -> tuple[int, Any]:
        return self("POST", name, to_json(body))

    def contacts(self) -> dict[str, Any]:
        key = self.served.engine.contacts.key
        return {contact[key]: contact for contact in self("GET", "state")[1]["contacts"]}


@pytest.fixture
def sent() -> Control:
    return Control("sent")


@pytest.fixture
def privy() -> Control:
    return Control("privy")


def test_state_shows_contacts_by_field_name(name):
    client = Control(name)
    assert client.contacts() == {
        stored.row[client.served.engine.contacts.key]: {
            **stored.row,
            "writes": 0,
            "deleted": False,
            "owner": stored.owner,
        }
        for stored in client.served.engine.contacts
    }


def test_state_shows_the_outbox(privy):
    status, state = privy("GET", "state")
    assert (status, state["outbox"]) == (200, [])
    privy.served.engine.outbox.append({"key": JANET, "text": "Welcome!"})
    assert privy("GET", "state")[1]["outbox"] == [{"key": JANET, "text": "Welcome!"}]


def test_state_shows_the_faults_that_are_still_on(privy):
    privy.post("faults", kind="latency", seconds=120)
    privy.post("faults", kind="dropped", times=2)
    assert privy("GET", "state")[1]["faults"] == ["latency", "dropped"]
    request = Request.parse("GET", b"/v1/contacts", httpx.Headers(), b"")
    assert next(privy.served.simulator.deliver(request)) == 120
    assert privy("GET", "state")[1]["faults"] == ["dropped"]


def test_reset_starts_again(privy):
    before = privy.contacts()
    privy.post("contacts", key=JANET, first_name="Jan")
    privy.post("clock", seconds=60)
    assert privy("POST", "reset") == (204, None)
    assert list(privy.contacts()) == list(before)
    assert privy.contacts()[JANET] == before[JANET]
    assert privy.served.clock.offset == 0


def test_contacts_adds_a_contact(sent):
    status, created = sent.post("contacts", phone_number=PHONE, opt_out=True)
    assert status == 201
    contact = sent.contacts()[created["key"]]
    assert (contact["phone_number"], contact["opt_out"], contact["writes"]) == (PHONE, True, 0)


def test_contacts_changes_a_contact(privy):
    changed = privy.post("contacts", key=JANET, email_consent="compliance_suppressed")
    assert changed == (201, {"key": JANET})
    assert privy.contacts()[JANET]["email_consent"] == "compliance_suppressed"


def test_set_clock_stands_still_until_it_is_moved_or_reset():
    client = Control("sent", clock="2026-03-11T21:50:50.2145489Z")
    assert client.served.engine.now == client.served.engine.now
    now = "2026-03-11T22:50:50.714548+00:00"
    assert client.post("clock", seconds=3600.5) == (200, {"now": now})
    assert client.served.engine.now.tick == 9
    client.post("reset")
    assert client.served.engine.now.isoformat() == "2026-03-11T21:50:50.214548+00:00"


def test_clock_moves_time_forward(privy):
    before = privy.served.clock.now()
    status, body = privy.post("clock", seconds=3600)
    assert status == 200
    assert 3600 <= privy.served.clock.now() - before < 3700
    assert body["now"].startswith(privy.served.engine.now.date().isoformat())
    privy.post("clock", seconds=0.5)
    assert privy.served.clock.offset == 3600.5


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("contacts", b"[]", "JSON object"),
        ("contacts", b"{", "JSON object"),
        ("contacts", b"\xff", "JSON object"),
        ("contacts", b'{"nickname": "J"}', "no field nickname"),
        ("contacts", b'{"self": 1}', "no field self"),
        ("contacts", b'{"key": 1}', "key must be text"),
        ("contacts", b'{"key": "cus_0"}', "no contact 'cus_0'"),
        ("contacts", b'{"email": 5}', "email cannot be 5"),
        ("contacts", b'{"email": ["a"]}', "email cannot be"),
        ("contacts", b'{"tags": {"a": 1}}', "tags cannot be"),
        ("contacts", b'{"created_at": "yesterday"}', "created_at cannot be"),
        ("clock", b"{}", "seconds must be a number"),
        ("clock", b'{"seconds": "60"}', "seconds must be a number"),
        ("clock", b'{"seconds": true}', "seconds must be a number"),
        ("clock", b'{"seconds": NaN}', "only moves forward"),
        ("clock", b'{"seconds": -1}', "only moves forward"),
        ("clock", b'{"seconds": 1e300}', "only moves forward"),
        ("clock", b'{"seconds": 3155760001}', "at most a century"),
    ],
)
def test_invalid_request(privy, name, body, message):
    before = privy.contacts()
    status, response = privy("POST", name, body)
    assert status == 400
    assert message in response["error"]
    assert privy.contacts() == before
    assert privy.served.clock.offset == 0


def test_contact_that_the_rules_refuse(sent):
    status, response = sent.post("contacts", phone_number="abc")
    assert (status, len(sent.contacts())) == (400, 8)
    assert "invalid contact: " in response["error"]


@pytest.mark.parametrize(("method", "name"), [("GET", "reset"), ("GET", ""), ("POST", "nothing")])
def test_unknown_route(privy, method, name):
    status, response = privy(method, name)
    assert status == 404
    assert "POST /_simulator/clock" in response["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:5000"}, 200),
        ({"Host": "[::1]:5000"}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": ""}, 403),
        ({}, 403),
        ({"Host": "127.0.0.1:5000", "Origin": "http://evil.example"}, 403),
        ({"Host": "127.0.0.1:5000", "Origin": "null"}, 403),
    ],
)
def test_requests_of_web_pages_are_refused(sent, headers, status):
    target = (control.ROOT + "state").encode()
    assert sent.send("GET", target, headers, b"")[0] == status


def test_key_of_a_contact_cannot_change(sent):
    status, response = sent.post("contacts", key=KEY, id="11111111-1111-4111-8111-111111111111")
    assert (status, response["error"]) == (400, "id cannot change")
    assert len(sent.contacts()) == 8


@pytest.mark.parametrize("kind", [None, 0, False, [], {}])
def test_fault_of_no_kind_clears_nothing(sent, kind):
    sent.post("faults", kind="server_error", probability=1)
    assert sent.post("faults", kind=kind)[0] == 400
    assert sent.served.simulator.faults._on


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"kind": "servererror"}, "server_error"),
        ({"kind": "dropped", "times": 0}, "times=0"),
        ({"kind": "dropped", "seconds": 1}, "takes no seconds="),
        ({"kind": 1}, "no fault 1"),
        ({"kind": ["dropped"]}, "no fault"),
        ({"kind": "html", "status": [200]}, "status="),
        ({"times": 1}, "no fault None"),
        ({"kind": "dropped", "self": 1}, "self"),
    ],
)
def test_invalid_fault(sent, body, message):
    status, answer = sent("POST", "faults", to_json(body))
    assert status == 400
    assert message in answer["error"]
