"""Tokens, patience and what is decided without any I/O."""

from __future__ import annotations

from urllib.parse import parse_qs

import httpx
import pytest

import contactkit as ck
from contactkit._http.flow import ATTEMPTS, send
from contactkit._http.request import build_operation
from contactkit._http.session import Response, Wait
from contactkit._providers import find
from tests.support.providers import EXAMPLES, Wire, loses, says

KEY = EXAMPLES["privy"].key


def oauth(wire: Wire, account: str = "oauth", **more: str) -> ck.Client:
    ck.connect("privy", via=wire)
    return ck.connect("privy", via=wire, **wire.simulator.accounts[account], **more)


def tokens_asked(wire: Wire) -> list[dict[str, list[str]]]:
    return [parse_qs(r.content.decode()) for r in wire.requests if r.url.path == "/oauth/token"]


def test_token_is_fetched_when_first_needed_and_kept(wire):
    client = oauth(wire)
    assert not wire.requests
    client.contacts.get(KEY)
    client.contacts.get(KEY)
    asked = tokens_asked(wire)
    assert len(asked) == 1
    assert asked[0]["grant_type"] == ["client_credentials"]
    assert asked[0]["scope"] == ["contacts_read contacts_write"]
    assert wire.requests[0].headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert str(wire.requests[0].url) == "https://dashboard.privy.com/oauth/token"


def test_token_is_fetched_again_before_it_expires(wire):
    client = oauth(wire)
    client.contacts.get(KEY)
    wire.clock.sleep(wire.clock.now() + 7190)
    client.contacts.get(KEY)
    assert len(tokens_asked(wire)) == 2
    assert len(wire.requests) == 4


def test_revoked_token_is_renewed_once(wire):
    client = oauth(wire)
    client.contacts.get(KEY)
    wire.simulator.engine.tokens.clear()
    assert client.contacts.get(KEY)["id"][0] == KEY
    assert len(tokens_asked(wire)) == 2


def test_token_that_is_refused_again_is_not_renewed_forever(wire):
    client = oauth(wire)
    wire.faults = [None, says(401, "{}"), None, says(401, "{}")]
    with pytest.raises(ck.AuthenticationError):
        client.contacts.get(KEY)
    assert len(tokens_asked(wire)) == 2
    assert len(wire.requests) == 4


def test_api_token_is_never_renewed(wire):
    client = ck.connect("privy", via=wire)
    wire.faults = [says(401, "{}")]
    with pytest.raises(ck.AuthenticationError):
        client.contacts.get(KEY)
    assert len(wire.requests) == 1


def test_lost_token_request_is_repeated(wire):
    client = oauth(wire)
    wire.faults = [loses(httpx.ReadTimeout, after=False), says(503, "{}")]
    assert len(client.contacts.get(KEY)) == 1


def test_wrong_client_is_an_authentication_error_without_its_secret(wire):
    client = ck.connect("privy", via=wire, client_id="canary-id", client_secret="canary-secret")
    with pytest.raises(ck.AuthenticationError) as caught:
        client.contacts.get(KEY)
    assert caught.value.problem.code == "invalid_client"
    assert "canary" not in str(caught.value) + repr(client) + client._repr_html_()


def test_scope_that_is_not_enabled_is_a_permission_error_and_can_be_narrowed(wire):
    with pytest.raises(ck.PermissionDeniedError) as caught:
        oauth(wire, "oauth_read_only").contacts.get(KEY)
    assert caught.value.problem.code == "invalid_scope"
    reader = oauth(wire, "oauth_read_only", scope="contacts_read")
    assert len(reader.contacts.get(KEY)) == 1
    with pytest.raises(ck.PermissionDeniedError) as caught:
        reader.contacts.update(KEY, first_name="Jan")
    assert caught.value.problem.code == "insufficient_scope"
    assert len(tokens_asked(wire)) == 2


@pytest.mark.parametrize("body", ["[]", "{}", '{"access_token": 5}', '{"access_token": ""}'])
def test_token_answer_without_a_token_is_an_api_error(wire, body):
    client = oauth(wire)
    wire.faults = [says(200, body)]
    with pytest.raises(ck.ApiError, match="access_token"):
        client.contacts.get(KEY)


def test_token_request_goes_to_the_caller_s_base_url_too(wire):
    client = oauth(wire, base_url="https://proxy.example.com/v1")
    client.contacts.get(KEY)
    assert {request.url.host for request in wire.requests} == {"proxy.example.com"}
    assert wire.requests[0].url.path == "/oauth/token"


def test_flow_asks_for_io_and_does_none():
    client = ck.connect("sent", via=ck.Simulator())
    session = client._session
    flow = send(session, build_operation(session, find("sent").endpoint("get"), key="k"))
    for attempt in range(ATTEMPTS):
        call = next(flow) if not attempt else flow.send(None)
        assert call.headers["x-api-key"] == session.credentials["api_key"]
        step = flow.send(Response(status=503, headers={}, content=b"")) if attempt < 3 else None
        if step:
            assert isinstance(step, Wait)
            assert 0 < step.until - session.clock.now() <= 0.5 * 2**attempt
    with pytest.raises(ck.ServerError):
        flow.send(Response(status=503, headers={}, content=b""))


def test_call_s_repr_shows_no_credential():
    client = ck.connect("sent", via=ck.Simulator(), api_key="canary-4f1d")
    session = client._session
    call = next(send(session, build_operation(session, find("sent").endpoint("get"), key="k")))
    assert "canary" not in repr(call) + repr(session)


@pytest.mark.parametrize(
    "content", ["", '{"error": {"code": "AUTH_002", "message": "no canary-4f1d"}}']
)
def test_echoed_credential_is_redacted(wire, content):
    client = ck.connect("sent", via=wire, api_key="canary-4f1d")
    wire.faults = [says(401, content)]
    with pytest.raises(ck.AuthenticationError) as caught:
        client.contacts.get(EXAMPLES["sent"].key)
    assert "canary" not in str(caught.value)


def test_excerpt_of_a_wrong_answer_shows_no_secret_and_no_person(wire):
    client = ck.connect("sent", via=wire, api_key="canary-4f1d")
    wire.faults = [says(200, "<p>hello canary-4f1d, ada@example.com +12025550123</p>", "text/html")]
    with pytest.raises(ck.ApiError) as caught:
        client.contacts.get(EXAMPLES["sent"].key)
    assert "hello" in str(caught.value)
    assert not {"canary", "ada@", "5550123"} & set(str(caught.value).split())
    for hidden in ("canary", "ada@example.com", "2025550123"):
        assert hidden not in str(caught.value)


@pytest.mark.parametrize("key", ["a b", "ü", "x" * 256, "a/b", "a\n"])
def test_ill_formed_idempotency_key_is_refused_before_sending(wire, key):
    client = ck.connect("sent", via=wire)
    with pytest.raises(ck.InvalidInputError, match="idempotency_key"):
        client.contacts.create(phone_number="+12025550188", idempotency_key=key)
    with pytest.raises(ck.InvalidInputError, match="idempotency_key"):
        client.contacts.create(phone_number="+12025550188", idempotency_key=5)
    assert not wire.requests


def test_idempotency_key_of_the_caller_replays(wire):
    client = ck.connect("sent", via=wire)
    one = client.contacts.create(phone_number="+12025550188", idempotency_key="mine_1")
    with pytest.warns(ck.ContactKitWarning, match="used before: nothing was done") as caught:
        two = client.contacts.create(phone_number="+12025550188", idempotency_key="mine_1")
    assert len(caught) == 1
    assert one["key"][0] == two["key"][0]
    assert (one["outcome"][0], two["outcome"][0]) == ("created", "skipped")
    assert list(two["idempotency_key"]) == ["mine_1"]
    assert wire.simulator.state()["writes"].sum() == 1
    with pytest.raises(ck.ConflictError, match="CONFLICT_005"):
        client.contacts.create(phone_number="+12025550189", idempotency_key="mine_1")


def test_dry_run_is_planned_and_changes_nothing(wire):
    client = ck.connect("sent", via=wire)
    key = EXAMPLES["sent"].key
    done = client.contacts.update(key, opt_out=True, dry_run=True)
    assert done["outcome"][0] == "planned"
    assert b'"sandbox":true' in wire.requests[-1].content
    assert not client.contacts.get(key)["opt_out"][0]
    made = client.contacts.create(phone_number="+12025550188", dry_run=True)
    assert made["outcome"][0] == "planned"
    with pytest.warns(DeprecationWarning):
        gone = client.contacts.delete(key, dry_run=True)
    assert gone["outcome"][0] == "planned"
    assert wire.simulator.state()["writes"].sum() == 0
    with pytest.raises(ck.InvalidInputError, match="dry_run"):
        client.contacts.update(key, opt_out=True, dry_run="yes")
