"""The contacts of a simulator by key, with their unique values."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeAlias

from contactkit.simulator.listings import Listings, OfField, Owners, Selection
from contactkit.simulator.messages import Row
from contactkit.spec import JSON

UniqueValue: TypeAlias = tuple[str, str, JSON]  # owner, field, value


@dataclass(slots=True)
class Stored:
    """One contact: its row by field name, its owner, its place in the order of creation.

    `writes` is how often it was written.
    """

    row: Row
    owner: str
    place: int
    writes: int = 0
    deleted: bool = False


@dataclass
class Store:
    """Contacts in the order of creation; deleted ones are kept, to be counted or restored."""

    key: str
    unique: tuple[str, ...]
    fold: OfField
    rank: OfField
    _rows: dict[str, Stored] = field(default_factory=dict[str, Stored])
    _holders: dict[UniqueValue, str] = field(default_factory=dict[UniqueValue, str])
    _deleted_holders: dict[UniqueValue, str] = field(default_factory=dict[UniqueValue, str])
    _backup: dict[str, Stored | None] | None = None
    _places: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self._listings = Listings(self.fold, self.rank)

    def __iter__(self) -> Iterator[Stored]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def select(self, selection: Selection, owners: Owners) -> Sequence[Row]:
        """The rows of a listing, of these owners or of all; they are valid until the next write."""
        return self._listings.rows(self._rows.values(), selection, owners)

    def find(self, key: str) -> Stored | None:
        """The contact with this key, unless it was deleted."""
        stored = self._rows.get(key)
        return None if stored is None or stored.deleted else stored

    def holder(self, owner: str, row: Row) -> Stored | None:
        """The contact that has one of the row's unique values."""
        return self._look_up(self._holders, owner, row)

    def deleted_holder(self, owner: str, row: Row) -> Stored | None:
        """The deleted contact that last had one of the row's unique values."""
        return self._look_up(self._deleted_holders, owner, row)

    def put(self, row: Row, owner: str, writes: int) -> Stored:
        """Add a contact, or replace the row of the one with the same key."""
        key = str(row[self.key])
        self._back_up(key)
        stored = self._rows.get(key)
        if stored is None:
            stored = self._rows[key] = Stored(row, owner, next(self._places), deleted=True)
        else:
            self._release_values(stored)
        with self._moving(stored):
            stored.row, stored.deleted = row, False
        stored.writes += writes
        for value in self._unique_values(owner, row):
            self._holders[value] = key
        return stored

    def delete(self, stored: Stored) -> None:
        """Mark a contact deleted and release its unique values."""
        self._back_up(str(stored.row[self.key]))
        self._release_values(stored)
        with self._moving(stored):
            stored.deleted = True
        stored.writes += 1
        for value in self._unique_values(stored.owner, stored.row):
            self._deleted_holders[value] = str(stored.row[self.key])

    @contextmanager
    def rollback(self) -> Generator[None]:
        """Undo all changes at the end of the block."""
        self._backup = {}
        try:
            yield
        finally:
            backup, self._backup = self._backup, None
            for key, stored in backup.items():
                self._restore(key, stored)

    def _back_up(self, key: str) -> None:
        if self._backup is not None:
            stored = self._rows.get(key)
            self._backup.setdefault(key, replace(stored) if stored else None)

    def _restore(self, key: str, backup: Stored | None) -> None:
        stored = self._rows[key]
        self._release_values(stored)
        with self._moving(stored):
            stored.deleted = backup is None or backup.deleted
            stored.row = backup.row if backup else stored.row
        if backup is None:
            del self._rows[key]
            return
        stored.writes = backup.writes
        for value in self._unique_values(stored.owner, stored.row):
            (self._deleted_holders if stored.deleted else self._holders)[value] = key

    @contextmanager
    def _moving(self, stored: Stored) -> Generator[None]:
        """Keep the order of listings while a contact changes."""
        keys = self._listings.keys_of(stored)
        yield
        self._listings.move(stored, keys)

    def _release_values(self, stored: Stored) -> None:
        key = str(stored.row[self.key])
        for value in self._unique_values(stored.owner, stored.row):
            for holders in (self._holders, self._deleted_holders):
                if holders.get(value) == key:
                    del holders[value]

    def _look_up(self, holders: dict[UniqueValue, str], owner: str, row: Row) -> Stored | None:
        keys = (holders.get(value) for value in self._unique_values(owner, row))
        return next((self._rows[key] for key in keys if key is not None), None)

    def _unique_values(self, owner: str, row: Row) -> list[UniqueValue]:
        values = [(name, row.get(name)) for name in self.unique]
        return [(owner, name, self.fold(name, value)) for name, value in values if value]
