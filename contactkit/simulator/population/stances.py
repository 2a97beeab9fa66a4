"""The field values by which a contact says yes, no or nothing, taken from a declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from random import Random
from typing import Literal, TypeAlias

from contactkit.spec import JSON, ChannelConsent, Record, RecordField, fields_of
from contactkit.spec.consent import ConsentState

Stance: TypeAlias = Literal["unknown", "allowed", "denied", "locked", "contradictory"]
Values: TypeAlias = dict[str, JSON]


def values_of(
    record: type[Record], channel: ChannelConsent, stance: Stance, rng: Random
) -> Mapping[str, JSON]:
    """Values of a channel's fields with this stance; with a yes where the channel has no such."""
    found = _by_stance(record, channel)
    return rng.choice(found.get(stance) or found["allowed"])


def has_stance(record: type[Record], channel: ChannelConsent, stance: Stance) -> bool:
    """Whether a contact can have this stance."""
    return stance in _by_stance(record, channel)


@cache
def _by_stance(record: type[Record], channel: ChannelConsent) -> Mapping[Stance, Sequence[Values]]:
    found: dict[Stance, list[Values]] = {}
    # Declared values come from sets, whose order is another one in each process.
    for values in sorted(_combinations(record, channel), key=repr):
        known = found.setdefault(_stance(channel, values), [])
        if values not in known:
            known.append(values)
    return found


def _combinations(record: type[Record], channel: ChannelConsent) -> Iterator[Values]:
    fields = fields_of(record)
    for contact in channel.contacts():
        options = [
            [value] if value is not None else _silent(fields[name], channel)
            for name, value in contact.items()
        ]
        for values in product(*options):
            yield dict(sorted(zip(contact, values, strict=True)))


def _silent(field: RecordField, channel: ChannelConsent) -> Sequence[JSON]:
    """The values of a field that say neither yes nor no."""
    if field.nullable:
        return [None]
    if field.kind == "boolean":
        return [False]
    stated = (channel.allowed, channel.denied, channel.locked)
    meant = {value for declared in stated for value in declared.get(field.name, ())}
    return [choice for choice in field.choices if choice not in meant]


def _stance(channel: ChannelConsent, values: Values) -> Stance:
    state = channel.state(values)
    agrees = all(values[name] in allowed for name, allowed in channel.allowed.items())
    if agrees and state >= ConsentState.denied:
        return "contradictory"
    return state.name
