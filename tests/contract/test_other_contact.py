"""A response about another contact than the one that was requested is never taken for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit.spec.provider import Provider
from contactkit.spec.record import key_of
from tests.support.providers import Example, Fault, loses, says

DIFFERENT = "a different contact"
PHONE = "+12125552671"


@pytest.fixture
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list()


def keys_of(people: pd.DataFrame, key: str) -> list[str]:
    """The keys of all contacts but this one."""
    return [each for each in people.iloc[:, 0].tolist() if each != key]


def mix_up(key: str, other: str) -> Fault:
    """A fault: a request for one contact is answered with the other."""

    def fault(request: httpx.Request, answer: Callable[[httpx.Request], Any]) -> httpx.Response:
        url = str(request.url).replace(quote(key, safe=""), quote(other, safe=""))
        assert url != str(request.url)
        return answer(httpx.Request("GET", url, headers=request.headers))

    return fault


def test_get_refuses_another_contact(client, wire, example, people):
    wire.faults = [mix_up(example.key, keys_of(people, example.key)[0])]
    with pytest.raises(ck.ApiError, match=DIFFERENT) as caught:
        client.contacts.get(example.key)
    assert caught.value.problem.code == "undocumented"
    assert wire.requests[-1].method == "GET" and not wire.faults


async def test_async_get_refuses_another_contact(client, wire, example, people):
    wire.faults = [mix_up(example.key, keys_of(people, example.key)[0])]
    with pytest.raises(ck.ApiError, match=DIFFERENT):
        await client.aio.contacts.get(example.key)


@pytest.mark.parametrize("on_conflict", ["refuse", "reread"])
def test_apply_writes_nothing_after_a_read_of_another_contact(
    client, wire, example, people, on_conflict
):
    key = people.iloc[0, 0]
    edited = people.assign(**{name: [value] * len(people) for name, value in editable(example)})
    plan = client.contacts.plan(edited.iloc[:1], people.iloc[:1])
    wire.faults = [mix_up(key, keys_of(people, key)[0])]
    result = plan.apply(progress=False, on_conflict=on_conflict)
    assert result["outcome"].tolist() == ["failed"]
    assert DIFFERENT in result["message"].item()
    assert not wire.simulator.state()["writes"].any()


def editable(example: Example) -> list[tuple[str, Any]]:
    names = {"opt_out", "first_name", "name_first"}
    found = [(name, value) for name, value in example.update.items() if name in names]
    assert found
    return found[:1]


def test_read_back_of_another_contact_settles_nothing(client, wire, example, people, name):
    key = people.iloc[0, 0]
    edited = people.assign(**{name: [value] * len(people) for name, value in editable(example)})
    plan = client.contacts.plan(edited.iloc[:1], people.iloc[:1])
    wire.faults = [loses(httpx.ReadError, after=False)] * 4
    assert plan.apply(progress=False)["outcome"].tolist() == ["unknown"]
    # So late that the idempotency key is no longer valid.
    wire.clock.sleep(wire.clock.now() + 30 * 86_400)
    wire.faults = [mix_up(key, keys_of(people, key)[0])]
    result = plan.apply(progress=False)
    assert result["outcome"].tolist() == ["unknown"]
    assert DIFFERENT in result["message"].item()
    assert not wire.simulator.state()["writes"].any()


def test_search_for_a_new_contact_settles_nothing_by_another_one(wire):
    with ck.connect("privy", via=wire) as client:
        people = client.contacts.list()
        new = pd.DataFrame({"email": ["new@example.com"], "first_name": ["Ada"]})
        plan = client.contacts.plan(pd.concat([people, new]), people, create=True)
        wire.faults = [loses(httpx.ReadError, after=True)] * 4
        assert plan.apply(progress=False)["outcome"].tolist() == ["unknown"]

        def list_others(request: httpx.Request, answer: Any) -> httpx.Response:
            assert "email" in request.url.params
            url = request.url.copy_with(query=b"")
            page = answer(httpx.Request("GET", url, headers=request.headers)).json()
            rows = [row for row in page["data"] if row["email"] != "new@example.com"]
            assert rows
            return httpx.Response(200, json={**page, "data": rows})

        wire.faults = [list_others]
        result = plan.apply(progress=False)
        assert result["outcome"].tolist() == ["unknown"]
        assert "other contacts than the one that was searched for" in result["message"].item()
        assert plan.apply(progress=False)["outcome"].tolist() == ["created"]
        assert len(client.contacts.list()) == len(people) + 1


def test_undo_refuses_a_read_of_another_contact(client, wire, example, people):
    key = people.iloc[0, 0]
    edited = people.assign(**{name: [value] * len(people) for name, value in editable(example)})
    plan = client.contacts.plan(edited.iloc[:1], people.iloc[:1])
    plan.apply(progress=False)
    wire.faults = [mix_up(key, keys_of(people, key)[0])]
    with pytest.raises(ck.ApiError, match=DIFFERENT):
        plan.undo()


def test_form_refuses_another_contact(client, wire, example, people):
    wire.faults = [mix_up(example.key, keys_of(people, example.key)[0])]
    with pytest.raises(ck.ApiError, match=DIFFERENT):
        client.contacts.form(example.key)


def answer_of(provider: Provider, key: str) -> bytes:
    contact: Any = {key_of(provider.record).wire: key}
    for name in reversed(provider.envelope.one):
        contact = {name: contact, "success": True, "status": "OK"}
    return json.dumps(contact).encode()


@pytest.mark.parametrize("spelling", ["{0}", " {0} ", "+1 (202) 555-0123", "12025550123"])
def test_number_in_another_spelling_is_the_same_contact(wire, spelling):
    client = ck.connect("sendblue", via=wire)
    provider = client._session.provider
    wire.faults = [says(200, answer_of(provider, spelling.format("+12025550123")))]
    assert len(client.contacts.get("+12025550123")) == 1


def test_answer_without_a_key_is_refused(client, wire, example):
    provider = client._session.provider
    wire.faults = [says(200, answer_of(provider, ""))]
    with pytest.raises(ck.ApiError, match=DIFFERENT):
        client.contacts.get(example.key)


def test_recording_replays_for_a_number_that_has_a_pseudonym(wire, tmp_path: Path):
    path = tmp_path / "calls.jsonl"
    client = ck.connect("sendblue", via=wire)
    client.contacts.create(phone=PHONE, first_name="Ada")
    with ck.record(client, path):
        client.contacts.get(PHONE)
        client.contacts.update(PHONE, first_name="Bo")
    assert PHONE not in path.read_text("utf-8")
    replay = ck.connect("sendblue", via=ck.Cassette(path, "replay"))
    found = replay.contacts.get(PHONE)["phone"].item()
    assert found != PHONE
    assert replay.contacts.update(PHONE, first_name="Bo")["outcome"].tolist() == ["updated"]
    again = ck.connect("sendblue", via=ck.Cassette(path, "replay"))
    assert again.contacts.get(found)["phone"].item() == found


def test_recording_that_answers_about_another_contact_is_refused(wire, tmp_path: Path):
    path, key = tmp_path / "calls.jsonl", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    client = ck.connect("sent", via=wire)
    with ck.record(client, path):
        client.contacts.get(key)
    other = key[:-1] + "9"
    path.write_text(
        path.read_text("utf-8").replace(f"contacts/{key}", f"contacts/{other}"), "utf-8"
    )
    replay = ck.connect("sent", via=ck.Cassette(path, "replay"))
    with pytest.raises(ck.ApiError, match=DIFFERENT):
        replay.contacts.get(other)
