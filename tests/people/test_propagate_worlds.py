"""A no is carried on in any world of four simulators, whatever happens between plan and apply.

The plan is compared with a slow implementation of the rule. Persons opt out while it waits,
requests get lost, and the process is killed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._people.plans import Plans
from contactkit._providers import find
from contactkit.spec.consent import Channel, ConsentState
from contactkit.spec.record import key_of, last_change_of
from tests.support.consent_model import Killed
from tests.support.examples import examples
from tests.support.people_reference import Contact, Reference
from tests.support.people_worlds import (
    EMAILS,
    PHONES,
    PROVIDERS,
    full_worlds,
    places,
)
from tests.support.providers import Fault, Wire, loses, says

_APPLIES = 12


def _killed(request: httpx.Request, answer: object) -> httpx.Response:
    raise Killed


FAULTS: dict[str, Fault | None] = {
    "": None,
    "lost before": loses(httpx.ConnectError, after=False),
    "lost after": loses(httpx.ReadError, after=True),
    "error": says(503),
    "limit": says(429),
    "killed": _killed,
}


@dataclass
class World:
    """Four simulated providers, and a client of each."""

    folder: Path
    wires: dict[str, Wire] = field(default_factory=dict)
    clients: dict[str, ck.Client] = field(default_factory=dict)

    def add(self, name: str, contacts: Sequence[Contact]) -> None:
        """Add a provider with these contacts."""
        wire = self.wires[name] = Wire(ck.Simulator(contacts=0))
        journal = self.folder / "journal.sqlite3"
        self.clients[name] = ck.connect(name, via=wire, journal=journal)
        for contact in contacts:
            values = {n: value for n, value in contact.values.items() if value is not None}
            wire.simulator.put(**values)

    def contacts(self) -> list[Contact]:
        """The contacts as they are at the providers."""
        return [
            Contact(name, name, key, row)
            for name in self.wires
            for key, row in self.rows(name).items()
        ]

    def rows(self, name: str) -> dict[str, dict[str, Any]]:
        """The contacts of a provider by their key."""
        store = self.wires[name].simulator.engine.contacts
        return {str(stored.row[store.key]): dict(stored.row) for stored in store}

    def say_no(self, name: str, number: int, channel: Channel) -> None:
        """A person opts out at a provider."""
        rows, declared = list(self.rows(name).items()), find(name).consent.channels.get(channel)
        if declared is None or number >= len(rows):
            return
        key, row = rows[number]
        if declared.state(row) < ConsentState.denied:
            self.wires[name].simulator.put(key, **declared.deny)

    def requests(self) -> int:
        """How many requests there were."""
        return sum(len(wire.requests) for wire in self.wires.values())

    def apply(self, plans: Plans) -> pd.DataFrame:
        """Apply until everything is settled, again after each kill."""
        for _ in range(_APPLIES):
            try:
                result = plans.apply(progress=False)
            except Killed:
                continue
            if not {*result["outcome"]} & {"planned", "failed", "unknown"}:
                return result
        raise AssertionError(f"not settled: {result}")


@contextmanager
def opened(contacts: Mapping[str, Sequence[Contact]]) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for name in PROVIDERS:
            world.add(name, contacts[name])
        yield world


def refused(plans: Plans) -> set[tuple[str, str]]:
    return {(n, w.key) for n, plan in plans.items() for w in plan.contacts if w.problems}


def planned(plans: Plans) -> dict[tuple[str, str], dict[str, Any]]:
    """What every plan would write, with what it refuses, by source and key."""
    writes: dict[tuple[str, str], dict[str, Any]] = {}
    for name, plan in plans.items():
        for write in plan.contacts:
            writes.setdefault((name, write.key), {}).update(write.changes)
    return writes


def visible(contact: Contact) -> dict[str, Any]:
    """The values of a contact but for the time of its last change."""
    time = last_change_of(find(contact.provider).record)
    return {n: value for n, value in contact.values.items() if not time or n != time.name}


shared_by = st.sampled_from([1, 2, 3, None])
apart = st.sets(st.sampled_from(PHONES[:3]), max_size=1)


@settings(max_examples=examples(8))
@given(
    contacts=full_worlds,
    shared_by=shared_by,
    apart=apart,
    stops=st.lists(places, max_size=3),
    faults=st.lists(st.sampled_from([*FAULTS]), max_size=8),
)
def test_afterwards_nobody_denied_can_be_written_to(
    contacts: dict[str, list[Contact]],
    shared_by: int | None,
    apart: set[str],
    stops: list[tuple[str, int, Channel]],
    faults: list[str],
) -> None:
    options: Any = {"shared_by": shared_by, "apart": apart}
    with opened(contacts) as world:
        before = world.contacts()
        rule = Reference(before, shared_by, apart)
        plans = ck.people(**world.clients, **options).propagate()
        wanted = {(c.source, c.key): values for c in before if (values := rule.writes(c))}
        assert planned(plans) == wanted

        for stop in stops:
            world.say_no(*stop)
        stopped = {(c.source, c.key): c for c in world.contacts()}
        written = [name for name, plan in plans.items() if plan.requests]
        for name, fault in zip(cycle(written), faults, strict=False):
            world.wires[name].faults.append(FAULTS[fault])
        result = world.apply(plans)
        for wire in world.wires.values():
            wire.faults.clear()
        left = {*zip(result["source"], result["key"], strict=True)}
        left &= {(r.source, r.key) for r in result.itertuples() if r.outcome == "refused"}
        assert refused(plans) <= left <= {at for at in wanted if cannot_be_written(stopped[at])}

        after = {(c.source, c.key): c for c in world.contacts()}
        assert after.keys() == stopped.keys()
        for at, contact in after.items():
            changes = wanted.get(at, {}) if at not in left else {}
            assert visible(contact) == {**visible(stopped[at]), **changes}
        for contact in before:
            check_states(rule, contact, after[contact.source, contact.key], left)
        settle(world, options)
        assert all(wire.simulator.outbox().empty for wire in world.wires.values())


def cannot_be_written(contact: Contact) -> bool:
    """Whether a provider refuses every write: an inherited contact, or a locked one."""
    values = contact.values
    locked = values.get("email_consent") == "compliance_suppressed"
    return bool(values.get("is_inherited")) or locked


def check_states(
    rule: Reference, before: Contact, after: Contact, left: set[tuple[str, str]]
) -> None:
    """No state is lifted, and a contact that the rule denies is not sent to, but a refused one."""
    for channel in find(before.provider).consent.channels:
        assert after.state(channel) >= before.state(channel) or (
            before.state(channel) < ConsentState.denied <= after.state(channel)
        )
        if rule.denied(before, channel) and (before.source, before.key) not in left:
            assert not rule.sends(after, channel)


def settle(world: World, options: Mapping[str, Any]) -> None:
    """Carry on what was said meanwhile; then nothing is left to send, and the guard knows it."""
    world.apply(ck.people(**world.clients, **options).propagate())
    people, contacts = ck.people(**world.clients, **options), world.contacts()
    again, requests = people.propagate(), world.requests()
    assert planned(again).keys() == refused(again)
    assert {*again.apply(progress=False)["outcome"]} <= {"refused"}
    assert world.requests() == requests
    assert "denied_elsewhere" not in people.conflicts()["kind"].tolist()
    rule = Reference(contacts, options["shared_by"], options["apart"])
    for channel, pool in (("text", PHONES), ("email", EMAILS)):
        closed = rule.closed(channel)
        verdicts = people.verdicts(pd.DataFrame({"to": pool}), channel, field="to")
        for address, may in zip(pool, verdicts["may"], strict=True):
            assert not (may and address.lower() in closed)


@settings(max_examples=examples(8))
@given(contacts=full_worlds, shared_by=shared_by, apart=apart, data=st.data())
def test_plans_depend_on_no_order(
    contacts: dict[str, list[Contact]],
    shared_by: int | None,
    apart: set[str],
    data: st.DataObject,
) -> None:
    options: Any = {"shared_by": shared_by, "apart": apart}
    with opened(contacts) as world:
        plans = ck.people(**world.clients, **options).propagate()
        frames = {
            name: frame.iloc[data.draw(st.permutations(range(len(frame))))]
            for name in data.draw(st.permutations(PROVIDERS))
            for frame in [world.clients[name].contacts.list()]
        }
        shuffled = ck.people(**frames, **options).propagate(**world.clients)
        assert shuffled.digest == plans.digest
        assert planned(shuffled) == planned(plans)


@settings(max_examples=examples(8))
@given(contacts=full_worlds)
def test_a_contact_with_another_address_than_planned_is_left_alone(
    contacts: dict[str, list[Contact]],
) -> None:
    with opened(contacts) as world:
        plans = ck.people(**world.clients).propagate()
        writes = sorted(planned(plans).keys() - refused(plans))
        changed = [at for at in writes if move(world, *at)]
        before = {(c.source, c.key): c for c in world.contacts()}
        result = world.apply(plans).set_index(["source", "key"])
        for at in changed:
            assert result.loc[at, "outcome"] == "refused"
            assert result.loc[at, "code"] == "conflict"
        after = {(c.source, c.key): c for c in world.contacts()}
        assert all(visible(after[at]) == visible(before[at]) for at in changed)


def move(world: World, name: str, key: str) -> bool:
    """Give a contact another number, unless the number is its key."""
    provider = find(name)
    fields = [n for n in provider.consent.phones if n != key_of(provider.record).name]
    if not fields:
        return False
    row = world.rows(name)[key]
    other = next(phone for phone in PHONES if phone not in row.values())
    world.wires[name].simulator.put(key, **{fields[0]: other})
    return True
