"""Made-up persons: their names, numbers and e-mail addresses, and what they say to messages.

Nobody has one of these numbers or addresses. The numbers are reserved for fiction, `example.com` is
too, and the letters of a local part at Gmail are more than the thirty that it allows:
https://support.google.com/mail/answer/9211434
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from random import Random

from contactkit.simulator.population.stances import Stance
from contactkit.simulator.seeds import FIRST, LAST, phone
from contactkit.spec import JSON, phones

_GMAIL = "gmail.com"
_NOBODYS = "made.up.for.tests.of.contactkit"
_TAGS = ("shop", "news", "offers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person, or what one provider knows of them; "" is an address that it does not have.

    `text` and `email_stance` are what they say to texts and to e-mails. `values` are those of other
    fields of the contact.
    """

    first: str
    last: str
    mobile: str
    home: str
    work: str
    email: str
    text: Stance = "unknown"
    email_stance: Stance = "unknown"
    values: Mapping[str, JSON] = field(default_factory=dict[str, JSON])


def make_persons(size: int, rng: Random) -> list[Person]:
    """So many persons, each with three numbers and an e-mail address that nobody else has."""
    numbers = _numbers()
    return [_person(index, numbers, rng) for index in range(size)]


def _person(index: int, numbers: Iterator[str], rng: Random) -> Person:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    local = f"{first}.{last}.{index}".lower()
    return Person(
        first=first,
        last=last,
        mobile=next(numbers),
        home=next(numbers),
        work=next(numbers),
        email=_at_gmail(local) if rng.random() < 0.25 else f"{local}@example.com",
    )


def _at_gmail(local: str) -> str:
    return f"{local}.{_NOBODYS}@{_GMAIL}"


def move_to_gmail(person: Person) -> tuple[str, str]:
    """An address of theirs at Gmail, in two spellings that it takes for the same."""
    local = person.email.partition("@")[0].removesuffix(f".{_NOBODYS}")
    dotted = _at_gmail(local)
    plain = dotted.partition("@")[0].replace(".", "")
    return dotted, f"{plain}+{_TAGS[0]}@Googlemail.com"


def _numbers() -> Iterator[str]:
    """Numbers of the United States."""
    return (number for number in map(phone, count()) if _region(number[:5]) == "US")


@cache
def _region(area: str) -> str:
    return phones.region(f"{area}5550100")


def settle(persons: Sequence[Person], rng: Random) -> list[Person]:
    """Persons in households of one to four, who share a home number and an opinion."""
    settled: list[Person] = []
    while len(settled) < len(persons):
        size = rng.choice((1, 1, 1, 1, 2, 2, 3, 4))
        household = persons[len(settled) : len(settled) + size]
        home = household[0].home if size > 1 or rng.random() < 0.5 else ""
        text, email = _opinion(rng), _opinion(rng)
        settled += [
            replace(
                person,
                home=home,
                work=person.work if rng.random() < 0.5 else "",
                text=text,
                email_stance=email,
            )
            for person in household
        ]
    return settled


def _opinion(rng: Random) -> Stance:
    return "denied" if rng.random() < 0.2 else "allowed"


def respell(email: str, rng: Random) -> str:
    """The same e-mail address as somebody may type it."""
    local, _, domain = email.partition("@")
    if domain == _GMAIL:
        local = local.replace(".", "") if rng.random() < 0.3 else local
        local += f"+{rng.choice(_TAGS)}" if rng.random() < 0.3 else ""
        domain = "googlemail.com" if rng.random() < 0.1 else domain
    chance = rng.random()
    if chance < 0.1:
        return f"{local.title()}@{domain}"
    return f"{local}@{domain}".upper() if chance < 0.15 else f"{local}@{domain}"
