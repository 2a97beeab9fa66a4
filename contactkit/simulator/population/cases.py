"""What is planted in a population: persons who said no at one provider and yes at another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from random import Random

from contactkit.simulator.population.contacts import places
from contactkit.simulator.population.persons import Person
from contactkit.simulator.population.stances import Stance, has_stance
from contactkit.spec import Provider
from contactkit.spec.consent import Channel

CASES = (
    "pair",
    "chain",
    "household",
    "spelling",
    "missing_flag",
    "read_only",
    "locked",
    "contradiction",
    "role",
    "test_number",
    "switchboard",
    "unreadable",
)
"""What can be planted."""

_SHARE = 0.1
CHANNELS: tuple[Channel, Channel] = ("text", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What follows from a case for one channel.

    `kind` is the conflict, "" if there is none. `denied` and `sends` are the numbers of the contact
    that says no and of the one that is still written to, among the contacts of the case.
    """

    kind: str
    channel: Channel
    denied: int | None = None
    sends: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Contacts of a few persons, by provider, and what is to be found about them."""

    name: str
    contacts: tuple[tuple[str, Person], ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make a case of so many persons; some can be made only once."""

    people: int
    make: Callable[[Sequence[Person]], Case]
    once: bool = False


def plant(
    persons: Sequence[Person], recipes: Sequence[Recipe], rng: Random
) -> tuple[list[Case], list[Person]]:
    """The cases, and the persons who are in none.

    Every case is made once, and then some again until a tenth of the persons are in one.
    """
    cases, left, upcoming = list[Case](), list(persons), list(recipes)
    again = [recipe for recipe in recipes if not recipe.once]
    while upcoming or len(persons) - len(left) < _SHARE * len(persons):
        recipe = upcoming.pop(0) if upcoming else rng.choice(again)
        if recipe.people > len(left):
            break
        cases.append(recipe.make(left[: recipe.people]))
        del left[: recipe.people]
    return cases, left


def providers_with(declared: Sequence[Provider], channel: Channel) -> list[Provider]:
    """The providers that have a channel."""
    return [provider for provider in declared if channel in provider.consent.channels]


def hubs_of(declared: Sequence[Provider]) -> list[Provider]:
    """The providers whose contacts have a home and a work number, and say yes before a text."""
    return [
        provider
        for provider in providers_with(declared, "text")
        if {"home", "work"} <= places(provider) and needs_opt_in(provider, "text")
    ]


def needs_opt_in(provider: Provider, channel: Channel) -> bool:
    """Whether a provider sends only after a yes."""
    return provider.consent.channels[channel].needs_opt_in


def can_be(provider: Provider, channel: Channel, stance: Stance) -> bool:
    """Whether a contact can have this stance at a provider."""
    return has_stance(provider.record, provider.consent.channels[channel], stance)


def ends_of(declared: Sequence[Provider], hub: Provider) -> list[tuple[Provider, Provider]]:
    """The ordered pairs of the other providers that send texts."""
    others = [provider for provider in providers_with(declared, "text") if provider is not hub]
    return list(permutations(others, 2))


def says(person: Person, channel: Channel, stance: Stance) -> Person:
    """A person with this stance in a channel."""
    return replace(person, **{"text" if channel == "text" else "email_stance": stance})


def denied_elsewhere(channel: Channel, denied: int = 0, sends: int = 1) -> Finding:
    """Two contacts of one person, of which one says no and the other is still written to."""
    return Finding(kind="denied_elsewhere", channel=channel, denied=denied, sends=sends)


def make_case(name: str, contacts: Sequence[tuple[Provider, Person]], *findings: Finding) -> Case:
    """A case of these contacts."""
    by_name = tuple((provider.name, person) for provider, person in contacts)
    return Case(name=name, contacts=by_name, findings=findings)
