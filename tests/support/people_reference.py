"""A second, slow implementation of whose consent it is, which follows the rule word by word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from contactkit._people.identifiers import ROLE, canonical
from contactkit._providers import find, names
from contactkit.spec.consent import ConsentState
from contactkit.spec.record import last_change_of

KIND = {"text": "phone", "email": "email"}


@dataclass(frozen=True)
class Contact:
    """A contact of one source, as its fields say."""

    source: str
    provider: str
    key: str
    values: Mapping[str, object]
    read_at: datetime | None = None

    @property
    def stated_by(self) -> datetime | None:
        """The time that its state is no later than; None if that is not known."""
        changed = last_change_of(find(self.provider).record)
        text = changed and self.values.get(changed.name)
        return datetime.fromisoformat(str(text)) if text else self.read_at

    def addresses(self, kind: str) -> frozenset[str]:
        """The canonical addresses of one kind."""
        return self._addresses[kind]

    @cached_property
    def everything(self) -> frozenset[str]:
        """All its canonical addresses."""
        return self.addresses("phone") | self.addresses("email")

    @cached_property
    def _addresses(self) -> dict[str, frozenset[str]]:
        consent = find(self.provider).consent
        fields = {"phone": consent.phones, "email": consent.emails}
        texts = {kind: [self.values.get(name) for name in fields[kind]] for kind in fields}
        return {
            kind: frozenset(canonical(kind, str(text)) for text in texts[kind] if text) - {""}  # type: ignore[arg-type]
            for kind in fields
        }

    def state(self, channel: str) -> ConsentState:
        """Its own state in a channel."""
        declared = find(self.provider).consent.channels.get(channel)  # type: ignore[call-overload]
        return declared.state(self.values) if declared else ConsentState.unknown


@dataclass(frozen=True)
class Given:
    """A proof of consent."""

    address: str
    channel: str
    given_at: datetime


class Reference:
    """The verdicts on some contacts."""

    def __init__(
        self,
        contacts: Sequence[Contact],
        shared_by: int | None,
        apart: Iterable[str] = (),
        given: Sequence[Given] = (),
    ) -> None:
        self.contacts = contacts
        self.given = given
        self.lines = {a for c in contacts for a in c.everything if ROLE.search(a)} | set(apart)
        self.lines |= {text for name in names() for text in find(name).consent.examples}
        for source in {c.source for c in contacts}:
            mine = [c for c in contacts if c.source == source]
            for address in {a for c in mine for a in c.everything}:
                if shared_by is not None and sum(address in c.everything for c in mine) > shared_by:
                    self.lines.add(address)

    def person(self, contact: Contact) -> set[tuple[str, str]]:
        """The contacts of the same person, by source and key."""
        found, todo = {(contact.source, contact.key)}, [contact]
        while todo:
            own = todo.pop().everything - self.lines
            for other in self.contacts:
                at = (other.source, other.key)
                if at not in found and own & (other.everything - self.lines):
                    found.add(at)
                    todo.append(other)
        return found

    def is_of_line(self, contact: Contact, channel: str) -> bool:
        """Whether a contact's consent is its line's."""
        addresses = contact.addresses(KIND[channel])
        return bool(addresses) and addresses <= self.lines

    def says_no(self, contact: Contact, channel: str) -> bool:
        """Whether a contact's own no counts: it is a lock, or no proof is as late as it."""
        state = contact.state(channel)
        if state < ConsentState.denied:
            return False
        proofs = [p for p in self.given if p.channel == channel and self.is_about(p, contact)]
        by = contact.stated_by
        later = by is not None and any(proof.given_at >= by for proof in proofs)
        return state == ConsentState.locked or not later

    def is_about(self, proof: Given, contact: Contact) -> bool:
        """Whether a proof is one of the contact's person, or of its line."""
        if self.is_of_line(contact, proof.channel):
            lines = contact.addresses(KIND[proof.channel])
            return any(proof.address in self.group(line, proof.channel) for line in lines)
        members = self.person(contact)
        return proof.address not in self.lines and any(
            proof.address in c.everything for c in self.contacts if (c.source, c.key) in members
        )

    def group(self, line: str, channel: str) -> set[str]:
        """The lines that contacts, which are nothing but lines, have together with this one."""
        group, grown = {line}, True
        holders = [c for c in self.contacts if self.is_of_line(c, channel)]
        while grown:
            more = {
                a for c in holders for a in c.addresses(KIND[channel])
                if group & c.addresses(KIND[channel])
            }  # fmt: skip
            grown, group = not more <= group, group | more
        return group

    def line_denied(self, line: str, channel: str) -> bool:
        """Whether some contact that is nothing but this line, or joined lines, says no."""
        group = self.group(line, channel)
        holders = [c for c in self.contacts if self.is_of_line(c, channel)]
        touching = [c for c in holders if group & c.addresses(KIND[channel])]
        return any(self.says_no(c, channel) for c in touching)

    def person_denied(self, contact: Contact, channel: str) -> bool:
        """Whether the contact's person says no."""
        members = self.person(contact)
        for other in self.contacts:
            if (other.source, other.key) not in members or self.is_of_line(other, channel):
                continue
            if self.says_no(other, channel):
                return True
            addresses = other.addresses(KIND[channel])
            if addresses - self.lines and any(
                self.line_denied(line, channel) for line in addresses & self.lines
            ):
                return True
        return False

    def denied(self, contact: Contact, channel: str) -> bool:
        """Whether nothing may be sent to a contact."""
        if self.is_of_line(contact, channel):
            lines = contact.addresses(KIND[channel])
            return any(self.line_denied(line, channel) for line in lines)
        return self.person_denied(contact, channel)

    def writes(self, contact: Contact) -> dict[str, object]:
        """The no that is to be written to a contact: it is denied, and its provider would send."""
        consent = find(contact.provider).consent
        return {
            field: value
            for name, channel in consent.channels.items()
            if self.denied(contact, name) and self.sends(contact, name)
            for field, value in channel.deny.items()
        }

    def sends(self, contact: Contact, channel: str) -> bool:
        """Whether a contact's provider would send to it as things are."""
        declared = find(contact.provider).consent.channels.get(channel)  # type: ignore[call-overload]
        if declared is None or not contact.addresses(KIND[channel]):
            return False
        silent = contact.state(channel) == ConsentState.unknown and not declared.needs_opt_in
        return silent or contact.state(channel) == ConsentState.allowed

    def closed(self, channel: str) -> set[str]:
        """The addresses of denied persons and of denied lines."""
        denied = [c for c in self.contacts if self.denied(c, channel)]
        return {
            address
            for c in denied
            for address in c.addresses(KIND[channel])
            if address not in self.lines or self.is_of_line(c, channel)
        }
