"""How Sendblue's listing is read beyond its largest offset: by time of creation.

https://docs.sendblue.com/api/resources/contacts/methods/list
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from contactkit.errors import Problem
from contactkit.spec import JSON, OutOfReach, Place, Query, as_object, parse_time, whole_number

LARGEST, FURTHEST = 1000, 10_000
_OLDEST_FIRST = {"order_by": "created_at", "order_direction": "asc"}


class CreationWindow:
    """Oldest first: each page starts at the creation time of the last contact before it.

    Contacts with that time are returned again and recognised by their key. In any other order there
    are only offsets, which are limited. A few more contacts than necessary are requested again, so
    that a contact that was deleted in between does not hide another.
    """

    largest = LARGEST
    parameters = ("limit", "offset")
    can_restart = False

    def first_query(self, query: Query, size: int) -> Query:
        ordered = "order_by" in query or "order_direction" in query
        return {**({} if ordered else _OLDEST_FIRST), **query, "limit": str(size), "offset": "0"}

    def next_query(self, query: Query, rows: Sequence[JSON], body: JSON) -> Query | None:
        size, offset = int(query["limit"]), int(query["offset"])
        if len(rows) < size:
            return None
        times = [_created(row) for row in rows]
        if not query.items() >= _OLDEST_FIRST.items() or not times[-1]:
            return {**query, "offset": _reachable(offset, offset + size)}
        together = times.count(times[-1])
        if together == len(rows) and _moment(query.get("created_at_gte", "")) == times[-1]:
            # All of them share the requested time, as did those before them.
            start = _reachable(offset, max(0, together + offset - min(100, size // 2)))
            return {**query, "offset": start}
        start = max(0, together - min(100, size // 2))
        return {**query, "created_at_gte": times[-1], "offset": str(start)}

    def further_queries(self, query: Query, body: JSON) -> Iterable[Query]:
        return ()

    def names_people(self, query: Query) -> bool:
        return False

    def total(self, body: JSON) -> int | None:
        return None

    def is_stale(self, problem: Problem) -> bool:
        return False

    def cut(
        self, rows: Sequence[Mapping[str, JSON]], query: Query, usual: int
    ) -> tuple[Sequence[Mapping[str, JSON]], Mapping[Place, JSON]]:
        limit = min(whole_number(query.get("limit", str(usual)), "limit", 1), LARGEST)
        offset = min(whole_number(query.get("offset", "0"), "offset", 0), FURTHEST)
        return rows[offset : offset + limit], {}


def _created(row: JSON) -> str:
    contact = as_object(row)
    return _moment(str(contact.get("created_at") or contact.get("createdAt") or ""))


def _moment(text: str) -> str:
    """A time in one spelling; text that is not a time is unchanged."""
    try:
        return parse_time(text).isoformat()
    except ValueError:
        return text


def _reachable(previous: int, offset: int) -> str:
    if previous >= FURTHEST:
        raise OutOfReach(
            f"Sendblue lists at most {FURTHEST + LARGEST:,} contacts in one order, or with one "
            "time, and there may be more; leave out order_by and order_direction to list by time"
        )
    return str(min(offset, FURTHEST))
