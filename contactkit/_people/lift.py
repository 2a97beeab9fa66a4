"""Whether a no that was carried to a contact may be lifted again.

It may if each no that it was carried from is set aside by a proof of consent, or is no longer
linked to the contact, among people that were read again. That such a no is gone is not enough, and
no other contact of theirs may have said no since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from contactkit._http.session import Session
from contactkit._people.evidence import Evidence
from contactkit._people.people import People
from contactkit._people.proof import Proof, read_proofs, with_proofs
from contactkit._people.source import Source
from contactkit._plans.change import PlannedWrite
from contactkit._plans.lift import Lifting
from contactkit._plans.plan import Plan
from contactkit._plans.steps import Entry
from contactkit._plans.undo import find_written
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.consent import CODE, Channel
from contactkit.spec.outcome import WRITTEN
from contactkit.spec.provider import Provider

Written: TypeAlias = tuple[int, Entry]


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
    if people is None:
        people = read_people(plan, given)
    elif not isinstance(people, People):
        message = f"must be people as ck.people() returns them, not {type(people).__name__}"
        raise InvalidInputError.one(where, "people", message)
    by_source = plans or {_source_of(plan, people): plan}
    written = {source: [*_written(each)] for source, each in by_source.items()}
    _check_sources(people, by_source, written)
    proofs = _read_proofs(plan, given, people)
    evidence = Evidence(proofs=proofs, people=with_proofs(people, proofs))
    return ShownGrounds(
        provider=plan.provider,
        source=next(source for source, each in by_source.items() if each is plan),
        evidence=evidence,
        lifted=_lifted(by_source, written, evidence),
    )


def read_people(plan: Plan, given: Any) -> People:
    """The people of a plan, read again, once the proofs are found valid: a no may be newer.

    Raises InvalidInputError for a plan that does not know how to read them, as from a file.
    """
    _read_proofs(plan, given, None)
    if plan.read_again is None:
        message = (
            "are needed, since this plan cannot read its sources again, where a no may be newer: "
            "undo(given=proofs, people=ck.people(…))"
        )
        raise InvalidInputError.one(f"{plan.provider.name} undo", "people", message)
    return plan.read_again()


def _read_proofs(plan: Plan, given: Any, people: People | None) -> Sequence[Proof]:
    if given is None:
        return ()
    sources, region = (people.sources, people.network.region) if people else ((), None)
    return read_proofs(given, sources, region, clock=plan.session.clock)


def _source_of(plan: Plan, people: People) -> str:
    """The name of a plan's source among people that were read again."""
    named = [s for s in people.sources if s.provider.name == plan.provider.name]
    if len(named) > 1:
        named = [s for s in named if s.client and _is_account(s.client._session, plan)]
    if len(named) != 1:
        message = f"must have one source that is the plan's account at {plan.provider.title}"
        raise InvalidInputError.one(f"{plan.provider.name} undo", "people", message)
    return named[0].name


def _is_account(session: Session, plan: Plan) -> bool:
    return (session.base_url, session.account) == (plan.session.base_url, plan.session.account)


def _check_sources(
    people: People, plans: Mapping[str, Plan], written: Mapping[str, Sequence[Written]]
) -> None:
    """InvalidInputError unless the sources are those of the plans, and were read since."""
    latest = dict[int, datetime]()
    for name, entries in written.items():
        for _, entry in entries:
            clock, at = id(plans[name].session.clock), entry["at"] or entry["made_at"]
            latest[clock] = max(at, latest.get(clock, at))
    for source in people.sources:
        if why := _why_unfit(source, plans.get(source.name), latest.get(id(source.clock))):
            raise InvalidInputError.one("undo", "people", f"{source.name} {why}")


def _why_unfit(source: Source, plan: Plan | None, since: datetime | None) -> str:
    """Why a source shows no newer no; `since` is when the plans wrote at last, by its clock."""
    session = source.client and source.client._session
    if plan and len(plan) and session and not _is_account(session, plan):
        return "is not the account of its plan"
    if source.age is None:
        return "was read at an unknown time: read it again"
    # The time of a source may lack the part of a second.
    if since and source.read_at and source.read_at < since.replace(microsecond=0):
        return "was read before the plan was applied: read it again"
    return ""


def _written(plan: Plan) -> Iterator[Written]:
    """The contacts that a plan has written, by position, with their entries in the journal."""
    for position, entry in find_written(plan.session, plan) if len(plan) else ():
        if entry["outcome"] in WRITTEN:
            yield position, entry


def _lifted(
    plans: Mapping[str, Plan], written: Mapping[str, Sequence[Written]], evidence: Evidence
) -> dict[Channel, set[int]]:
    """The contacts whose written noes are no longer linked to what they were carried from."""
    lifted: dict[Channel, set[int]] = {"text": set(), "email": set()}
    for source, plan in plans.items():
        for position, _ in written[source]:
            write = plan.contacts[position]
            contact = evidence.find(source, write.key)
            for channel, _ in _channels_of(plan.provider, write):
                if contact is not None and not evidence.why_linked(source, write, channel):
                    lifted[channel].add(contact)
    return lifted


def _channels_of(provider: Provider, write: PlannedWrite) -> Iterator[tuple[Channel, list[str]]]:
    """The channels that a write closes, each with its fields."""
    for channel, consent in provider.consent.channels.items():
        fields = [field for field in consent.deny if field in write.changes]
        if fields and any(reason["channel"] == channel for reason in write.because):
            yield channel, fields
