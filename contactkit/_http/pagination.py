"""Reads a listing page by page, one flow per page, for any kind of paging."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import cast

from contactkit._http.flow import send
from contactkit._http.response import extract, unexpected_response
from contactkit._http.session import Flow, Operation, Session, Success, build_operation
from contactkit.errors import ApiError
from contactkit.spec.paging import OutOfReach, Query
from contactkit.spec.provider import JSON, Endpoint, as_object
from contactkit.spec.record import key_of

RESTARTS = 5


@dataclass(frozen=True, kw_only=True)
class Page:
    """The rows of one page as the provider sent them, and the total if it is known."""

    rows: list[JSON]
    total: int | None


@dataclass
class Pages:
    """The pages of a listing, one flow per page; no row is returned twice.

    It remembers the keys of the previous page. If a listing may have to start again, it remembers
    those of all pages, and separately those since the last start, to detect an endless listing.
    """

    session: Session
    endpoint: Endpoint
    query: Query = field(repr=False)
    size: int
    read: int = 0
    total: int | None = None
    stuck: bool = False
    more: bool = True
    _end_reason: str = ""
    _following: Query | None = field(default=None, repr=False)
    _announced: int | None = None
    _known: set[object] = field(default_factory=set[object], repr=False)
    _passed: set[object] = field(default_factory=set[object], repr=False)
    _restarts: int = 0

    def next(self) -> Flow[Page | None]:
        """The next page, or None after the last."""
        paging = self.session.provider.paging
        while self.more:
            query = self._following or paging.first_query(self.query, self.size)
            operation = build_operation(self.session, self.endpoint, query=query)
            try:
                success = yield from send(self.session, operation)
            except ApiError as error:
                self._start_again(error)
                continue
            page = self._page(operation, success, query)
            if page.rows or not self.more:
                return page
        return None

    def _start_again(self, error: ApiError) -> None:
        stale = self.session.provider.paging.is_stale(error.problem)
        if self._following is None or not stale or self._restarts >= RESTARTS:
            raise error
        self._restarts += 1
        self._following, self._passed = None, set()

    def _page(self, operation: Operation, success: Success, query: Query) -> Page:
        paging = self.session.provider.paging
        rows = extract(self.session, operation, success, self.session.provider.envelope.many)
        if not isinstance(rows, list):
            why = "has no list of contacts where it is documented"
            raise unexpected_response(self.session, operation, success.response, why)
        rows, known = cast("list[JSON]", rows), self.total
        try:
            self.total = paging.total(success.body)
            self._following = paging.next_query(query, rows, success.body)
        except OutOfReach as error:
            self._following, self._end_reason = None, str(error)
        except LookupError:
            why = "does not say whether there are more pages"
            raise unexpected_response(self.session, operation, success.response, why) from None
        # A deleted contact may move another onto a page that was read, although the count fits.
        shrunk = known is not None and (self.total or 0) < known
        if shrunk or (self._announced is not None and known != self.total):
            self._announced = known
        new, moved = self._new_rows(rows)
        self.more = self._following is not None and moved
        self.stuck = self._following is not None and not self.more
        self.read += len(new)
        return Page(rows=new, total=self.total)

    @property
    def cut(self) -> bool:
        """Whether there are, or may be, more contacts than were read."""
        return self.more or bool(self._end_reason)

    def gap(self) -> str:
        """What is wrong with a listing that was read completely; "" if nothing is."""
        if self._end_reason:
            return f"{self.read:,} contacts were read: {self._end_reason}"
        if self.stuck:
            return f"after {self.read:,} contacts the listing announced more but returned none"
        announced = self.total if self.read != self.total else self._announced
        if announced is None:
            return ""
        return (
            f"{self.read:,} contacts were read but {announced:,} were announced: the listing "
            "changed while it was read, and some may be missing"
        )

    def _new_rows(self, rows: list[JSON]) -> tuple[list[JSON], bool]:
        """The rows that were not returned yet, and whether any is new since the last start.

        Inserts and deletions shift the pages of a listing.
        """
        name = key_of(self.session.provider.record).wire
        try:
            distinct: set[object] = set(map(itemgetter(name), rows))
        except (KeyError, TypeError):
            distinct = set(map(self._key, rows))
        moved = None in distinct or not distinct <= self._passed
        whole = len(distinct) == len(rows) and self._known.isdisjoint(distinct)
        new = rows if whole else self._without_known(rows)
        if self.session.provider.paging.can_restart:
            self._known |= distinct
            self._passed |= distinct
        else:
            self._known = self._passed = distinct
        return new, moved

    def _key(self, row: JSON) -> str | None:
        """The key of a row; None if there is no usable one."""
        key = as_object(row).get(key_of(self.session.provider.record).wire)
        return key if isinstance(key, str) else None

    def _without_known(self, rows: list[JSON]) -> list[JSON]:
        seen, new = set(self._known), list[JSON]()
        for row in rows:
            key = self._key(row)
            if key is None or key not in seen:
                new.append(row)
            seen.add(key)
        return new
