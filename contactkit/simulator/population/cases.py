"""What is planted in a population: persons who said no at one provider and yes at another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from contactkit.simulator.population.persons import Person
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
