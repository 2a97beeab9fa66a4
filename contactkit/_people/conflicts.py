"""What disagrees about a person's consent, and why a person is denied."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from contactkit._frames.frame import STRING, TIME
from contactkit._people.network import OWN
from contactkit._people.refused import deny_problems
from contactkit._people.returned import denied_here
from contactkit._people.source import WHERE
from contactkit._people.suppression import CHANNELS, NAME
from contactkit._people.verdict import DENIED, Verdict
from contactkit.errors import InvalidInputError
from contactkit.spec.consent import Channel

if TYPE_CHECKING:
    from contactkit._people.people import People

KINDS = ("stuck", "denied_elsewhere", "returned", "contradiction", "shared")
KIND = pd.CategoricalDtype(list(KINDS))
CHANNEL = pd.CategoricalDtype(list(CHANNELS))

Contact: TypeAlias = int
_MOST_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """One kind of conflict of one person and channel; `contacts` are those that it is about."""

    person: int
    channel: Channel
    kind: str
    contacts: list[Contact] = field(default_factory=list[int])


def find_conflicts(people: People) -> list[Conflict]:
    """All conflicts, worst first, in the order of the people's ids."""
    found: dict[tuple[int, int, Channel], Conflict] = {}
    for channel in CHANNELS:
        for kind, contacts in people.conflicting(channel).items():
            for contact in contacts.tolist():
                person = int(people.network.person[contact])
                at = (KINDS.index(kind), person, channel)
                conflict = Conflict(person=person, channel=channel, kind=kind)
                found.setdefault(at, conflict).contacts.append(contact)
    ids = people.ids if found else ()
    return [found[at] for at in sorted(found, key=lambda at: (at[0], ids[at[1]], at[2]))]


def conflicting_contacts(people: People, channel: Channel) -> dict[str, Any]:
    """The contacts of each kind of conflict in one channel."""
    verdict = people.verdict(channel)
    sending = verdict.still_sends
    stuck = np.zeros(len(sending), dtype=bool)
    for number, source in enumerate(people.sources):
        start = people.network.first[number]
        rows = np.flatnonzero(sending[start : start + len(source)])
        refused = people.refused[number][channel] if len(rows) else {}
        problems = deny_problems(source, channel, rows, refused)
        stuck[start + rows] = list(map(bool, problems))
    return {
        "stuck": np.flatnonzero(stuck),
        "denied_elsewhere": np.flatnonzero(sending & ~stuck),
        "returned": np.array([*people.returned(channel)], dtype=np.int64),
        "contradiction": _contradictions(people, channel),
        "shared": _open_lines(people, verdict, channel),
    }


def _contradictions(people: People, channel: Channel) -> Any:
    """The contacts that say both, unless a no that was written here left their yes as it was."""
    says_both = people.verdict(channel).states.contradictory
    return np.flatnonzero(
        says_both & ~denied_here(people, channel) if says_both.any() else says_both
    )


def _open_lines(people: People, verdict: Verdict, channel: Channel) -> Any:
    """The contacts of denied people that have a line which may still be written to."""
    network = people.network
    pairs = network.of_kind("phone" if channel == "text" else "email")
    pairs &= network.line[network.held] != OWN
    holder, held = network.holder[pairs], network.held[pairs]
    is_open = np.zeros(network.size, dtype=bool)
    is_open[held[verdict.may_send[holder]]] = True
    person_denied = verdict.by_person[network.person] >= DENIED
    return np.unique(holder[is_open[held] & person_denied[holder]])


def conflicts(people: People) -> pd.DataFrame:
    """The conflicts as a frame; see `People.conflicts`."""
    found = find_conflicts(people)
    rows = [_row(people, conflict) for conflict in found]
    table = {
        "person": pd.array([people.ids[c.person] for c in found], dtype=STRING),
        "channel": pd.Categorical([c.channel for c in found], dtype=CHANNEL),
        "kind": pd.Categorical([c.kind for c in found], dtype=KIND),
        "denied_by": pd.Series([row[0] for row in rows], dtype=object),
        "allowed_at": pd.Series([row[1] for row in rows], dtype=object),
        "because": pd.array([row[2] for row in rows], dtype=STRING),
        "since": pd.Series([row[3] for row in rows], dtype=TIME),
    }
    return pd.DataFrame(table)


def _row(people: People, conflict: Conflict) -> tuple[list[str], list[str], str, Any]:
    verdict = people.verdict(conflict.channel)
    if conflict.kind == "contradiction":
        deniers = conflict.contacts
    else:
        deniers = sorted({d for c in conflict.contacts for d in deniers_of(people, verdict, c)})
    sending = np.array(conflict.contacts)
    if conflict.kind in ("contradiction", "shared"):
        members = people.network.members(conflict.person)
        sending = members[verdict.states.sends[members] & verdict.reached[members]]
    times = people.changed_at[deniers]
    known = times[~np.isnat(times)]
    since = pd.Timestamp(known.min(), tz="UTC") if len(known) else pd.NaT
    if conflict.kind == "returned" and not deniers:
        since = people.returned(conflict.channel)[conflict.contacts[0]] or pd.NaT
    return (
        _sources(people, deniers),
        _sources(people, sending.tolist()),
        _because(people, conflict, deniers),
        since,
    )


def _because(people: People, conflict: Conflict, deniers: Sequence[Contact]) -> str:
    first = conflict.contacts[0]
    match conflict.kind:
        case "stuck":
            number = people.source_of[first]
            row = first - people.network.first[number]
            refused = people.refused[number][conflict.channel]
            problems = deny_problems(
                people.sources[number], conflict.channel, np.array([row]), refused
            )
            return f"{name(people, first)} cannot be written to: {problems[0][0].message}"
        case "returned":
            at = people.returned(conflict.channel)[first]
            before = f"before, written here {at:%Y-%m-%d}," if at else "before,"
            return f"{name(people, first)} said no {before} and its provider says yes again"
        case "contradiction":
            return (
                f"{name(people, first)} says both: {values_text(people, conflict.channel, first)}"
            )
        case "shared":
            return f"{name(people, first)} has a line that others may still be written to on"
        case _:
            return " and ".join(
                f"{name(people, c)} says {values_text(people, conflict.channel, c)}"
                for c in deniers[:3]
            )


def deniers_of(people: People, verdict: Verdict, contact: Contact) -> list[Contact]:
    """The contacts whose own no makes this one denied."""
    network = people.network
    if verdict.of_line[contact]:
        return _line_deniers(people, verdict, [contact])
    return deniers_of_person(people, verdict, int(network.person[contact]))


def deniers_of_person(people: People, verdict: Verdict, person: int) -> list[Contact]:
    """The contacts whose own no makes a person denied."""
    members = people.network.members(person)
    members = members[~verdict.of_line[members]]
    return [
        *members[verdict.says_no[members]].tolist(),
        *_line_deniers(people, verdict, members.tolist()),
    ]


def _line_deniers(people: People, verdict: Verdict, contacts: Sequence[Contact]) -> list[Contact]:
    """The contacts whose no closes a line that one of these contacts has."""
    network = people.network
    held = {address for contact in contacts for address in network.held_by(contact).tolist()}
    groups = {verdict.line_group[address] for address in held if network.line[address] != OWN}
    return [c for group in sorted(groups) for c in verdict.line_deniers.get(group, ())]


def name(people: People, contact: Contact) -> str:
    """A contact in words, such as "privy 123"."""
    source = people.names[people.source_of[contact]]
    return f"{source} {people.keys[contact]}"


def values_text(people: People, channel: Channel, contact: Contact) -> str:
    """The values of the fields from which a contact's no follows."""
    number = people.source_of[contact]
    if people.names[number] == NAME:
        row = people.suppressions.rows[contact - people.network.first[-1]]
        return f"suppressed by {row.source} {row.key}" if row.source else "suppressed"
    source = people.sources[number]
    consent = source.provider.consent.channels[channel]
    current = source.contact(contact - people.network.first[number])
    said = {**consent.denied, **consent.locked}
    fields = [f for f in said if current.get(f) in said[f]] or sorted(consent.fields)
    return ", ".join(f"{field}={current.get(field)}" for field in fields)


def _sources(people: People, contacts: Sequence[Contact]) -> list[str]:
    return sorted({people.names[people.source_of[contact]] for contact in contacts})


def worst(people: People) -> Any:
    """The worst kind of conflict of each person, in the order of the people's numbers."""
    codes = np.full(people.network.persons, -1, dtype=np.int8)
    for kind in reversed(KINDS):
        for channel in CHANNELS:
            contacts = people.conflicting(channel)[kind]
            codes[people.network.person[contacts]] = KINDS.index(kind)
    return pd.Categorical.from_codes(codes, dtype=KIND)


def count(people: People) -> dict[str, int]:
    """How many conflicts there are of each kind that there is."""
    person = people.network.person
    found = {
        kind: sum(len(np.unique(person[people.conflicting(c)[kind]])) for c in CHANNELS)
        for kind in KINDS
    }
    return {kind: number for kind, number in found.items() if number}


def explain(people: People, person: str) -> str:
    """Sentences that name the contacts which said no, and the chain of addresses to each other."""
    numbers = np.flatnonzero(people.ids == person)
    if not len(numbers):
        raise InvalidInputError.one(WHERE, "person", "must be an id from people.rows")
    network, lines = people.network, list[str]()
    for channel in CHANNELS:
        verdict = people.verdict(channel)
        members = network.members(numbers[0])
        denied = members[verdict.denied[members]].tolist()
        deniers = dict.fromkeys(d for c in denied for d in deniers_of(people, verdict, c))
        lines += [
            f"{channel}: {name(people, c)} says {values_text(people, channel, c)}." for c in deniers
        ]
        lines += [
            f"{channel}: {name(people, c)} is denied too: {chain_text(people, c, deniers)}."
            for c in denied
            if c not in deniers
        ]
    return "\n".join(lines) or "Nobody said no for this person."


def chain_text(people: People, start: Contact, ends: Container[Contact]) -> str:
    """The shortest chain of addresses from a contact to one of the others, in words."""
    steps = find_chain(people, start, ends)
    return ", ".join(f"it shares {address} with {name(people, c)}" for address, c in steps)


def find_chain(
    people: People, start: Contact, ends: Container[Contact]
) -> list[tuple[str, Contact]]:
    """The shortest chain of addresses, each with the contact that it leads to."""
    network = people.network
    queue, seen = deque([(start, list[tuple[str, Contact]]())]), {start}
    while queue:
        contact, steps = queue.popleft()
        if contact in ends:
            return steps
        for address in network.held_by(contact).tolist():
            for other in network.holders_of(address).tolist():
                if other not in seen and (network.line[address] == OWN or other in ends):
                    seen.add(other)
                    queue.append((other, [*steps, (network.addresses[address], other)]))
    return []
