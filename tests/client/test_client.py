"""connect: credentials, addresses, options; and how a client shows itself."""

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
from tests.support.providers import EXAMPLES, NOTICE, Noticed, Wire, says


def test_without_a_credential_connect_names_the_variable_and_offers_the_simulator(name, example):
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


def test_an_argument_comes_before_the_environment(monkeypatch):
    monkeypatch.setenv("PRIVY_API_TOKEN", "from-the-environment")
    client = ck.connect("privy", client_id="app", client_secret="secret")
    assert set(client._session.credentials) == {"client_id", "client_secret"}


def test_the_simulator_never_gets_the_environment_s_credentials(name, example, monkeypatch):
    for variable, value in example.environment.items():
        monkeypatch.setenv(variable, value)
    wire = Wire()
    ck.connect(name, via=wire).contacts.list()
    assert all("canary" not in str(dict(request.headers)) for request in wire.requests)


def test_a_half_credential_is_a_configuration_error():
    with pytest.raises(ck.ConfigurationError, match="client_secret"):
        ck.connect("privy", client_id="app")


def test_an_unknown_option_is_a_configuration_error(name):
    with pytest.raises(
        ck.ConfigurationError, match=r"did you mean '\w+'\? allowed|takes no api_keey"
    ):
        ck.connect(name, via=ck.Simulator(), api_keey="x")


@pytest.mark.parametrize("value", [" canary", "can\nary", "canäry", "canary\r\nx-evil: 1"])
def test_a_credential_that_no_header_can_hold_is_refused_unshown(value):
    with pytest.raises(ck.ConfigurationError) as caught:
        ck.connect("sent", api_key=value)
    assert "can" not in str(caught.value).replace("cannot", "")


def test_an_unknown_provider_names_the_nearest():
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
def test_a_safe_address_is_taken(address):
    client = ck.connect("sent", api_key="k", base_url=address)
    assert client._session.base_url == address.rstrip("/")


@pytest.mark.parametrize("address", UNSAFE)
def test_an_unsafe_address_is_refused(address):
    with pytest.raises(ck.ConfigurationError) as caught:
        ck.connect("sent", api_key="k", base_url=address)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("rate", ["fast", "0/minute", "10/fortnight", "", "-1/s"])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ck.ConfigurationError, match="rate_limit"):
        ck.connect("sent", via=ck.Simulator(), rate_limit=rate)


@pytest.mark.parametrize("option", [{"timeout": 0}, {"timeout": -1}, {"patience": -1}])
def test_senseless_times_are_refused(option):
    with pytest.raises(ck.ConfigurationError, match=next(iter(option))):
        ck.connect("sent", via=ck.Simulator(), **option)


def test_a_client_draws_itself_in_text_and_escaped_html(client, name):
    text, html = repr(client), client._repr_html_()
    assert find(name).title in text
    for endpoint in find(name).endpoints:
        assert endpoint.verb in text
    assert ("requests left this minute" if find(name).limits else "no declared limit") in text
    assert "<table>" in html and '<th scope="row"' in html
    assert not any(secret in text + html for secret in client._session.secrets if secret)


def test_a_setting_is_shown_and_escaped():
    client = ck.connect("sent", via=ck.Simulator(), profile_id="<b>id</b>")
    assert "profile_id=<b>id</b>" in repr(client)
    assert "&lt;b&gt;" in client._repr_html_()
    assert "<b>" not in client._repr_html_()


def test_a_world_s_notice_is_shown_and_escaped():
    client = ck.connect("sent", via=Noticed())
    assert f"\n  world: simulator\n  notice: {NOTICE}\n" in repr(client)
    assert escape(NOTICE) in client._repr_html_() and NOTICE not in client._repr_html_()


def test_where_there_is_no_notice_none_is_shown(client):
    assert "notice" not in repr(client) + client._repr_html_()


def test_a_profile_travels_in_its_header():
    wire = Wire()
    profile = "2f6a1c1e-0000-4000-8000-000000000002"
    people = ck.connect("sent", via=wire, profile_id=profile).contacts.list()
    assert wire.requests[0].headers["x-profile-id"] == profile
    assert set(people["customer_id"]) <= {profile}


def test_without_a_profile_no_header_is_sent():
    wire = Wire()
    ck.connect("sent", via=wire, profile_id="").contacts.list()
    assert "x-profile-id" not in wire.requests[0].headers


def test_an_awaiting_client_works_in_one_event_loop_after_another(client, example):
    for _ in range(2):
        assert len(asyncio.run(one(client, example.key))) == 1


async def one(client: ck.Client, key: str):
    async with client.aio as door:
        return await door.contacts.get(key)


async def test_many_awaited_calls_at_once(client, example):
    rows = await asyncio.gather(*(client.aio.contacts.get(example.key) for _ in range(20)))
    assert all(len(row) == 1 for row in rows)


def test_threads_share_one_client(client, example):
    found: list[int] = []

    def read() -> None:
        found.extend(len(client.contacts.get(example.key)) for _ in range(5))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert found == [1] * 20


def test_a_cancelled_call_leaves_the_client_usable(client, wire, example):
    wire.faults = [says(429, "{}", Retry_After="1")]

    async def cancelled() -> None:
        task = asyncio.create_task(client.aio.contacts.list())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert len(client.contacts.get(example.key)) == 1


def test_an_interrupt_passes_through_and_leaves_the_client_usable(client, wire, example):
    def interrupt(request: httpx.Request, answer: object) -> httpx.Response:
        raise KeyboardInterrupt

    wire.faults = [interrupt]
    with pytest.raises(KeyboardInterrupt):
        client.contacts.list()
    assert len(client.contacts.get(example.key)) == 1


def test_no_address_of_a_contact_is_logged(client, example, caplog):
    caplog.set_level(logging.DEBUG)
    client.contacts.list(**example.filter)
    client.contacts.get(example.key)
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "HTTP Request" in logged
    assert example.key not in logged
    for value in (*example.filter, *client._session.secrets):
        assert not value or value not in logged


def test_a_deprecated_name_is_taken_with_a_warning_at_the_caller_s_line():
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
def test_a_deprecated_verb_warns_at_the_caller_s_line(client, example, verb):
    with pytest.warns(DeprecationWarning, match=r"use update\(") as caught:
        getattr(client.contacts, verb)(example.key)
    assert caught[0].filename == __file__


def test_unsubscribe_gives_a_result_row():
    client = ck.connect("privy", via=ck.Simulator())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        done = client.contacts.unsubscribe(EXAMPLES["privy"].key, reason="asked by phone")
    assert done["outcome"][0] == "updated"
    assert done["after"][0]["email_consent"] == "unsubscribed"


def test_message_summary_is_one_typed_row():
    found = ck.connect("sent", via=ck.Simulator()).contacts.message_summary(EXAMPLES["sent"].key)
    assert found["message_count"].dtype == "Int64"
    assert found["contact_id"][0] == EXAMPLES["sent"].key


def test_a_create_restores_what_was_deleted():
    client = ck.connect("privy", via=ck.Simulator())
    client.contacts.delete(EXAMPLES["privy"].key)
    again = client.contacts.create(email="janet@example.com", first_name="J")
    assert again["key"][0] == EXAMPLES["privy"].key


def test_a_conflict_names_the_contact_in_the_way():
    client = ck.connect("privy", via=ck.Simulator())
    with pytest.raises(ck.ConflictError) as caught:
        client.contacts.create(email="JANET@example.com")
    assert caught.value.problem.existing_key == EXAMPLES["privy"].key


def test_a_missing_verb_is_an_attribute_error(name):
    with pytest.raises(AttributeError):
        ck.connect(name, via=ck.Simulator()).contacts.frobnicate("x")
