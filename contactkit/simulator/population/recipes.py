"""How each kind of case is made, for all providers whose declarations allow it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import permutations

from contactkit._providers import find, names
from contactkit.simulator.population import lines
from contactkit.simulator.population.cases import (
    CHANNELS,
    Case,
    Finding,
    Recipe,
    can_be,
    denied_elsewhere,
    ends_of,
    hubs_of,
    make_case,
    needs_opt_in,
    providers_with,
    says,
)
from contactkit.simulator.population.persons import Person, move_to_gmail
from contactkit.simulator.population.stances import Stance
from contactkit.spec import Provider, fields_of
from contactkit.spec.consent import Channel


def all_recipes() -> list[Recipe]:
    """Every case once; those that may be made once only are marked so."""
    declared = [find(name) for name in names()]
    parts = (
        _pairs,
        _chains,
        _spellings,
        _missing_flags,
        _read_only,
        _locked,
        _contradictions,
        _households,
        lines.unreadable,
        lines.roles,
        lines.test_numbers,
        lines.switchboards,
    )
    return [recipe for part in parts for recipe in part(declared)]


def _pairs(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for channel in CHANNELS:
        for no, yes in permutations(providers_with(declared, channel), 2):
            yield Recipe(1, partial(_pair, "pair", channel, no, yes, "allowed"))


def _missing_flags(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for no, silent in permutations(providers_with(declared, "text"), 2):
        if not needs_opt_in(silent, "text") and can_be(silent, "text", "unknown"):
            yield Recipe(1, partial(_pair, "missing_flag", "text", no, silent, "unknown"))


def _pair(
    name: str,
    channel: Channel,
    no: Provider,
    yes: Provider,
    stance: Stance,
    persons: Sequence[Person],
) -> Case:
    contacts = [(no, says(persons[0], channel, "denied")), (yes, says(persons[0], channel, stance))]
    return make_case(name, contacts, denied_elsewhere(channel))


def _spellings(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for no, yes in permutations(providers_with(declared, "email"), 2):
        yield Recipe(1, partial(_spelling, no, yes))


def _spelling(no: Provider, yes: Provider, persons: Sequence[Person]) -> Case:
    dotted, plain = move_to_gmail(persons[0])
    # Nothing else joins the two contacts.
    person = replace(persons[0], home="", work="")
    contacts = [
        (no, replace(person, email=dotted, email_stance="denied")),
        (yes, replace(person, mobile=persons[0].work, email=plain, email_stance="allowed")),
    ]
    return make_case("spelling", contacts, denied_elsewhere("email"))


def _chains(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for hub in hubs_of(declared):
        for no, yes in ends_of(declared, hub):
            yield Recipe(1, partial(_chain_by_number, no, hub, yes))
    for hub in providers_with(declared, "email"):
        for no, yes in ends_of(declared, hub):
            if yes.consent.emails and needs_opt_in(hub, "text"):
                yield Recipe(1, partial(_chain_by_email, no, hub, yes))


def _chain_by_number(no: Provider, hub: Provider, yes: Provider, persons: Sequence[Person]) -> Case:
    person = persons[0]
    contacts = [
        (no, replace(person, email="", text="denied")),
        (hub, person),
        (yes, replace(person, mobile=person.work, email="", text="allowed")),
    ]
    return make_case("chain", contacts, denied_elsewhere("text", sends=2))


def _chain_by_email(no: Provider, hub: Provider, yes: Provider, persons: Sequence[Person]) -> Case:
    person = replace(persons[0], home="", work="")
    contacts = [
        (no, replace(person, email="", text="denied")),
        (hub, person),
        (yes, replace(person, mobile=persons[0].work, text="allowed")),
    ]
    return make_case("chain", contacts, denied_elsewhere("text", sends=2))


def _read_only(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for no, fixed in permutations(providers_with(declared, "text"), 2):
        deny = fixed.consent.channels["text"].deny
        for name in fixed.consent.rules_read:
            flag = fields_of(fixed.record)[name].kind == "boolean"
            if flag and fixed.rules({name: True}, deny):
                yield Recipe(1, partial(_fixed, no, fixed, name))


def _fixed(no: Provider, fixed: Provider, field: str, persons: Sequence[Person]) -> Case:
    person = persons[0]
    contacts = [
        (no, replace(person, text="denied")),
        (fixed, replace(person, text="allowed", values={field: True})),
    ]
    return make_case(
        "read_only", contacts, Finding(kind="stuck", channel="text", denied=0, sends=1)
    )


def _locked(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for channel in CHANNELS:
        for final, other in permutations(providers_with(declared, channel), 2):
            if can_be(final, channel, "locked"):
                yield Recipe(1, partial(_final, channel, final, other))
    for no, final in permutations(providers_with(declared, "text"), 2):
        if "email" in final.consent.channels and can_be(final, "email", "locked"):
            yield Recipe(1, partial(_frozen, no, final))


def _final(channel: Channel, final: Provider, other: Provider, persons: Sequence[Person]) -> Case:
    contacts = [
        (final, says(persons[0], channel, "locked")),
        (other, says(persons[0], channel, "allowed")),
    ]
    return make_case("locked", contacts, denied_elsewhere(channel))


def _frozen(no: Provider, final: Provider, persons: Sequence[Person]) -> Case:
    """Someone whose contact is locked for e-mail, which may keep a no to texts from being written.

    They have no e-mail address anywhere else, so that only the texts disagree.
    """
    contacts = [
        (no, replace(persons[0], email="", text="denied")),
        (final, replace(persons[0], text="allowed", email_stance="locked")),
    ]
    return make_case("locked", contacts, denied_elsewhere("text"))


def _contradictions(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for channel in CHANNELS:
        for provider in providers_with(declared, channel):
            if can_be(provider, channel, "contradictory"):
                yield Recipe(1, partial(_contradiction, channel, provider))


def _contradiction(channel: Channel, provider: Provider, persons: Sequence[Person]) -> Case:
    contact = (provider, says(persons[0], channel, "contradictory"))
    finding = Finding(kind="contradiction", channel=channel, denied=0)
    return make_case("contradiction", [contact], finding)


def _households(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for hub in hubs_of(declared):
        for no, yes in ends_of(declared, hub):
            yield Recipe(2, partial(_household, no, hub, yes))


def _household(no: Provider, hub: Provider, yes: Provider, persons: Sequence[Person]) -> Case:
    one, other = persons[0], replace(persons[1], home=persons[0].home)
    contacts = [
        (no, replace(one, text="denied")),
        (hub, one),
        (hub, other),
        (yes, replace(other, text="allowed")),
    ]
    return make_case("household", contacts, denied_elsewhere("text", sends=3))
