"""`record`: what a client does inside a `with` block is in a file when it has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

import contactkit as ck
from contactkit.cassette.file import CassetteFile
from tests.support.providers import EXAMPLES, Wire


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tape.jsonl"


def test_while_a_client_is_recorded_it_says_so(path):
    client = ck.connect("sent", via=Wire())
    with ck.record(client, path) as cassette:
        assert "Recording" in repr(client)
        assert client.contacts.list().attrs["world"] == cassette.name
    assert "Recording" not in repr(client)
    assert client.contacts.list().attrs["world"] == "wire"
    assert len(cassette.frame()) == len(CassetteFile.load(path).entries) == 1


def test_nothing_is_recorded_of_a_live_provider_in_ci(path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    client = ck.connect("sent", via=Wire())
    with pytest.warns(ck.ContactKitWarning), pytest.raises(ck.CassetteError):
        with ck.record(client, path):
            pass


def test_two_recordings_of_one_client_at_once_are_refused(path):
    client = ck.connect("sent", via=Wire())
    with ck.record(client, path), pytest.raises(ck.ConfigurationError, match="already"):
        with ck.record(client, path):
            pass


def test_a_block_that_ends_with_an_exception_leaves_an_older_recording_as_it_is(path):
    client = ck.connect("sent", via=Wire())
    with ck.record(client, path):
        client.contacts.list()
    before = path.read_bytes()
    with pytest.raises(ck.NotFoundError), ck.record(client, path):
        client.contacts.list(channel="sms")
        client.contacts.get(EXAMPLES["sent"].unknown)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


async def test_a_client_that_is_closed_in_the_block_does_not_end_it(path):
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


def test_a_new_recording_holds_what_came_before_an_exception(path):
    client = ck.connect("sent", via=Wire())
    with pytest.raises(ck.NotFoundError), ck.record(client, path):
        client.contacts.list()
        client.contacts.get(EXAMPLES["sent"].unknown)
    assert [each.exchange.response.status for each in CassetteFile.load(path).entries] == [200, 404]


def test_what_a_client_does_after_the_block_is_not_recorded(path):
    client = ck.connect("sent", via=Wire())
    with ck.record(client, path):
        client.contacts.list()
    client.contacts.get(EXAMPLES["sent"].key)
    assert len(CassetteFile.load(path).entries) == 1
