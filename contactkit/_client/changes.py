"""`changes`: what changed between two frames, files or snapshots of contacts."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import pandas as pd

from contactkit._client.tables import provider_with
from contactkit._frames.arrow import EXTRAS
from contactkit._frames.files import ContactFile, open_files, to_contacts
from contactkit._frames.headings import field_names
from contactkit._frames.tabular import Tabular, as_frame, name_type
from contactkit._plans.changes import compare_contacts
from contactkit._providers import find
from contactkit.errors import InvalidInputError
from contactkit.spec.provider import Provider
from contactkit.spec.record import fields_of

Snapshot: TypeAlias = Tabular | str | Path
"""Contacts at one time: a frame, a table of another library, or the path of a file or folder."""


def changes(
    before: Snapshot, after: Snapshot, provider: str | Provider | None = None
) -> pd.DataFrame:
    """What changed between two snapshots of contacts: frames, tables, or paths for `read_contacts`.

    One row per cell, with the columns `key` (string), `change` (category: created, deleted or
    changed), `field` (string), and `before` and `after` (objects: JSON values, None for an empty
    cell), the contacts of `after` first. A contact that only one snapshot has is there with all its
    filled cells, of which its key is one. Contacts are matched by the provider's key, and cells
    compared as in a plan: another spelling of a number, a dtype, a rounded time of the provider, or
    a key of a mapping that is None is no change. A field that one snapshot has no column for is not
    compared. Without `provider`, it is the one in the `attrs` of a frame, or else the one that has
    these columns.

    Raises InvalidInputError for rows without a key or with the same one, whose positions it names,
    and for contacts of two providers, and the errors of `read_contacts`.
    """
    sides = {"before": _open("before", before), "after": _open("after", after)}
    known = {which: _provider_of(side) for which, side in sides.items()}
    given = provider or known["before"] or known["after"]
    found = {
        which: find(given) if given else provider_with(_columns(side), f"changes, {which}")
        for which, side in sides.items()
    }
    declared = found["before"]
    for which, name in {**known, "provider": found["after"].name}.items():
        if name not in ("", declared.name):
            message = f"has contacts of {name}, and not of {declared.name}"
            raise InvalidInputError.one("changes", which.replace("provider", "after"), message)
    return compare_contacts(declared, *(_read(side, declared) for side in sides.values()))


def _open(which: str, snapshot: Snapshot) -> pd.DataFrame | list[ContactFile]:
    if isinstance(snapshot, str | Path):
        return open_files(snapshot)
    frame = as_frame(snapshot)
    if not isinstance(frame, pd.DataFrame):
        message = f"must be a DataFrame of contacts or a path, not {name_type(snapshot)}"
        raise InvalidInputError.one("changes", which, message)
    return frame


def _provider_of(side: pd.DataFrame | list[ContactFile]) -> str:
    """The provider that a frame names; "" for none."""
    return str(side.attrs.get("provider") or "") if isinstance(side, pd.DataFrame) else ""


def _columns(side: pd.DataFrame | list[ContactFile]) -> list[str]:
    if isinstance(side, pd.DataFrame):
        return [str(name) for name in (*side.columns, *side.index.names) if name]
    names = (name for file in side for name in (*file.columns, *file.partitions))
    return [*dict.fromkeys(name for name in names if name != EXTRAS)]


def _read(side: pd.DataFrame | list[ContactFile], provider: Provider) -> pd.DataFrame:
    """The contacts with the columns that they have, and not with all that are declared."""
    if isinstance(side, pd.DataFrame):
        return side
    frame, there = to_contacts(side, provider), field_names(provider.record, _columns(side))
    return frame.drop(columns=[*(fields_of(provider.record).keys() - {*there})])
