"""Which contacts said no before and say yes again, though no consent of theirs is on record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from contactkit._people.source import Source
from contactkit._people.verdict import DENIED
from contactkit._people.written import canonical_key, consent_writes
from contactkit.spec.consent import Channel, ConsentState

if TYPE_CHECKING:
    from contactkit._people.people import People


def find_returned(people: People, channel: Channel) -> Mapping[int, datetime | None]:
    """The contacts that returned, and when their no was written here; None by a suppression."""
    verdict = people.verdict(channel)
    yes = (verdict.states.state == ConsentState.allowed) & verdict.reached
    found: dict[int, datetime | None] = {}
    for number, source in enumerate(people.sources):
        suppressed = dict.fromkeys(_suppressed_keys(people, source, channel))
        written = _written_noes(people, source, channel)
        first = people.network.first[number]
        rows = _find_rows(source, {**suppressed, **written})
        again = [first + rows[key] for key in suppressed if key in rows]
        found |= {contact: None for contact in again if verdict.denied[contact]}
        found |= {first + rows[key]: at for key, at in written.items() if key in rows}
    return {contact: found[contact] for contact in sorted(found) if yes[contact]}


def _suppressed_keys(people: People, source: Source, channel: Channel) -> list[str]:
    """The contacts of a source that a suppression file names as those that said no."""
    rows = people.suppressions.rows
    keys = [row.key for row in rows if row.channel == channel and row.source == source.name]
    return [canonical_key(source.provider, key) for key in keys if key]


def _written_noes(people: People, source: Source, channel: Channel) -> dict[str, datetime]:
    """The contacts to whose channel the last write that was seen is a no, and when that was."""
    writes = [
        write
        for write in consent_writes(source, people.sources)
        if write.channel == channel and write.seen
    ]
    last = {write.key: write for write in writes}
    return {key: w.at for key, w in last.items() if w.now is not None and w.now >= DENIED}


def _find_rows(source: Source, wanted: Mapping[str, object]) -> dict[str, int]:
    """The row of each of these keys that the source has."""
    if not wanted:
        return {}
    keys = (canonical_key(source.provider, key) for key in source.keys.tolist())
    return {key: row for row, key in enumerate(keys) if key in wanted}
