"""Reads a listing page by page, one flow per page, for any kind of paging."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from operator import itemgetter
from typing import cast

from contactkit._http.background import ParallelFlow
from contactkit._http.cursor import Cursor, Listing, encode_digests
from contactkit._http.lookahead import Fetched, Lookahead
from contactkit._http.response import extract, unexpected_response
from contactkit._http.seen import AllPages, KeyDigest, LastPage
from contactkit._http.session import Session
from contactkit.errors import ApiError, InvalidInputError
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.paging import OutOfReach, Query
from contactkit.spec.provider import JSON, as_object
from contactkit.spec.record import key_of

RESTARTS = 5


@dataclass(frozen=True, kw_only=True)
class Page:
    """The rows of one page as the provider sent them, and the total if it is known.

    `attrs` are those of a frame that was read when the page was requested.
    """

    rows: list[JSON]
    total: int | None
    attrs: dict[str, JSON]


class Pages:
    """The pages of a listing, one flow per page; no row is returned twice.

    It remembers the keys of the previous page. If a listing may have to start again, it remembers
    those of all pages, and separately those since the last start, to detect an endless listing.

    At most `limit` rows are wanted, and at most `ahead` pages are requested before they are needed.
    With `after` it goes on from a cursor of the same listing; `known` are the digests of all keys
    before it, without which a listing cannot start again.
    """

    def __init__(
        self,
        session: Session,
        endpoint: Endpoint,
        query: Query,
        size: int,
        *,
        limit: int | None = None,
        ahead: int = 0,
        after: Cursor | None = None,
        known: Iterable[bytes] | None = None,
    ) -> None:
        self.session = session
        self.listing = Listing.of(session, query, size)
        self.read, self.total, self.stuck, self.more = 0, None, False, True
        self._paging = session.provider.paging
        self._first = self._paging.first_query(query, size)
        self.query, self._size, self._limit = query, size, limit
        self._following: Query | None = None
        self._announced: int | None = None
        self._end_reason = ""
        self._restarts = 0
        self._lookahead = Lookahead(session, endpoint, ahead)
        self._digest = KeyDigest(session.digest_key)
        if after:
            self._go_on(after)
        earlier = self._digest.split(after.digests) if after else frozenset[bytes]()
        if self._paging.can_restart:
            complete = not after or known is not None
            self._seen = AllPages(self._digest, known or earlier, complete=complete)
        else:
            self._seen = LastPage(self._digest, earlier)

    def _go_on(self, after: Cursor) -> None:
        self.read, self.total, self.stuck = after.read, after.total, after.stuck
        self._announced, self._end_reason = after.announced, after.end_reason
        self.more = after.following is not None
        self._following = {**self._first, **(after.following or {})}

    @property
    def cursor(self) -> Cursor | None:
        """The place after the last page; None if it would have a personal value of a contact."""
        return self.mark()()

    def mark(self) -> Callable[[], Cursor | None]:
        """What makes the cursor of this place, also after further pages: digests take time."""
        following = self._following if self.more else None
        cursor = Cursor(
            listing=self.listing,
            following=None if following is None else dict(following.items() - self._first.items()),
            read=self.read,
            total=self.total,
            announced=self._announced,
            stuck=self.stuck,
            end_reason=self._end_reason,
            keys="",
        )
        return partial(self._with_keys, cursor, self._seen.last)

    def _with_keys(self, cursor: Cursor, keys: Collection[object]) -> Cursor | None:
        if self._paging.names_people(self._first):
            return None
        return replace(cursor, keys=encode_digests(self._digest.join(keys)))

    def next(self) -> ParallelFlow[Page | None]:
        """The next page, or None after the last."""
        while self.more:
            query = self._following or self._first
            try:
                fetched = yield from self._lookahead.fetch(query)
            except ApiError as error:
                self._start_again(error)
                continue
            page = self._page(fetched, query)
            yield from self._lookahead.request(self._wanted(query, fetched.success.body))
            if page.rows or not self.more:
                return page
        return None

    def close(self) -> None:
        """Abandon the pages that were requested ahead."""
        self._lookahead.cancel()

    def _wanted(self, query: Query, body: JSON) -> Iterable[Query]:
        """The queries of the pages that will be needed after that of `query`, as far as known."""
        if not self.more or self._following is None:
            return ()
        queries = chain([self._following], self._paging.further_queries(query, body))
        rest = math.inf if self._limit is None else max(0, self._limit - self.read)
        return queries if rest == math.inf else islice(queries, math.ceil(rest / self._size))

    def _start_again(self, error: ApiError) -> None:
        seen, is_stale = self._seen, self._paging.is_stale(error.problem)
        if self._following is None or not is_stale or self._restarts >= RESTARTS:
            raise error
        if not isinstance(seen, AllPages):
            raise error
        if not seen.complete:
            where = f"{self.listing.provider} list"
            message = "is no longer valid; read the listing from its start"
            raise InvalidInputError.one(where, "after", message, "cursor") from error
        self._restarts += 1
        self._following = None
        seen.start_again()

    def _page(self, fetched: Fetched, query: Query) -> Page:
        success, operation = fetched.success, fetched.operation
        rows = extract(self.session, operation, success, self.session.provider.envelope.many)
        if not isinstance(rows, list):
            why = "has no list of contacts where it is documented"
            raise unexpected_response(self.session, operation, success.response, why)
        rows, known = cast("list[JSON]", rows), self.total
        try:
            self.total = self._paging.total(success.body)
            self._following = self._paging.next_query(query, rows, success.body)
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
        return Page(rows=new, total=self.total, attrs=fetched.attrs)

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
        keys: set[object] = distinct - {None}
        known, passed = self._seen.take(keys)
        moved = not passed or len(keys) < len(distinct)
        whole = len(distinct) == len(rows) and not known
        return rows if whole else self._without_known(rows, known), moved

    def _key(self, row: JSON) -> str | None:
        """The key of a row; None if there is no usable one."""
        key = as_object(row).get(key_of(self.session.provider.record).wire)
        return key if isinstance(key, str) else None

    def _without_known(self, rows: list[JSON], known: set[object]) -> list[JSON]:
        seen, new = set(known), list[JSON]()
        for row in rows:
            key = self._key(row)
            if key is None or key not in seen:
                new.append(row)
            seen.add(key)
        return new
