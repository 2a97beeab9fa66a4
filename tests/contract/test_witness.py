"""The examples that the providers' pages print, checked against the client and the simulator.

`witnesses/` keeps the bodies as printed at
https://docs.sent.dm/docs/reference/api/contacts/SentDmServicesEndpointsCustomerAPIv3ContactsCreateContactEndpoint
(and UpdateContact beside it). Privy's page prints values and no whole body; they are below.
Digital Onboarding's prints one table of fields for requests and responses:
https://do-api-docs.pages.dev/endpoints/patch-v2-partner-contacts-id/
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.record import fields_of
from tests.support.providers import Wire, says

HERE = Path(__file__).parent / "witnesses"
CREATE = json.loads((HERE / "sent_create_contact.json").read_text())
UPDATE = json.loads((HERE / "sent_update_contact.json").read_text())
KEY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
JANET = "cus_a1b2c3d4e5f60001"
ROWS = [
    [cell.strip() for cell in line.split("|")[1:]]
    for line in (HERE / "digital_onboarding_contact.txt").read_text().splitlines()
]

STATUS = {None: 200, "VALIDATION_001": 400, "RESOURCE_001": 404, "RESOURCE_007": 409}
REFUSALS = {
    "VALIDATION_001": ck.InvalidRequestError,
    "RESOURCE_001": ck.NotFoundError,
    "RESOURCE_007": ck.ConflictError,
    "INTERNAL_001": ck.ServerError,
}


def code(answer: dict[str, Any]) -> str | None:
    return (answer["error"] or {}).get("code")


def raw(simulator: ck.Simulator, method: str, path: str, body: object) -> httpx.Response:
    provider = find("sent")
    transport = simulator.transport(provider)
    headers = {"x-api-key": simulator.accounts["organisation"]["api_key"]}
    url = provider.base_url + path
    return transport.handle_request(httpx.Request(method, url, json=body, headers=headers))


def shape(value: object) -> object:
    """The names at every depth, in their order, and the types of the leaves."""
    if isinstance(value, dict):
        return [(name, shape(inner)) for name, inner in value.items()]
    return type(value).__name__


def test_client_sends_the_documented_update():
    wire = Wire()
    changes = {k: v for k, v in UPDATE["request"].items() if k != "sandbox"}
    ck.connect("sent", via=wire).contacts.update(
        KEY, **changes, idempotency_key="req_abc123_retry1"
    )
    request = wire.requests[-1]
    assert (request.method, str(request.url)) == ("PATCH", f"https://api.sent.dm/v3/contacts/{KEY}")
    assert json.loads(request.content) == changes
    assert request.headers["Idempotency-Key"] == "req_abc123_retry1"
    assert request.headers["Content-Type"] == "application/json"


def test_client_sends_the_documented_create():
    wire = Wire(ck.Simulator(contacts=0))
    ck.connect("sent", via=wire).contacts.create(phone_number=CREATE["request"]["phone_number"])
    request = wire.requests[-1]
    assert (request.method, str(request.url)) == ("POST", "https://api.sent.dm/v3/contacts")
    assert json.loads(request.content) == {"phone_number": "+1234567890"}


@pytest.mark.parametrize("answer", [CREATE["answers"][0], UPDATE["answers"][0]])
def test_client_reads_the_documented_contact(answer):
    wire = Wire(faults=[says(200, json.dumps(answer))])
    row = ck.connect("sent", via=wire).contacts.get(KEY)
    assert ck.problems(row).empty
    contact = answer["data"]
    for field in contact.keys() - {"created_at", "updated_at"}:
        assert row[field][0] == contact[field]
    assert row["created_at"][0].isoformat() == contact["created_at"][:26] + "+00:00"


@pytest.mark.parametrize("answer", [*CREATE["answers"][1:], *UPDATE["answers"][1:]], ids=code)
def test_client_reads_every_documented_error(answer):
    wire = Wire(faults=[says({"INTERNAL_001": 500}.get(code(answer), 400), json.dumps(answer))] * 9)
    with pytest.raises(REFUSALS[code(answer)]) as caught:
        ck.connect("sent", via=wire).contacts.update(KEY, opt_out=True)
    problem = caught.value.problem
    assert type(caught.value) is REFUSALS[code(answer)]
    assert (problem.code, problem.message) == (code(answer), answer["error"]["message"])
    assert problem.request_id == "req_7X9zKp2jDw"
    assert problem.docs == answer["error"]["doc_url"]


def test_simulator_creates_the_documented_contact():
    response = raw(
        ck.Simulator(contacts=0), "POST", "/v3/contacts", {"phone_number": "+1234567890"}
    )
    documented, answer = CREATE["answers"][0], response.json()
    assert response.status_code == 201
    own = {"id", "created_at", "customer_id"}
    assert {k: v for k, v in answer["data"].items() if k not in own} == {
        k: v for k, v in documented["data"].items() if k not in own
    }
    answer["data"].pop("customer_id")
    assert shape(answer) == shape(documented)
    assert answer["data"]["created_at"] == "2026-10-01T09:00:00+00:00"


def test_simulator_updates_the_documented_contact():
    response = raw(ck.Simulator(contacts=1), "PATCH", f"/v3/contacts/{KEY}", UPDATE["request"])
    documented, answer = UPDATE["answers"][0], response.json()
    own = {"updated_at", "customer_id"}
    assert response.status_code == 200
    assert {k: v for k, v in answer["data"].items() if k not in own} == {
        k: v for k, v in documented["data"].items() if k not in own
    }
    answer["data"].pop("customer_id")
    assert shape(answer) == shape(documented)


def test_simulator_refuses_as_documented():
    simulator = ck.Simulator(contacts=5)
    inherited = "0b5c7a64-3d1e-4c57-9a55-5d2f0f6f0003"
    requests = [
        ("POST", "/v3/contacts", {}, CREATE["answers"][1]),
        ("POST", "/v3/contacts", {"phone_number": "+1234567890"}, CREATE["answers"][2]),
        ("PATCH", f"/v3/contacts/{inherited}", {"opt_out": True}, UPDATE["answers"][1]),
        ("PATCH", f"/v3/contacts/{KEY[:-1]}9", {"opt_out": True}, UPDATE["answers"][2]),
    ]
    for method, path, body, documented in requests:
        response = raw(simulator, method, path, body)
        assert response.status_code == STATUS[code(documented)]
        assert response.json()["error"] == documented["error"]
        assert shape(response.json()) == shape(documented)


def test_sendblue_simulator_returns_the_names_in_the_documented_order():
    provider, simulator = find("sendblue"), ck.Simulator(contacts=1)
    transport = simulator.transport(provider)
    headers = {
        "sb-api-key-id": simulator.accounts["account"]["api_key"],
        "sb-api-secret-key": simulator.accounts["account"]["api_secret"],
    }
    url = f"{provider.base_url}/api/v2/contacts/+1234567890"
    answer = transport.handle_request(httpx.Request("PUT", url, json={}, headers=headers)).json()
    assert list(answer) == ["contact", "status"]
    printed = {
        "assigned_to_email": "agent@example.com",
        "company_name": "Example Corp",
        "created_at": "2024-01-15T10:30:00Z",
        "first_name": "John",
        "last_name": "Doe",
        "phone": "+1234567890",
        "sendblue_number": "+1987654321",
        "tags": ["customer", "vip"],
        "verified": True,
    }
    assert list(answer["contact"].items())[: len(printed)] == list(printed.items())


def test_privy_simulator_returns_the_names_in_the_documented_order():
    provider, simulator = find("privy"), ck.Simulator(contacts=1)
    transport = simulator.transport(provider)
    headers = {"Authorization": f"Bearer {simulator.accounts['token']['token']}"}
    url = f"{provider.base_url}/contacts/{JANET}"
    answer = transport.handle_request(httpx.Request("GET", url, headers=headers)).json()
    names = (
        "id first_name last_name email email_consent phone_number sms_consent tags custom_fields "
        "created_at updated_at"
    )
    assert list(answer["data"]) == names.split()


def test_privy_documented_values_are_accepted():
    wire = Wire(ck.Simulator(contacts=0))
    contacts = ck.connect("privy", via=wire).contacts
    created = contacts.create(email="janet@example.com")
    key = created["key"][0]
    result = contacts.update(
        key,
        first_name="Janet",
        last_name="Smith",
        phone_number="+15551234567",
        tags=["vip", "wholesale"],
        custom_fields={"loyalty_tier": "platinum"},
        email_consent="unsubscribed",
        sms_consent="subscribed",
        send_welcome_sms=False,
    )
    assert result["outcome"][0] == "updated"
    request = wire.requests[-1]
    assert (request.method, request.url.path) == ("PATCH", f"/v1/contacts/{key}")
    assert json.loads(request.content)["send_welcome_sms"] is False
    assert request.headers["Authorization"].startswith("Bearer privy_")
    row = contacts.get(key)
    assert row["tags"][0] == ["vip", "wholesale"]
    assert row["custom_fields"][0] == {"loyalty_tier": "platinum"}
    assert wire.simulator.outbox().empty


@pytest.mark.parametrize("change", [{"email": "j@example.com"}, {"email": None}])
def test_privy_email_is_immutable_once_populated(change):
    contacts = ck.connect("privy", via=ck.Simulator()).contacts
    with pytest.raises((ck.InvalidRequestError, ck.InvalidInputError), match="email"):
        contacts.update(JANET, **change)


def test_privy_sends_the_welcome_text_by_default():
    simulator = ck.Simulator()
    contacts = ck.connect("privy", via=simulator).contacts
    contacts.update(JANET, phone_number="+12125550190", sms_consent="subscribed")
    assert simulator.outbox()["phone_number"].to_list() == ["+12125550190"]


def test_privy_merchant_suppression_is_lifted_by_consent():
    contacts = ck.connect("privy", via=ck.Simulator()).contacts
    suppressed = contacts.list(email_consent="suppressed")["id"][0]
    contacts.update(suppressed, email_consent="subscribed", opt_in=True)
    assert contacts.get(suppressed)["email_consent"][0] == "subscribed"


def test_privy_compliance_suppression_is_final():
    contacts = ck.connect("privy", via=ck.Simulator()).contacts
    final = contacts.list(email_consent="compliance_suppressed")["id"][0]
    for opt_in in (False, True):
        with pytest.raises(ck.InvalidInputError, match="is locked for email"):
            contacts.update(final, email_consent="subscribed", opt_in=opt_in)
    with pytest.raises(ck.InvalidRequestError) as caught:
        contacts.update(final, email_consent="unsubscribed")
    assert caught.value.problem.status == 422
    with pytest.raises(ck.InvalidRequestError, match="first_name: cannot be written"):
        contacts.update(final, first_name="Leo")


def test_privy_compliance_suppression_is_final_for_rows_and_plans():
    simulator = ck.Simulator()
    contacts = ck.connect("privy", via=simulator).contacts
    key = simulator.put(phone_number="+12125550187", email_consent="compliance_suppressed")
    row = contacts.get(key)
    with pytest.raises(ck.InvalidInputError, match="so only sms_consent='unsubscribed' is sent"):
        contacts.update(row, first_name="Leo")
    kept_back = contacts.plan(row, first_name="Leo").apply(progress=False)
    assert kept_back["outcome"][0] == "refused"
    assert "compliance_suppressed" in kept_back["message"][0]
    with pytest.raises(ck.InvalidRequestError, match="sms_consent: cannot be written") as caught:
        contacts.update(row, sms_consent="unsubscribed")
    assert caught.value.problem.status == 422
    result = contacts.plan(row, sms_consent="unsubscribed").apply(progress=False)
    assert result[["outcome", "code"]].values.tolist() == [["refused", "validation_failed"]]
    assert contacts.delete(row)["outcome"][0] == "deleted"


def test_privy_no_to_texts_is_written_where_only_email_consent_is_locked():
    simulator = ck.Simulator(strict=False)
    contacts = ck.connect("privy", via=simulator).contacts
    key = simulator.put(phone_number="+12125550187", email_consent="compliance_suppressed")
    row = contacts.get(key)
    assert contacts.update(row, sms_consent="unsubscribed")["outcome"][0] == "updated"
    with pytest.raises(ck.InvalidInputError, match="compliance_suppressed"):
        contacts.update(row, first_name="Leo")


# One row of the printed table has no name, only the type in its place.
NAMED = [["email", *row] if row[0] == "string" else row for row in ROWS]
KINDS = {
    "id": "string",
    "string": "string",
    "timezone": "string",
    "enum (1)": "category",
    "string (date)": "date",
    "boolean": "boolean",
    "object": "dict",
    "updated_at": "datetime",
    "id[]": "list",
    "string[]": "list",
}


def test_digital_onboarding_documented_fields_are_declared():
    declared = fields_of(find("digital_onboarding").record)
    assert [row[0].removesuffix(" *") for row in NAMED] == list(declared)
    assert len(declared) == 35
    for (name, kind, *_), field in zip(NAMED, declared.values(), strict=True):
        assert field.promised == name.endswith(" *"), name
        assert field.nullable != field.promised, name
        assert field.kind == KINDS[kind], name


def test_digital_onboarding_simulator_returns_the_documented_contact():
    provider = find("digital_onboarding")
    simulator = ck.Simulator(contacts=5)
    transport = simulator.transport(provider)
    headers = {"Authorization": f"Bearer {simulator.accounts['token']['token']}"}
    rows = transport.handle_request(
        httpx.Request("GET", f"{provider.base_url}/contacts", headers=headers)
    ).json()["data"]
    for row in rows:
        assert list(row) == [name.removesuffix(" *") for name, *_ in NAMED]
        assert all(row[name.removesuffix(" *")] is not None for name, *_ in NAMED if "*" in name)


def test_digital_onboarding_client_sends_the_documented_request():
    wire = Wire()
    key = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b01"
    ck.connect("digital_onboarding", via=wire).contacts.update(key, timezone="America/Chicago")
    [request] = wire.requests
    url = f"https://api.digitalonboarding.com/v2/partner/contacts/{key}"
    assert (request.method, str(request.url)) == ("PATCH", url)
    assert request.headers["Authorization"].startswith("Bearer ")
    assert request.headers["Content-Type"] == "application/json"
    assert len(request.headers["Idempotency-Key"]) == 36
