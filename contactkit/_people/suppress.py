"""Which addresses a suppression file gets: those of everybody who said no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contactkit._people.conflicts import deniers_of
from contactkit._people.network import OWN
from contactkit._people.suppression import (
    CHANNELS,
    NAME,
    Suppression,
    write_suppressions,
)
from contactkit._people.verdict import DENIED
from contactkit.spec.consent import Channel

if TYPE_CHECKING:
    from contactkit._people.people import People


def suppress(people: People, path: str | Path, *, digests: bool) -> pd.DataFrame:
    """Write the file; see `People.suppress`."""
    kept = [row for row in people.suppressions.rows if not row.address]
    rows = dict.fromkeys([*kept, *(row for c in CHANNELS for row in _denied(people, c))])
    return write_suppressions(path, [*rows], digests=digests)


def _denied(people: People, channel: Channel) -> Iterator[Suppression]:
    network, verdict = people.network, people.verdict(channel)
    pairs = network.of_kind("phone" if channel == "text" else "email")
    holder, held = network.holder[pairs], network.held[pairs]
    own = network.line[held] == OWN
    denied = np.where(
        own, (verdict.by_person >= DENIED)[network.person[holder]], verdict.by_line[held]
    )
    addresses, firsts = np.unique(held[denied], return_index=True)
    for address, contact in zip(addresses.tolist(), holder[denied][firsts].tolist(), strict=True):
        yield _suppression(people, channel, address, contact)


def _suppression(people: People, channel: Channel, address: int, contact: int) -> Suppression:
    network, verdict = people.network, people.verdict(channel)
    text = network.addresses[address]
    if network.line[address] != OWN:
        deniers = verdict.line_deniers[verdict.line_group[address]]
    else:
        deniers = deniers_of(people, verdict, contact)
    # A no that a file has already keeps its source.
    by = max(deniers, key=lambda c: people.source_of[c])
    if people.names[people.source_of[by]] == NAME:
        row = people.suppressions.rows[by - network.first[-1]]
        source, key, since = row.source, row.key, row.since
    else:
        source, key = people.names[people.source_of[by]], people.keys[by]
        changed = people.changed_at[by]
        since = None if np.isnat(changed) else changed.item().replace(tzinfo=UTC)
    return Suppression(channel=channel, address=text, source=source, key=key, since=since)
