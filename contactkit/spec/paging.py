"""How a listing is read page by page.

The simulator writes pages with these classes, and the client reads them. `Paging` is the protocol
for any kind of paging; `PageNumbers` is the usual one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from contactkit.errors import InvalidInputError, Problem
from contactkit.spec.provider import JSON, Envelope, Place, as_object

_WHOLE = re.compile(r"\d{1,9}", re.ASCII)


Query: TypeAlias = Mapping[str, str]


class OutOfReach(Exception):
    """A listing cannot continue although there may be more; the message is for the user."""


class Paging(Protocol):
    """How a listing is read.

    A page has at most `largest` contacts; `parameters` are the query parameters for paging. A
    listing that `can_restart` is read again from its start when `is_stale` says so.
    """

    @property
    def largest(self) -> int: ...
    @property
    def parameters(self) -> tuple[str, ...]: ...
    @property
    def can_restart(self) -> bool: ...
    def first_query(self, query: Query, size: int) -> Query:
        """The whole query for the first page of a listing."""
        ...

    def next_query(self, query: Query, rows: Sequence[JSON], body: JSON) -> Query | None:
        """The query for the page after that of `query`; None after the last page.

        LookupError if the response does not say whether there are more; OutOfReach if there may be
        more but this listing cannot reach them.
        """
        ...

    def further_queries(self, query: Query, body: JSON) -> Iterable[Query]:
        """The queries for the pages after the next one, as far as this response announces them."""
        ...

    def names_people(self, query: Query) -> bool:
        """Whether the query for another page of this listing has a personal value of a contact."""
        ...

    def total(self, body: JSON) -> int | None:
        """The number of contacts in the whole listing, if a response says it."""
        ...

    def is_stale(self, problem: Problem) -> bool:
        """Whether a refusal means that the listing must start again."""
        ...

    def cut(
        self, rows: Sequence[Mapping[str, JSON]], query: Query, usual: int
    ) -> tuple[Sequence[Mapping[str, JSON]], Mapping[Place, JSON]]:
        """One page of rows, and the other values in the response, by their place in its body.

        `rows` are the whole listing, in its order. InvalidInputError, with one problem, for a query
        without a valid page.
        """
        ...


def whole_number(text: str, name: str, least: int, most: int | None = None) -> int:
    """A whole number from a query; InvalidInputError, as in `Paging.cut`, for anything else."""
    value = int(text) if _WHOLE.fullmatch(text) else least - 1
    if value < least or (most is not None and value > most):
        allowed = f"between {least} and {most}" if most else f"greater than {least - 1}"
        raise InvalidInputError.one("page", name, f"must be {allowed}", "page")
    return value


@dataclass(frozen=True, kw_only=True)
class PageNumbers:
    """Paging by page number, counted from 1.

    `info` is where a response describes its page; the other names are those of the query and of
    that description.
    """

    info: Place
    page: str = "page"
    size: str = "page_size"
    largest: int = 100
    total_name: str = "total_count"
    pages: str = "total_pages"
    more: str = ""
    can_restart: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        return self.page, self.size

    def first_query(self, query: Query, size: int) -> Query:
        return {**query, self.page: "1", self.size: str(size)}

    def next_query(self, query: Query, rows: Sequence[JSON], body: JSON) -> Query | None:
        info, number = self._info(body), int(query[self.page])
        more, pages = info.get(self.more) if self.more else None, info.get(self.pages)
        if not isinstance(more, bool):
            if not isinstance(pages, int) or isinstance(pages, bool):
                raise LookupError(self.pages)
            more = number < pages
        return {**query, self.page: str(number + 1)} if more else None

    def further_queries(self, query: Query, body: JSON) -> Iterable[Query]:
        number, pages = int(query[self.page]), self._info(body).get(self.pages)
        if isinstance(pages, int):
            for further in range(number + 2, pages + 1):
                yield {**query, self.page: str(further)}

    def names_people(self, query: Query) -> bool:
        return False

    def total(self, body: JSON) -> int | None:
        total = self._info(body).get(self.total_name)
        return total if isinstance(total, int) else None

    def is_stale(self, problem: Problem) -> bool:
        return False

    def cut(
        self, rows: Sequence[Mapping[str, JSON]], query: Query, usual: int
    ) -> tuple[Sequence[Mapping[str, JSON]], Mapping[Place, JSON]]:
        number = whole_number(query.get(self.page, "1"), self.page, 1)
        size = whole_number(query.get(self.size, str(usual)), self.size, 1, self.largest)
        pages = -(-len(rows) // size)
        info = {self.page: number, self.size: size, self.total_name: len(rows), self.pages: pages}
        info |= {self.more: number < pages} if self.more else {}
        return rows[(number - 1) * size : number * size], {self.info: info}

    def _info(self, body: JSON) -> dict[str, JSON]:
        info = Envelope.pick(body, self.info)
        if not isinstance(info, dict):
            raise LookupError(".".join(self.info))
        return as_object(info)
