"""The idempotency keys of a plan: the same in two journals, so that the provider writes once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find
from tests.plans.test_apply import counts, writes
from tests.plans.test_clock import edited
from tests.plans.test_resume import KEYED
from tests.support.providers import EXAMPLES, Wire, loses, says

EACH = pytest.mark.parametrize("name", sorted(KEYED))


@pytest.fixture
def machine(name: str, wire: Wire, tmp_path: Path) -> Iterator[Callable[..., ck.Client]]:
    """Clients of one account on machines of their own, each with its journal."""
    with ExitStack() as stack:
        yield lambda of, **more: stack.enter_context(
            ck.connect(name, via=wire, journal=tmp_path / f"{of}.sqlite3", **more)
        )


@pytest.fixture
def shared(machine: Callable[..., ck.Client], name: str, tmp_path: Path) -> Path:
    """The file of a plan."""
    edited(machine("one"), name).to_parquet(tmp_path / "plan")
    return tmp_path / "plan"


def keys_sent(wire: Wire, name: str) -> list[str]:
    header = find(name).idempotency.header
    return [request.headers[header] for request in writes(wire)]


@EACH
def test_plan_applied_on_two_machines_is_written_once(machine, shared, wire):
    one, other = (ck.read_plan(shared, machine(of)) for of in ("one", "other"))
    assert counts(one.apply(progress=False))["updated"] == one.requests
    result = other.apply(progress=False)
    assert counts(result)["updated"] == one.requests
    written = result[result["outcome"] == "updated"]
    assert (written["message"] == "read back: the write was carried out").all()
    assert wire.simulator.state()["writes"].max() == 1
    assert set(other.apply(progress=False)["outcome"]) <= {"skipped", "refused"}


@EACH
def test_keys_follow_from_the_attempt(machine, shared, wire, name):
    form = find(name).idempotency
    plan = ck.read_plan(shared, machine("one"))
    plan.apply(progress=False)
    keys = keys_sent(wire, name)
    assert len({*keys}) == len(keys) == plan.requests
    assert all(re.fullmatch(form.pattern, key) and len(key) <= form.longest for key in keys)
    del wire.requests[:]
    ck.read_plan(shared, machine("other")).apply(progress=False)
    assert keys_sent(wire, name) == keys


@EACH
def test_keys_differ_between_accounts_and_addresses(machine, shared, wire, name):
    wire.faults = [says(500, b"{}")] * 1000
    for more in ({}, {"base_url": "https://api.example.com"}):
        plan = ck.read_plan(shared, machine(str(len(more)), **more))
        plan.apply(progress=False, limit=1, anyway=True)
    assert len({*keys_sent(wire, name)}) == 2


@EACH
def test_single_verbs_have_random_keys(machine, wire, name):
    client = machine("one")
    for _ in range(3):
        client.contacts.update(EXAMPLES[name].key, **EXAMPLES[name].update)
    assert len({*keys_sent(wire, name)}) == 3


@pytest.fixture
def undone(machine: Callable[..., ck.Client], shared: Path, wire: Wire) -> ck.Plan:
    """A plan that one machine applied, and whose values somebody then changed back."""
    contacts = wire.simulator.engine.contacts
    before = [dict(contact.row) for contact in contacts]
    plan = ck.read_plan(shared, machine("one"))
    plan.apply(progress=False)
    for contact, row in zip(contacts, before, strict=True):
        contacts.put(row, contact.owner, writes=0)
    return plan


@EACH
def test_replay_that_is_older_than_an_undo_is_unknown(undone, machine, shared, wire, name):
    other = ck.read_plan(shared, machine("other"))
    result = other.apply(progress=False)
    assert counts(result)["unknown"] == other.requests
    row = result[result["outcome"] == "unknown"].iloc[0]
    assert row["code"] == "replayed"
    assert "does not have these values now" in row["message"]
    assert row["after"] is None
    first = {*keys_sent(wire, name)}
    # The next apply knows that the key is used up.
    assert counts(other.apply(progress=False))["updated"] == other.requests
    assert len({*keys_sent(wire, name)} - first) == other.requests
    assert wire.simulator.state()["writes"].max() == 2
    assert set(other.apply(progress=False)["outcome"]) <= {"skipped", "refused"}


@EACH
def test_read_back_that_fails_leaves_a_replay_unknown(undone, machine, shared, wire):
    other = ck.read_plan(shared, machine("other"))
    wire.faults = [None, says(404, b"{}")]
    (row,) = (
        other.apply(progress=False, limit=1, concurrency=1)
        .query("code == 'replayed'")
        .to_dict("records")
    )
    assert row["outcome"] == "unknown"
    wire.faults = [None, *[loses(httpx.ReadError, after=False)] * 4]
    result = other.apply(progress=False, limit=1, concurrency=1)
    assert "unknown" in counts(result)


@pytest.mark.parametrize("name", ["digital_onboarding"])
def test_undone_entry_counts_as_an_attempt(machine, shared, wire, name):
    plan = ck.read_plan(shared, machine("one"))
    plan.apply(progress=False)
    plan.undo().apply(progress=False)
    assert counts(plan.apply(progress=False)) == {"updated": plan.requests}
    assert len({*keys_sent(wire, name)}) == 3 * plan.requests


@EACH
def test_creation_on_two_machines_is_read_back_by_its_new_key(machine, wire, name, tmp_path):
    client = machine("one")
    people = client.contacts.list()
    new = pd.DataFrame([EXAMPLES[name].create], dtype=object)
    plan = client.contacts.plan(pd.concat([people.astype(object), new]), people, create=True)
    plan.to_parquet(tmp_path / "plan")
    rows: list[Any] = []
    for of in ("one", "other"):
        result = ck.read_plan(tmp_path / "plan", machine(of)).apply(progress=False)
        assert counts(result) == {"created": 1}
        rows += result.to_dict("records")
    assert rows[0]["key"] == rows[1]["key"]
    assert len(client.contacts.list()) == len(people) + 1
