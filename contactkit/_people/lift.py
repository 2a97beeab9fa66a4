"""Whether a no that was carried to a contact may be lifted again.

It may if each no that it was carried from is set aside by a proof of consent, or is no longer
linked to the contact among people that were read again. That such a no is gone is not enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from contactkit._http.session import Session
from contactkit._people.conflicts import deniers_of, name
from contactkit._people.identifiers import canonical, kind_of
from contactkit._people.network import OWN
from contactkit._people.people import People
from contactkit._people.proof import Proof, read_proofs, with_proofs
from contactkit._people.source import keys_as_sent
from contactkit._people.suppression import NAME
from contactkit._plans.change import PlannedWrite, Reason
from contactkit._plans.lift import Lifting
from contactkit._plans.plan import Plan
from contactkit._plans.undo import find_written
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.consent import CODE, Channel
from contactkit.spec.outcome import WRITTEN
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import parse_time


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the caller shows: proofs, and people that were read again, if any."""

    proofs: Sequence[Proof]
    people: People | None

    def why_linked(self, source: str, write: PlannedWrite, channel: Channel) -> str:
        """Why a no that this write was carried from still counts; "" if none does."""
        for reason in write.because:
            if reason["channel"] == channel and not self._proofs_of(write, reason):
                if why := self._why_counts(source, write, reason, channel):
                    return why
        return ""

    def proofs_of(self, write: PlannedWrite, channel: Channel) -> list[Proof]:
        """The proofs that set aside a no which this write was carried from."""
        reasons = [reason for reason in write.because if reason["channel"] == channel]
        return [proof for reason in reasons for proof in self._proofs_of(write, reason)]

    def _proofs_of(self, write: PlannedWrite, reason: Reason) -> list[Proof]:
        return [proof for proof in self.proofs if _sets_aside(proof, write, reason)]

    def _why_counts(
        self, source: str, write: PlannedWrite, reason: Reason, channel: Channel
    ) -> str:
        who = f"{reason['source']} {reason['key']}"
        if self.people is None:
            return f"{who} said no, and no proof of consent is later"
        contact = self.find(source, write.key)
        denier = self.find(str(reason["source"]), str(reason["key"]), channel)
        if contact is None:
            return "the contact is not among these people"
        if denier is None:
            return f"{who} said no, and is not among these people"
        if self.people.verdict(channel).aside[denier]:
            return ""
        linked = _is_linked(self.people, channel, contact, denier)
        return f"it is still linked to {who}, who said no" if linked else ""

    def why_denied(
        self, source: str, write: PlannedWrite, channel: Channel, lifted: Collection[int]
    ) -> str:
        """Which other contact denies this one now, besides those that are lifted too; or ""."""
        contact = self.find(source, write.key)
        if self.people is None or contact is None:
            return ""
        deniers = deniers_of(self.people, self.people.verdict(channel), contact)
        others = [d for d in deniers if d != contact and d not in lifted]
        return f"{name(self.people, others[0])} says no too" if others else ""

    def find(self, source: str, key: str, channel: Channel | None = None) -> int | None:
        """The number of a contact among the people; a suppression is found by its address."""
        if source == NAME and channel:
            return self._suppressed.get((channel, canonical(kind_of(key), key)))
        return self._numbers.get(source, {}).get(key)

    @cached_property
    def _numbers(self) -> Mapping[str, Mapping[str, int]]:
        sources = self.people.sources if self.people else ()
        first = self.people.network.first if self.people else ()
        region = self.people.network.region if self.people else None
        return {
            source.name: {
                key: first[at] + row
                for row, key in enumerate(keys_as_sent(source.provider, source.keys, region))
            }
            for at, source in enumerate(sources)
        }

    @cached_property
    def _suppressed(self) -> Mapping[tuple[Channel, str], int]:
        if self.people is None:
            return {}
        rows, first = self.people.suppressions.rows, self.people.network.first[-1]
        return {
            (row.channel, canonical(row.kind, row.address)): first + at
            for at, row in enumerate(rows)
            if row.address
        }


@dataclass(frozen=True, kw_only=True)
class ShownGrounds:
    """Lifts a plan's noes by what was shown; `lifted` are lifted at the same time, by channel."""

    provider: Provider
    source: str
    evidence: Evidence
    lifted: Mapping[Channel, Collection[int]]

    def lift(self, write: PlannedWrite) -> Lifting:
        """What of this write may be undone: the channels of which nothing denies the contact."""
        problems, given = list[FieldProblem](), list[Proof]()
        kept: set[str] = set()
        for channel, fields in _channels_of(self.provider, write):
            why = self._why_not(write, channel)
            if why:
                kept.update(fields)
                problems.append(FieldProblem(field=fields[0], message=why, code=CODE))
            else:
                given += self.evidence.proofs_of(write, channel)
        return Lifting(
            changes={field: v for field, v in write.changes.items() if field not in kept},
            given=tuple(proof.as_json() for proof in dict.fromkeys(given)),
            problems=tuple(problems),
        )

    def _why_not(self, write: PlannedWrite, channel: Channel) -> str:
        evidence = self.evidence
        linked = evidence.why_linked(self.source, write, channel)
        return linked or evidence.why_denied(self.source, write, channel, self.lifted[channel])


def find_grounds(
    plan: Plan,
    *,
    given: Any = None,
    people: People | None = None,
    plans: Mapping[str, Plan] | None = None,
) -> ShownGrounds | None:
    """What may be lifted of a plan, by proofs and by people; None if nothing is shown.

    `plans` are those that are undone with it, by their sources. Raises InvalidInputError for a plan
    that carries no no, for invalid proofs, and for people without the plan's source.
    """
    if given is None and people is None:
        return None
    where = f"{plan.provider.name} undo"
    if not plan.is_propagated:
        field = "people" if given is None else "given"
        message = "is only for a plan of people.propagate()"
        raise InvalidInputError.one(where, field, message)
    if people is not None and not isinstance(people, People):
        message = f"must be people as ck.people() returns them, not {type(people).__name__}"
        raise InvalidInputError.one(where, "people", message)
    sources = people.sources if people else ()
    proofs = () if given is None else read_proofs(given, sources, clock=plan.session.clock)
    evidence = Evidence(proofs=proofs, people=people and with_proofs(people, proofs))
    by_source = plans or {_source_of(plan, people): plan}
    return ShownGrounds(
        provider=plan.provider,
        source=next(source for source, each in by_source.items() if each is plan),
        evidence=evidence,
        lifted=_lifted(by_source, evidence),
    )


def _source_of(plan: Plan, people: People | None) -> str:
    """The name of a plan's source among people that were read again."""
    named = [s for s in people.sources if s.provider.name == plan.provider.name] if people else []
    if len(named) > 1:
        account = _account(plan.session)
        named = [s for s in named if s.client and _account(s.client._session) == account]
    if people and len(named) != 1:
        message = f"must have one source that is the plan's account at {plan.provider.title}"
        raise InvalidInputError.one(f"{plan.provider.name} undo", "people", message)
    return named[0].name if named else ""


def _account(session: Session) -> tuple[str, str]:
    return session.base_url, session.account


def _lifted(plans: Mapping[str, Plan], evidence: Evidence) -> dict[Channel, set[int]]:
    """The contacts whose written noes are no longer linked to what they were carried from."""
    lifted: dict[Channel, set[int]] = {"text": set(), "email": set()}
    for source, plan in plans.items() if evidence.people else ():
        for position, entry in find_written(plan.session, plan) if len(plan) else ():
            write = plan.contacts[position]
            contact = evidence.find(source, write.key)
            for channel, _ in _channels_of(plan.provider, write):
                if contact is None or entry["outcome"] not in WRITTEN:
                    continue
                if not evidence.why_linked(source, write, channel):
                    lifted[channel].add(contact)
    return lifted


def _channels_of(provider: Provider, write: PlannedWrite) -> Iterator[tuple[Channel, list[str]]]:
    """The channels that a write closes, each with its fields."""
    for channel, consent in provider.consent.channels.items():
        fields = [field for field in consent.deny if field in write.changes]
        if fields and any(reason["channel"] == channel for reason in write.because):
            yield channel, fields


def _sets_aside(proof: Proof, write: PlannedWrite, reason: Reason) -> bool:
    """Whether a proof is of the same person, or line, and not earlier than a no.

    A lock is never set aside, nor is a no of an unknown time.
    """
    stated = reason["changed_at"] or reason["seen_at"]
    if proof.channel != reason["channel"] or reason["state"] != "denied" or not stated:
        return False
    if proof.given_at < parse_time(stated):
        return False
    path = [str(address) for address in _as_list(reason["path"])]
    if reason["line"]:
        return proof.address in (reason["line"], path[-1])
    texts = [value for value in write.watched.values() if isinstance(value, str)]
    return proof.address in {*path, *(canonical(kind_of(text), text) for text in texts)}


def _as_list(value: JSON) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_linked(people: People, channel: Channel, contact: int, denier: int) -> bool:
    """Whether a no of one contact would count for the other."""
    network, verdict = people.network, people.verdict(channel)
    person = network.person[contact]
    if not verdict.of_line[denier]:
        return not verdict.of_line[contact] and network.person[denier] == person
    members = np.array([contact])
    if not verdict.of_line[contact]:
        members = network.members(person)
        members = members[~verdict.of_line[members]]
    lines = _lines_of(people, channel, [denier])
    return not lines.isdisjoint(_lines_of(people, channel, members.tolist()))


def _lines_of(people: People, channel: Channel, contacts: Sequence[int]) -> set[int]:
    """The lines that these contacts hold; those of one group are one."""
    network, group = people.network, people.verdict(channel).line_group
    held = (a for contact in contacts for a in network.held_by(contact).tolist())
    return {int(group[address]) for address in held if network.line[address] != OWN}
