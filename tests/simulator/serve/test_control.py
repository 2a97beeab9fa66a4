"""The routes that steer a served simulator, asked without a network."""

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
    """A served simulator and what its control routes answer."""

    def __init__(self, provider: str) -> None:
        self.served = SimulatorApp(find(provider), contacts=8, seed=0, controlled=True)

    def __call__(self, method: str, name: str, content: bytes = b"") -> tuple[int, Any]:
        target = (control.ROOT + name).encode()
        return self.asked(method, target, {"Host": "localhost:5000"}, content)

    def asked(
        self, method: str, target: bytes, headers: dict[str, str], content: bytes
    ) -> tuple[int, Any]:
        request = Request.parse(method, target, httpx.Headers(headers), content)
        answer = control.respond(self.served, request)
        return answer.status, from_json(answer.content or b"null")

    def post(self, name: str, **body: Any) -> tuple[int, Any]:
        return self("POST", name, to_json(body))

    def contacts(self) -> dict[str, Any]:
        key = self.served.engine.contacts.key
        return {each[key]: each for each in self("GET", "state")[1]["contacts"]}


@pytest.fixture
def sent() -> Control:
    return Control("sent")


@pytest.fixture
def privy() -> Control:
    return Control("privy")


def test_state_shows_every_contact_by_field_name(name):
    asked = Control(name)
    stored = {str(each.row[asked.served.engine.contacts.key]): each for each in _stored(asked)}
    shown = asked.contacts()
    assert list(shown) == list(stored)
    for key, each in stored.items():
        more = {"writes": 0, "deleted": False, "owner": each.owner}
        assert shown[key] == {**each.row, **more}


def _stored(asked: Control) -> list[Any]:
    return list(asked.served.engine.contacts)


def test_state_shows_what_was_sent(privy):
    status, state = privy("GET", "state")
    assert (status, state["outbox"]) == (200, [])
    privy.served.engine.outbox.append({"key": JANET, "text": "Welcome!"})
    assert privy("GET", "state")[1]["outbox"] == [{"key": JANET, "text": "Welcome!"}]


def test_reset_begins_again(privy):
    before = privy.contacts()
    privy.post("contacts", key=JANET, first_name="Jan")
    privy.post("clock", seconds=60)
    assert privy("POST", "reset") == (204, None)
    assert list(privy.contacts()) == list(before)
    assert privy.contacts()[JANET] == before[JANET]
    assert privy.served.clock.offset == 0


def test_contacts_adds_one(sent):
    status, made = sent.post("contacts", phone_number=PHONE, opt_out=True)
    assert status == 201
    found = sent.contacts()[made["key"]]
    assert (found["phone_number"], found["opt_out"], found["writes"]) == (PHONE, True, 0)


def test_contacts_changes_one(privy):
    changed = privy.post("contacts", key=JANET, email_consent="compliance_suppressed")
    assert changed == (201, {"key": JANET})
    assert privy.contacts()[JANET]["email_consent"] == "compliance_suppressed"


def test_clock_moves_time_forward(privy):
    before = privy.served.clock.now()
    status, told = privy.post("clock", seconds=3600)
    assert status == 200
    assert 3600 <= privy.served.clock.now() - before < 3700
    assert told["now"].startswith(privy.served.engine.now.date().isoformat())
    privy.post("clock", seconds=0.5)
    assert privy.served.clock.offset == 3600.5


@pytest.mark.parametrize(
    ("name", "body", "told"),
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
        ("clock", b'{"seconds": NaN}', "forward only"),
        ("clock", b'{"seconds": -1}', "forward only"),
        ("clock", b'{"seconds": 1e300}', "forward only"),
        ("clock", b'{"seconds": 3155760001}', "a century at most"),
    ],
)
def test_what_is_wrong_with_a_request_is_told(privy, name, body, told):
    before = privy.contacts()
    status, answer = privy("POST", name, body)
    assert status == 400
    assert told in answer["error"]
    assert privy.contacts() == before
    assert privy.served.clock.offset == 0


def test_a_contact_that_the_rules_cannot_complete_is_told(sent):
    status, answer = sent.post("contacts", phone_number="abc")
    assert (status, len(sent.contacts())) == (400, 8)
    assert "invalid contact: " in answer["error"]


@pytest.mark.parametrize(("method", "name"), [("GET", "reset"), ("GET", ""), ("POST", "nothing")])
def test_there_are_no_other_routes(privy, method, name):
    status, answer = privy(method, name)
    assert status == 404
    assert "POST /_simulator/clock" in answer["error"]


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
def test_a_web_page_can_neither_steer_nor_read(sent, headers, status):
    target = (control.ROOT + "state").encode()
    assert sent.asked("GET", target, headers, b"")[0] == status


def test_a_contact_s_key_cannot_change(sent):
    status, answer = sent.post("contacts", key=KEY, id="11111111-1111-4111-8111-111111111111")
    assert (status, answer["error"]) == (400, "id cannot change")
    assert len(sent.contacts()) == 8


@pytest.mark.parametrize("kind", [None, 0, False, [], {}])
def test_a_kind_that_is_none_clears_nothing(sent, kind):
    sent.post("faults", kind="server_error", probability=1)
    assert sent.post("faults", kind=kind)[0] == 400
    assert sent.served.simulator.faults._on
