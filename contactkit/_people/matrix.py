"""Where people said no, and where they are still sent to: the matrix of what disagrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from contactkit._people.suppression import CHANNELS
from contactkit._people.verdict import resolve
from contactkit.spec.consent import Channel

if TYPE_CHECKING:
    from contactkit._people.people import People


class Cell(NamedTuple):
    """People who said no at one source while another, or the same, would still send to them."""

    channel: Channel
    denied_at: str
    sends_at: str


def find_cells(people: People) -> dict[Cell, Any]:
    """The numbers of the people in each cell that has some, in the order of the sources.

    Somebody who said no at two sources is in the cells of both.
    """
    found: dict[Cell, Any] = {}
    for channel in CHANNELS:
        verdict = people.verdict(channel)
        sending = np.flatnonzero(verdict.still_sends)
        for number, denied_at in enumerate(people.names):
            # What the noes of this source alone would close.
            aside = verdict.aside | (people.source_of != number)
            denied = resolve(people.network, channel, verdict.states, aside).denied[sending]
            contacts = sending[denied]
            for other, sends_at in enumerate(people.names):
                persons = people.network.person[contacts[people.source_of[contacts] == other]]
                if len(persons):
                    found[Cell(channel, denied_at, sends_at)] = np.unique(persons)
    return found
