"""The resume of an apply that was killed, cut off or left without a response."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._journal import sqlite
from contactkit._providers import find
from tests.plans.test_apply import counts, opted_out, writes
from tests.support.apply_processes import Applies, Forks, applies
from tests.support.edits import UPDATES, change_all
from tests.support.providers import EXAMPLES, Wire, loses, only_writes, says


@pytest.fixture
def sent(wire: Wire) -> Iterator[ck.Client]:
    with ck.connect("sent", via=wire) as client:
        yield client


@pytest.fixture
def sendblue(wire: Wire) -> Iterator[ck.Client]:
    with ck.connect("sendblue", via=wire) as client:
        yield client


KEYED = {name for name in EXAMPLES if find(name).idempotency}


# What is in doubt


def in_doubt(plan: ck.Plan, wire: Wire, *, done: bool) -> None:
    """Leave it open whether the first contact's write was carried out; it was if it is `done`."""
    wire.faults = [loses(httpx.ReadError, after=done)] * 4
    assert counts(plan.apply(progress=False, concurrency=1, limit=1))["unknown"] == 1
    wire.faults.clear()


NO_ANSWER_TO_THE_REPEAT = {
    "still in flight": [says(409, b"{}")],
    "a wrong key": [says(401, b"{}")],
    "no permission": [says(403, b"{}")],
    "the rate limit": [says(429, b"{}", Retry_After="5000")],
    "no connection": [loses(httpx.ConnectError, after=False)] * 4,
}


@pytest.mark.parametrize("why", NO_ANSWER_TO_THE_REPEAT)
def test_refusal_of_access_leaves_the_first_attempt_in_doubt(
    sent: ck.Client, wire: Wire, why: str
) -> None:
    plan = opted_out(sent)
    in_doubt(plan, wire, done=True)
    wire.faults = [*NO_ANSWER_TO_THE_REPEAT[why]]
    again = plan.apply(progress=False, concurrency=1, limit=1, patience=60)
    assert counts(again)["unknown"] == 1
    wire.faults.clear()
    assert counts(plan.apply(progress=False, patience=6000))["updated"] == plan.requests
    assert wire.simulator.state()["writes"].max() == 1


def test_refusal_under_the_same_key_settles_the_first_attempt(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    in_doubt(plan, wire, done=False)
    wire.faults = [says(400, b"{}")]
    again = plan.apply(progress=False, concurrency=1, limit=1)
    assert "unknown" not in counts(again)


def test_idempotency_key_ages_from_its_first_use(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    in_doubt(plan, wire, done=True)
    for _ in range(2):
        wire.clock.sleep(wire.clock.now() + 20 * 3600)
        in_doubt(plan, wire, done=False)
    plan.apply(progress=False)
    assert wire.simulator.state()["writes"].max() == 1


@pytest.mark.parametrize("done", [True, False])
def test_creation_in_doubt_is_searched_for(wire: Wire, done: bool) -> None:
    with ck.connect("privy", via=wire) as client:
        people = client.contacts.list()
        new = pd.DataFrame({"email": ["new@example.com"], "first_name": ["Ada"]})
        plan = client.contacts.plan(pd.concat([people, new]), people, create=True)
        in_doubt(plan, wire, done=done)
        rows = plan.apply(progress=False).to_dict("records")
        assert [row["outcome"] for row in rows] == ["created"]
        assert rows[0]["after"]["first_name"] == "Ada"
        (key,) = {*client.contacts.list()["id"]} - {*people["id"]}
        assert rows[0]["key"] == key
        assert set(plan.apply(progress=False)["key"]) == {key}
        assert len(plan.undo()) == 1


def test_creation_that_cannot_be_searched_for_stays_unknown(wire: Wire) -> None:
    with ck.connect("digital_onboarding", via=wire) as client:
        people = client.contacts.list()
        new = pd.DataFrame({"unique_id": ["core-20001"]})
        plan = client.contacts.plan(pd.concat([people, new]), people, create=True)
        in_doubt(plan, wire, done=True)
        wire.clock.sleep(wire.clock.now() + 30 * 86_400)
        (row,) = plan.apply(progress=False).to_dict("records")
    assert (row["outcome"], row["message"]) == (
        "unknown",
        "cannot be read back without a key; search for the contact",
    )
    assert wire.simulator.state()["writes"].max() == 1


@pytest.mark.parametrize(
    ("name", "option"),
    # At Sent neither an opt-out nor a delete can be undone.
    [(name, "create") for name in EXAMPLES] + [(n, "delete") for n in EXAMPLES if n != "sent"],
)
@pytest.mark.filterwarnings("ignore:Sent deprecated:DeprecationWarning")
def test_undo_in_doubt_is_no_conflict(wire: Wire, name: str, option: str) -> None:
    with ck.connect(name, via=wire) as client:
        people = client.contacts.list()
        new = pd.DataFrame([EXAMPLES[name].create], dtype=object)
        changed = people.assign(**UPDATES[name](people)).astype(object)
        edited = changed.iloc[1:] if option == "delete" else pd.concat([changed, new])
        plan = client.contacts.plan(edited, people, **{option: True})
        done = plan.apply(progress=False)
        back = plan.undo()
        wire.faults = [only_writes(loses(httpx.ReadError, after=True))] * 1000
        assert counts(back.apply(progress=False))["unknown"] > 0
        wire.faults.clear()
        again = plan.undo().apply(progress=False)
        assert set(again["outcome"]) <= {"updated", "created", "deleted", "refused"}
        assert not again["message"].fillna("").str.contains("since|there").any()
        assert len(again) == len(done.query("outcome != 'refused'"))


# The same edit at another time


def test_contact_changed_back_is_written_again(sendblue: ck.Client, wire: Wire) -> None:
    for name in ("Zara", "Zelda", "Zara", "Zelda"):
        people = sendblue.contacts.list()
        plan = sendblue.contacts.plan(people.assign(first_name=name), people)
        assert counts(plan.apply(progress=False)) == {"updated": len(people)}
        assert counts(plan.apply(progress=False)) == {"skipped": len(people)}
        wire.clock.sleep(wire.clock.now() + 30 * 86_400)
    assert set(sendblue.contacts.list()["first_name"]) == {"Zelda"}


def test_creation_without_a_key_is_not_repeated(sent: ck.Client, wire: Wire) -> None:
    new = pd.DataFrame({"phone_number": ["+12125550187"]})
    people = sent.contacts.list()
    for expected in ("created", "skipped"):
        plan = sent.contacts.plan(pd.concat([people, new]), people, create=True)
        assert counts(plan.apply(progress=False)) == {expected: 1}
        wire.clock.sleep(wire.clock.now() + 30 * 86_400)


# Processes that are killed


def planned(client: ck.Client, name: str, new: int = 0) -> ck.Plan:
    """Every contact changed, and as many new ones as `new` says."""
    people = client.contacts.list()
    edited = change_all(people, range(60_000, 60_000 + new))
    return client.contacts.plan(edited, people, create=True)


@pytest.fixture
def at(forks: Forks, tmp_path: Path) -> Iterator[Callable[..., Applies]]:
    """Serve a provider, with so many contacts."""
    with ExitStack() as stack:
        yield lambda name, contacts: stack.enter_context(applies(forks, name, contacts, tmp_path))


def killed(apply: Applies, plan: ck.Plan, moments: int, **options: Any) -> None:
    """Apply it again and again, and kill each process when the provider has had some more."""
    for moment in sorted(random.sample(range(1, int(0.9 * plan.requests)), moments)):
        process = apply.start(plan, **options)
        apply.until(writes=moment)
        process.kill()


def holds(apply: Applies, plan: ck.Plan, result: pd.DataFrame) -> None:
    """The provider holds what the plan wants, and the frame accounts for every contact."""
    assert list(result.index) == list(plan.index)
    assert set(result["outcome"]) <= {"skipped", "updated", "created", "refused"}
    rows = apply.rows()
    for planned, row in zip(plan.contacts, result.to_dict("records"), strict=True):
        expected = (planned.before or {}) if row["outcome"] == "refused" else planned.changes
        for field in planned.changes:
            assert rows[row["key"]][field] == expected[field]
    assert len(rows) == len({row["key"] for row in result.to_dict("records")})


def test_twenty_kills_write_every_contact_once(at: Callable[..., Applies]) -> None:
    apply = at("sent", 500)
    with apply.connect() as client:
        plan = planned(client, "sent")
        assert len(plan) == 500
        apply.app.simulator.fault("written_then_dropped", probability=0.02)
        killed(apply, plan, 20)
        apply.app.simulator.faults.clear()
        holds(apply, plan, plan.apply(progress=False))
    assert apply.most_writes == 1
    assert apply.writes == plan.requests


@pytest.mark.parametrize("name", EXAMPLES)
def test_kills_leave_every_contact_as_planned(at: Callable[..., Applies], name: str) -> None:
    apply = at(name, 40)
    with apply.connect() as client:
        plan = planned(client, name, new=8)
        apply.app.simulator.fault("written_then_dropped", probability=0.02)
        killed(apply, plan, 3)
        apply.app.simulator.faults.clear()
        holds(apply, plan, plan.apply(progress=False))
    assert apply.most_writes == 1 or name not in KEYED


# Two processes at once


def written_once(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether each contact that one apply wrote was skipped by the other."""
    pairs = {*map(frozenset, zip(one["outcome"], other["outcome"], strict=True))}
    return pairs <= {frozenset({"updated", "skipped"}), frozenset({"refused"})}


def test_two_processes_write_every_contact_once(at: Callable[..., Applies]) -> None:
    apply = at("sent", 120)
    with apply.connect() as client:
        plan = planned(client, "sent")
    apply.app.simulator.fault("latency", up_to=0.02, probability=1.0)
    apply.app.simulator.fault("written_then_dropped", probability=0.02)
    processes = [apply.start(plan, concurrency=8) for _ in range(2)]
    one, other = (process.result() for process in processes)
    assert written_once(one, other)
    assert min(counts(one)["updated"], counts(other)["updated"]) > 0
    assert apply.most_writes == 1
    assert apply.writes == plan.requests


def test_apply_finishes_the_writes_of_a_killed_process(at: Callable[..., Applies]) -> None:
    apply = at("sent", 80)
    with apply.connect() as client:
        plan = planned(client, "sent")
        apply.app.simulator.fault("latency", up_to=0.02, probability=1.0)
        killed, other = (apply.start(plan, concurrency=8) for _ in range(2))
        apply.until(random.randrange(1, 60))
        killed.kill()
        assert set(other.result()["outcome"]) <= {"updated", "skipped", "refused"}
        apply.app.simulator.faults.clear()
        holds(apply, plan, plan.apply(progress=False))
    assert apply.most_writes == 1
    assert apply.writes == plan.requests


def test_dry_run_after_a_kill_counts_every_open_write(at: Callable[..., Applies]) -> None:
    apply = at("sent", 40)
    with apply.connect() as client:
        plan = planned(client, "sent")
        apply.app.simulator.fault("latency", seconds=0.5, probability=1.0)
        process = apply.start(plan)
        apply.until_in_flight()
        process.kill()
        apply.app.simulator.faults.clear()
        assert set(plan.apply(progress=False, dry_run=True)["outcome"]) == {"planned", "refused"}
        assert ck.journal(apply.journal)["outcome"].eq("unknown").all()


def test_two_threads_write_every_contact_once(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    with ThreadPoolExecutor(2) as threads:
        frames = [*threads.map(lambda _: plan.apply(progress=False), range(2))]
    assert written_once(*frames)
    assert wire.simulator.state()["writes"].max() == 1


async def test_two_tasks_write_every_contact_once(wire: Wire) -> None:
    with ck.connect("sent", via=wire) as client:
        plan = opted_out(client)
        frames = await asyncio.gather(*(plan.aio.apply(progress=False) for _ in range(2)))
        await client.aio.aclose()
    assert written_once(*frames)
    assert wire.simulator.state()["writes"].max() == 1


# A journal that lost its end, has no room, or is locked


def log_of(apply: Applies) -> Path:
    return apply.journal.with_name(f"{apply.journal.name}-wal")


def entries(apply: Applies, folder: Path, size: int) -> pd.DataFrame:
    """What the journal holds when its log is cut to that size."""
    copy = folder / "copy.sqlite3"
    shutil.copy(apply.journal, copy)
    copy.with_name(f"{copy.name}-shm").unlink(missing_ok=True)
    copy.with_name(f"{copy.name}-wal").write_bytes(log_of(apply).read_bytes()[:size])
    return ck.journal(copy)


def cuts(apply: Applies, folder: Path) -> Iterator[int]:
    """Sizes of the log that a power failure may leave: what was begun had reached the disk."""
    size = log_of(apply).stat().st_size
    begun = len(entries(apply, folder, size))
    while size > 4096 and len(entries(apply, folder, size)) == begun:
        yield size
        size -= 4096 + 24


@pytest.mark.parametrize("name", ["sent", "sendblue"])
def test_power_failure_repeats_no_write(
    at: Callable[..., Applies], name: str, tmp_path: Path
) -> None:
    apply = at(name, 40)
    with apply.connect() as client:
        plan = planned(client, name)
    apply.start(plan, limit=30).result()
    *_, size = cuts(apply, tmp_path)
    assert entries(apply, tmp_path, size)["outcome"].eq("unknown").any()
    # Of the next page a part may have been written.
    os.truncate(log_of(apply), size + random.randrange(4096))
    apply.journal.with_name(f"{apply.journal.name}-shm").unlink()
    with apply.connect() as client:
        plan = ck.read_plan(tmp_path / "plan1", client)
        holds(apply, plan, plan.apply(progress=False))
    assert apply.most_writes == 1


def test_torn_log_leaves_every_contact_as_planned(
    at: Callable[..., Applies], tmp_path: Path
) -> None:
    apply = at("sendblue", 40)
    with apply.connect() as client:
        plan = planned(client, "sendblue")
    apply.start(plan, limit=30).result()
    os.truncate(log_of(apply), random.randrange(log_of(apply).stat().st_size))
    apply.journal.with_name(f"{apply.journal.name}-shm").unlink()
    with apply.connect() as client:
        plan = ck.read_plan(tmp_path / "plan1", client)
        holds(apply, plan, plan.apply(progress=False))


@pytest.fixture
def kept(wire: Wire, tmp_path: Path) -> Iterator[ck.Client]:
    """A client with many contacts and a journal that stays."""
    wire.simulator = ck.Simulator(contacts=200, seed=7)
    with ck.connect("sendblue", via=wire, journal=tmp_path / "journal.sqlite3") as client:
        yield client


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has such a limit")
def test_full_disk_stops_the_apply_and_keeps_the_frame(kept: ck.Client, wire: Wire) -> None:
    import resource

    plan = planned(kept, "sendblue")
    free = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, free[1]))
        result = plan.apply(progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, free)
    totals = counts(result)
    assert "journal.sqlite3" in result.attrs["stopped"]
    assert 0 < totals["updated"] < len(plan) == sum(totals.values())
    assert totals["updated"] == len(writes(wire))
    assert counts(plan.apply(progress=False)).keys() <= {"updated", "skipped"}
    assert wire.simulator.state()["writes"].max() == 1


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_locked_journal_raises_before_the_first_request(
    kept: ck.Client, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(kept, "sendblue")
    kept.contacts.update(plan.contacts[0].key, last_name="Hopper")
    kept.close()
    monkeypatch.setattr(sqlite, "PATIENCE", 0.05)
    before = len(writes(wire))
    with ck.connect("sendblue", via=wire, journal=tmp_path / "journal.sqlite3") as client:
        plan = planned(client, "sendblue")
        with locked(tmp_path / "journal.sqlite3"):
            with pytest.raises(ck.JournalError, match="is locked by another process"):
                plan.apply(progress=False)
        assert len(writes(wire)) == before
        assert counts(plan.apply(progress=False)) == {"updated": len(plan)}


def test_journal_locked_during_an_apply_stops_it(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.05)
    path = tmp_path / "journal.sqlite3"
    with ExitStack() as stack, ck.connect("sent", via=wire, journal=path) as client:
        plan = opted_out(client)
        lock = itertools.chain([lambda: stack.enter_context(locked(path))], itertools.repeat(list))
        first = plan.apply(progress=lambda _: next(lock)(), concurrency=1)
        stack.close()
        assert "is locked by another process" in first.attrs["stopped"]
        assert sum(counts(first).values()) == len(plan)
        again = plan.apply(progress=False)
    assert set(again["outcome"]) <= {"updated", "skipped", "refused"}
    assert wire.simulator.state()["writes"].max() == 1
