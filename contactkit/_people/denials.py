"""What contacts say that said no: which field, with which value, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from contactkit._frames.coerce import coerce_column
from contactkit._people.source import Source
from contactkit._people.states import equal
from contactkit._people.suppression import NAME, Suppression
from contactkit._plans.change import Reason
from contactkit.spec.consent import Channel, ConsentState
from contactkit.spec.provider import JSON
from contactkit.spec.record import fields_of

if TYPE_CHECKING:
    from contactkit._people.people import People


def find_denials(people: People, channel: Channel, contacts: Any) -> dict[int, Reason]:
    """The no of each of these contacts, as a reason without a path or a line."""
    changed = _texts(people.changed_at[contacts])
    sources, states = people.source_of[contacts], people.verdict(channel).states.state
    found: dict[int, Reason] = {}
    for number, first in enumerate(people.network.first):
        mine = np.flatnonzero(sources == number)
        rows = contacts[mine] - first
        if number < len(people.sources):
            noes = _noes_of(people.sources[number], channel, rows)
        else:
            noes = (_no_of(people.suppressions.rows[row]) for row in rows.tolist())
        for place, no in zip(mine.tolist(), noes, strict=True):
            contact = int(contacts[place])
            state = ConsentState(int(states[contact])).name
            no |= {"channel": channel, "state": state, "changed_at": changed[place]}
            found[contact] = no
    return found


def _noes_of(source: Source, channel: Channel, rows: Any) -> Iterator[dict[str, JSON]]:
    seen_at = source.read_at.isoformat() if source.read_at else None
    keys = source.keys[rows].tolist()
    for key, (field, value) in zip(keys, _fields_of_no(source, channel, rows), strict=True):
        yield {
            "source": source.name,
            "key": str(key),
            "field": field,
            "value": value,
            "seen_at": seen_at,
        }


def _no_of(row: Suppression) -> dict[str, JSON]:
    origin = f" by {row.source} {row.key}" if row.source else ""
    value = f"suppressed{origin}"
    return {"source": NAME, "key": row.address, "field": row.kind, "value": value, "seen_at": None}


def _fields_of_no(source: Source, channel: Channel, rows: Any) -> list[tuple[str, JSON]]:
    """The field of each of these rows that says no, and its value."""
    found, pairs = np.full(len(rows), -1, dtype=np.int64), list[tuple[str, JSON]]()
    consent = source.provider.consent.channels.get(channel)
    declared = fields_of(source.provider.record)
    for values in (consent.locked, consent.denied) if consent and len(rows) else ():
        for name, wanted in values.items():
            cells = cast("pd.Series", source.column(name).iloc[rows])
            column = coerce_column(declared[name], cells)
            for value in wanted:
                found[equal(declared[name], column, (value,)) & (found < 0)] = len(pairs)
                pairs.append((name, value))
    return [pairs[number] for number in found.tolist()]


def _texts(times: Any) -> list[str | None]:
    """Times as ISO text in UTC, None for one that is not known."""
    texts = np.datetime_as_string(times.astype("datetime64[us]"), unit="us").tolist()
    pairs = zip(texts, (~np.isnat(times)).tolist(), strict=True)
    return [f"{text}+00:00" if is_known else None for text, is_known in pairs]
