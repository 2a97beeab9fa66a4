"""Contacts read from a listing into frames, for `list` and for plans that need all contacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from tqdm import tqdm

from contactkit._frames.decode import Columns, read_rows
from contactkit._frames.frame import to_frame
from contactkit._http.pagination import Page, Pages
from contactkit._http.session import Flow, Session, frame_attrs
from contactkit.errors import InvalidInputError, warn
from contactkit.spec.validate import check, is_na, normalise_input

_LONGEST_FILTER = 1000


def start_listing(session: Session, filters: Mapping[str, Any], limit: int | None = None) -> Pages:
    """The pages of a listing with these filters; InvalidInputError for an invalid one."""
    provider = session.provider
    endpoint = provider.endpoint("list")
    where = f"{provider.name} {endpoint.verb}"
    for name, value in filters.items():
        if is_na(value):
            message = "must not be NA; leave it out to read all contacts"
            raise InvalidInputError.one(where, name, message)
    wanted = {
        name: value
        for name, value in normalise_input(provider, endpoint, filters).items()
        if value is not None
    }
    checked = check(provider, endpoint, wanted)
    if checked.problems:
        raise InvalidInputError(where, checked.problems)
    query = endpoint.params.to_query(checked.values)
    for name, text in query.items():
        if len(text) > _LONGEST_FILTER:
            message = f"must be at most {_LONGEST_FILTER:,} characters"
            raise InvalidInputError.one(where, name, message)
    # One more than wanted shows whether there are more, if nothing else does.
    largest = provider.paging.largest
    size = min((limit or largest) + 1, largest)
    return Pages(session=session, endpoint=endpoint, query=query, size=size)


def read_listing(session: Session, pages: Pages, limit: int | None = None) -> Flow[pd.DataFrame]:
    """Read pages into one contact frame; warn if the limit cuts it or the listing changed."""
    record = session.provider.record
    parts: list[Columns] = []
    with tqdm(desc=f"{session.provider.title} contacts", delay=1.0, leave=False) as bar:
        while limit is None or pages.read < limit:
            page = yield from pages.next()
            if page is None:
                break
            rest = None if limit is None else limit - pages.read + len(page.rows)
            parts.append(read_rows(record, page.rows[:rest]))
            bar.total = page.total if limit is None else limit
            bar.update(len(page.rows))
    frame = to_frame(record, parts, frame_attrs(session))
    if limit is None or pages.read < limit:
        warn_of_gap(pages)
    elif pages.cut or pages.read > limit:
        rest = "; there may be more" if pages.total is None else f" of {pages.total:,}"
        warn(f"cut at {limit:,}{rest} contacts")
    return frame


def read_all(session: Session) -> Flow[pd.DataFrame]:
    """Read every contact into one frame."""
    return (yield from read_listing(session, start_listing(session, {})))


def page_frame(session: Session, page: Page) -> pd.DataFrame:
    """One page as a contact frame."""
    record = session.provider.record
    return to_frame(record, [read_rows(record, page.rows)], frame_attrs(session))


def warn_of_gap(pages: Pages) -> None:
    """Warn if a listing that was read to its end may lack contacts."""
    if gap := pages.gap():
        warn(gap)
