"""`connect`: credentials, addresses and options; and the drawing of a client and its contacts."""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from html import escape

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find
from tests.support.providers import EXAMPLES, NOTICE, ONE_PROVIDER, Noticed, Wire, says


def test_connect_without_a_credential_names_the_variable_and_the_simulator(name, example):
    with pytest.raises(ck.ConfigurationError) as caught:
        ck.connect(name)
    for variable in example.environment:
        assert variable in str(caught.value)
    assert "Simulator()" in str(caught.value)


def test_credentials_come_from_the_environment(name, example, monkeypatch):
    for variable, value in example.environment.items():
        monkeypatch.setenv(variable, value)
    client = ck.connect(name)
    assert "canary" not in repr(client) + client._repr_html_()
    assert set(example.environment.values()) <= set(client._session.credentials.values())


def test_without_credentials_the_ways_to_give_them_are_named(name, example, monkeypatch):
    for variable in example.environment:
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ck.ConfigurationError) as refused:
        ck.connect(name)
    for part in (*example.environment, "Simulator()", "--simulator"):
        assert part in str(refused.value)


@pytest.mark.parametrize("address", ["localhost", "api.example.com/v1", ""])
def test_address_without_a_scheme_is_no_address(address):
    with pytest.raises(ck.ConfigurationError, match="base_url must be an address such as https"):
        ck.connect("privy", token="t", base_url=address)


def test_connect_prefers_arguments_to_the_environment(monkeypatch):
    monkeypatch.setenv("PRIVY_API_TOKEN", "from-the-environment")
    client = ck.connect("privy", client_id="app", client_secret="secret")
    assert set(client._session.credentials) == {"client_id", "client_secret"}


def test_simulator_never_gets_credentials_of_the_environment(name, example, monkeypatch):
    for variable, value in example.environment.items():
        monkeypatch.setenv(variable, value)
    wire = Wire()
    ck.connect(name, via=wire).contacts.list()
    assert all("canary" not in str(dict(request.headers)) for request in wire.requests)


def test_connect_refuses_an_incomplete_credential():
    with pytest.raises(ck.ConfigurationError, match="client_secret"):
        ck.connect("privy", client_id="app")


def test_connect_refuses_an_unknown_option(name):
    with pytest.raises(
        ck.ConfigurationError, match=r"did you mean '\w+'\? allowed|takes no api_keey"
    ):
        ck.connect(name, via=ck.Simulator(), api_keey="x")


@pytest.mark.parametrize("value", [" canary", "can\nary", "canäry", "canary\r\nx-evil: 1"])
def test_connect_refuses_a_credential_no_header_can_hold(value):
    with pytest.raises(ck.ConfigurationError) as caught:
        ck.connect("sent", api_key=value)
    assert "can" not in str(caught.value).replace("cannot", "")


def test_connect_suggests_the_nearest_provider():
    with pytest.raises(ck.ConfigurationError, match="did you mean 'privy'"):
        ck.connect("privvy")


SAFE = ["https://example.com", "http://localhost:8000", "http://127.0.0.1:1/v1/", "http://[::1]:9"]
UNSAFE = [
    "http://example.com",
    "http://127.0.0.1.example.com",
    "http://127.evil.example.com",
    "http://localhost.example.com",
    "ftp://localhost",
    "example.com",
    "",
    "https://",
    "https://user:canary@example.com",
    "https://example.com?x=1",
    "https://example.com/#x",
    "http://[::2]",
    "https://exa mple.com",
    "http://[bad",
    "http://localhost:99999",
]


@pytest.mark.parametrize("address", SAFE)
def test_connect_accepts_a_safe_address(address):
    client = ck.connect("sent", api_key="k", base_url=address)
    assert client._session.base_url == address.rstrip("/")


@pytest.mark.parametrize("address", UNSAFE)
def test_connect_refuses_an_unsafe_address(address):
    with pytest.raises(ck.ConfigurationError) as caught:
        ck.connect("sent", api_key="k", base_url=address)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("rate", ["fast", "0/minute", "10/fortnight", "", "-1/s"])
def test_connect_refuses_an_invalid_rate_limit(rate):
    with pytest.raises(ck.ConfigurationError, match="rate_limit"):
        ck.connect("sent", via=ck.Simulator(), rate_limit=rate)


@pytest.mark.parametrize("option", [{"timeout": 0}, {"timeout": -1}, {"patience": -1}])
def test_connect_refuses_invalid_times(option):
    with pytest.raises(ck.ConfigurationError, match=next(iter(option))):
        ck.connect("sent", via=ck.Simulator(), **option)


def test_client_draws_itself_as_text_and_html(client, name):
    text, html = repr(client), client._repr_html_()
    assert find(name).title in text
    for endpoint in find(name).endpoints:
        assert endpoint.verb in text
    assert ("requests left this minute" if find(name).limits else "no declared limit") in text
    assert "<table>" in html and '<th scope="row"' in html
    assert not any(secret in text + html for secret in client._session.secrets if secret)


def test_contacts_draw_their_verbs_as_text_and_html(client, name):
    provider = find(name)
    methods = {endpoint.verb for endpoint in provider.endpoints} | {"pages", "plan"}
    for contacts, own in ((client.contacts, {"form", "browse"}), (client.aio.contacts, set())):
        text, html = repr(contacts), contacts._repr_html_()
        assert text.startswith(f"contacts at {provider.title}\n  world: {client.world.name}\n")
        for method in methods | own:
            assert f"\n  {method}: " in text and f">{method}</th>" in html
        assert not any(secret in text + html for secret in client._session.secrets if secret)


def test_contacts_show_and_escape_the_notice_of_their_world():
    contacts = ck.connect("sent", via=Noticed()).contacts
    assert f"\n  notice: {NOTICE}\n" in repr(contacts)
    assert escape(NOTICE) in contacts._repr_html_() and NOTICE not in contacts._repr_html_()


def test_client_shows_and_escapes_a_setting():
    secrets = {"client_id": "canary-id", "client_secret": "canary-secret"}
    client = ck.connect("privy", via=ck.Simulator(), scope="<b>id</b>", **secrets)
    assert "scope=<b>id</b>" in repr(client)
    assert "&lt;b&gt;" in client._repr_html_()
    assert "<b>" not in client._repr_html_()


def test_client_shows_and_escapes_the_notice_of_its_world():
    client = ck.connect("sent", via=Noticed())
    assert f"\n  world: simulator\n  notice: {NOTICE}\n" in repr(client)
    assert escape(NOTICE) in client._repr_html_() and NOTICE not in client._repr_html_()


@ONE_PROVIDER
def test_client_without_a_notice_shows_none(client):
    assert "notice" not in repr(client) + client._repr_html_()


def test_profile_is_sent_as_a_header():
    wire = Wire()
    profile = "2f6a1c1e-0000-4000-8000-000000000002"
    people = ck.connect("sent", via=wire, profile_id=profile).contacts.list()
    assert wire.requests[0].headers["x-profile-id"] == profile
    assert set(people["customer_id"]) <= {profile}


def test_no_profile_header_without_a_profile():
    wire = Wire()
    ck.connect("sent", via=wire, profile_id="").contacts.list()
    assert "x-profile-id" not in wire.requests[0].headers


@ONE_PROVIDER
def test_async_client_works_in_successive_event_loops(client, example):
    for _ in range(2):
        assert len(asyncio.run(one(client, example.key))) == 1


async def one(client: ck.Client, key: str):
    async with client.aio as aio:
        return await aio.contacts.get(key)


@ONE_PROVIDER
async def test_async_calls_run_at_once(client, example):
    rows = await asyncio.gather(*(client.aio.contacts.get(example.key) for _ in range(20)))
    assert all(len(row) == 1 for row in rows)


@ONE_PROVIDER
def test_threads_share_one_client(client, example):
    lengths: list[int] = []

    def read() -> None:
        lengths.extend(len(client.contacts.get(example.key)) for _ in range(5))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert lengths == [1] * 20


@ONE_PROVIDER
def test_cancelled_call_leaves_the_client_usable(client, wire, example):
    wire.faults = [says(429, "{}", Retry_After="1")]

    async def cancelled() -> None:
        task = asyncio.create_task(client.aio.contacts.list())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert len(client.contacts.get(example.key)) == 1


@ONE_PROVIDER
def test_interrupt_is_raised_and_leaves_the_client_usable(client, wire, example):
    def interrupt(request: httpx.Request, answer: object) -> httpx.Response:
        raise KeyboardInterrupt

    wire.faults = [interrupt]
    with pytest.raises(KeyboardInterrupt):
        client.contacts.list()
    assert len(client.contacts.get(example.key)) == 1


def test_log_holds_no_address_of_a_contact(client, example, caplog):
    caplog.set_level(logging.DEBUG)
    client.contacts.list(**example.filter)
    client.contacts.get(example.key)
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "HTTP Request" in logged
    assert example.key not in logged
    for value in (*example.filter, *client._session.secrets):
        assert not value or value not in logged


def test_deprecated_field_name_warns_at_the_callers_line():
    wire = Wire()
    contacts = ck.connect("privy", via=wire).contacts
    with pytest.warns(DeprecationWarning, match="use email_consent= instead") as caught:
        contacts.update(EXAMPLES["privy"].key, email_permission="unsubscribed")
    assert caught[0].filename == __file__
    assert b"email_consent" in wire.requests[-1].content
    with pytest.warns(DeprecationWarning, match="sms_consent") as caught:
        assert len(contacts.list(contact_phone_permission="subscribed"))
    assert caught[0].filename == __file__


@pytest.mark.parametrize(("name", "verb"), [("sent", "delete"), ("privy", "unsubscribe")])
def test_deprecated_verb_warns_at_the_callers_line(client, example, verb):
    with pytest.warns(DeprecationWarning, match=r"use update\(") as caught:
        getattr(client.contacts, verb)(example.key)
    assert caught[0].filename == __file__


def test_unsubscribe_returns_a_result_row():
    client = ck.connect("privy", via=ck.Simulator())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        done = client.contacts.unsubscribe(EXAMPLES["privy"].key, reason="asked by phone")
    assert done["outcome"][0] == "updated"
    assert done["after"][0]["email_consent"] == "unsubscribed"


def test_message_summary_is_one_typed_row():
    summary = ck.connect("sent", via=ck.Simulator()).contacts.message_summary(EXAMPLES["sent"].key)
    assert summary["message_count"].dtype == "Int64"
    assert summary["contact_id"][0] == EXAMPLES["sent"].key


def test_create_restores_a_deleted_contact():
    client = ck.connect("privy", via=ck.Simulator())
    client.contacts.delete(EXAMPLES["privy"].key)
    again = client.contacts.create(email="janet@example.com", first_name="J")
    assert again["key"][0] == EXAMPLES["privy"].key


def test_conflict_names_the_existing_contact():
    client = ck.connect("privy", via=ck.Simulator())
    with pytest.raises(ck.ConflictError) as caught:
        client.contacts.create(email="JANET@example.com")
    assert caught.value.problem.existing_key == EXAMPLES["privy"].key


@ONE_PROVIDER
def test_missing_verb_raises_attribute_error(name):
    with pytest.raises(AttributeError):
        ck.connect(name, via=ck.Simulator()).contacts.frobnicate("x")
