"""Every documented contact operation of the four providers, by its method and path."""

from __future__ import annotations

import warnings
from urllib.parse import unquote

import pytest

import contactkit as ck
from contactkit._providers import find, names
from tests.support.providers import EXAMPLES, Wire

DOCUMENTED = {
    "sent": {
        "GET /v3/contacts": "list",
        "POST /v3/contacts": "create",
        "GET /v3/contacts/{id}": "get",
        "PATCH /v3/contacts/{id}": "update",
        "DELETE /v3/contacts/{id}": "delete",
        "GET /v3/contacts/{id}/message-summary": "message_summary",
        "GET /v3/numbers/lookup/+12025550123": "lookup",
        "GET /v3/profiles": "profiles",
    },
    "sendblue": {
        "GET /api/v2/contacts": "list",
        "POST /api/v2/contacts": "create",
        "GET /api/v2/contacts/count": "count",
        "POST /api/v2/contacts/verify": "verify",
        "POST /api/v2/contacts/opt-out": "opt_out",
        "GET /api/v2/contacts/{id}": "get",
        "PUT /api/v2/contacts/{id}": "update",
        "DELETE /api/v2/contacts/{id}": "delete",
        "POST /api/v2/contacts/bulk": "bulk_create",
        "DELETE /api/v2/contacts": "bulk_delete",
        "GET /api/v2/lines/contact-status": "contact_status",
        "GET /api/v2/seats": "seats",
    },
    "privy": {
        "GET /v1/contacts": "list",
        "GET /v1/contacts/{id}": "get",
        "POST /v1/contacts": "create",
        "PATCH /v1/contacts/{id}": "update",
        "POST /v1/contacts/{id}/unsubscribe": "unsubscribe",
        "DELETE /v1/contacts/{id}": "delete",
    },
    "digital_onboarding": {
        "GET /v2/partner/contacts": "list",
        "GET /v2/partner/contacts/{id}": "get",
        "POST /v2/partner/contacts": "create",
        "POST /v2/partner/contacts (a list)": "upsert",
        "PATCH /v2/partner/contacts/{id}": "update",
        "DELETE /v2/partner/contacts/{id}": "delete",
        "POST /v2/partner/contacts/{id}/accounts": "create_account",
    },
}
ROWS = [(name, row, verb) for name, rows in DOCUMENTED.items() for row, verb in rows.items()]


def test_declared_verbs_are_the_documented_operations():
    assert set(DOCUMENTED) == set(names())
    for name, rows in DOCUMENTED.items():
        assert sorted(rows.values()) == sorted(endpoint.verb for endpoint in find(name).routes)


@pytest.mark.parametrize(("name", "row", "verb"), ROWS, ids=[f"{n} {row}" for n, row, _ in ROWS])
def test_operation_is_sent_as_documented_and_succeeds(name, row, verb):
    wire, example, endpoint = Wire(), EXAMPLES[name], find(name).endpoint(verb)
    usual = {"create": example.create, "update": example.update}.get(verb, {})
    args, fields = example.others.get(verb, ((example.key,) if endpoint.subject else (), usual))
    confirmed = {"confirm": True} if endpoint.confirm else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client = ck.connect(name, via=wire)
        owner = client if endpoint in find(name).account else client.contacts
        found = getattr(owner, verb)(*args, **fields, **confirmed)
    request = wire.requests[-1]
    path = unquote(request.url.raw_path.decode().partition("?")[0])
    method, documented, *_ = row.split()
    assert (request.method, path) == (method, documented.replace("{id}", example.key))
    assert len(found) >= 1
    if endpoint.effect:
        assert set(found["outcome"]) <= {"created", "updated", "deleted", "unknown"}
        assert (found["outcome"] != "unknown").all() or verb == "bulk_delete"
