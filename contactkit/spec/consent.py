"""What a contact's fields say about consent: its own addresses, and a state for each channel.

    unknown (silence) < allowed < denied < locked

Pure data and rules, read by client, plan, form and simulator alike. No field is known by name here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache, cached_property
from itertools import product
from typing import Any, Literal, TypeAlias

from contactkit.errors import FieldProblem

Channel: TypeAlias = Literal["text", "email"]
Values: TypeAlias = Mapping[str, tuple[Any, ...]]
Contact: TypeAlias = Mapping[str, Any]
Basis: TypeAlias = Literal[
    "not_stated",
    "never_asked",
    "pending",
    "not_opted_out",
    "opted_in",
    "opted_out",
    "suppressed",
    "locked",
]
Address: TypeAlias = tuple[Literal["phone", "email"], str]
"""A phone number or an e-mail address, with its kind."""

CODE = "consent"
"""The code of a write that is refused because it would opt in a contact who opted out."""

OPTED_OUT_SINCE = "opted out since it was read"
OPTS_IN = "would opt in a contact who opted out; say opt_in=True if you hold their consent"


class ConsentState(IntEnum):
    """What is recorded for one channel of a contact; the higher state is the stricter one."""

    unknown = 0
    allowed = 1
    denied = 2
    locked = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelConsent:
    """How one channel's state follows from field values.

    `allowed` needs all of its fields at one of their values; one field is enough for `denied` or
    `locked`. `deny` is the change that records a no. `basis` names what a state rests on where a
    field's value says more than the state. The provider sends to a contact whose state is unknown
    unless it `needs_opt_in`.
    """

    allowed: Values
    denied: Values
    deny: Mapping[str, Any]
    locked: Values = field(default_factory=dict[str, tuple[Any, ...]])
    basis: Mapping[tuple[str, Any], Basis] = field(default_factory=dict[tuple[str, Any], Basis])
    needs_opt_in: bool = True

    def state(self, contact: Contact) -> ConsentState:
        """The state of a contact, whose values are JSON by field name."""
        # Plain loops: large plans need the states of many contacts.
        for name, values in self.locked.items():
            if contact.get(name) in values:
                return ConsentState.locked
        for name, values in self.denied.items():
            if contact.get(name) in values:
                return ConsentState.denied
        for name, values in self.allowed.items():
            if contact.get(name) not in values:
                return ConsentState.unknown
        return ConsentState.allowed

    def sends(self, contact: Contact) -> bool:
        """Whether the provider sends to a contact with an address of the channel."""
        state = self.state(contact)
        silent = state is ConsentState.unknown and not self.needs_opt_in
        return silent or state is ConsentState.allowed

    def meaning(self, field: str) -> str:
        """What a field's values mean, such as "True denied, False allowed"; "" for other fields."""
        declared = {"denied": self.denied, "allowed": self.allowed, "locked": self.locked}
        meanings = [
            f"{' or '.join(map(str, values[field]))} {state}"
            for state, values in declared.items()
            if field in values
        ]
        others = [name for name in self.allowed if name != field and field in self.allowed]
        return ", ".join(meanings) + "".join(f" if {name} is too" for name in others)

    @cached_property
    def fields(self) -> frozenset[str]:
        """The fields that the state follows from."""
        return frozenset[str]({*self.allowed, *self.denied, *self.locked, *self.deny})

    @cached_property
    def says_no(self) -> frozenset[str]:
        """The fields that say whether a contact has opted out."""
        return frozenset[str]({*self.denied, *self.locked})

    def shows_no(self, contact: Contact) -> bool | None:
        """Whether a contact has opted out; None if it lacks a field that would say so."""
        if self.state(contact) >= ConsentState.denied:
            return True
        return False if self.says_no <= contact.keys() else None

    def widens(self, before: Contact, changes: Contact) -> bool:
        """Whether a write opens the channel: a new yes, or a no that becomes anything less."""
        was, becomes = self.state(before), self.state({**before, **changes})
        new_yes = becomes is ConsentState.allowed is not was
        return new_yes or was >= ConsentState.denied > becomes

    def may_widen(self, changes: Contact) -> bool:
        """Whether these changes open the channel of some contact, and so need a fresh read."""
        return _may_widen(self, tuple((n, changes[n]) for n in self.fields if n in changes))

    def contacts(self) -> list[dict[str, Any]]:
        """A contact for each combination of values between which the state differs."""
        values: dict[str, set[Any]] = {name: {None} for name in self.fields}
        for declared in (self.allowed, self.denied, self.locked):
            for name, of_state in declared.items():
                values[name].update(of_state)
        return [dict(zip(values, row, strict=True)) for row in product(*values.values())]


@cache
def _may_widen(channel: ChannelConsent, changes: tuple[tuple[str, Any], ...]) -> bool:
    return any(channel.widens(contact, dict(changes)) for contact in channel.contacts())


@dataclass(frozen=True, kw_only=True)
class Consent:
    """A provider's consent: which fields hold the contact's own addresses, and its channels.

    `examples` are addresses of the provider's documentation, which belong to nobody. `rules_read`
    are the other fields that decide whether a no can be written.
    """

    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    text: ChannelConsent | None = None
    email: ChannelConsent | None = None
    examples: tuple[str, ...] = ()
    rules_read: tuple[str, ...] = ()

    @cached_property
    def channels(self) -> dict[Channel, ChannelConsent]:
        """The channels for which the provider records consent."""
        declared: dict[Channel, ChannelConsent | None] = {"text": self.text, "email": self.email}
        return {name: channel for name, channel in declared.items() if channel is not None}

    @cached_property
    def fields(self) -> frozenset[str]:
        """Every field that says something about consent."""
        return frozenset[str]().union(*(channel.fields for channel in self.channels.values()))

    @cached_property
    def address_fields(self) -> frozenset[str]:
        """The fields with the contact's own addresses."""
        return frozenset((*self.phones, *self.emails))

    def meaning(self, field: str) -> str:
        """What a field says of each channel, such as "text: True denied"; "" for other fields."""
        meanings = {name: channel.meaning(field) for name, channel in self.channels.items()}
        return "; ".join(f"{name}: {text}" for name, text in meanings.items() if text)

    def states(self, contact: Contact) -> dict[Channel, ConsentState]:
        """The state of each channel of a contact."""
        return {name: channel.state(contact) for name, channel in self.channels.items()}

    def may_widen(self, changes: Contact) -> bool:
        """Whether these changes open a channel of some contact, and so need a fresh read."""
        touched = [c for c in self.channels.values() if not c.fields.isdisjoint(changes)]
        return any(channel.may_widen(changes) for channel in touched)

    def widened(self, before: Contact, changes: Contact) -> dict[Channel, ConsentState]:
        """The channels that a write opens, each with its state before the write."""
        return {
            name: channel.state(before)
            for name, channel in self.channels.items()
            if not channel.fields.isdisjoint(changes) and channel.widens(before, changes)
        }

    def opened_fields(self, before: Contact, changes: Contact) -> list[str]:
        """The address fields of the channels that a write opens."""
        fields: dict[Channel, tuple[str, ...]] = {"text": self.phones, "email": self.emails}
        return [name for channel in self.widened(before, changes) for name in fields[channel]]

    def opts_in(self, before: Contact | None, changes: Contact) -> bool:
        """Whether a write opens a channel of a contact who opted out."""
        states = self.widened(before or {}, changes).values()
        return any(state >= ConsentState.denied for state in states)

    def is_denied(self, contact: Contact | None) -> bool:
        """Whether a contact has opted out of any channel."""
        return any(state >= ConsentState.denied for state in self.states(contact or {}).values())

    def denials(self, changes: Contact, current: Contact) -> dict[str, Any]:
        """The changes that record a no for a channel to which the provider sends as things are."""
        return {
            name: changes[name]
            for channel in self.channels.values()
            if channel.sends(current)
            for name in channel.deny
            if name in changes
        }

    def denied_addresses(self, contact: Contact) -> list[Address]:
        """The addresses of the channels that a contact has opted out of."""
        return [address for address, denied in self._addresses(contact).values() if denied]

    def open_addresses(self, contact: Contact) -> dict[str, Address]:
        """The addresses of all other channels, by field name."""
        addresses = self._addresses(contact).items()
        return {name: address for name, (address, denied) in addresses if not denied}

    def _addresses(self, contact: Contact) -> dict[str, tuple[Address, bool]]:
        """A contact's addresses by field name, and whether their channel is denied."""
        denied = {
            name: state >= ConsentState.denied for name, state in self.states(contact).items()
        }
        text, email = denied.get("text", False), denied.get("email", False)
        return {
            **{n: (("phone", str(contact[n])), text) for n in self.phones if contact.get(n)},
            **{n: (("email", str(contact[n])), email) for n in self.emails if contact.get(n)},
        }

    def refusals(
        self, changes: Contact, *, shown: Contact | None, current: Contact, opt_in: bool
    ) -> list[FieldProblem]:
        """Why a write must not be sent to the `current` contact; [] if it may be.

        A no in `current` that the caller's `shown` contact does not have is a conflict. Any other
        no needs `opt_in`, and a locked one is never overwritten.
        """
        problems: list[FieldProblem] = []
        for name, state in self.widened(current, changes).items():
            channel = self.channels[name]
            if state < ConsentState.denied:
                continue
            if state is ConsentState.locked:
                message, code = f"cannot be written: the contact is locked for {name}", CODE
            elif channel.shows_no(shown or {}) is False:
                message, code = OPTED_OUT_SINCE, "conflict"
            elif not opt_in:
                message, code = OPTS_IN, CODE
            else:
                continue
            field = next(name for name in changes if name in channel.fields)
            problems.append(FieldProblem(field=field, message=message, code=code))
        return problems


def flag(name: str) -> ChannelConsent:
    """Consent by one flag that is true for a contact who opted out."""
    return ChannelConsent(
        allowed={name: (False,)},
        denied={name: (True,)},
        deny={name: True},
        basis={(name, False): "not_opted_out"},
        needs_opt_in=False,
    )
