"""`record`: a client's exchanges during a `with` block are in its file."""

from __future__ import annotations

from pathlib import Path

import pytest

import contactkit as ck
from contactkit.cassette.file import CassetteFile
from tests.support.providers import EXAMPLES, Wire


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tape.jsonl"


def test_recorded_client_shows_its_cassette(path):
    client = ck.connect("sent", via=Wire())
    with ck.record(client, path) as cassette:
        assert "Recording" in repr(client)
        assert client.contacts.list().attrs["world"] == cassette.name
    assert "Recording" not in repr(client)
    assert client.contacts.list().attrs["world"] == "wire"
    assert len(cassette.frame()) == len(CassetteFile.load(path).entries) == 1


def test_record_refuses_a_live_provider_in_ci(path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    client = ck.connect("sent", via=Wire())
    with pytest.warns(ck.ContactKitWarning), pytest.raises(ck.CassetteError):
        with ck.record(client, path):
            pass


def test_record_refuses_a_client_that_is_being_recorded(path):
    client = ck.connect("sent", via=Wire())
    with ck.record(client, path), pytest.raises(ck.ConfigurationError, match="already"):
        with ck.record(client, path):
            pass


def test_record_keeps_the_old_file_after_an_exception(path):
    client = ck.connect("sent", via=Wire())
    with ck.record(client, path):
        client.contacts.list()
    before = path.read_bytes()
    with pytest.raises(ck.NotFoundError), ck.record(client, path):
        client.contacts.list(channel="sms")
        client.contacts.get(EXAMPLES["sent"].unknown)
    assert path.read_bytes() == before
    assert [child.name for child in path.parent.iterdir()] == [path.name]


async def test_record_goes_on_after_the_client_is_closed(path):
    client = ck.connect("sent", via=Wire())
    with ck.record(client, path):
        client.contacts.list()
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), ck.record(client, path):
        client.contacts.list()
        client.close()
        await client.aio.contacts.list()
        await client.aio.aclose()
        assert path.read_bytes() == before
        1 / 0  # noqa: B018
    assert path.read_bytes() == before


def test_new_recording_holds_the_exchanges_before_an_exception(path):
    client = ck.connect("sent", via=Wire())
    with pytest.raises(ck.NotFoundError), ck.record(client, path):
        client.contacts.list()
        client.contacts.get(EXAMPLES["sent"].unknown)
    assert [entry.exchange.response.status for entry in CassetteFile.load(path).entries] == [
        200,
        404,
    ]


def test_record_ends_with_its_block(path):
    client = ck.connect("sent", via=Wire())
    with ck.record(client, path):
        client.contacts.list()
    client.contacts.get(EXAMPLES["sent"].key)
    assert len(CassetteFile.load(path).entries) == 1
