"""Builds the people of some sources: who is who first, then the verdict for each channel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from contactkit._people.network import build_network
from contactkit._people.people import People
from contactkit._people.source import Source
from contactkit._people.states import ChannelStates, channel_states, suppressed_states
from contactkit._people.suppression import CHANNELS, Suppressions
from contactkit._people.verdict import resolve

if TYPE_CHECKING:
    from contactkit.forms import PeopleView


def make_people(
    sources: Sequence[Source],
    suppressions: Suppressions,
    *,
    shared_by: int | None = 3,
    apart: Collection[str] = (),
    region: str | None = None,
    viewer: Callable[[People], PeopleView],
    read_again: Callable[[Mapping[str, Any]], People],
) -> People:
    """The people of these sources; the addresses to set `apart` are as they are compared.

    `viewer` makes their view, and `read_again` reads them anew from clients by their sources.
    """
    network = build_network(sources, suppressions, shared_by=shared_by, apart=apart, region=region)
    verdicts = {}
    for channel in CHANNELS:
        parts = [*(channel_states(source, channel) for source in sources)]
        states = ChannelStates.concatenate([*parts, suppressed_states(suppressions, channel)])
        verdicts[channel] = resolve(network, channel, states)
    return People(
        sources=tuple(sources),
        suppressions=suppressions,
        network=network,
        viewer=viewer,
        read_again=read_again,
        **verdicts,
    )
