"""Which contacts said no before and say yes again, though no consent of theirs is on record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from contactkit._people.source import Source
from contactkit._people.suppression import CHANNELS
from contactkit._people.written import ConsentWrite, canonical_key, consent_writes, find_rows
from contactkit.errors import JournalError, warn
from contactkit.spec.consent import Channel, ConsentState

if TYPE_CHECKING:
    from contactkit._people.people import People

WrittenNoes: TypeAlias = Mapping[Channel, Mapping[str, ConsentWrite]]
"""The noes that were written to contacts of a source, by channel and canonical key."""


def find_returned(people: People) -> Mapping[Channel, Mapping[int, datetime | None]]:
    """The contacts of each channel that returned, and when their no was written here.

    That is None for the no of a suppression.
    """
    found: dict[Channel, dict[int, datetime | None]] = {channel: {} for channel in CHANNELS}
    for number in range(len(people.sources)):
        for channel in CHANNELS:
            found[channel] |= _returned(people, channel, number)
    return found


def _returned(people: People, channel: Channel, number: int) -> dict[int, datetime | None]:
    """Those of one source."""
    source, verdict = people.sources[number], people.verdict(channel)
    first, yes = people.network.first[number], verdict.states.state == ConsentState.allowed
    written = people.written_noes[number][channel]
    suppressed = _suppressed_keys(people, source, channel)
    rows = find_rows(source, {*suppressed, *written})
    again = sorted(first + row for row in rows.values())
    noes = {first + row: written[key].at if key in written else None for key, row in rows.items()}
    listed = (yes & verdict.reached)[again]
    return {
        contact: noes[contact]
        for contact, is_yes in zip(again, listed.tolist(), strict=True)
        if is_yes and (noes[contact] or verdict.denied[contact])
    }


def _suppressed_keys(people: People, source: Source, channel: Channel) -> list[str]:
    """The contacts of a source that a suppression file names as those that said no."""
    rows = people.suppressions.rows
    keys = [row.key for row in rows if row.channel == channel and row.source == source.name]
    return [canonical_key(source.provider, key) for key in keys if key]


def find_written_noes(people: People, source: Source) -> WrittenNoes:
    """The contacts to which the last write that was seen is a no, with that write, by channel."""
    last: dict[tuple[Channel, str], ConsentWrite] = {}
    try:
        writes = consent_writes(source, people.sources)
    except JournalError as error:
        warn(f"contacts that said no here and say yes again are not listed: {error}")
        writes = []
    for write in writes:
        # A contact that was deleted may be imported again.
        if write.seen and not write.deleted:
            last[write.channel, write.key] = write
    noes: dict[Channel, dict[str, ConsentWrite]] = {channel: {} for channel in CHANNELS}
    for (channel, key), write in last.items():
        if write.is_no:
            noes[channel][key] = write
    return noes


def denied_here(people: People, channel: Channel) -> Any:
    """The contacts that said yes until a no was written here, which leaves their yes beside it."""
    found = np.zeros(people.network.contacts, dtype=bool)
    for number, source in enumerate(people.sources):
        noes = people.written_noes[number][channel]
        keys = {key for key, write in noes.items() if write.was is ConsentState.allowed}
        found[[people.network.first[number] + row for row in find_rows(source, keys).values()]] = (
            True
        )
    return found
