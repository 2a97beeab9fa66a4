"""`Population`: made-up people who are at several providers at once."""

# pyright: standard

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any

import pandas as pd

from contactkit._frames.frame import STRING
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError
from contactkit.simulator.messages import Row
from contactkit.simulator.population.cases import CASES, CHANNELS, Case, Finding, plant
from contactkit.simulator.population.contacts import contact_row, join_in, key_for
from contactkit.simulator.population.persons import Person, make_persons, settle
from contactkit.simulator.population.recipes import all_recipes
from contactkit.simulator.rules import rules_for
from contactkit.simulator.seeds import MOST
from contactkit.spec import Provider

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

# Each person takes three numbers, and some numbers are left out.
_MOST = MOST // 4
_CATEGORIES = {
    "case": pd.CategoricalDtype(list(CASES)),
    "kind": pd.CategoricalDtype(["stuck", "denied_elsewhere", "contradiction", "shared"]),
    "channel": pd.CategoricalDtype(list(CHANNELS)),
}
_PLACES = ("denied_at", "denied_key", "still_sends_at", "still_sends_key")


@dataclass(frozen=True, repr=False)
class Population:
    """Made-up people behind the simulators of all providers: `Simulator(people=population)`.

    It is a value: the same `size` and `seed` are the same people. Each is at a provider with a
    probability of 70 %, by one or more numbers and an e-mail address, which a quarter has at Gmail
    in several spellings; some share the number of a household or of a switchboard. Nearly all say
    the same to every provider. What disagrees is planted, from about a hundred people on each kind
    of it: `planted()` lists it, and nothing else is in conflict. The phone numbers of the first
    20,000 are reserved for fiction; further ones are unassigned.
    """

    size: int
    seed: int = 0

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 1 <= self.size <= _MOST:
            message = f"size={self.size!r} must be a whole number from 1 to {_MOST:,}"
            raise ConfigurationError(message)
        if type(self.seed) is not int:
            raise ConfigurationError(f"seed={self.seed!r} must be a whole number")

    @cached_property
    def _people(self) -> tuple[Sequence[Case], Sequence[Person]]:
        """The planted cases, and everybody else."""
        rng = Random(f"population {self.size} {self.seed}")
        cases, others = plant(make_persons(self.size, rng), all_recipes(), rng)
        return cases, settle(others, rng)

    def _contacts(self, provider: Provider, rng: Random) -> list[tuple[str, Person]]:
        """The contacts of a provider with their keys: first those of the planted cases, in order.

        They depend on no time, so that their keys are known before anything is simulated.
        """
        rules = rules_for(provider)
        cases, others = self._people
        planted = [p for case in cases for name, p in case.contacts if name == provider.name]
        persons = [*planted, *join_in(provider, others, rng)]
        return [(key_for(provider, rules, person, rng), person) for person in persons]

    def rows(self, engine: Engine) -> list[Row]:
        """The contacts of the simulated provider, as rows by field name."""
        rng = self._rng(engine.provider)
        contacts = self._contacts(engine.provider, rng)
        return [contact_row(engine, rng, key, person) for key, person in contacts]

    def _rng(self, provider: Provider) -> Random:
        return Random(f"population {self.size} {self.seed} {provider.name}")

    def planted(self) -> pd.DataFrame:
        """What disagrees, and what only seems to: one row for each no and what it is about.

        Columns: case (category: what was planted), kind (category: what `People.conflicts` calls
        it, NA if it is no conflict), channel (category), denied_at, denied_key, still_sends_at,
        still_sends_key (string: the provider and the key of the contact that says no, and of the
        one that is still written to; NA if there is none).
        """
        keys = {name: iter(self._keys(find(name))) for name in names()}
        rows: list[tuple[str | None, ...]] = []
        for case in self._people[0]:
            contacts = [(name, next(keys[name])) for name, _ in case.contacts]
            rows += [_row(case.name, finding, contacts) for finding in case.findings]
        frame = pd.DataFrame(rows, columns=[*_CATEGORIES, *_PLACES])
        return frame.astype({**_CATEGORIES, **dict.fromkeys(_PLACES, STRING)})

    def _keys(self, provider: Provider) -> list[str]:
        return [key for key, _ in self._contacts(provider, self._rng(provider))]

    def _facts(self) -> dict[str, str]:
        cases, _ = self._people
        kinds = Counter(case.name for case in cases)
        return {
            "people": f"{self.size:,}",
            "seed": str(self.seed),
            **{f"at {name}": f"{len(self._keys(find(name))):,} contacts" for name in names()},
            "planted": ", ".join(f"{n:,} {name}" for name, n in kinds.items()) or "nothing",
        }

    def __repr__(self) -> str:
        facts = self._facts().items()
        return "\n".join(["contactkit population", *(f"  {n}: {text}" for n, text in facts)])

    def _repr_html_(self) -> str:
        facts = pd.Series(self._facts()).rename_axis("contactkit population")
        return facts.to_frame("").to_html()


def _row(case: str, finding: Finding, contacts: Sequence[tuple[str, str]]) -> tuple[Any, ...]:
    nobody = (None, None)
    no = nobody if finding.denied is None else contacts[finding.denied]
    yes = nobody if finding.sends is None else contacts[finding.sends]
    return case, finding.kind or None, finding.channel, *no, *yes
