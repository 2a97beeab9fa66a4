"""Which address joins whom, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contactkit._frames.frame import STRING
from contactkit._people.network import APART, EXAMPLE, OWN, ROLE, SHARED, Network

if TYPE_CHECKING:
    from contactkit._people.people import People

_WHY = {
    SHARED: "a line: too many contacts of one source have it",
    ROLE: "a line: the mailbox of a role",
    EXAMPLE: "a line: an example in the provider's documentation",
    APART: "a line: set apart",
}


def links(people: People) -> pd.DataFrame:
    """One row per address of each contact, ordered by person, source and key."""
    network = people.network
    holder, held = network.holder, network.held
    columns: dict[str, Any] = {
        "person": people.ids[network.person[holder]],
        "source": np.array(people.names, dtype=object)[people.source_of[holder]],
        "key": people.keys[holder],
        "field": np.array([name for _, name in network.fields], dtype=object)[network.field],
        "identifier": network.addresses[held],
    }
    frame = pd.DataFrame({name: pd.array(v, dtype=STRING) for name, v in columns.items()})
    line = network.line[held] != OWN
    frame["line"] = pd.arrays.BooleanArray(line, np.zeros(len(line), dtype=bool))
    frame["why"] = pd.array(why(network)[held], dtype=STRING)
    order = ["person", "source", "key", "field", "identifier"]
    return frame.sort_values(order, kind="stable", ignore_index=True)


def why(network: Network) -> Any:
    """Why each address joins its contacts, or joins nobody."""
    pairs = pd.unique(network.held.astype(np.int64) * max(1, network.contacts) + network.holder)
    holders = np.bincount(pairs // max(1, network.contacts), minlength=network.size)
    joins = np.where(holders > 1, "joins the contacts that have it", "only this contact has it")
    texts = joins.astype(object)
    for reason, text in _WHY.items():
        texts[network.line == reason] = text
    return texts


def addresses_by_person(network: Network) -> tuple[Any, Any]:
    """The phone numbers and the e-mail addresses of each person, as arrays of sorted lists."""
    person = network.person[network.holder]
    pairs = pd.unique(person.astype(np.int64) * max(1, network.size) + network.held)
    person, held = np.divmod(pairs, max(1, network.size))
    phone = held < network.phones
    return (
        _lists(network, person[phone], held[phone]),
        _lists(network, person[~phone], held[~phone]),
    )


def _lists(network: Network, person: Any, held: Any) -> Any:
    texts = network.addresses[held]
    order = np.lexsort((pd.factorize(texts, sort=True)[0], person))
    ends = np.cumsum(np.bincount(person, minlength=network.persons)).tolist()
    sorted_texts = texts[order].tolist()
    lists = np.empty(network.persons, dtype=object)
    start = 0
    for number, end in enumerate(ends):
        lists[number] = sorted_texts[start:end]
        start = end
    return lists
