"""A browser has no sockets: the simulator and recordings work, a live client is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import contactkit as ck

CASSETTES = Path(__file__).parents[2] / "data" / "cassettes"


@pytest.fixture(autouse=True)
def browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "emscripten")


@pytest.mark.parametrize("via", ["", "Live", "Cassette"])
def test_live_client_is_refused_and_the_alternatives_are_named(name, example, tmp_path, via):
    worlds = {"Cassette": ck.Cassette(tmp_path / "new.jsonl"), "Live": ck.Live()}
    credentials = dict.fromkeys(ck.connect(name, via=ck.Simulator())._session.credentials, "key")
    for given in ({}, credentials):
        with pytest.raises(ck.ConfigurationError) as caught:
            ck.connect(name, via=worlds.get(via), **given)
        assert "via=contactkit.Simulator()" in str(caught.value)
        assert "via=contactkit.Cassette(path)" in str(caught.value)


async def test_simulator_works_for_both_clients(name, example):
    client = ck.connect(name, via=ck.Simulator(contacts=3))
    assert len(client.contacts.list()) == len(await client.aio.contacts.list())
    assert client.contacts.update(example.key, **example.update)["outcome"].item() == "updated"


async def test_recording_works_for_both_clients(name):
    for _ in range(2):
        client = ck.connect(name, via=ck.Cassette(CASSETTES / f"{name}.jsonl", "replay"))
        assert len(client.contacts.list())
    client = ck.connect(name, via=ck.Cassette(CASSETTES / f"{name}.jsonl", "replay"))
    assert len(await client.aio.contacts.list())
