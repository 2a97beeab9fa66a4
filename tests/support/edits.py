"""Edits of contact frames for the tests of plans; workers of a cluster import them too."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import pandas as pd

from contactkit.simulator.seeds import phone

UPDATES: dict[str, Callable[[pd.DataFrame], dict[str, Any]]] = {
    "sent": lambda people: {"opt_out": ~people["opt_out"]},
    "sendblue": lambda people: {"first_name": "Zoë", "tags": [["new"]] * len(people)},
    "privy": lambda people: {"first_name": "Zoë", "tags": [["new"]] * len(people)},
    "digital_onboarding": lambda people: {"name_first": "Zoë"},
}
CREATIONS: dict[str, dict[str, Callable[[int], str]]] = {
    "sent": {"phone_number": phone},
    "sendblue": {"phone": phone},
    "privy": {"email": "new{}@example.com".format},
    "digital_onboarding": {"unique_id": "core-{}".format, "email": "new{}@example.com".format},
}


def change_all(people: pd.DataFrame, new: range = range(0)) -> pd.DataFrame:
    """Every contact changed, and a new one for each number."""
    name = people.attrs["provider"]
    changed = people.assign(**UPDATES[name](people)).astype(object)
    created = {field: [*map(value, new)] for field, value in CREATIONS[name].items()}
    return pd.concat([changed, pd.DataFrame(created, dtype=object)])


def change_and_add(part: pd.DataFrame) -> pd.DataFrame:
    """Every contact of a part changed, and two new ones that no other part adds."""
    first = 60_000 + 2 * (crc32(str(part.iloc[0, 0]).encode()) % 10_000)
    return change_all(part, range(first, first + 2))


@dataclass(frozen=True)
class Assign:
    """An edit that sets fields, by provider."""

    values: Mapping[str, Mapping[str, Any]]

    def __call__(self, part: pd.DataFrame) -> pd.DataFrame:
        return part.assign(**self.values[part.attrs["provider"]])


@dataclass(frozen=True)
class RaiseAt:
    """An edit that raises at the part with a contact, and is another edit elsewhere."""

    key: str
    edit: Callable[[pd.DataFrame], pd.DataFrame]

    def __call__(self, part: pd.DataFrame) -> pd.DataFrame:
        if self.key in {*part.iloc[:, 0]}:
            raise RuntimeError("no such customer")
        return self.edit(part)


@dataclass(frozen=True)
class KillWorkerOf:
    """An edit that kills its process for one provider, and is another edit elsewhere."""

    provider: str
    edit: Callable[[pd.DataFrame], pd.DataFrame]

    def __call__(self, part: pd.DataFrame) -> pd.DataFrame:
        if part.attrs["provider"] == self.provider:
            os._exit(1)
        return self.edit(part)
