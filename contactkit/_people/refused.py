"""Which noes cannot be written: by the rules of a provider, or since it refused them before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from contactkit._people.source import Source
from contactkit._people.suppression import CHANNELS
from contactkit._people.written import Entry, canonical_key, find_rows, read_entries
from contactkit.errors import FieldProblem, JournalError, warn
from contactkit.spec.consent import Channel, Consent, ConsentState
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.validate import json_equal

if TYPE_CHECKING:
    from contactkit._http.session import Session

Refused: TypeAlias = Mapping[Channel, Mapping[int, FieldProblem]]
"""Why a no was refused, by channel and row of the source."""


def deny_problems(
    source: Source, channel: Channel, rows: Any, refused: Mapping[int, FieldProblem]
) -> list[Sequence[FieldProblem]]:
    """For each of these rows of a source, why a no cannot be written to it; empty if it can.

    `refused` are the noes that its provider refused before, by row.
    """
    by_rules = _rule_problems(source, channel, rows)
    return [
        problems or ([refused[row]] if row in refused else [])
        for row, problems in zip(np.asarray(rows).tolist(), by_rules, strict=True)
    ]


def _rule_problems(source: Source, channel: Channel, rows: Any) -> list[Sequence[FieldProblem]]:
    """What the rules say of a no for each of these rows.

    Contacts with the same consent, and the same in what the rules read, have the same problems.
    """
    provider = source.provider
    if not len(rows):
        return []
    if not any(endpoint.verb == "update" for endpoint in provider.endpoints):
        problem = FieldProblem(field="", message=f"{provider.title} has no update", code="verb")
        return [[problem]] * len(rows)
    consent = provider.consent
    names = [n for n in source.frame if n in consent.fields or n in consent.rules_read]
    same = source.frame[names].iloc[rows].groupby(names, dropna=False, observed=True, sort=False)
    groups = same.ngroup().to_numpy()
    deny = consent.channels[channel].deny
    _, firsts = np.unique(groups, return_index=True)
    contacts = source.contacts(rows[firsts])
    problems = [provider.rules(contact, deny) for contact in contacts]
    return [problems[group] for group in groups]


def find_refused(
    source: Source, sources: Sequence[Source], session: Session | None = None
) -> Refused:
    """The noes that the provider refused of contacts that are still as they were then.

    A contact with another consent, or other values that decide whether it can be written, is tried
    again. A write that only its key was not permitted to do is no refusal of the no.
    """
    provider = source.provider
    try:
        _, entries = read_entries(
            source,
            sources,
            lambda journal, url: journal.refused_entries(provider.name, url),
            session,
        )
    except JournalError as error:
        warn(f"noes that {provider.title} has refused are planned again: {error}")
        entries = []
    found: dict[Channel, dict[int, FieldProblem]] = {channel: {} for channel in CHANNELS}
    last = {canonical_key(provider, str(entry["key"])): entry for entry in entries}
    for key, row in find_rows(source, last).items():
        contact, entry = source.contact(row), last[key]
        for channel in _channels_of(provider, entry):
            if _is_same(provider.consent, channel, entry["before"] or {}, contact):
                found[channel][row] = _problem(provider, channel, entry)
    return found


def _is_same(
    consent: Consent, channel: Channel, before: Mapping[str, JSON], now: Mapping[str, JSON]
) -> bool:
    """Whether all that a channel's consent and its rules depend on has the same values."""
    fields = consent.channels[channel].fields
    names = {*fields, *consent.rules_read, *consent.address_fields} & now.keys()
    same = names <= before.keys() and all(json_equal(before[n], now[n]) for n in names)
    # A lock of another channel may be why nothing could be written.
    return same and _locks(consent, before) == _locks(consent, now)


def _locks(consent: Consent, contact: Mapping[str, JSON]) -> set[Channel]:
    states = consent.states(contact).items()
    return {channel for channel, state in states if state is ConsentState.locked}


def _channels_of(provider: Provider, entry: Entry) -> list[Channel]:
    """The channels whose no was refused: those of the field that the provider named, or all."""
    changes = entry["changes"]
    named = {*(entry["field"] or "").split(", ")} & changes.keys()
    return [
        channel
        for channel, consent in provider.consent.channels.items()
        if all(json_equal(changes.get(n), value) for n, value in consent.deny.items())
        and not (named and named.isdisjoint(consent.deny))
    ]


def _problem(provider: Provider, channel: Channel, entry: Entry) -> FieldProblem:
    field = next(iter(provider.consent.channels[channel].deny))
    why = f": {entry['message']}" if entry["message"] else ""
    message = f"{provider.title} refused this no on {entry['at']:%Y-%m-%d}{why}"
    return FieldProblem(field=field, message=message, code=entry["code"] or "")
