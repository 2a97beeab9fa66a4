"""Verifying: reads are sent again, writes never, and changes are reported."""

from __future__ import annotations

from pathlib import Path

import httpx
import pandas as pd
import pytest

import contactkit as ck
from tests.support.providers import EXAMPLES, Wire, loses, says


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassette.jsonl"


def visited(path: Path, name: str, wire: Wire) -> Wire:
    """A cassette of a provider that has not changed since."""
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


def test_verify_is_empty_without_changes(name, path):
    wire = visited(path, name, Wire())
    drift = verified(path, name, wire)
    assert drift.empty
    people = 2 if name == "sendblue" else 0
    assert drift.attrs == {"asked": 3 - people, "skipped": people}


def test_verify_sends_no_write(name, path):
    wire = visited(path, name, Wire())
    verified(path, name, wire)
    requests = [request for request in wire.requests if not request.url.path.endswith("token")]
    assert requests and all(
        request.method == "GET" or "search" in request.url.path for request in requests
    )


def test_verify_reports_changes_by_field(path):
    wire = visited(path, "sent", Wire())
    live = ck.connect("sent", via=wire)
    opted_in = {"opt_out": False, "opt_in": True}
    live.contacts.update(EXAMPLES["sent"].key, default_channel="whatsapp", **opted_in)
    live.contacts.create(phone_number="+12125550187")
    drift = verified(path, "sent", wire)
    assert {"value changed", "added"} <= set(drift["drift"])
    changed = drift[drift["field"].str.endswith("opt_out")]
    assert changed[["recorded", "live"]].drop_duplicates().values.tolist() == [["true", "false"]]


def test_verify_reports_a_deleted_contact(path):
    wire = visited(path, "privy", Wire())
    ck.connect("privy", via=wire).contacts.delete(EXAMPLES["privy"].key)
    drift = verified(path, "privy", wire)
    status = drift[drift["field"] == "status"]
    assert status[["recorded", "live"]].values.tolist() == [["200", "404"]]


def test_verify_without_a_network_is_an_error(path):
    visited(path, "sent", Wire())
    offline = Wire(faults=[loses(httpx.ConnectError, after=False)])
    with pytest.raises(ck.TransportError, match="cannot be verified"):
        verified(path, "sent", offline)


def test_verify_skips_temporary_failures(path):
    busy = says(429, b"{}", Retry_After="1")
    wire = Wire(faults=[busy, None, loses(httpx.ReadTimeout, after=False)])
    client = ck.connect("sent", via=wire)
    with ck.record(client, path):
        client.contacts.list()
        client.contacts.get(EXAMPLES["sent"].key)
    drift = verified(path, "sent", wire)
    assert (drift.empty, drift.attrs["asked"]) == (True, 2)


def test_verifier_compares_the_reads_of_a_client(path):
    wire = visited(path, "sent", Wire())
    key = EXAMPLES["sent"].key
    ck.connect("sent", via=wire).contacts.update(key, opt_out=False, opt_in=True)
    wire.requests.clear()
    cassette = ck.Cassette(path, "verify", world=wire)
    client = ck.connect("sent", via=cassette)
    assert client.contacts.update(key, opt_out=True)["outcome"].item() == "updated"
    assert client.contacts.get(key)["opt_out"].item()
    assert [request.method for request in wire.requests] == ["GET"]
    assert cassette.drift()["field"].str.endswith("opt_out").any()


async def test_verifier_compares_the_reads_of_an_async_client(path):
    wire = visited(path, "privy", Wire())
    cassette = ck.Cassette(path, "verify", world=wire)
    client = ck.connect("privy", via=cassette)
    await client.aio.contacts.update(EXAMPLES["privy"].key, **EXAMPLES["privy"].update)
    await client.aio.contacts.list()
    assert cassette.drift().empty
    assert [request.method for request in wire.requests] == ["GET"]


def test_verify_needs_its_mode(path):
    visited(path, "sent", Wire())
    cassette = ck.Cassette(path)
    ck.connect("sent", via=cassette)
    with pytest.raises(
        ck.ConfigurationError, match=r'mode="verify"; this is cassette cassette.jsonl .replay.'
    ):
        cassette.verify()
