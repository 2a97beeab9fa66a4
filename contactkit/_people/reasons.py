"""Why contacts are denied: for each of them, the contacts that said no and how they are linked.

All contacts of a channel are worked out at once, since there may be hundreds of thousands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contactkit._people.denials import find_denials
from contactkit._people.network import OWN
from contactkit._people.paths import find_paths
from contactkit._plans.change import Reason
from contactkit.spec.consent import Channel

if TYPE_CHECKING:
    from contactkit._people.network import Network
    from contactkit._people.people import People
    from contactkit._people.verdict import Verdict

MOST = 20
"""The most reasons that a contact has; the latest ones are kept."""


def find_reasons(people: People, channel: Channel, contacts: Any) -> list[tuple[Reason, ...]]:
    """The reasons of each of these denied contacts, latest first and at most `MOST`."""
    finder = _Finder(people=people, channel=channel, contacts=contacts)
    found: dict[int, list[Reason]] = {contact: [] for contact in contacts.tolist()}
    for contact, reasons in finder.reasons_of_lines():
        found[contact] = reasons
    for contact, reason in finder.reasons_of_persons():
        found[contact].append(reason)
    return [tuple(reasons) for reasons in found.values()]


@dataclass(frozen=True, kw_only=True)
class _Finder:
    """Finds the reasons of denied contacts for one channel."""

    people: People
    channel: Channel
    contacts: Any

    @property
    def network(self) -> Network:
        return self.people.network

    @cached_property
    def verdict(self) -> Verdict:
        return self.people.verdict(self.channel)

    def reasons_of_lines(self) -> Iterator[tuple[int, list[Reason]]]:
        """The reasons of the contacts whose consent is their line's."""
        known: dict[int, list[Reason]] = {}
        for contact in self.contacts[self.verdict.of_line[self.contacts]].tolist():
            # The lines of one such contact are one line.
            held = self.network.held_by(contact).tolist()
            line = next(address for address in held if self.verdict.by_line[address])
            if line not in known:
                deniers = self.line_deniers[int(self.verdict.line_group[line])]
                known[line] = [self.reason(d, [], line) for d in deniers]
            yield contact, known[line]

    def reasons_of_persons(self) -> Iterator[tuple[int, Reason]]:
        """The reasons of the other contacts, in order for each."""
        goals, contacts = self.goals, self.contacts[~self.verdict.of_line[self.contacts]]
        for rank in range(int(goals["rank"].max()) + 1 if len(goals) else 0):
            of_rank = goals[goals["rank"] == rank]
            place = np.full(self.network.persons, -1, dtype=np.int32)
            place[of_rank["person"]] = np.arange(len(of_rank))
            places = place[self.network.person[contacts]]
            contacts = contacts[places >= 0]
            rows = of_rank.iloc[places[places >= 0]]
            paths = find_paths(self.network, contacts, of_rank["holder"].to_numpy())
            deniers, lines = rows["denier"].tolist(), rows["line"].tolist()
            for contact, path, denier, line in zip(
                contacts.tolist(), paths, deniers, lines, strict=True
            ):
                yield contact, self.reason(denier, path, line)

    @cached_property
    def goals(self) -> Any:
        """The contacts that deny the persons as a frame, by their rank for each of them.

        The `holder` is the person's contact that says no, or that has a denied `line`, which is -1
        otherwise.
        """
        network = self.network
        wanted = np.zeros(network.persons, dtype=bool)
        wanted[network.person[self.contacts]] = True
        own = np.flatnonzero(self.verdict.says_no & ~self.verdict.of_line & wanted[network.person])
        holder, line, by_line = self._deniers_by_line(wanted)
        goals: Any = pd.DataFrame(
            {
                "holder": np.concatenate([own, holder]),
                "line": np.concatenate([np.full(len(own), -1), line]),
                "denier": np.concatenate([own, by_line]),
            }
        )
        goals["person"] = network.person[goals["holder"]]
        order = self._latest_first(goals["denier"].to_numpy(), goals["person"].to_numpy())
        goals = goals.iloc[order].drop_duplicates(["person", "denier"])
        goals["rank"] = goals.groupby("person").cumcount()
        return goals[goals["rank"] < MOST]

    def _deniers_by_line(self, persons: Any) -> tuple[Any, Any, Any]:
        """The contacts of these persons with a denied line beside an address of their own.

        With each, the line and a contact that denies it.
        """
        network, verdict = self.network, self.verdict
        beside = (network.line[network.held] != OWN) & verdict.by_line[network.held]
        beside &= ~verdict.of_line[network.holder] & persons[network.person[network.holder]]
        pairs = zip(network.holder[beside].tolist(), network.held[beside].tolist(), strict=True)
        found = [
            (holder, line, denier)
            for holder, line in pairs
            for denier in self.line_deniers[int(verdict.line_group[line])]
        ]
        holder, line, denier = np.array(found, dtype=np.int64).reshape(-1, 3).T
        return holder, line, denier

    @cached_property
    def line_deniers(self) -> Mapping[int, Sequence[int]]:
        """The latest contacts that deny each group of lines."""
        return {
            group: [deniers[place] for place in self._latest_first(np.array(deniers))[:MOST]]
            for group, deniers in self.verdict.line_deniers.items()
        }

    def _latest_first(self, deniers: Any, groups: Any = None) -> Any:
        """The order of deniers in their groups, whatever the order of sources and rows."""
        people = self.people
        sources = pd.factorize(np.array(people.names, dtype=object), sort=True)[0]
        keys = pd.factorize(people.keys[deniers], sort=True)[0]
        columns = [keys, sources[people.source_of[deniers]], -self._time_of(deniers)]
        return np.lexsort(columns if groups is None else [*columns, groups])

    def _time_of(self, deniers: Any) -> Any:
        """When deniers said no at the latest, in microseconds; infinite if that is not known."""
        times = self.people.stated_by[deniers].astype("datetime64[us]")
        return np.where(np.isnat(times), np.inf, times.astype(np.int64).astype(float))

    def _line_path(self, line: int, denier: int) -> list[str]:
        """The addresses from a line to the contact that denies it, which may hold another one."""
        network, group = self.network, self.verdict.line_group
        held = network.held_by(denier).tolist()
        other = next(address for address in held if group[address] == group[line])
        path = [line] if line in held else [line, other]
        return [network.addresses[address] for address in path]

    def reason(self, denier: int, path: list[str], line: int) -> Reason:
        """The reason of a contact from which this path leads to the denier, or to its line."""
        if line < 0:
            return {**self._denials[denier], "path": path, "line": None}
        address, tail = self.network.addresses[line], self._line_path(line, denier)
        return {**self._denials[denier], "path": [*path, *tail], "line": address}

    @cached_property
    def _denials(self) -> Mapping[int, Reason]:
        lines = [denier for deniers in self.line_deniers.values() for denier in deniers]
        deniers = np.unique(np.array([*self.goals["denier"].tolist(), *lines], dtype=np.int64))
        return find_denials(self.people, self.channel, deniers)
