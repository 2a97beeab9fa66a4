"""What shows that a no which was carried to a contact no longer counts for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from contactkit._people.conflicts import deniers_of, name
from contactkit._people.identifiers import canonical, kind_of
from contactkit._people.network import OWN
from contactkit._people.people import People
from contactkit._people.proof import Proof
from contactkit._people.source import keys_as_sent
from contactkit._people.suppression import NAME
from contactkit._plans.change import PlannedWrite, Reason
from contactkit.spec.consent import Channel
from contactkit.spec.provider import JSON
from contactkit.spec.record import parse_time


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the caller shows: proofs, if any, and people that were read again."""

    proofs: Sequence[Proof]
    people: People

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
        contact = self.find(source, write.key)
        denier = self.find(str(reason["source"]), str(reason["key"]), channel)
        if contact is None:
            return "the contact is not among these people"
        if denier is None:
            missing = f"{who} said no, and is not among these people"
            return f"{missing}, and no proof of consent is later" if self.proofs else missing
        if self.people.verdict(channel).aside[denier]:
            return ""
        if not _is_linked(self.people, channel, contact, denier):
            return ""
        if self.proofs:
            return f"{who} said no, and no proof of consent is later"
        return f"it is still linked to {who}, who said no"

    def why_denied(
        self, source: str, write: PlannedWrite, channel: Channel, lifted: Collection[int]
    ) -> str:
        """Which other contact denies this one now, besides those that are lifted too; or ""."""
        contact, verdict = self.find(source, write.key), self.people.verdict(channel)
        if contact is None:
            return "the contact is not among these people"
        known = self._known(write, channel)
        for denier in deniers_of(self.people, verdict, contact):
            who = name(self.people, denier)
            if denier in known and np.isnat(self.people.changed_at[denier]):
                # Its provider does not tell when it said no, but it had when the plan was made.
                continue
            if denier in known:
                return f"{who} says no, and has changed since the proof of consent"
            if denier != contact and denier not in lifted:
                return f"{who} says no too"
        return ""

    def _known(self, write: PlannedWrite, channel: Channel) -> set[int | None]:
        """The contacts with a no that this write was carried from, and that a proof sets aside."""
        return {
            self.find(str(reason["source"]), str(reason["key"]), channel)
            for reason in write.because
            if reason["channel"] == channel and self._proofs_of(write, reason)
        }

    def find(self, source: str, key: str, channel: Channel | None = None) -> int | None:
        """The number of a contact among the people; a suppression is found by its address."""
        if source == NAME and channel:
            return self._suppressed.get((channel, canonical(kind_of(key), key)))
        return self._numbers.get(source, {}).get(key)

    @cached_property
    def _numbers(self) -> Mapping[str, Mapping[str, int]]:
        first, region = self.people.network.first, self.people.network.region
        return {
            source.name: {
                key: first[at] + row
                for row, key in enumerate(keys_as_sent(source.provider, source.keys, region))
            }
            for at, source in enumerate(self.people.sources)
        }

    @cached_property
    def _suppressed(self) -> Mapping[tuple[Channel, str], int]:
        rows, first = self.people.suppressions.rows, self.people.network.first[-1]
        return {
            (row.channel, canonical(row.kind, row.address)): first + at
            for at, row in enumerate(rows)
            if row.address
        }


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
