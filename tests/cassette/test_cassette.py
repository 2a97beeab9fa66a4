"""Cassettes as users have them: recorded from a provider, replayed by sync and async clients."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import pandas as pd
import pytest
import respx

import contactkit as ck
from contactkit._providers import find
from contactkit.forms import ContactForm
from contactkit.spec.record import fields_of
from tests.support.front_end import FrontEnd
from tests.support.providers import EXAMPLES, Wire, loses, says

BY_CHANCE = ["idempotency_key", "elapsed_ms", "at"]
TYPED = {
    "sent": {"default_channel": "whatsapp"},
    "sendblue": {"first_name": "Grace"},
    "privy": {"first_name": "Grace"},
    "digital_onboarding": {"name_first": "Grace"},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassette.jsonl"


async def session(client: ck.Client, name: str, *, extra: bool = False) -> list[pd.DataFrame]:
    """List, update, list, save a form, list."""
    key, update = EXAMPLES[name].key, EXAMPLES[name].update
    if extra:
        client.contacts.list()
    frames = [client.contacts.list(), client.contacts.update(key, **update)]
    frames.append(client.contacts.list())
    form = client.contacts.form(key)
    await FrontEnd(form.widget).press("save", **TYPED[name])
    assert form.result["outcome"].item() == "updated"
    return [*frames, form.contact, client.contacts.list()]


async def async_session(client: ck.Client, name: str) -> list[pd.DataFrame]:
    """The same with an async client."""
    contacts, key, update = client.aio.contacts, EXAMPLES[name].key, EXAMPLES[name].update
    frames = [await contacts.list(), await contacts.update(key, **update), await contacts.list()]
    if name == "sendblue":
        # As contacts.form() does, to suggest them.
        await client.aio.seats()
    form = ContactForm(contacts, client._session, client.world, await contacts.get(key))
    await FrontEnd(form.widget).press("save", **TYPED[name])
    return [*frames, form.contact, await contacts.list()]


class Late(Wire):
    """A provider whose responses take a moment."""

    def transport(self, provider):
        handle = super().transport(provider).handler

        async def late(request):
            response = handle(request)
            await asyncio.sleep(0.001)
            return response

        return httpx.MockTransport(late)


def unlucky() -> Wire:
    """A provider that is busy, cannot be reached, and does not answer in time."""
    busy = says(429, b"{}", Retry_After="7")
    lost = [loses(kind, after=False) for kind in (httpx.ConnectError, httpx.ReadTimeout)]
    return Wire(faults=[busy, None, lost[0], None, lost[1]])


def same(recorded: pd.DataFrame, replayed: pd.DataFrame, name: str) -> None:
    """Whether frames are equal but for personal values, each of which has one stand-in."""
    fields = fields_of(find(name).record)
    personal = {field for field in fields if fields[field].marker.personal}
    assert list(recorded.columns) == list(replayed.columns)
    for column in recorded.columns.difference([*BY_CHANCE, "before", "after"]):
        was, now = recorded[column], replayed[column]
        assert was.dtype == now.dtype
        if column in personal or was.dtype in ("string", object):
            was, now = (pd.Series(pd.factorize(part.astype(str))[0]) for part in (was, now))
        pd.testing.assert_series_equal(was, now, check_names=False)


@pytest.mark.parametrize(("luck", "extra"), [(Wire, False), (unlucky, True)])
async def test_replay_gives_the_same_frames_sync_and_async(name, luck, extra, path):
    client = ck.connect(name, via=luck())
    with ck.record(client, path):
        recorded = await session(client, name)
    one, other = (
        ck.connect(name, via=ck.Cassette(path, "replay", exhausted="last" if extra else "error"))
        for _ in range(2)
    )
    by_sync = await session(one, name, extra=extra)
    by_async = await async_session(other, name)
    for was, now, again in zip(recorded, by_sync, by_async, strict=True):
        same(was, now, name)
        pd.testing.assert_frame_equal(
            now.drop(columns=BY_CHANCE, errors="ignore"),
            again.drop(columns=BY_CHANCE, errors="ignore"),
        )
    assert other.world.unused().empty


KILLED = """
import os, signal, sys, contactkit as ck
client = ck.connect("sent", via=ck.Cassette(sys.argv[1], world=ck.Simulator(contacts=8, seed=7)))
for key in client.contacts.list()["id"][:6]:
    client.contacts.get(key)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_recording_keeps_finished_exchanges_when_killed(path):
    ran = subprocess.run([sys.executable, "-c", KILLED, path])
    assert ran.returncode == -signal.SIGKILL
    replay = ck.connect("sent", via=ck.Cassette(path))
    for key in replay.contacts.list()["id"][:6]:
        assert replay.contacts.get(key)["id"].tolist() == [key]
    assert len(replay.world.frame()) == 7
    assert replay.world.mode == "replay"
    assert replay.world.unused().empty


def broken() -> Wire:
    return Wire(faults=[loses(httpx.ConnectError, after=False)] * 9)


def once(path: Path) -> bytes:
    with ck.connect("sent", via=ck.Cassette(path, world=Wire())) as client:
        client.contacts.list()
    return path.read_bytes()


def test_refresh_without_a_network_changes_nothing(path):
    before = once(path)
    with ck.connect("sent", via=ck.Cassette(path, "refresh", world=broken())) as client:
        with pytest.raises(ck.TransportError):
            client.contacts.list()
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_refresh_that_ends_in_an_error_changes_nothing(path):
    before = once(path)
    refresh = ck.connect("sent", via=ck.Cassette(path, "refresh", world=Wire()))
    with pytest.raises(ZeroDivisionError), refresh as client:
        client.contacts.update(EXAMPLES["sent"].key, opt_out=True)
        1 / 0  # noqa: B018
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_refresh_changes_only_what_has_changed(path):
    before = once(path).splitlines()
    wire = Wire()
    ck.connect("sent", via=wire).contacts.update(EXAMPLES["sent"].key, opt_out=True)
    with ck.connect("sent", via=ck.Cassette(path, "refresh", world=wire)) as client:
        client.contacts.list()
        assert path.read_bytes().splitlines() == before
    after = path.read_bytes().splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 2
    assert all(b'"opt_out":true' in line or b'"ask"' in line for line in changed)


async def test_refresh_ends_with_an_async_client_too(path):
    once(path)
    wire = Wire(simulator=ck.Simulator(contacts=3, seed=7))
    refresh = ck.connect("sent", via=ck.Cassette(path, "refresh", world=wire))
    async with refresh.aio as client:
        await client.contacts.list()
    assert len(ck.connect("sent", via=ck.Cassette(path)).contacts.list()) == 3


def test_new_records_what_is_missing(path):
    once(path)
    wire = Wire()
    new = ck.connect("sent", via=ck.Cassette(path, "new", world=wire))
    assert len(new.contacts.list()) == 8
    assert wire.requests == []
    new.contacts.get(EXAMPLES["sent"].key)
    assert len(wire.requests) == 1
    replay = ck.connect("sent", via=ck.Cassette(path))
    assert len(replay.contacts.get(EXAMPLES["sent"].key)) == 1
    assert len(replay.contacts.list()) == 8


def test_replay_of_a_union_merge_holds_both_recordings(path, tmp_path):
    base = once(path)
    branches = []
    for number, key in enumerate((EXAMPLES["sent"].key, EXAMPLES["sent"].unknown)):
        branch = tmp_path / f"branch-{number}.jsonl"
        branch.write_bytes(base)
        client = ck.connect("sent", via=ck.Cassette(branch, "new", world=Wire()))
        client.contacts.list(channel=("sms", "whatsapp")[number])
        try:
            client.contacts.get(key)
        except ck.NotFoundError:
            pass
        branches.append(branch)
    path.write_bytes(base)
    subprocess.run(["git", "merge-file", "--union", branches[0], path, branches[1]], check=True)
    replay = ck.connect("sent", via=ck.Cassette(branches[0]))
    assert len(replay.contacts.list()) == 8
    assert [len(replay.contacts.list(channel=channel)) for channel in ("sms", "whatsapp")] == [7, 5]
    assert len(replay.contacts.get(EXAMPLES["sent"].key)) == 1
    with pytest.raises(ck.NotFoundError):
        replay.contacts.get(EXAMPLES["sent"].unknown)


def test_replay_is_right_in_eight_threads(tmp_path):
    keys: dict[str, list[str]] = {}
    for name in ("sent", "privy"):
        client = ck.connect(name, via=ck.Simulator(contacts=40, seed=1))
        with ck.record(client, tmp_path / f"{name}.jsonl"):
            people = client.contacts.list()
            keys[name] = people[people.columns[0]].tolist()
            for key in keys[name]:
                client.contacts.get(key)
    clients = {name: ck.connect(name, via=ck.Cassette(tmp_path / f"{name}.jsonl")) for name in keys}
    pairs = [(name, key) for name in keys for key in keys[name]]

    def wrong(pair: tuple[str, str]) -> bool:
        now = clients[pair[0]].contacts.get(pair[1])
        return now[now.columns[0]].tolist() != [pair[1]]

    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(wrong, sorted(pairs, key=lambda pair: pair[1])))


async def test_replay_of_a_read_during_a_write_is_the_recorded_one(path):
    key = EXAMPLES["sent"].key

    async def session(client):
        contacts = client.aio.contacts
        at_once = (contacts.update(key, opt_out=True), contacts.get(key), contacts.list())
        return [len(frame) for frame in await asyncio.gather(*at_once)] + [
            len(await contacts.get(key))
        ]

    client = ck.connect("sent", via=ck.Cassette(path, world=Late()))
    assert await session(client) == await session(ck.connect("sent", via=ck.Cassette(path)))


def test_cassette_shows_its_mode(path):
    once(path)
    replay = ck.connect("sent", via=ck.Cassette(path))
    people = replay.contacts.list()
    for shown in (repr(replay), replay._repr_html_()):
        assert "cassette cassette.jsonl (replay)" in shown
        assert "recorded from the provider (2026-10-01): nothing is sent" in shown
    assert people.attrs["world"] == "cassette cassette.jsonl (replay)"
    assert "nothing is sent" in people.attrs["notice"]
    assert "nothing is sent" in FrontEnd(replay.contacts.form().widget).head.text


def test_recording_error_mentions_that_a_write_was_sent(path):
    client = ck.connect("sent", via=ck.Cassette(path / "under a file" / "x.jsonl", world=Wire()))
    path.touch()
    with pytest.raises(ck.CassetteError, match=r"be created: Not a directory$"):
        client.contacts.get(EXAMPLES["sent"].key)
    with pytest.raises(ck.CassetteError, match="; the write was sent, and may be done"):
        client.contacts.update(EXAMPLES["sent"].key, opt_out=True)


@pytest.mark.parametrize("mode", ["replay", "new", "refresh", "verify"])
async def test_override_goes_first_in_every_mode(path, mode):
    once(path)
    router, wire = respx.Router(), Wire()
    router.get(path__regex="/v3/contacts/.*").respond(404, json={"success": False})
    client = ck.connect("sent", via=ck.Cassette(path, mode, world=wire, overrides=router))
    with pytest.raises(ck.NotFoundError):
        client.contacts.get(EXAMPLES["sent"].key)
    with pytest.raises(ck.NotFoundError):
        await client.aio.contacts.get(EXAMPLES["sent"].key)
    assert wire.requests == []


@pytest.mark.parametrize("mode", ["new", "refresh"])
def test_recording_refuses_to_mix_simulator_and_provider(path, mode):
    with ck.connect("sent", via=ck.Cassette(path, world=ck.Simulator())) as client:
        client.contacts.list()
    with pytest.raises(ck.CassetteError, match="recorded from simulator, and wire is not"):
        ck.connect("sent", via=ck.Cassette(path, mode, world=Wire()))
    path.unlink()
    once(path)
    with pytest.raises(ck.CassetteError, match="recorded from wire, and simulator is not"):
        ck.connect("sent", via=ck.Cassette(path, mode, world=ck.Simulator()))


def test_recording_survives_a_change_of_directory(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    client = ck.connect("sent", via=ck.Cassette(path.name, world=Wire()))
    client.contacts.list()
    (path.parent / "other").mkdir()
    monkeypatch.chdir(path.parent / "other")
    client.contacts.get(EXAMPLES["sent"].key)
    assert len(ck.Cassette(path).entries) == 2
    assert os.listdir() == []


def test_exhausted_is_validated(path):
    with pytest.raises(ck.ConfigurationError, match="exhausted='again' must be error or last"):
        ck.Cassette(path, exhausted="again")


def test_unrecorded_request_error_names_the_nearest_without_personal_values(path):
    client = ck.connect("sendblue", via=Wire())
    with ck.record(client, path):
        client.contacts.get("+12025550123")
    replay = ck.connect("sendblue", via=ck.Cassette(path), api_key="canary-4f1d", api_secret="x-9")
    with pytest.raises(ck.UnrecordedRequestError) as caught:
        replay.contacts.get("+14155552671")
    message = str(caught.value)
    assert (
        "/api/v2/contacts/" in message
        and "cassette.jsonl, line" in message
        and 'mode="new"' in message
    )
    assert "4155552671" not in message and "canary" not in message


def test_frame_counts_hits(path):
    once(path)
    cassette = ck.Cassette(path, expires=timedelta(days=100_000))
    assert repr(cassette).endswith("1 exchanges, 1 unused")
    assert cassette.unused()["path"].tolist() == ["/v3/contacts"]
    ck.connect("sent", via=cassette).contacts.list()
    table = cassette.frame()
    assert table["hits"].tolist() == [1]
    assert table[["method", "path", "status"]].values.tolist() == [["GET", "/v3/contacts", 200]]
    assert cassette.unused().empty
    assert repr(cassette) == "contactkit cassette cassette.jsonl (replay): 1 exchanges"


def test_expired_exchanges_are_warned_about(path):
    once(path)
    with pytest.warns(ck.ContactKitWarning, match="1 of its 1 exchanges have expired"):
        cassette = ck.Cassette(path, expires=timedelta(seconds=1))
    assert cassette.frame()["expired"].tolist() == [True]


def test_credentials_are_needed_only_to_record(path, tmp_path):
    once(path)
    assert len(ck.connect("sent", via=ck.Cassette(path, "replay")).contacts.list()) == 8
    with pytest.raises(ck.ConfigurationError, match="api_key"):
        ck.connect("sent", via=ck.Cassette(tmp_path / "other.jsonl"))


def test_replay_refuses_the_cassette_of_another_provider(path):
    once(path)
    with pytest.raises(ck.CassetteError, match="is a recording of sent, not of privy"):
        ck.connect("privy", via=ck.Cassette(path))


def test_replay_of_a_missing_file_is_an_error(path):
    with pytest.raises(ck.CassetteError, match="no such file"):
        ck.Cassette(path, "replay")


def test_other_pseudonym_key_replays_but_does_not_record(path, monkeypatch):
    client = ck.connect("sendblue", via=Wire())
    with ck.record(client, path):
        first = client.contacts.list().iloc[0]
        client.contacts.update(first["phone"], last_name="Lovelace")
    monkeypatch.setenv("CONTACTKIT_PSEUDONYM_KEY", "another key than that of the tests")
    replay = ck.connect("sendblue", via=ck.Cassette(path))
    again = replay.contacts.list().iloc[0]
    with pytest.raises(ck.UnrecordedRequestError):
        replay.contacts.update(again["phone"], last_name="Lovelace")
    with pytest.raises(ck.CassetteError, match="CONTACTKIT_PSEUDONYM_KEY"):
        ck.connect("sendblue", via=ck.Cassette(path, "new", world=Wire()))


def test_replay_creates_no_pseudonym_key(path, monkeypatch, tmp_path):
    once(path)
    monkeypatch.delenv("CONTACTKIT_PSEUDONYM_KEY")
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: tmp_path / "none" / name)
    ck.connect("sent", via=ck.Cassette(path)).contacts.list()
    assert not (tmp_path / "none").exists()


def test_replay_runs_in_virtual_time(path):
    client = ck.connect("sent", via=unlucky())
    with ck.record(client, path):
        client.contacts.list()
        client.contacts.list()
    replay = ck.connect("sent", via=ck.Cassette(path))
    began, at = time.monotonic(), replay.world.clock.now()
    replay.contacts.list()
    assert replay.world.clock.now() - at >= 7
    assert time.monotonic() - began < 5


def test_off_records_nothing(path):
    with ck.connect("sent", via=ck.Cassette(path, "off", world=Wire())) as client:
        assert len(client.contacts.list()) == 8
        assert "notice" not in client.contacts.list().attrs
    assert not path.exists()


@pytest.mark.parametrize("name", ["privy", "digital_onboarding"])
@pytest.mark.parametrize("account", ["token", "oauth"])
def test_replay_authorises_as_recorded(name, account, path):
    wire = Wire()
    ck.connect(name, via=wire)
    client = ck.connect(name, via=wire, **wire.simulator.accounts[account])
    with ck.record(client, path):
        client.contacts.list()
    replay = ck.connect(name, via=ck.Cassette(path))
    assert len(replay.contacts.list()) == 8
    assert replay.world.unused().empty
    assert replay._session.credentials.keys() == client._session.credentials.keys()


@pytest.mark.parametrize("mode", ["replay", "once", "new", "refresh", "verify", "off"])
def test_close_works_unused_and_twice(mode, path):
    if mode != "once":
        once(path)
    cassette = ck.Cassette(path, mode, world=Wire())
    cassette.close(True)
    client = ck.connect("sent", via=cassette)
    assert len(client.contacts.list()) == 8
    for clean in (True, True, False):
        cassette.close(clean)
    assert len(ck.connect("sent", via=ck.Cassette(path, "replay")).contacts.list()) == 8
    assert [child.name for child in path.parent.iterdir()] == [path.name]


def test_hold_open_outlasts_the_clients(path):
    before = once(path)
    wire = Wire(simulator=ck.Simulator(contacts=3, seed=7))
    cassette = ck.Cassette(path, "refresh", world=wire)
    cassette.hold_open()
    with ck.connect("sent", via=cassette) as client:
        client.contacts.list()
    assert path.read_bytes() == before
    with pytest.raises(ZeroDivisionError), ck.connect("sent", via=cassette) as client:
        client.contacts.list(channel="sms")
        1 / 0  # noqa: B018
    cassette.close(True)
    replay = ck.connect("sent", via=ck.Cassette(path))
    assert len(replay.contacts.list()) == 3
    assert len(replay.contacts.list(channel="sms"))
