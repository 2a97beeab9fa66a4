"""Verifying: what was read is read again, what was written never, and what has changed is told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pandas as pd
import pytest

import contactkit as ck
from tests.support.providers import EXAMPLES, Wire, loses, says


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tape.jsonl"


def visited(path: Path, name: str, wire: Wire) -> Wire:
    """A recording of a provider, which stays as it was left."""
    client = ck.connect(name, via=wire)
    with ck.record(client, path):
        client.contacts.update(EXAMPLES[name].key, **EXAMPLES[name].update)
        client.contacts.list()
        client.contacts.get(EXAMPLES[name].key)
        with pytest.raises(ck.NotFoundError):
            client.contacts.get(EXAMPLES[name].unknown)
    wire.requests.clear()
    return wire


def verified(path: Path, name: str, wire: Wire) -> pd.DataFrame:
    client = ck.connect(name, via=ck.Cassette(path, "verify", world=wire))
    return client.world.verify()


def test_nothing_has_changed_where_nothing_has(name, path):
    wire = visited(path, name, Wire())
    found = verified(path, name, wire)
    assert found.empty
    people = 2 if name == "sendblue" else 0
    assert found.attrs == {"asked": 3 - people, "skipped": people}


def test_no_write_is_sent_again(name, path):
    wire = visited(path, name, Wire())
    verified(path, name, wire)
    asked = [each for each in wire.requests if not each.url.path.endswith("token")]
    assert asked and all(each.method == "GET" or "search" in each.url.path for each in asked)


def test_what_has_changed_is_told_field_by_field(path):
    wire = visited(path, "sent", Wire())
    live = ck.connect("sent", via=wire)
    live.contacts.update(EXAMPLES["sent"].key, default_channel="whatsapp", opt_out=False)
    live.contacts.create(phone_number="+12125550187")
    found = verified(path, "sent", wire)
    assert {"value changed", "added"} <= set(found["drift"])
    changed = found[found["field"].str.endswith("opt_out")]
    assert changed[["recorded", "live"]].drop_duplicates().values.tolist() == [["true", "false"]]


def test_a_contact_that_is_gone_is_told(path):
    wire = visited(path, "privy", Wire())
    ck.connect("privy", via=wire).contacts.delete(EXAMPLES["privy"].key)
    found = verified(path, "privy", wire)
    status = found[found["field"] == "status"]
    assert status[["recorded", "live"]].values.tolist() == [["200", "404"]]


def test_without_an_answer_nothing_is_verified(path):
    visited(path, "sent", Wire())
    gone = Wire(faults=[loses(httpx.ConnectError, after=False)])
    with pytest.raises(ck.TransportError, match="cannot be verified"):
        verified(path, "sent", gone)


def test_passing_trouble_is_not_asked_for_again(path):
    busy = says(429, b"{}", Retry_After="1")
    wire = Wire(faults=[busy, None, loses(httpx.ReadTimeout, after=False)])
    client = ck.connect("sent", via=wire)
    with ck.record(client, path):
        client.contacts.list()
        client.contacts.get(EXAMPLES["sent"].key)
    found = verified(path, "sent", wire)
    assert (found.empty, found.attrs["asked"]) == (True, 2)


def test_a_clients_own_reads_are_compared_and_answered_as_recorded(path):
    wire = visited(path, "sent", Wire())
    key = EXAMPLES["sent"].key
    ck.connect("sent", via=wire).contacts.update(key, opt_out=False)
    wire.requests.clear()
    cassette = ck.Cassette(path, "verify", world=wire)
    client = ck.connect("sent", via=cassette)
    assert client.contacts.update(key, opt_out=True)["outcome"].item() == "updated"
    assert client.contacts.get(key)["opt_out"].item()
    assert [each.method for each in wire.requests] == ["GET"]
    assert cassette.drift()["field"].str.endswith("opt_out").any()


async def test_so_are_those_of_the_awaiting_door(path):
    wire = visited(path, "privy", Wire())
    cassette = ck.Cassette(path, "verify", world=wire)
    client = ck.connect("privy", via=cassette)
    await client.aio.contacts.update(EXAMPLES["privy"].key, **EXAMPLES["privy"].update)
    await client.aio.contacts.list()
    assert cassette.drift().empty
    assert [each.method for each in wire.requests] == ["GET"]


def test_a_cassette_that_does_not_verify_says_how_to(path):
    visited(path, "sent", Wire())
    cassette = ck.Cassette(path)
    ck.connect("sent", via=cassette)
    with pytest.raises(
        ck.ConfigurationError, match=r'mode="verify"; cassette tape.jsonl .replay. is not'
    ):
        cassette.verify()
