"""The frames of a people table: its contacts, its people, and what cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contactkit._frames.frame import STRING
from contactkit._people import conflicts, links
from contactkit._people.states import BASES
from contactkit._people.suppression import CHANNELS, NAME
from contactkit._people.verdict import Verdict
from contactkit.spec.consent import ConsentState

if TYPE_CHECKING:
    from contactkit._people.people import People

STATE = pd.CategoricalDtype([state.name for state in ConsentState])
BASIS = pd.CategoricalDtype(list(BASES))


def contacts(people: People) -> pd.DataFrame:
    """One row per contact; see `People.contacts`."""
    providers = [*(source.provider.name for source in people.sources), NAME]
    columns: dict[str, Any] = {
        "source": _text(np.array(people.names, dtype=object)[people.source_of]),
        "provider": _text(np.array(providers, dtype=object)[people.source_of]),
        "key": _text(people.keys),
        "person": _text(people.ids[people.network.person]),
    }
    for channel in CHANNELS:
        codes = people.verdict(channel).states.state
        columns[channel] = pd.Categorical.from_codes(codes, dtype=STATE)
    for channel in CHANNELS:
        columns[f"{channel}_denied"] = _flags(people.verdict(channel).denied)
    for channel in CHANNELS:
        columns[f"{channel}_address"] = _flags(people.verdict(channel).reached)
    columns["changed_at"] = pd.DatetimeIndex(people.changed_at).tz_localize("UTC")
    return pd.DataFrame(columns)


def rows(people: People) -> pd.DataFrame:
    """One row per person, in the order of their ids."""
    person, persons = people.network.person, people.network.persons
    counts = {
        name: np.bincount(person[people.source_of == number], minlength=persons)
        for number, name in enumerate(people.names)
    }
    phones, emails = links.addresses_by_person(people.network)
    columns: dict[str, Any] = {
        "person": _text(people.ids),
        "contacts": _whole(np.bincount(person, minlength=persons)),
        "sources": _whole(sum((count > 0).astype(int) for count in counts.values())),
        "phones": phones,
        "emails": emails,
    }
    for channel in CHANNELS:
        verdict = people.verdict(channel)
        columns[channel] = pd.Categorical.from_codes(verdict.by_person, dtype=STATE)
    for channel in CHANNELS:
        columns[f"{channel}_basis"] = _basis(people, people.verdict(channel))
    for name, verdict in (("textable", people.text), ("mailable", people.email)):
        may = np.zeros(persons, dtype=bool)
        may[person[verdict.may_send]] = True
        columns[name] = _flags(may)
    columns["conflict"] = conflicts.worst(people)
    columns |= {name: _whole(count) for name, count in counts.items()}
    frame = pd.DataFrame(columns)
    return frame.take(np.argsort(people.ids, kind="stable")).reset_index(drop=True)


def _basis(people: People, verdict: Verdict) -> Any:
    basis = np.zeros(people.network.persons, dtype=np.int8)
    own = ~verdict.of_line & ~verdict.aside
    np.maximum.at(basis, people.network.person[own], verdict.states.basis[own])
    opted_out = BASES.index("opted_out")
    by_line = (verdict.by_person >= ConsentState.denied) & (basis < opted_out)
    return pd.Categorical.from_codes(np.where(by_line, opted_out, basis), dtype=BASIS)


def unreadable(people: People) -> pd.DataFrame:
    """One row per cell that is no address."""
    cells = people.network.unreadable
    contacts = [contact for contact, _, _ in cells]
    return pd.DataFrame(
        {
            "source": _text([people.names[people.source_of[c]] for c in contacts]),
            "key": _text([people.keys[c] for c in contacts]),
            "field": _text([field for _, field, _ in cells]),
            "value": _text([value for _, _, value in cells]),
        }
    )


def _text(values: Any) -> Any:
    return pd.array(values, dtype=STRING)


def _whole(values: Any) -> Any:
    return pd.array(np.asarray(values, dtype=np.int64), dtype=pd.Int64Dtype())


def _flags(values: Any) -> Any:
    return pd.arrays.BooleanArray(np.asarray(values, dtype=bool), np.zeros(len(values), dtype=bool))
