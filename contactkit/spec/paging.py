"""Paging by page number, for the client that asks and the simulator that answers alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contactkit.errors import FieldProblem, InvalidInputError, Problem
from contactkit.spec.provider import JSON, Envelope, Place, Query, as_object

_WHOLE = re.compile(r"\d{1,9}", re.ASCII)


def whole_number(text: str, name: str, least: int, most: int | None = None) -> int:
    """A whole number from a query; InvalidInputError, as `Paging.cut` raises it, for others."""
    value = int(text) if _WHOLE.fullmatch(text) else least - 1
    if value < least or (most is not None and value > most):
        allowed = f"between {least} and {most}" if most else f"greater than {least - 1}"
        problem = FieldProblem(field=name, message=f"must be {allowed}", code="page")
        raise InvalidInputError("page", [problem])
    return value


@dataclass(frozen=True, kw_only=True)
class PageNumbers:
    """Page-number paging; pages count from 1. `info` is where an answer tells of itself."""

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

    def next_query(self, asked: Query, rows: Sequence[JSON], body: JSON) -> Query | None:
        info, number = self._info(body), int(asked[self.page])
        more, pages = info.get(self.more) if self.more else None, info.get(self.pages)
        if not isinstance(more, bool):
            if not isinstance(pages, int) or isinstance(pages, bool):
                raise LookupError(self.pages)
            more = number < pages
        return {**asked, self.page: str(number + 1)} if more else None

    def total(self, body: JSON) -> int | None:
        total = self._info(body).get(self.total_name)
        return total if isinstance(total, int) else None

    def is_stale(self, problem: Problem) -> bool:
        return False

    def cut(
        self, rows: Sequence[Mapping[str, JSON]], asked: Query, usual: int
    ) -> tuple[Sequence[Mapping[str, JSON]], Mapping[Place, JSON]]:
        number = whole_number(asked.get(self.page, "1"), self.page, 1)
        size = whole_number(asked.get(self.size, str(usual)), self.size, 1, self.largest)
        pages = -(-len(rows) // size)
        told = {self.page: number, self.size: size, self.total_name: len(rows), self.pages: pages}
        told |= {self.more: number < pages} if self.more else {}
        return rows[(number - 1) * size : number * size], {self.info: told}

    def _info(self, body: JSON) -> dict[str, JSON]:
        found = Envelope.pick(body, self.info)
        if not isinstance(found, dict):
            raise LookupError(".".join(self.info))
        return as_object(found)
