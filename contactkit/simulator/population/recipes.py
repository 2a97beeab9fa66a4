"""How each kind of case is made, for all providers whose declarations allow it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle, permutations

from contactkit._providers import find, names
from contactkit.simulator.population.cases import CHANNELS, Case, Finding, Recipe
from contactkit.simulator.population.contacts import places
from contactkit.simulator.population.persons import Person, move_to_gmail
from contactkit.simulator.population.stances import Stance, has_stance
from contactkit.spec import Provider, fields_of
from contactkit.spec.consent import Channel

_ROLES = ("support", "info", "sales", "office", "hello")
# More than three contacts of one provider make a number a line.
_COLLEAGUES = 5


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
        _unreadable,
        _roles,
        _test_numbers,
        _switchboards,
    )
    return [recipe for part in parts for recipe in part(declared)]


def _with(declared: Sequence[Provider], channel: Channel) -> list[Provider]:
    return [provider for provider in declared if channel in provider.consent.channels]


def _hubs(declared: Sequence[Provider]) -> list[Provider]:
    """The providers whose contacts have a home and a work number, and say yes before a text."""
    return [
        provider
        for provider in _with(declared, "text")
        if {"home", "work"} <= places(provider) and _needs_opt_in(provider, "text")
    ]


def _needs_opt_in(provider: Provider, channel: Channel) -> bool:
    return provider.consent.channels[channel].needs_opt_in


def _can(provider: Provider, channel: Channel, stance: Stance) -> bool:
    return has_stance(provider.record, provider.consent.channels[channel], stance)


def _ends(declared: Sequence[Provider], hub: Provider) -> list[tuple[Provider, Provider]]:
    """The ordered pairs of the other providers that send texts."""
    others = [provider for provider in _with(declared, "text") if provider is not hub]
    return list(permutations(others, 2))


def _says(person: Person, channel: Channel, stance: Stance) -> Person:
    return replace(person, **{"text" if channel == "text" else "email_stance": stance})


def _elsewhere(channel: Channel, denied: int = 0, sends: int = 1) -> Finding:
    return Finding(kind="denied_elsewhere", channel=channel, denied=denied, sends=sends)


def _case(name: str, contacts: Sequence[tuple[Provider, Person]], *findings: Finding) -> Case:
    by_name = tuple((provider.name, person) for provider, person in contacts)
    return Case(name=name, contacts=by_name, findings=findings)


def _pairs(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for channel in CHANNELS:
        for no, yes in permutations(_with(declared, channel), 2):
            yield Recipe(1, partial(_pair, "pair", channel, no, yes, "allowed"))


def _missing_flags(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for no, silent in permutations(_with(declared, "text"), 2):
        if not _needs_opt_in(silent, "text") and _can(silent, "text", "unknown"):
            yield Recipe(1, partial(_pair, "missing_flag", "text", no, silent, "unknown"))


def _pair(
    name: str,
    channel: Channel,
    no: Provider,
    yes: Provider,
    stance: Stance,
    persons: Sequence[Person],
) -> Case:
    contacts = [
        (no, _says(persons[0], channel, "denied")),
        (yes, _says(persons[0], channel, stance)),
    ]
    return _case(name, contacts, _elsewhere(channel))


def _spellings(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for no, yes in permutations(_with(declared, "email"), 2):
        yield Recipe(1, partial(_spelling, no, yes))


def _spelling(no: Provider, yes: Provider, persons: Sequence[Person]) -> Case:
    dotted, plain = move_to_gmail(persons[0])
    contacts = [
        (no, replace(persons[0], mobile=persons[0].mobile, email=dotted, email_stance="denied")),
        (yes, replace(persons[0], mobile=persons[0].work, email=plain, email_stance="allowed")),
    ]
    return _case("spelling", contacts, _elsewhere("email"))


def _chains(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for hub in _hubs(declared):
        for no, yes in _ends(declared, hub):
            yield Recipe(1, partial(_chain_by_number, no, hub, yes))
    for hub in _with(declared, "email"):
        for no, yes in _ends(declared, hub):
            if yes.consent.emails and _needs_opt_in(hub, "text"):
                yield Recipe(1, partial(_chain_by_email, no, hub, yes))


def _chain_by_number(no: Provider, hub: Provider, yes: Provider, persons: Sequence[Person]) -> Case:
    person = persons[0]
    contacts = [
        (no, replace(person, email="", text="denied")),
        (hub, person),
        (yes, replace(person, mobile=person.work, email="", text="allowed")),
    ]
    return _case("chain", contacts, _elsewhere("text", sends=2))


def _chain_by_email(no: Provider, hub: Provider, yes: Provider, persons: Sequence[Person]) -> Case:
    person = replace(persons[0], home="", work="")
    contacts = [
        (no, replace(person, email="", text="denied")),
        (hub, person),
        (yes, replace(person, mobile=persons[0].work, text="allowed")),
    ]
    return _case("chain", contacts, _elsewhere("text", sends=2))


def _read_only(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for no, fixed in permutations(_with(declared, "text"), 2):
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
    return _case("read_only", contacts, Finding(kind="stuck", channel="text", denied=0, sends=1))


def _locked(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for channel in CHANNELS:
        for final, other in permutations(_with(declared, channel), 2):
            if _can(final, channel, "locked"):
                yield Recipe(1, partial(_final, channel, final, other))
    for no, final in permutations(_with(declared, "text"), 2):
        if "email" in final.consent.channels and _can(final, "email", "locked"):
            yield Recipe(1, partial(_frozen, no, final))


def _final(channel: Channel, final: Provider, other: Provider, persons: Sequence[Person]) -> Case:
    contacts = [
        (final, _says(persons[0], channel, "locked")),
        (other, _says(persons[0], channel, "allowed")),
    ]
    return _case("locked", contacts, _elsewhere(channel))


def _frozen(no: Provider, final: Provider, persons: Sequence[Person]) -> Case:
    """Someone whose contact is locked for e-mail, which may keep a no to texts from being written.

    They have no e-mail address anywhere else, so that only the texts disagree.
    """
    contacts = [
        (no, replace(persons[0], email="", text="denied")),
        (final, replace(persons[0], text="allowed", email_stance="locked")),
    ]
    return _case("locked", contacts, _elsewhere("text"))


def _contradictions(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for channel in CHANNELS:
        for provider in _with(declared, channel):
            if _can(provider, channel, "contradictory"):
                yield Recipe(1, partial(_contradiction, channel, provider))


def _contradiction(channel: Channel, provider: Provider, persons: Sequence[Person]) -> Case:
    contact = (provider, _says(persons[0], channel, "contradictory"))
    finding = Finding(kind="contradiction", channel=channel, denied=0)
    return _case("contradiction", [contact], finding)


def _households(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for hub in _hubs(declared):
        for no, yes in _ends(declared, hub):
            yield Recipe(2, partial(_household, no, hub, yes))


def _household(no: Provider, hub: Provider, yes: Provider, persons: Sequence[Person]) -> Case:
    one, other = persons[0], replace(persons[1], home=persons[0].home)
    contacts = [
        (no, replace(one, text="denied")),
        (hub, one),
        (hub, other),
        (yes, replace(other, text="allowed")),
    ]
    return _case("household", contacts, _elsewhere("text", sends=3))


def _unreadable(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for hub in _hubs(declared):
        for no, _ in _ends(declared, hub):
            yield Recipe(2, partial(_national, no, hub))


def _national(no: Provider, hub: Provider, persons: Sequence[Person]) -> Case:
    """A number without its country code, which therefore joins nobody with its holder."""
    number = persons[0].mobile.removeprefix("+1")
    written = f"({number[:3]}) {number[3:6]}-{number[6:]}"
    contacts = [
        (no, replace(persons[0], text="denied")),
        (hub, replace(persons[1], home=written, text="allowed")),
    ]
    return _case("unreadable", contacts, Finding(kind="", channel="text", denied=0, sends=1))


def _roles(declared: Sequence[Provider]) -> Iterator[Recipe]:
    ends = list(permutations(_with(declared, "email"), 2))
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
    return _case("role", contacts, nobody, _elsewhere("email"))


def _test_numbers(declared: Sequence[Provider]) -> Iterator[Recipe]:
    texting = _with(declared, "text")
    for number in sorted({text for provider in texting for text in provider.consent.examples}):
        holders = [provider for provider in texting if number in provider.consent.examples]
        hubs = [hub for hub in _hubs(declared) if hub not in holders]
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
    findings = [_elsewhere("text", sends=number) for number in range(1, len(contacts))]
    return _case("test_number", contacts, *findings)


def _switchboards(declared: Sequence[Provider]) -> Iterator[Recipe]:
    for hub in _hubs(declared):
        lines = dict.fromkeys(line.name for line, _ in _ends(declared, hub))
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
    findings = [_elsewhere("text", sends=number) for number in range(1, len(contacts))]
    return _case("switchboard", contacts, *findings)


def _one_says_no(at: Provider, hub: Provider, persons: Sequence[Person]) -> Case:
    line, (first, *others) = _colleagues(persons)
    contacts = [
        (hub, replace(first, text="denied")),
        *((hub, person) for person in others),
        (at, line),
    ]
    return _case("switchboard", contacts, Finding(kind="shared", channel="text", denied=0))
