"""A browser has neither sockets nor threads: the simulator, recordings and plans work without.

`tests/lite` tries the same in a real one.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import contactkit as ck
from contactkit._client import plans
from contactkit._frames.key_file import KeyFile
from contactkit._plans.listing import progress_bar
from contactkit._providers import find

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


@pytest.fixture
def browser_loop(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The part of pyodide that waits for a coroutine in a cell, with an event loop of its own."""
    loop = SimpleNamespace(can_run_sync=lambda: True, run_sync=asyncio.run)
    monkeypatch.setitem(sys.modules, "pyodide", SimpleNamespace(ffi=loop))
    monkeypatch.setitem(sys.modules, "pyodide.ffi", loop)
    monkeypatch.delattr(plans, "_ApplyThread")
    return loop


def plan_of(name, example):
    client = ck.connect(name, via=ck.Simulator(contacts=3))
    row = client.contacts.get(example.key)
    return client.contacts.plan(row.assign(**example.update), row)


def test_plan_is_applied_and_undone_on_the_browsers_loop(name, example, browser_loop):
    plan = plan_of(name, example)
    assert plan.apply()["outcome"].to_list() == ["updated"]
    assert plan.apply()["outcome"].to_list() == ["skipped"]
    assert plan.undo(opt_in=True).apply()["outcome"].to_list() == ["updated"]


def test_apply_in_a_browser_that_cannot_wait_names_the_awaited_one(name, example, browser_loop):
    browser_loop.can_run_sync = lambda: False
    plan = plan_of(name, example)
    with pytest.raises(ck.ConfigurationError, match=r"await plan\.aio\.apply\(\)"):
        plan.apply()
    assert len(plan.undo().contacts) == 0


def test_key_file_needs_no_links(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "link")
    file = KeyFile(tmp_path / "new" / "a.key")
    assert file.ensure() == file.read()
    assert [path.name for path in file.path.parent.iterdir()] == ["a.key"]


def test_progress_bar_starts_no_thread(name, monkeypatch):
    monkeypatch.setattr("contactkit._plans.listing.is_watched", lambda: True)
    before = threading.active_count()
    with progress_bar(find(name)):
        assert threading.active_count() == before
