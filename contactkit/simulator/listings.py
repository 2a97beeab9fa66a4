"""Listings whose order is kept while contacts change, so that a page is a slice.

A view has the contacts of a listing by their keys in its order. The fields that a listing looks up
exactly come first in the keys, so that one view serves all their values.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from contactkit.simulator.messages import Refusal, Row
from contactkit.spec import JSON

if TYPE_CHECKING:
    from contactkit.simulator.store import Stored

Key: TypeAlias = tuple[Any, ...]
Owners: TypeAlias = "frozenset[str] | None"
Term: TypeAlias = "tuple[Callable[[Row], Any], bool]"  # and whether it is descending
OfField: TypeAlias = "Callable[[str, JSON], Any]"

# A view is kept while it is among the last ones that were read. Fewer contacts are not worth one.
_KEPT, _FEW = 8, 100


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which contacts a listing has, and their order; equal ones are in the order of creation.

    `exact` are values by field. `order` are fields, each with whether it is descending, and `since`
    is the lowest value of the first of them. A `condition` is for everything else; it equals
    another one that selects the same. Without any contact the response is `missing`.
    """

    exact: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    order: tuple[tuple[str, bool], ...] = ()
    since: JSON = None
    condition: Callable[[Row], bool] | None = None
    missing: Refusal | None = None


@dataclass(frozen=True, slots=True)
class _Descending:
    value: Any

    def __lt__(self, other: _Descending) -> bool:
        return other.value < self.value


class Rows(Sequence[Row]):
    """The present rows of consecutive contacts of a view; their list is not copied."""

    def __init__(self, contacts: Sequence[Stored], start: int, stop: int) -> None:
        self._contacts = contacts
        self._range = range(start, stop)

    def __len__(self) -> int:
        return len(self._range)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        places = self._range[index]
        if isinstance(places, int):
            return self._contacts[places].row
        return [self._contacts[place].row for place in places]


class View:
    """The contacts that `has` selects, sorted by terms; equal ones in the order of creation."""

    def __init__(
        self, contacts: Iterable[Stored], has: Callable[[Stored], bool], terms: Sequence[Term]
    ) -> None:
        self._has, self._terms = has, terms
        self._contacts = sorted(filter(has, contacts), key=attrgetter("place"))
        # One pass for each term is faster than comparing whole keys.
        for value_of, descending in reversed(terms):
            self._contacts.sort(key=lambda one: value_of(one.row), reverse=descending)
        self._keys = [self._key(stored) for stored in self._contacts]

    def key_of(self, stored: Stored) -> Key | None:
        """The key of a contact; None for one that the view does not have."""
        return self._key(stored) if self._has(stored) else None

    def _key(self, stored: Stored) -> Key:
        values = [
            _Descending(of(stored.row)) if down else of(stored.row) for of, down in self._terms
        ]
        return (*values, stored.place)

    def move(self, stored: Stored, before: Key | None) -> None:
        """Move a contact that changed and had another key before, or None."""
        after = self.key_of(stored)
        if after == before:
            return
        if before is not None:
            index = bisect_left(self._keys, before)
            del self._keys[index], self._contacts[index]
        if after is not None:
            index = bisect_left(self._keys, after)
            self._keys.insert(index, after)
            self._contacts.insert(index, stored)

    def rows(self, first: Key, since: Any = None) -> Rows:
        """The rows whose keys begin with these values, and continue with `since` or a later one."""
        start = self._search(bisect_left, first)
        stop = self._search(bisect_right, first)
        if since is not None and self._terms[len(first)][1]:
            stop = self._search(bisect_right, (*first, _Descending(since)))
        elif since is not None:
            start = self._search(bisect_left, (*first, since))
        return Rows(self._contacts, start, stop)

    def _search(self, bisect: Callable[..., int], first: Key) -> int:
        length = len(first)

        def beginning(key: Key) -> Key:
            return key[:length]

        return bisect(self._keys, first, key=beginning)


class Listings:
    """The views of all listings; `fold` makes values comparable, and `rank` sorts them."""

    def __init__(self, fold: OfField, rank: OfField) -> None:
        self._fold, self._rank = fold, rank
        self._views: dict[Hashable, View] = {}

    def rows(
        self, contacts: Collection[Stored], selection: Selection, owners: Owners
    ) -> Sequence[Row]:
        """The rows of a listing, of these owners or of all; they are valid until the next write."""
        exact = tuple(_exact(self._fold(*item)) for item in selection.exact.items())
        since = selection.since and self._rank(selection.order[0][0], selection.since)
        rows = self._view(contacts, selection, owners, None).rows(exact, since)
        condition = selection.condition
        if condition is None:
            return rows
        if len(rows) <= _FEW:
            return [row for row in rows if condition(row)]
        return self._view(contacts, selection, owners, condition).rows(exact, since)

    def _view(
        self,
        contacts: Collection[Stored],
        selection: Selection,
        owners: Owners,
        condition: Callable[[Row], bool] | None,
    ) -> View:
        def has(stored: Stored) -> bool:
            visible = not stored.deleted and (owners is None or stored.owner in owners)
            return visible and (condition is None or condition(stored.row))

        name = (owners, tuple(selection.exact), selection.order, condition)
        view = self._views.pop(name, None)
        self._views[name] = View(contacts, has, self._terms(selection)) if view is None else view
        if len(self._views) > _KEPT:
            del self._views[next(iter(self._views))]
        return self._views[name]

    def _terms(self, selection: Selection) -> list[Term]:
        fold, rank = self._fold, self._rank

        def exact(name: str) -> Term:
            return lambda row: _exact(fold(name, row.get(name))), False

        def order(name: str, descending: bool) -> Term:
            return lambda row: rank(name, row.get(name)), descending

        return [*map(exact, selection.exact), *(order(*item) for item in selection.order)]

    def keys_of(self, stored: Stored) -> list[tuple[Hashable, Key | None]]:
        """The keys of a contact in all views, before it changes."""
        return [(name, view.key_of(stored)) for name, view in self._views.items()]

    def move(self, stored: Stored, keys: Iterable[tuple[Hashable, Key | None]]) -> None:
        """Move a contact that changed, and had these keys before."""
        for name, key in keys:
            try:
                self._views[name].move(stored, key)
            except (TypeError, ValueError):
                # A value of a wrong type has no place; the next listing says so.
                del self._views[name]


def _exact(value: Any) -> Key:
    """A value that is comparable with one of any type, and equal to an equal one."""
    if isinstance(value, int | float):
        return "number", value
    return type(value).__name__, value if isinstance(value, str | date) else None
