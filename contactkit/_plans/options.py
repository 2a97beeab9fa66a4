"""What a plan may do besides its edits, and the edited frame, checked before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pandas as pd

from contactkit._frames.headings import name_fields
from contactkit._plans.match import EditedRows, read_edited
from contactkit.errors import InvalidInputError
from contactkit.spec.provider import Provider
from contactkit.spec.record import key_of, unique_fields
from contactkit.spec.validate import to_python

OnMoved: TypeAlias = Literal["overwrite"] | None


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """The options of `contacts.plan`; `on` is the field by which rows are matched."""

    create: bool = False
    delete: bool = False
    opt_in: bool = False
    on_conflict: OnMoved = None
    on: str | None = None

    def check(self, provider: Provider, *, has_original: bool) -> None:
        """Raise InvalidInputError for an option that is not allowed."""
        where = f"{provider.name} plan"
        for name in ("create", "delete", "opt_in"):
            if type(to_python(getattr(self, name))) is not bool:
                raise InvalidInputError.one(where, name, "must be True or False")
        if self.on_conflict not in (None, "overwrite"):
            raise InvalidInputError.one(where, "on_conflict", "must be None or 'overwrite'")
        if self.on_conflict and has_original:
            message = "is only for a plan without original; apply(on_conflict=…) compares again"
            raise InvalidInputError.one(where, "on_conflict", message)


@dataclass(frozen=True, kw_only=True, eq=False)
class PlanSource:
    """What a plan was made from besides the edited frame; the original may be `current`."""

    original: pd.DataFrame
    options: PlanOptions
    current: bool


def read_checked(
    provider: Provider, edited: Any, options: PlanOptions, *, has_original: bool
) -> EditedRows:
    """The edited frame's rows; InvalidInputError for options or a frame that are never valid."""
    options.check(provider, has_original=has_original)
    rows = read_edited(provider, edited, _matched_on(provider, options.on))
    # A key that is a number may be that of a contact.
    if options.delete and not (rows.keys.present | rows.keys.unreadable).any():
        key = "key" if rows.on is key_of(provider.record) else rows.on.name
        message = f"has no {key} in any row, and delete=True would delete every contact"
        raise InvalidInputError.one(f"{provider.name} plan", "edited", message)
    return rows


def _matched_on(provider: Provider, on: Any) -> str:
    """The name of the field to match rows on: the key, or one that is unique."""
    key = key_of(provider.record).name
    allowed = dict.fromkeys([key, *(field.name for field in unique_fields(provider.record))])
    (name,) = name_fields(provider, [key if on is None else on])
    if name not in allowed:
        message = f"must be a field of which no two contacts share a value: {', '.join(allowed)}"
        raise InvalidInputError.one(f"{provider.name} plan", "on", message)
    return name
