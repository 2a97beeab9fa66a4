"""The shortest chains of addresses from many contacts to others of their person, all at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from contactkit._people.network import OWN, Network


def find_paths(network: Network, contacts: Any, ends: Any) -> list[list[str]]:
    """The addresses from each contact to the end of its person, which has at most one."""
    tree = _Tree(network, ends)
    tree.grow(contacts)
    steps: list[Any] = []
    at = contacts
    while (via := tree.address[at]).max(initial=-1) >= 0:
        steps.append(via)
        at = np.where(via >= 0, tree.toward[at], at)
    texts = network.addresses
    rows = zip(*(step.tolist() for step in steps), strict=True) if steps else ([] for _ in contacts)
    return [[texts[address] for address in row if address >= 0] for row in rows]


class _Tree:
    """For each contact that was reached, the address and the contact that lead to its end."""

    def __init__(self, network: Network, ends: Any) -> None:
        self.address = np.full(network.contacts, -1, dtype=np.int32)
        self.toward = np.full(network.contacts, -1, dtype=np.int32)
        self._reached = np.zeros(network.contacts, dtype=bool)
        self._reached[ends] = True
        self._new = self._reached.copy()
        self._from = np.full(network.size, -1, dtype=np.int32)
        of_persons = np.zeros(network.persons, dtype=bool)
        of_persons[network.person[ends]] = True
        links = (network.line[network.held] == OWN) & of_persons[network.person[network.holder]]
        self._holder, self._held = network.holder[links], network.held[links]

    def grow(self, contacts: Any) -> None:
        """Reach these contacts, one address further at a time."""
        while self._new.any() and not self._reached[contacts].all():
            self._step()

    def _step(self) -> None:
        leaves = self._new[self._holder] & (self._from[self._held] < 0)
        # The least contact leads there, so that the order of the links makes no difference.
        order = np.argsort(-self._holder[leaves], kind="stable")
        self._from[self._held[leaves][order]] = self._holder[leaves][order]
        arrives = ~self._reached[self._holder] & (self._from[self._held] >= 0)
        holder, held = self._holder[arrives], self._held[arrives]
        self.address[holder], self.toward[holder] = held, self._from[held]
        self._new[:] = False
        self._new[holder] = self._reached[holder] = True
        left = ~self._reached[self._holder] | self._new[self._holder]
        self._holder, self._held = self._holder[left], self._held[left]
