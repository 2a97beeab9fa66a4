"""Contacts read for the verbs and for plans: one by its key, or a listing into a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from contextvars import ContextVar
from typing import Any

import pandas as pd

from contactkit._frames.decode import Columns, read_rows
from contactkit._frames.frame import rows_of, to_frame
from contactkit._http.background import ParallelFlow
from contactkit._http.cursor import Cursor, Listing, parse_cursor
from contactkit._http.flow import send
from contactkit._http.pagination import Pages
from contactkit._http.request import build_operation
from contactkit._http.response import contact_of
from contactkit._http.session import Flow, Session, frame_attrs
from contactkit._plans.progress import Bar, is_watched
from contactkit.errors import InvalidInputError, NotFoundError, warn
from contactkit.spec.paging import Query
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.user_input import normalise_input
from contactkit.spec.validate import check, is_na

# How many pages are requested before they are needed, where all pages are.
MOST_AHEAD = 16
_LONGEST_FILTER = 1000
# For more contacts than this, a listing needs fewer requests than single reads.
_MOST_READ_SINGLY = 50


def read_contact(session: Session, key: str, *, paced: bool = False) -> Flow[dict[str, JSON]]:
    """One contact as it is now, by field name; with `paced`, the rate limit has a place for it."""
    operation = build_operation(session, session.provider.endpoint("get"), key=key)
    success = yield from send(session, operation, paced=paced)
    return contact_of(session, operation, success)


def read_contacts(
    session: Session, keys: Sequence[str]
) -> ParallelFlow[dict[str, dict[str, JSON]]]:
    """Those of the contacts that exist, as they are now, by key."""
    record = session.provider.record
    if len(keys) > _MOST_READ_SINGLY:
        rows = rows_of(record, (yield from read_all(session)))
        return {str(row[key_of(record).name]): row for row in rows}
    contacts: dict[str, dict[str, JSON]] = {}
    for key in keys:
        try:
            contacts[key] = yield from read_contact(session, key)
        except NotFoundError:
            continue
    return contacts


def start_listing(
    session: Session,
    filters: Mapping[str, Any],
    *,
    limit: int | None = None,
    ahead: int = 0,
    after: object = None,
) -> Pages:
    """The pages of a listing with these filters; InvalidInputError for an invalid one.

    At most `limit` contacts are wanted. At most `ahead` pages are requested before they are needed.
    It goes on `after` a page with this cursor.
    """
    query = check_filters(session, filters)
    # One more than wanted shows whether there are more, if nothing else does.
    largest = session.provider.paging.largest
    size = min((limit or largest) + 1, largest)
    cursor = None if after is None else _cursor(session, after, Listing.of(session, query, size))
    endpoint = session.provider.endpoint("list")
    return Pages(session, endpoint, query, size, limit=limit, ahead=ahead, after=cursor)


def filter_attrs(session: Session, query: Query) -> dict[str, JSON]:
    """What the `attrs` of a listing say if its query leaves contacts out."""
    options = fields_of(session.provider.endpoint("list").params).values()
    filters = query.keys() - {option.wire for option in options if option.marker.orders}
    return {"part": "a filtered listing"} if filters else {}


def _cursor(session: Session, after: object, listing: Listing) -> Cursor:
    try:
        cursor = parse_cursor(after)
        if difference := cursor.listing.difference(listing):
            raise ValueError(f"is the cursor of {difference}")
    except ValueError as error:
        where = f"{session.provider.name} list"
        raise InvalidInputError.one(where, "after", str(error), "cursor") from None
    return cursor


def check_filters(session: Session, filters: Mapping[str, Any]) -> Query:
    """The query of these filters; InvalidInputError for an invalid one."""
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
    return query


def read_listing(
    session: Session, pages: Pages, limit: int | None = None
) -> ParallelFlow[pd.DataFrame]:
    """Read pages into one contact frame; warn if the limit cuts it or the listing changed."""
    record, attrs = session.provider.record, frame_attrs(session)
    parts: list[Columns] = []
    with closing(pages), progress_bar(session.provider) as bar:
        while limit is None or pages.read < limit:
            page = yield from pages.next()
            if page is None:
                break
            rest = None if limit is None else limit - pages.read + len(page.rows)
            parts.append(read_rows(record, page.rows[:rest]))
            bar.total = page.total if limit is None else limit
            bar.update(len(page.rows))
    frame = to_frame(record, parts, attrs | filter_attrs(session, pages.query))
    if limit is None or pages.read < limit:
        warn_of_gap(pages)
    elif pages.cut or pages.read > limit:
        frame.attrs["part"] = "a listing that was cut"
        rest = "; there may be more" if pages.total is None else f" of {pages.total:,}"
        warn(f"cut at {limit:,}{rest} contacts")
    return frame


is_quiet: ContextVar[bool] = ContextVar("is_quiet", default=False)
"""Whether listings show no progress, because their caller shows that of many."""


def progress_bar(provider: Provider, done: int = 0) -> Bar:
    """A bar on stderr that counts contacts, for a listing that takes more than a second."""
    title, hidden = f"{provider.title} contacts", is_quiet.get() or not is_watched()
    # It is drawn after any page, because no thread draws it after a slow one.
    return Bar(desc=title, delay=1.0, leave=False, initial=done, miniters=1, disable=hidden)


def read_all(session: Session) -> ParallelFlow[pd.DataFrame]:
    """Read every contact into one frame."""
    return (yield from read_listing(session, start_listing(session, {}, ahead=MOST_AHEAD)))


def read_page(pages: Pages) -> ParallelFlow[pd.DataFrame | None]:
    """Read the next page into a contact frame, with the cursor after it; None after the last."""
    record = pages.session.provider.record
    page = yield from pages.next()
    if page is None:
        return None
    cursor = {} if pages.cursor is None else {"cursor": str(pages.cursor)}
    is_whole = not pages.more and pages.read == len(page.rows)
    part = filter_attrs(pages.session, pages.query) or ({} if is_whole else {"part": "one page"})
    return to_frame(record, [read_rows(record, page.rows)], page.attrs | part | cursor)


def warn_of_gap(pages: Pages) -> None:
    """Warn if a listing that was read to its end may lack contacts."""
    if gap := pages.gap():
        warn(gap)
