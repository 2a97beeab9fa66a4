"""Who has said no: the strictest consent of each person, and of each line.

A no counts for all contacts of a person. The no of a line counts for everybody who has that line
beside an address of their own, but the no of a person never counts for a line. Nothing here depends
on an order, and a no that is written to a denied contact changes no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from contactkit._people.join import join
from contactkit._people.network import OWN, Network
from contactkit._people.states import ChannelStates
from contactkit.spec.consent import Channel, ConsentState

DENIED = ConsentState.denied


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """One channel of all contacts, an array each.

    `aside` are contacts whose own no is set aside, so that it counts for nobody: by default none.
    `reached` are contacts with an address of the channel, `of_line` those whose consent is their
    line's and not their person's. `denied` are those to whom nothing may be sent. `by_person` is
    the state of each person, and `by_line` says which lines are denied. Lines of the same
    `line_group` are one line, and `line_deniers` has the contacts that deny each group.
    """

    states: ChannelStates
    aside: Any
    reached: Any
    of_line: Any
    denied: Any
    by_person: Any
    by_line: Any
    line_group: Any
    line_deniers: Mapping[int, Sequence[int]]

    @cached_property
    def says_no(self) -> Any:
        """The contacts that deny the channel themselves."""
        return (self.states.state >= DENIED) & ~self.aside

    @property
    def may_send(self) -> Any:
        """The contacts that may be written to."""
        return (self.states.state == ConsentState.allowed) & self.reached & ~self.denied

    @property
    def still_sends(self) -> Any:
        """The denied contacts to which their provider would send as things are."""
        return self.states.sends & self.reached & self.denied


def resolve(
    network: Network, channel: Channel, states: ChannelStates, aside: Any = False
) -> Verdict:
    """The verdict on each contact for one channel; the noes of contacts `aside` do not count."""
    aside = np.zeros(network.contacts, dtype=bool) | aside
    says_no = (states.state >= DENIED) & ~aside
    pairs = network.of_kind("phone" if channel == "text" else "email")
    holder, held = network.holder[pairs], network.held[pairs]
    own = network.line[held] == OWN
    reached, has_own = (np.zeros(network.contacts, dtype=bool) for _ in range(2))
    reached[holder], has_own[holder[own]] = True, True
    of_line = reached & ~has_own
    # The lines that one contact has, and nothing else, are one line.
    on_line = of_line[holder]
    group = join(network.size, held[on_line], holder[on_line], network.contacts)
    line_denies = np.zeros(network.size, dtype=bool)
    saying_no = on_line & says_no[holder]
    line_denies[group[held[saying_no]]] = True
    by_line = line_denies[group]
    by_person = np.zeros(network.persons, dtype=np.int8)
    of_person = ~of_line & ~aside
    np.maximum.at(by_person, network.person[of_person], states.state[of_person])
    beside = ~own & has_own[holder] & by_line[held]
    touched = network.person[holder[beside]]
    by_person[touched] = np.maximum(by_person[touched], DENIED)
    denied = by_person[network.person] >= DENIED
    denied[of_line] = False
    denied[holder[on_line]] = by_line[held[on_line]]
    return Verdict(
        states=states,
        aside=aside,
        reached=reached,
        of_line=of_line,
        denied=denied,
        by_person=by_person,
        by_line=by_line,
        line_group=group,
        line_deniers=_line_deniers(group[held[saying_no]], holder[saying_no]),
    )


def _line_deniers(groups: Any, contacts: Any) -> dict[int, list[int]]:
    deniers: dict[int, list[int]] = {}
    for group, contact in zip(groups.tolist(), contacts.tolist(), strict=True):
        if contact not in deniers.setdefault(group, []):
            deniers[group].append(contact)
    return deniers
