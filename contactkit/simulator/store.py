"""The contacts that a simulator holds, by key, and what must be unique among them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from contactkit.simulator.messages import Row
from contactkit.spec.provider import JSON

Place: TypeAlias = tuple[str, str, JSON]


@dataclass(slots=True)
class Stored:
    """One contact: its row by field name, who owns it, and how often it was written."""

    row: Row
    owner: str
    writes: int = 0
    deleted: bool = False


@dataclass
class Store:
    """Contacts in the order they were created; deleted ones stay, to be counted or restored."""

    key: str
    unique: tuple[str, ...]
    fold: Callable[[JSON], JSON]
    _rows: dict[str, Stored] = field(default_factory=dict[str, Stored])
    _taken: dict[Place, str] = field(default_factory=dict[Place, str])
    _left: dict[Place, str] = field(default_factory=dict[Place, str])
    _before: dict[str, Stored | None] | None = None

    def __iter__(self) -> Iterator[Stored]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, key: str) -> Stored | None:
        """The contact with this key, unless it is deleted."""
        stored = self._rows.get(key)
        return None if stored is None or stored.deleted else stored

    def holder(self, owner: str, row: Row) -> Stored | None:
        """The contact that has one of the row's unique values."""
        return self._at(self._taken, owner, row)

    def departed(self, owner: str, row: Row) -> Stored | None:
        """The deleted contact that last had one of the row's unique values."""
        return self._at(self._left, owner, row)

    def put(self, row: Row, owner: str, writes: int) -> Stored:
        """Add a contact, or put a new row in the place of the one with its key."""
        key = str(row[self.key])
        self._keep(key)
        stored = self._rows.setdefault(key, Stored(row, owner))
        self._forget(stored)
        stored.row, stored.deleted = row, False
        stored.writes += writes
        for place in self._places(owner, row):
            self._taken[place] = key
        return stored

    def delete(self, stored: Stored) -> None:
        """Mark a contact deleted and give its unique values free."""
        self._keep(str(stored.row[self.key]))
        self._forget(stored)
        stored.deleted = True
        stored.writes += 1
        for place in self._places(stored.owner, stored.row):
            self._left[place] = str(stored.row[self.key])

    @contextmanager
    def undone(self) -> Generator[None]:
        """What is done within is taken back at its end."""
        self._before = {}
        try:
            yield
        finally:
            before, self._before = self._before, None
            for key, stored in before.items():
                self._restore(key, stored)

    def _keep(self, key: str) -> None:
        if self._before is not None:
            stored = self._rows.get(key)
            self._before.setdefault(key, replace(stored) if stored else None)

    def _restore(self, key: str, stored: Stored | None) -> None:
        self._forget(self._rows[key])
        if stored is None:
            del self._rows[key]
            return
        self._rows[key] = stored
        for place in self._places(stored.owner, stored.row):
            (self._left if stored.deleted else self._taken)[place] = key

    def _forget(self, stored: Stored) -> None:
        key = str(stored.row[self.key])
        for place in self._places(stored.owner, stored.row):
            for index in (self._taken, self._left):
                if index.get(place) == key:
                    del index[place]

    def _at(self, index: dict[Place, str], owner: str, row: Row) -> Stored | None:
        found = (index.get(place) for place in self._places(owner, row))
        return next((self._rows[key] for key in found if key is not None), None)

    def _places(self, owner: str, row: Row) -> list[Place]:
        held = [(name, row.get(name)) for name in self.unique]
        return [(owner, name, self.fold(value)) for name, value in held if value]
