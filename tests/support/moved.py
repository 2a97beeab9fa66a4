"""A contact that others change after a frame with it was read."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._plans.plan import Plan
from contactkit._providers import find, names
from contactkit.spec.record import key_of, last_change_of

COUNT = 12
EDITS: dict[str, dict[str, Any]] = {
    "digital_onboarding": {"name_first": "Nova"},
    "privy": {"first_name": "Nova"},
    "sendblue": {"first_name": "Nova"},
    "sent": {"opt_out": True},
}
OTHER_EDITS: dict[str, dict[str, Any]] = {
    "digital_onboarding": {"name_last": "Other"},
    "privy": {"last_name": "Other"},
    "sendblue": {"last_name": "Other"},
    "sent": {"default_channel": "whatsapp"},
}
UNTOUCHED = {("update", "unchanged"): COUNT}
timed = pytest.mark.parametrize(
    "name", [name for name in names() if last_change_of(find(name).record)]
)


class World:
    """A simulator with a client, the frame that it read, and a contact that can be edited."""

    def __init__(self, name: str) -> None:
        self.simulator = ck.Simulator(contacts=COUNT, seed=7)
        self.provider = find(name)
        self.client = ck.connect(name, via=self.simulator)
        self.people = self.client.contacts.list()
        self.keys = self.people[key_of(self.provider.record).name]
        self.row = self.editable_rows()[0]
        self.key = self.keys[self.row]
        self.edit, self.other_edit = EDITS[name], OTHER_EDITS[name]

    def editable_rows(self) -> list[int]:
        people, name = self.people, self.provider.name
        if name == "privy":
            final = people["email_consent"].eq("compliance_suppressed")
            american = people["phone_number"].str.startswith("+1", na=False)
            return people.index[american & ~final].to_list()
        if name != "sent":
            return people.index.to_list()
        both = people["available_channels"].eq("sms,whatsapp") & people["default_channel"].eq("sms")
        return people.index[both & ~people["opt_out"] & ~people["is_inherited"]].to_list()

    def edited(self, frame: pd.DataFrame | None = None, **cells: Any) -> pd.DataFrame:
        """The frame, with the edit or these cells in the row."""
        frame = (self.people if frame is None else frame).astype(object)
        for name, value in (cells or self.edit).items():
            frame.at[self.row, name] = value
        return frame

    def others_change(self, **fields: Any) -> None:
        """Somebody else changes the contact a minute later, which its read-only cells show."""
        self.simulator.clock.sleep(self.simulator.clock.now() + 60)
        if last_change_of(self.provider.record) is None:
            fields["verified"] = not self.simulator.state().set_index("phone")["verified"][self.key]
        self.simulator.put(self.key, **fields)

    def plan(self, edited: pd.DataFrame, original: pd.DataFrame | None = None, **options: Any):
        return self.client.contacts.plan(edited, original, **options)


def counts(plan: Plan) -> dict[tuple[str, str], int]:
    return {(row.operation, row.outcome): row.contacts for row in plan.summary().itertuples()}


def outcomes(plan: Plan) -> dict[str, Any]:
    return {contact.key: (contact.outcome, {**contact.changes}) for contact in plan.contacts}
