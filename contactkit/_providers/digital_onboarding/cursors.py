"""Pages by cursor, at Digital Onboarding: https://do-api-docs.pages.dev/guides/pagination/"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any, TypeAlias

from contactkit._providers.digital_onboarding.filters import FIELDS, order_of
from contactkit.errors import InvalidInputError, Problem
from contactkit.spec import JSON, Envelope, Place, Query, as_object, whole_number

_NEWEST = "-inserted_at"

Row: TypeAlias = Mapping[str, JSON]
Order: TypeAlias = list[tuple[str, bool]]


@dataclass(frozen=True)
class Cursors:
    """Paging by cursor: a row's place among others, for one sort order and filter."""

    largest: int = 100
    parameters: tuple[str, ...] = ("page[size]", "page[after]", "page[before]", "meta")
    can_restart: bool = True

    def first_query(self, query: Query, size: int) -> Query:
        return {**query, "meta": "count", "page[size]": str(size)}

    def next_query(self, query: Query, rows: Sequence[JSON], body: JSON) -> Query | None:
        page = as_object(Envelope.pick(body, ("page",)))
        more, cursor = page.get("has_more"), page.get("next_cursor")
        if more is False:
            return None
        if more is not True or not isinstance(cursor, str) or not cursor:
            raise LookupError("page.next_cursor")
        return {**query, "page[after]": cursor}

    def further_queries(self, query: Query, body: JSON) -> Iterable[Query]:
        return ()

    def names_people(self, query: Query) -> bool:
        # A cursor has the last row's values of the fields that are sorted by.
        order = order_of(query.get("sort", _NEWEST))
        return any(FIELDS[name].marker.personal for name, _ in order)

    def total(self, body: JSON) -> int | None:
        count = as_object(as_object(body).get("meta")).get("count")
        return count if isinstance(count, int) else None

    def is_stale(self, problem: Problem) -> bool:
        return problem.code == "cursor_invalid" or problem.status == 410

    def cut(
        self, rows: Sequence[Row], query: Query, usual: int
    ) -> tuple[Sequence[Row], Mapping[Place, JSON]]:
        # A page size that is too large is capped, not refused.
        size = min(whole_number(query.get("page[size]", str(usual)), "page[size]", 1), self.largest)
        ordered = self._ordered(rows, query)
        if "page[before]" in query:
            stop = ordered.find(query["page[before]"], "page[before]", bisect_left)
            start = max(0, stop - size)
        else:
            cursor = query.get("page[after]")
            start = 0 if cursor is None else ordered.find(cursor, "page[after]", bisect_right)
            stop = min(start + size, len(rows))
        more = 0 < stop < len(rows)
        page: dict[str, JSON] = {
            "next_cursor": ordered.cursor(stop - 1) if more else None,
            "prev_cursor": ordered.cursor(start) if 0 < start < len(rows) else None,
            "has_more": more,
            "size": size,
        }
        counted = {("meta",): {"count": len(rows)}} if query.get("meta") == "count" else {}
        return ordered.rows[start:stop], {("page",): page, **counted}

    def _ordered(self, rows: Sequence[Row], query: Query) -> _Ordered:
        filters = {name: text for name, text in query.items() if name not in self.parameters}
        listing = {"sort": _NEWEST, **filters}
        signature = hashlib.sha256(json.dumps(listing, sort_keys=True).encode()).hexdigest()[:16]
        return _Ordered(rows, order_of_listing(listing["sort"]), signature)


def order_of_listing(sort: str | None) -> Order:
    """The fields that a listing is sorted by, and whether each is descending."""
    return [*order_of(sort or _NEWEST), ("id", False)]


def _rank(value: JSON) -> tuple[bool, JSON]:
    """Rows without a value come last."""
    return value is None, value


@dataclass(frozen=True)
class _Ordered:
    """Rows in one order, and the places that cursors name."""

    rows: Sequence[Row]
    order: Order
    signature: str

    def cursor(self, index: int) -> str:
        """A row's place by its values, so that it stays valid when other rows change."""
        *keys, position = self._values(self.rows[index])
        content = {"keys": keys, "position": position, "signature": self.signature}
        return urlsafe_b64encode(json.dumps(content).encode()).decode()

    def find(self, cursor: str, name: str, search: Callable[..., int]) -> int:
        """The index of the cursor's row; InvalidInputError for a cursor of another listing."""
        try:
            content = as_object(json.loads(urlsafe_b64decode(cursor)))
            values = [*content["keys"], content["position"]]
            if content["signature"] == self.signature and len(values) == len(self.order):
                place = self._place(values)
                return search(self.rows, place, key=self._place_of)
        except (ValueError, TypeError, KeyError):
            pass
        message = "belongs to another sort or filter; request the first page again"
        raise InvalidInputError.one("page", name, message, "cursor")

    def _values(self, row: Row) -> list[JSON]:
        return [row.get(name) for name, _ in self.order]

    def _place_of(self, row: Row) -> Any:
        return self._place(self._values(row))

    def _place(self, values: list[JSON]) -> Any:
        return cmp_to_key(self._compare)(values)

    def _compare(self, one: Sequence[JSON], other: Sequence[JSON]) -> int:
        for a, b, (_, descending) in zip(one, other, self.order, strict=True):
            if a != b:
                return -1 if (_rank(a) < _rank(b)) != descending else 1
        return 0
