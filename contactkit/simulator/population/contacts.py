"""What a provider knows of a population: who is there, and the contact of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from contactkit.simulator.messages import Row
from contactkit.simulator.population.persons import Person, respell
from contactkit.simulator.population.stances import Stance, has_stance, values_of
from contactkit.simulator.rules import Rules
from contactkit.simulator.seeds import synthetic
from contactkit.spec import Provider, fields_of, key_of
from contactkit.spec.consent import Channel, ChannelConsent

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

_HERE = 0.7
_NO_NUMBER, _NO_EMAIL, _SILENT, _FINAL = 0.1, 0.1, 0.2, 0.1


def place_of(field: str) -> str:
    """Where the number of a field rings: home, work or mobile."""
    return next((place for place in ("home", "work") if place in field), "mobile")


def places(provider: Provider) -> set[str]:
    """The kinds of numbers that a provider's contacts have."""
    return set(map(place_of, provider.consent.phones))


def join_in(provider: Provider, persons: Sequence[Person], rng: Random) -> list[Person]:
    """Those of the persons who are at a provider, each as it knows them."""
    return [_at(provider, person, rng) for person in persons if rng.random() < _HERE]


def _at(provider: Provider, person: Person, rng: Random) -> Person:
    consent, record = provider.consent, provider.record
    text, email = consent.channels.get("text"), consent.channels.get("email")
    drawn = rng.random()
    optional = bool(consent.emails) and key_of(record).name not in consent.phones
    return replace(
        person,
        mobile="" if optional and drawn < _NO_NUMBER else person.mobile,
        email="" if drawn > 1 - _NO_EMAIL else respell(person.email, rng),
        text=_soften(provider, text, person.text, rng),
        email_stance=_soften(provider, email, person.email_stance, rng),
    )


def _soften(
    provider: Provider, channel: ChannelConsent | None, stance: Stance, rng: Random
) -> Stance:
    """What a person says to one provider: the same as to others, or nothing where that is safe."""
    if channel is None:
        return stance
    drawn = rng.random()
    if stance == "denied" and has_stance(provider.record, channel, "locked") and drawn < _FINAL:
        return "locked"
    # Where silence lets the provider write, everybody who means no says it.
    may_be_silent = channel.needs_opt_in or stance == "allowed"
    return "unknown" if may_be_silent and drawn > 1 - _SILENT else stance


def key_for(provider: Provider, rules: Rules, person: Person, rng: Random) -> str:
    """The key of a person's contact."""
    is_number = key_of(provider.record).name in provider.consent.phones
    return person.mobile if is_number else rules.new_key(rng)


def contact_row(engine: Engine, rng: Random, key: str, person: Person) -> Row:
    """The contact of a person, as a row by field name."""
    provider, rules = engine.provider, engine.rules
    row = {**synthetic(provider, rng, 0, engine.now, rules.timestamp), **rules.sample_values}
    for name, field in fields_of(provider.record).items():
        if field.marker.personal == "name":
            row[name] = _name(name, person)
    row |= {name: rng.choice(values) for name, values in rules.team_values.items()}
    row |= {name: getattr(person, place_of(name)) or None for name in provider.consent.phones}
    row |= dict.fromkeys(provider.consent.emails, person.email or None)
    stances: dict[Channel, Stance] = {"text": person.text, "email": person.email_stance}
    for name, channel in provider.consent.channels.items():
        row |= values_of(provider.record, channel, stances[name], rng)
    return {**row, engine.contacts.key: key, **person.values}


def _name(field: str, person: Person) -> str | None:
    if "first" in field:
        return person.first
    return person.last if "last" in field else None
