"""`people`: reads contacts from clients, frames and files into one table of people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd

from contactkit._client.client import Client
from contactkit._frames.frame import Problems
from contactkit._people.identifiers import canonical
from contactkit._people.people import People, make_people
from contactkit._people.source import WHERE, Source, make_source, needed_columns
from contactkit._people.suppression import Suppressions, read_suppressions
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError, InvalidInputError
from contactkit.spec.provider import Provider
from contactkit.spec.record import fields_of

_RESERVED = ("suppression", "person", "contacts", "sources", "phones", "emails", "text", "email")


def people(
    *,
    suppression: str | Path | Sequence[str | Path] | None = None,
    shared_by: int | None = 3,
    apart: Iterable[str] = (),
    **sources: Any,
) -> People:
    """Put the contacts of several providers together: who is who, and who may be written to.

    A source is a client, whose contacts are read, or a contact frame; its name is that of its
    provider, or any other if the frame's `attrs` or the client say whose contacts they are. Two
    accounts of a provider have two names. `suppression` names files of addresses that must not be
    written to. Contacts are one person if they share a phone number or an e-mail address, unless
    more than `shared_by` contacts of one source have it, it is a role's, or it is in `apart`.

    Raises InvalidInputError, which names the source and the field, and the errors of `list`.
    """
    if shared_by is not None and (type(shared_by) is not int or shared_by < 1):
        raise InvalidInputError.one(WHERE, "shared_by", "must be a whole number from 1, or None")
    if not sources:
        raise InvalidInputError.one(WHERE, "sources", "are missing: give clients or contact frames")
    read = [_source(name, source) for name, source in sources.items()]
    suppressions = _suppressions(suppression, read)
    return make_people(read, suppressions, shared_by=shared_by, apart=apart)


def _source(name: str, source: Any) -> Source:
    where = f"{WHERE} {name}"
    if name in _RESERVED or name.startswith(("text_", "email_")):
        raise InvalidInputError.one(where, name, "is the name of a column; choose another")
    if isinstance(source, Client):
        session = source._session
        frame = _read(source, session.provider)
        return make_source(name, session.provider, frame, client=source, clock=session.clock)
    if not isinstance(source, pd.DataFrame):
        message = f"must be a client or a DataFrame of contacts, not {type(source).__name__}"
        raise InvalidInputError.one(where, name, message)
    return make_source(name, _provider_of(name, source), source)


def _provider_of(name: str, frame: pd.DataFrame) -> Provider:
    declared = frame.attrs.get("provider", name)
    try:
        return find(declared)
    except ConfigurationError:
        allowed = ", ".join(names())
        message = f"is no provider ({allowed}), and the frame's attrs do not name one"
        raise InvalidInputError.one(f"{WHERE} {name}", name, message) from None


def _read(client: Client, provider: Provider) -> pd.DataFrame:
    """The needed columns of all contacts, read page by page."""
    wanted = needed_columns(provider)
    pages = [cast("pd.DataFrame", page[wanted]) for page in client.contacts.pages()]
    frame = pd.concat(pages, ignore_index=True)
    # The first page is the oldest.
    bad = [row for page in pages for row in page.attrs["problems"].rows]
    frame.attrs = {**pages[0].attrs, "problems": Problems(bad)}
    return frame


def _suppressions(
    paths: str | Path | Sequence[str | Path] | None, sources: Sequence[Source]
) -> Suppressions:
    listed = [paths] if isinstance(paths, str | Path) else list(paths or ())
    rows = tuple(row for path in listed for row in read_suppressions(path).rows)
    return Suppressions(rows).with_addresses(_known_addresses(sources))


def _known_addresses(sources: Sequence[Source]) -> Iterable[str]:
    for source in sources:
        consent = source.provider.consent
        for name in fields_of(source.provider.record):
            if name in source.frame and name in (*consent.phones, *consent.emails):
                kind = "phone" if name in consent.phones else "email"
                values = source.frame[name].dropna().unique()
                yield from filter(None, (canonical(kind, str(value)) for value in values))
