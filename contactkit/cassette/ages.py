"""By which clock the exchanges of a recording age: the wall's, or that of the simulator."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from contactkit._http.world import Clock
from contactkit.cassette.format import Entry
from contactkit.spec.provider import JSON

# A recording is created when the first response arrives.
_FIRST_RESPONSE = 3_600.0


def present(header: Mapping[str, JSON], entries: Sequence[Entry], clock: Clock | None) -> float:
    """The time now by the clock of a recording.

    Time in the simulator passes only while it is used: for a recording of its virtual time, now is
    what its `clock` says, but no earlier than the last exchange.
    """
    if not entries or not _is_virtual(header, entries):
        return time.time()
    return max(entries[-1].at, clock.now() if clock else 0.0)


def _is_virtual(header: Mapping[str, JSON], entries: Sequence[Entry]) -> bool:
    """Whether the simulator had a clock of its own when this was recorded."""
    if header.get("world") != "simulator":
        return False
    try:
        created = datetime.fromisoformat(header["created"]).timestamp()
    except (KeyError, ValueError):
        return True
    return entries[0].at < created - _FIRST_RESPONSE
