"""Recipes about addresses that join nobody: a role's, a provider's test number, a switchboard's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle, permutations

from contactkit._providers import find
from contactkit.simulator.population.cases import (
    Case,
    Finding,
    Recipe,
    denied_elsewhere,
    ends_of,
    hubs_of,
    make_case,
    providers_with,
)
from contactkit.simulator.population.persons import Person
from contactkit.spec import Provider

_ROLES = ("support", "info", "sales", "office", "hello")
# More than three contacts of one provider make a number a line.
_COLLEAGUES = 5


def unreadable(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for hub in hubs_of(declared):
        for no, _ in ends_of(declared, hub):
            yield Recipe(2, partial(_national, no, hub))


def _national(no: Provider, hub: Provider, persons: Sequence[Person]) -> Case:
    """A number without its country code, which therefore joins nobody with its holder."""
    number = persons[0].mobile.removeprefix("+1")
    written = f"({number[:3]}) {number[3:6]}-{number[6:]}"
    contacts = [
        (no, replace(persons[0], text="denied")),
        (hub, replace(persons[1], home=written, text="allowed")),
    ]
    return make_case("unreadable", contacts, Finding(kind="", channel="text", denied=0, sends=1))


def roles(declared: Sequence[Provider]) -> Iterator[Recipe]:
    ends = list(permutations(providers_with(declared, "email"), 2))
    for number, role in enumerate(_ROLES if ends else ()):
        no, yes = ends[number % len(ends)]
        yield Recipe(2, partial(_role, role, no, yes), once=True)


def _role(role: str, no: Provider, yes: Provider, persons: Sequence[Person]) -> Case:
    """Two persons who have a mailbox in common: it says no, but only one of them does."""
    mailbox = f"{role}@example.com"
    contacts = [
        (no, replace(persons[0], email=mailbox, text="denied", email_stance="denied")),
        (yes, replace(persons[1], email=mailbox, text="allowed", email_stance="allowed")),
    ]
    nobody = Finding(kind="", channel="text", denied=0, sends=1)
    return make_case("role", contacts, nobody, denied_elsewhere("email"))


def test_numbers(declared: Sequence[Provider]) -> Iterator[Recipe]:
    texting = providers_with(declared, "text")
    for number in sorted({text for provider in texting for text in provider.consent.examples}):
        holders = [provider for provider in texting if number in provider.consent.examples]
        hubs = [hub for hub in hubs_of(declared) if hub not in holders]
        people = len(holders) + len(hubs)
        yield Recipe(people, partial(_test_number, number, holders, hubs), once=True)


def _test_number(
    number: str, holders: Sequence[Provider], hubs: Sequence[Provider], persons: Sequence[Person]
) -> Case:
    alone = [replace(person, mobile=number, email="", text="allowed") for person in persons]
    beside = [replace(person, home=number, text="allowed") for person in persons]
    contacts = [
        (holders[0], replace(alone[0], text="denied")),
        *zip(holders[1:], alone[1:], strict=False),
        *zip(hubs, beside[len(holders) :], strict=True),
    ]
    findings = [denied_elsewhere("text", sends=number) for number in range(1, len(contacts))]
    return make_case("test_number", contacts, *findings)


def switchboards(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for hub in hubs_of(declared):
        lines = dict.fromkeys(line.name for line, _ in ends_of(declared, hub))
        for name, make in zip(lines, cycle((_line_says_no, _one_says_no)), strict=False):
            yield Recipe(_COLLEAGUES + 1, partial(make, find(name), hub))


def _colleagues(persons: Sequence[Person]) -> tuple[Person, list[Person]]:
    """The contact of a switchboard, and persons who have that number at work."""
    line = replace(persons[-1], mobile=persons[0].work, home="", work="", email="")
    shared = [replace(p, work=persons[0].work, text="allowed") for p in persons[:-1]]
    return replace(line, text="allowed"), shared


def _line_says_no(at: Provider, hub: Provider, persons: Sequence[Person]) -> Case:
    line, colleagues = _colleagues(persons)
    contacts = [(at, replace(line, text="denied")), *((hub, person) for person in colleagues)]
    findings = [denied_elsewhere("text", sends=number) for number in range(1, len(contacts))]
    return make_case("switchboard", contacts, *findings)


def _one_says_no(at: Provider, hub: Provider, persons: Sequence[Person]) -> Case:
    line, (first, *others) = _colleagues(persons)
    contacts = [
        (hub, replace(first, text="denied")),
        *((hub, person) for person in others),
        (at, line),
    ]
    return make_case("switchboard", contacts, Finding(kind="shared", channel="text", denied=0))
