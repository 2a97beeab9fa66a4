"""Contacts, clients and journals for any sequence of writes, replies and failures."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import pandas as pd

import contactkit as ck
from contactkit._frames.frame import rows_of
from contactkit._providers import find
from contactkit.spec.consent import Channel, ConsentState
from contactkit.spec.record import fields_of, key_of
from tests.support.consent import NO, SILENCE, YES
from tests.support.consent_model import (
    ConsentWire,
    Killed,
    Permission,
    Place,
    copy_database,
    restore_database,
)

PEOPLE = 3
ADDRESSES = [f"+121255501{number}" for number in range(60, 62)]
Values: TypeAlias = dict[str, Any]

EMAIL: Mapping[str, Sequence[Values]] = {
    "privy": [
        {"email_consent": "subscribed"},
        {"email_consent": "unsubscribed"},
        {"email_consent": "suppressed"},
        {"email_consent": "never_subscribed"},
    ],
    "digital_onboarding": [
        {"email_opted_in": True, "email_authorized": True, "email_unsubscribed": False},
        {"email_unsubscribed": True},
        {"email_unsubscribed": False},
        {"email_opted_in": False},
    ],
}
OTHER: Mapping[str, Sequence[Values]] = {
    "sent": [{"default_channel": "whatsapp"}, {"default_channel": "sms"}],
    "sendblue": [{"first_name": "Ada"}, {"first_name": None}],
    "privy": [
        {"first_name": "Ada"},
        {"sms_consent": "single_opt_in"},
        {"sms_consent": "subscribed", "send_welcome_sms": False},
    ],
    "digital_onboarding": [
        {"name_first": "Ada"},
        {"sms_unsubscribed": False},
        {"sms_opted_in": True},
        {"sms_authorized": True},
        {"sms_opted_in": False, "name_first": None},
    ],
}


def edits_of(name: str) -> list[Values]:
    """Changes of a contact: of its consent in several ways, and of other fields."""
    text = [YES[name], NO[name], *([SILENCE[name]] if name in SILENCE else [])]
    return [*text, *text, *EMAIL.get(name, ()), *OTHER[name]]


class ConsentWorld:
    """Three clients of one account, of which two share a journal.

    `counts` says what has happened, in all examples.
    """

    name: ClassVar[str]
    counts: ClassVar[Counter[str]]

    def open_world(self, states: Sequence[int]) -> None:
        """Connect the clients, and give each contact a yes, a no or silence."""
        self.folder = tempfile.TemporaryDirectory()
        self.provider = find(self.name)
        self.consent = self.provider.consent
        self.declared = fields_of(self.provider.record)
        self.key = key_of(self.provider.record).name
        self.edits = edits_of(self.name)
        self.wire = ConsentWire(ck.Simulator(PEOPLE, 7), provider_name=self.name)
        self.wire.on_stop, self.wire.on_kill = self._all_say_no, self._copy_journal
        self.ledger = self.wire.ledger
        self.copy: sqlite3.Connection | None = None
        self.journals = [0, 0, 1]
        self.paths = [Path(self.folder.name) / f"journal-{n}.sqlite3" for n in self.journals]
        self.clients = [ck.connect(self.name, via=self.wire, journal=path) for path in self.paths]
        for number, state in enumerate(states):
            self._set_up(self._keys()[number], number, state)

    def _set_up(self, key: str, number: int, state: int) -> None:
        """Give a contact addresses of its own, and a yes, a no or silence."""
        phone, email = f"+121255501{number:02}", f"person-{number}@example.com"
        addresses: Values = {
            "privy": {"phone_number": phone, "email": email},
            "digital_onboarding": {"phone_mobile": phone, "email": email},
            "sent": {"is_inherited": False},
        }.get(self.name, {})
        words = [YES[self.name], NO[self.name], SILENCE.get(self.name, YES[self.name])]
        self._put(key, {**addresses, **words[state]})

    # What the provider has

    def _keys(self) -> list[str]:
        return [*self.wire.contacts()]

    def _pick(self, number: int) -> str:
        keys = self._keys()
        return keys[number % len(keys)] if keys else "+12125550199"

    def _row(self, key: str) -> Values:
        stored = self.wire.simulator.engine.contacts.find(key)
        return dict(stored.row) if stored else {}

    def _put(self, key: str, values: Mapping[str, Any]) -> None:
        """Change a contact at the provider itself, at a time of its own."""
        self._pass_time(2)
        self.wire.simulator.put(key, **values)
        self.ledger.now += 1
        for channel, state in self.wire.contacts()[key].states.items():
            if state >= ConsentState.denied:
                self.ledger.noes.setdefault((key, channel), self.ledger.now)
        self._pass_time(2)

    def _say_no(self, key: str, channel: Channel) -> None:
        """A person opts out, perhaps once more."""
        declared = self.consent.channels.get(channel)
        addresses = self.consent.phones if channel == "text" else self.consent.emails
        row = self._row(key)
        if not declared or not any(row.get(name) for name in addresses):
            return
        if declared.state(row) is not ConsentState.locked:
            self._put(key, declared.deny)
            self.ledger.noes[key, channel] = self.ledger.now
            if self.name == "sendblue":
                self.wire.simulator.engine.opt_outs.add(key)

    def _say_yes(self, key: str) -> None:
        """A person opts in again."""
        if any(self._row(key).get(name) for name in self.consent.phones):
            self._put(key, YES[self.name])
            self.ledger.noes.pop((key, "text"), None)
            self.wire.simulator.engine.opt_outs.discard(key)

    def _all_say_no(self, keys: Iterable[str]) -> None:
        for key in keys:
            for channel in self.consent.channels:
                self._say_no(key, channel)

    def _pass_time(self, seconds: float) -> None:
        clock = self.wire.simulator.clock
        clock.sleep(clock.now() + seconds)

    def _copy_journal(self) -> None:
        self.copy = copy_database(self.paths[self.acting])

    # Calls

    def _act(
        self,
        client: int,
        permission: Permission,
        plan: Sequence[tuple[str, bool]],
        call: Callable[[], Any],
    ) -> Any:
        """Call something that may write; returns its result, None if it raises."""
        self._pass_time(2)
        self.acting = client
        self.ledger.now += 1
        self.ledger.begin(replace(permission, journal=self.journals[client]))
        self.wire.plan, self.copy = [*plan], None
        try:
            result = call()
        except (ck.ContactKitError, Killed) as error:
            self.counts[type(error).__name__] += 1
            result = None
        finally:
            self._end_call(client)
        return result

    def _end_call(self, client: int) -> None:
        if self.wire.dead and self.copy:
            restore_database(self.copy, self.paths[client])
            self.counts["kills"] += 1
        self.wire.plan, self.wire.dead = [], False
        self._pass_time(2)

    def _permission(self, opt_in: bool, shown: Mapping[Place, bool] | None = None) -> Permission:
        """The permission of the next call; one without a row is shown what it reads first."""
        time = self.ledger.now + 1 if opt_in else None
        if shown is not None:
            return Permission(time, shown=shown)
        denied = {
            (key, channel): True
            for key, seen in self.wire.contacts().items()
            for channel, state in seen.states.items()
            if state >= ConsentState.denied
        }
        return Permission(time, by_key=True, shown=denied)

    def _shown(self, key: str, contact: Mapping[str, Any]) -> dict[Place, bool]:
        """What a row or a planned contact shows."""
        return {
            (key, channel): no
            for channel, declared in self.consent.channels.items()
            if (no := declared.shows_no(contact)) is not None
        }

    def _contacts(self, client: int) -> Any:
        return self.clients[client].contacts

    def _values(self, edit: int, more: int) -> Values:
        return {**self.edits[edit % len(self.edits)], **self.edits[more % len(self.edits)]}

    def _json(self, row: pd.DataFrame) -> Values:
        return rows_of(self.provider.record, row)[0]

    def _new(self, number: int, edit: int) -> Values:
        """A contact with an address that is new, was deleted, or is taken."""
        stored = sorted(self.wire.simulator.engine.contacts, key=lambda one: not one.deleted)
        fresh = ({name: address for name in self.consent.phones[:1]} for address in ADDRESSES)
        rows = [*(one.row for one in stored), *fresh]
        row = rows[number % len(rows)]
        names = (*self.consent.phones, *self.consent.emails)
        consent = self._values(edit, edit) if self.name in ("privy", "digital_onboarding") else {}
        return {**{n: row[n] for n in names if row.get(n)}, **self._unique(row), **consent}

    def _unique(self, row: Values) -> Values:
        if self.name != "digital_onboarding":
            return {}
        return {"unique_id": row.get("unique_id") or f"core-{row.get('phone_home')}"}
