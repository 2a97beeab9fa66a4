"""Requests pages before they are needed, where a driver has a network to wait for.

A page that was requested ahead and failed is requested again at its place, so that its error is the
same as without, and a provider in trouble gets one request at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from contactkit._http.background import Begin, Finish, Job, ParallelFlow
from contactkit._http.flow import send
from contactkit._http.request import build_operation
from contactkit._http.session import Operation, Session, Success, frame_attrs
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.paging import Query
from contactkit.spec.provider import JSON


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A page's response, and the `attrs` of a frame that was read when it was requested."""

    operation: Operation
    success: Success
    attrs: dict[str, JSON]


@dataclass(frozen=True, kw_only=True)
class _Requested:
    query: Query
    operation: Operation
    attrs: dict[str, JSON]
    job: Job


class Lookahead:
    """The pages of one listing that are requested ahead, at most `most` at a time.

    It begins with one, and with each that arrives it doubles their number.
    """

    def __init__(self, session: Session, endpoint: Endpoint, most: int) -> None:
        self._session = session
        self._endpoint = endpoint
        self._most = most
        self._width = 0
        self._requested: deque[_Requested] = deque()

    def fetch(self, query: Query) -> ParallelFlow[Fetched]:
        """The page of this query."""
        if self._requested and self._requested[0].query == query:
            ahead = self._requested.popleft()
            yield Finish(ahead.job)
            try:
                success: Success = ahead.job.result()
            except Exception:
                self._width = 0
            else:
                self._width = min(self._most, 2 * self._width or 1)
                return Fetched(operation=ahead.operation, success=success, attrs=ahead.attrs)
        return (yield from self._fetch_now(query))

    def _fetch_now(self, query: Query) -> ParallelFlow[Fetched]:
        attrs, operation = frame_attrs(self._session), self._operation(query)
        success = yield from send(self._session, operation)
        self._width = min(self._most, max(1, self._width))
        return Fetched(operation=operation, success=success, attrs=attrs)

    def request(self, queries: Iterable[Query]) -> ParallelFlow[None]:
        """Request the first of these pages, which follow the last one that was fetched."""
        for query in islice(queries, len(self._requested), self._width):
            attrs, operation = frame_attrs(self._session), self._operation(query, once=True)
            begin = Begin(send(self._session, operation))
            yield begin
            if begin.job is None:
                self._most = self._width = 0
                return
            ahead = _Requested(query=query, operation=operation, attrs=attrs, job=begin.job)
            self._requested.append(ahead)

    def cancel(self) -> None:
        """Abandon all pages that were requested ahead."""
        while self._requested:
            self._requested.popleft().job.cancel()

    def _operation(self, query: Query, *, once: bool = False) -> Operation:
        return build_operation(self._session, self._endpoint, query=query, once=once)
