"""Carries a no to every contact of the same person to which its provider would still send.

Only the no that a provider declares is written, and only there: nothing is lifted, created, deleted
or texted, and a no in other words stays as it is.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from contactkit._http.request import segment
from contactkit._journal.reading import Reading, parse_reading
from contactkit._people.identifiers import canonical
from contactkit._people.plans import Plans
from contactkit._people.proof import read_proofs, with_proofs
from contactkit._people.reasons import find_reasons
from contactkit._people.refused import Refused, deny_problems, find_refused
from contactkit._people.source import WHERE, Source, keys_as_sent
from contactkit._people.suppression import CHANNELS
from contactkit._plans.change import PlannedWrite, Reason
from contactkit._plans.home import home_of
from contactkit._plans.plan import Plan
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.consent import Channel
from contactkit.spec.provider import JSON, Provider

if TYPE_CHECKING:
    from contactkit._client.plans import PlanRunner
    from contactkit._http.session import Session
    from contactkit._people.people import People


Targets: TypeAlias = dict[int, tuple[Reason, ...]]
"""Rows of a source that are denied and still sent to, with their reasons."""


def propagate(people: People, given: Any, clients: Mapping[str, Any]) -> Plans:
    """One plan per source: a no for each contact that is denied and would still be sent to."""
    runners, region = _runners(people, clients), people.network.region
    if given is not None:
        people = with_proofs(people, read_proofs(given, people.sources, region))
    plans: dict[str, Plan] = {}
    with _without_collection():
        reasons = {channel: _reasons(people, channel) for channel in CHANNELS}
        for number, source in enumerate(people.sources):
            of_source: dict[Channel, Targets] = {c: reasons[c].get(number, {}) for c in CHANNELS}
            runner = runners.get(source.name)
            refused = _refused(people, number, runner) if any(of_source.values()) else {}
            plan = _plan(source, of_source, refused, region, runner)
            again = partial(people.read_again, clients) if runner else None
            plans[source.name] = replace(plan, read_again=again)
    return Plans(plans=plans, read_at=people.ages)


def _refused(people: People, number: int, runner: PlanRunner | None) -> Refused:
    """The noes that were refused before, by the journal of what applies the plan."""
    source = people.sources[number]
    if source.client or runner is None:
        return people.refused[number]
    return find_refused(source, people.sources, runner.session)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Millions of new objects, none of them garbage, would be searched again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _runners(people: People, clients: Mapping[str, Any]) -> dict[str, PlanRunner]:
    """What applies the plan of each source: its own client's, or that of a client given here."""
    sources = {source.name: source for source in people.sources}
    known = {source.name: source.client for source in people.sources if source.client}
    runners: dict[str, PlanRunner] = {}
    for name, client in {**known, **clients}.items():
        where = f"{WHERE} propagate"
        if name not in sources:
            raise InvalidInputError.one(where, name, f"is no source; allowed: {', '.join(sources)}")
        runner = getattr(getattr(client, "contacts", None), "runner", None)
        provider = sources[name].provider
        if runner is None or runner.session.provider.name != provider.name:
            message = f"must be a client of {provider.title} made by contactkit.connect()"
            raise InvalidInputError.one(where, name, message)
        runners[name] = runner
    return runners


def _reasons(people: People, channel: Channel) -> dict[int, Targets]:
    """For each source, the rows that are denied and still sent to, with their reasons."""
    contacts = np.flatnonzero(people.verdict(channel).still_sends)
    found: dict[int, Targets] = {}
    numbers = people.source_of[contacts]
    rows = contacts - np.array(people.network.first)[numbers]
    each = zip(
        numbers.tolist(), rows.tolist(), find_reasons(people, channel, contacts), strict=True
    )
    for number, row, reasons in each:
        found.setdefault(number, {})[row] = reasons
    return found


class _Target(NamedTuple):
    """What is to be written to one contact, or refused."""

    row: int
    channels: tuple[Channel, ...] = ()
    because: tuple[Reason, ...] = ()
    problems: tuple[FieldProblem, ...] = ()


def _plan(
    source: Source,
    reasons: Mapping[Channel, Targets],
    refused: Refused,
    region: str | None,
    runner: PlanRunner | None,
) -> Plan:
    """The plan of one source; the contacts that cannot be written come first."""
    targets = _targets(source, reasons, refused)
    if targets and runner is None:
        message = (
            f"was read from a frame and has contacts to write: give a client of "
            f"{source.provider.title}, as propagate({source.name}=client)"
        )
        raise InvalidInputError.one(f"{WHERE} propagate", source.name, message)
    writes = _writes(source, targets, region)
    writes.sort(key=lambda write: (not write.problems, write.key))
    session = runner and runner.session
    now = session.clock.now() if session else time.time()
    return Plan(
        provider=source.provider,
        contacts=tuple(writes),
        index=pd.RangeIndex(len(writes)),
        created=datetime.fromtimestamp(now, UTC),
        read=_reading(source, session) if session else None,
        home=home_of(session) if session else None,
        runner=runner,
    )


def _reading(source: Source, session: Session) -> Reading | None:
    """What the journal held when the contacts were read or, for another frame, what it holds now.

    Without it, a no that was written before and is gone since would count as done.
    """
    known, journal = parse_reading(source.frame.attrs.get("journal")), session.plan_journal
    return known if known and known.journal == journal.id else journal.reading()


def _targets(source: Source, reasons: Mapping[Channel, Targets], refused: Refused) -> list[_Target]:
    """The contacts to be written, and those that are refused for a channel."""
    targets: dict[tuple[int, bool], _Target] = {}
    for channel, because in reasons.items():
        rows = np.fromiter(because, dtype=np.int64, count=len(because))
        refusals = deny_problems(source, channel, rows, refused.get(channel, {}))
        for (row, of_row), problems in zip(because.items(), refusals, strict=True):
            at = (row, bool(problems))
            _, channels, earlier, others = targets.get(at) or _Target(row)
            targets[at] = _Target(
                row, (*channels, channel), (*earlier, *of_row), (*others, *problems)
            )
    return list(targets.values())


def _writes(source: Source, targets: Sequence[_Target], region: str | None) -> list[PlannedWrite]:
    provider = source.provider
    rows = np.array([target.row for target in targets], dtype=np.int64)
    keys = keys_as_sent(provider, source.keys[rows].tolist(), region)
    changes: dict[tuple[Channel, ...], Mapping[str, JSON]] = {}
    writes: list[PlannedWrite] = []
    for target, key, contact in zip(targets, keys, source.contacts(rows), strict=True):
        channels = target.channels
        if channels not in changes:
            changes[channels] = _denials(provider, channels)
        writes.append(
            PlannedWrite(
                operation="update",
                key=key,
                before=contact,
                changes=changes[channels],
                problems=target.problems or tuple(_key_problems(provider, key)),
                because=target.because,
                watched=_addresses(provider, contact, region),
            )
        )
    return writes


def _addresses(
    provider: Provider, contact: Mapping[str, JSON], region: str | None
) -> dict[str, JSON]:
    """The contact's addresses; a number of a region as the provider has it."""
    consent = provider.consent
    addresses = {n: contact[n] for n in (*consent.phones, *consent.emails) if n in contact}
    for name in consent.phones if region else ():
        if name in addresses:
            addresses[name] = canonical("phone", addresses[name], region) or addresses[name]
    return addresses


def _denials(provider: Provider, channels: Sequence[Channel]) -> dict[str, JSON]:
    """The change that records a no for these channels."""
    declared = provider.consent.channels
    return {name: value for each in channels for name, value in declared[each].deny.items()}


def _key_problems(provider: Provider, key: str) -> Sequence[FieldProblem]:
    """Why a contact with this key cannot be written."""
    try:
        segment(provider, provider.endpoint("update"), key)
    except InvalidInputError as error:
        return error.problems
    return ()
