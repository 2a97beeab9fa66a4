"""The contacts that were read: those that have a text, in the order of a column, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contactkit._frames.frame import rows_of
from contactkit._frames.tabular import as_frame
from contactkit.errors import InvalidInputError, NotFoundError
from contactkit.forms.who import name_fields
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, key_of

PAGE_SIZE = 20
WHO = "who"
"""The name of the first column: a name, or else a phone number or an e-mail address."""

_TEXTS = ("string", "category")


def column_fields(provider: Provider) -> list[RecordField]:
    """The columns after the first: addresses, then consent and other choices, and last the key."""
    own = [*provider.consent.phones, *provider.consent.emails]
    declared, key = fields_of(provider.record), key_of(provider.record)
    others = [
        name
        for name, field in declared.items()
        if field.marker.access not in ("key", "read_only")
        and field not in name_fields(provider)
        and (
            field.marker.personal in ("name", "phone", "email")
            or field.kind in ("boolean", "category")
        )
    ]
    last = [] if key.name in own else [key.name]
    # Without names, the first column has the first address.
    first = [] if name_fields(provider) else own[:1]
    names = dict.fromkeys([*own, *others, *last])
    return [declared[name] for name in names if name not in first]


def filled_columns(provider: Provider, rows: Sequence[Mapping[str, JSON]]) -> list[RecordField]:
    """The columns in which some of these contacts have a value."""
    fields = column_fields(provider)
    empty = (None, "", [], {})
    return [f for f in fields if not rows or any(row.get(f.name) not in empty for row in rows)]


class Listing:
    """A provider's pages, which are read one after the other into a list."""

    def __init__(self, people: ContactList) -> None:
        self.has_more = False
        self._people = people
        self._pages: Any = None

    @property
    def is_open(self) -> bool:
        """Whether a listing was begun."""
        return self._pages is not None

    async def begin(self, pages: AsyncIterator[pd.DataFrame]) -> None:
        """Begin another listing, with an empty list."""
        self._pages, earlier = pages, self._pages
        if earlier:
            await earlier.aclose()
        self._people.clear()
        self.has_more = True

    async def read(self) -> None:
        """Read the next page."""
        try:
            page = await anext(self._pages)
        except (StopAsyncIteration, NotFoundError):
            # Some filters get the latter if no contact matches.
            self.has_more = False
            return
        self._people.add(page)


class ContactList:
    """The contacts that were read, None if there are none yet, and which of them are shown."""

    def __init__(self, provider: Provider, people: pd.DataFrame | None) -> None:
        self.people = people
        self.text = ""
        self.sort = ("", True)
        self._provider = provider
        self._written: dict[JSON, dict[str, JSON]] = {}
        self._shown: NDArray[np.intp] | None = None

    @property
    def count(self) -> int:
        """How many contacts were read."""
        return 0 if self.people is None else len(self.people)

    @property
    def shown(self) -> NDArray[np.intp]:
        """The positions of the contacts with the text, in order."""
        if self._shown is None:
            self._shown = self._find()
        return self._shown

    def clear(self) -> None:
        """Forget all contacts, also what was written: a new listing has it, or a newer value."""
        self.people = self._shown = None
        self._written.clear()

    def add(self, page: pd.DataFrame) -> None:
        """Add a page that was read."""
        known = [] if self.people is None else [self.people]
        self.people = pd.concat([*known, page], ignore_index=True)
        self._shown = None

    def find(self, text: str) -> None:
        """Show only the contacts with this text, in capitals or not."""
        self.text, self._shown = text.strip(), None

    def sort_by(self, name: str) -> None:
        """Sort by a column: upwards, then downwards, then as they were read."""
        current, upwards = self.sort
        if name != current:
            self.sort = (name, True)
        else:
            self.sort = (name, False) if upwards else ("", True)
        self._shown = None

    def write(self, row: dict[str, JSON]) -> None:
        """Show this contact as it was written."""
        self._written[row[key_of(self._provider.record).name]] = row

    def rows(self, start: int, end: int) -> list[dict[str, JSON]]:
        """The contacts at these places of the order, as JSON by field name."""
        if self.people is None:
            return []
        page = self.people.iloc[self.shown[start:end]]
        key = key_of(self._provider.record).name
        rows = rows_of(self._provider.record, page)
        return [self._written.get(row[key], row) for row in rows]

    def place(self, key: str) -> int:
        """The place of a contact in the order; behind the last if it is not shown."""
        keys = self._column(key_of(self._provider.record).name).iloc[self.shown]
        return next(iter(np.flatnonzero(keys.eq(key).fillna(False)).tolist()), len(keys))

    def row(self, key: str) -> dict[str, JSON]:
        """The contact with this key as it is known; {} if it was not read."""
        field = key_of(self._provider.record)
        if key in self._written:
            return self._written[key]
        if self.people is None:
            return {}
        places = np.flatnonzero(self._column(field.name).eq(key).fillna(False))[:1]
        return next(iter(rows_of(self._provider.record, self.people.iloc[places])), {})

    def _find(self) -> NDArray[np.intp]:
        if self.people is None:
            return np.arange(0)
        positions = np.arange(len(self.people))
        if self.text:
            positions = positions[self._has_text()]
        name, upwards = self.sort
        if not name:
            return positions
        column = self._who() if name == WHO else self._column(name)
        values = column.str.casefold().reset_index(drop=True).iloc[positions]
        order = values.sort_values(kind="stable", na_position="last", ascending=upwards)
        return order.index.to_numpy(dtype=np.intp)

    def _has_text(self) -> NDArray[np.bool_]:
        wanted = self.text.casefold()
        found = np.zeros(self.count, dtype=np.bool_)
        for column in self._texts():
            has = column.str.casefold().str.contains(wanted, regex=False)
            found |= has.fillna(False).to_numpy(dtype=np.bool_)
        return found

    def _texts(self) -> Iterator[Any]:
        """The columns with text; the whole name is one, so that it is found as it is shown."""
        for name, field in fields_of(self._provider.record).items():
            if field.kind in _TEXTS:
                yield self._column(name)
        yield self._who()

    def _column(self, name: str) -> Any:
        """A column as text; NA where the frame lacks it."""
        frame = pd.DataFrame() if self.people is None else self.people
        column = frame[name] if name in frame else pd.Series(pd.NA, index=frame.index)
        return column.astype("string")

    def _who(self) -> Any:
        """What the first column shows; NA for a contact without a name and an address."""
        fields = name_fields(self._provider)
        names = [self._column(field.name).fillna("").str.strip() for field in fields]
        whole = names[0].str.cat(names[1:], sep=" ").str.strip() if names else None
        own = (*self._provider.consent.phones, *self._provider.consent.emails)
        who = self._column(own[0]) if whole is None else whole.mask(whole.eq(""))
        for name in own:
            who = who.fillna(self._column(name))
        return who


def refusals(provider: Provider, contact: Mapping[str, JSON]) -> list[str]:
    """The channels that a contact has opted out of, as people say it."""
    words = {"text": "no texts", "email": "no e-mails"}
    return [
        words[channel]
        for channel, declared in provider.consent.channels.items()
        if declared.shows_no(contact)
    ]


def require_contacts(provider: Provider, people: Any) -> pd.DataFrame | None:
    """The contacts as a frame, if they are this provider's."""
    key, people = key_of(provider.record).name, as_frame(people)
    if people is None or (
        isinstance(people, pd.DataFrame)
        and key in people.columns
        and people.attrs.get("provider", provider.name) == provider.name
    ):
        return people
    message = f"must be a contact frame of {provider.title} with the column {key}"
    raise InvalidInputError.one(f"{provider.name} browse", "people", message)
