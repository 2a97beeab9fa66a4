"""A few people who are contacts of all four providers, each behind a simulator of its own."""

from __future__ import annotations

from typing import Any

import pandas as pd

import contactkit as ck
from contactkit._providers import find, names
from contactkit.spec.record import key_of
from tests.support.providers import Wire

PHONES = [f"+1202555{number:04d}" for number in range(150, 160)]
EMAILS = [f"person{number}@example.com" for number in range(10)]
PHONE_OF = {
    "sent": "phone_number",
    "sendblue": "phone",
    "privy": "phone_number",
    "digital_onboarding": "phone_mobile",
}
ALLOWED: dict[str, dict[str, Any]] = {
    "sent": {"opt_out": False},
    "sendblue": {"opt_out": False},
    "privy": {"sms_consent": "subscribed", "email_consent": "subscribed"},
    "digital_onboarding": {
        f"{channel}_{flag}": flag != "unsubscribed"
        for channel in ("sms", "email")
        for flag in ("opted_in", "authorized", "unsubscribed")
    },
}


class SharedPeople:
    """Simulators without contacts, a client of each with one journal, and the keys by person."""

    def __init__(self, journal: Any = None) -> None:
        self.wires = {name: Wire(simulator=ck.Simulator(contacts=0)) for name in names()}
        self.clients = {
            name: ck.connect(name, via=wire, journal=journal) for name, wire in self.wires.items()
        }
        for client in self.clients.values():
            client.contacts.list()
        self.keys: dict[tuple[str, int], str] = {}

    def add(self, name: str, person: int, **fields: Any) -> str:
        """Add a contact of this person that allows everything; returns its key."""
        emails = {"email": EMAILS[person]} if find(name).consent.emails else {}
        values = {PHONE_OF[name]: PHONES[person], **emails, **ALLOWED[name], **fields}
        self.keys[name, person] = self.wires[name].simulator.put(**values)
        return self.keys[name, person]

    def put(self, name: str, person: int, **fields: Any) -> None:
        """Change a contact as the provider's own systems would."""
        self.wires[name].simulator.put(self.keys[name, person], **fields)

    def deny(self, name: str, person: int, channel: str = "text") -> None:
        """Let a contact say no."""
        channels = find(name).consent.channels
        deny = next(consent.deny for each, consent in channels.items() if each == channel)
        self.put(name, person, **deny)

    def read(self, **options: Any) -> ck.People:
        """The people as all clients have them now."""
        return ck.people(**self.clients, **options)

    def contact(self, name: str, person: int) -> dict[str, Any]:
        """A contact as its simulator has it."""
        state = self.wires[name].simulator.state()
        key = key_of(find(name).record).name
        row = state[state[key].eq(self.keys[name, person])].iloc[0]
        return {str(field): value for field, value in row.items()}

    def state(self, name: str) -> pd.DataFrame:
        """All contacts of a provider."""
        return self.wires[name].simulator.state()
