"""What `people` reads: clients, contact frames, tables of other libraries, files and folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd

from contactkit._client.client import Client
from contactkit._frames.arrow import import_pyarrow
from contactkit._frames.files import ContactFile, open_files, select_columns
from contactkit._frames.frame import Problems
from contactkit._frames.headings import field_names
from contactkit._frames.noted import attrs_of
from contactkit._frames.tabular import as_frame, name_type
from contactkit._people.source import (
    WHERE,
    Source,
    check_columns,
    check_consent,
    make_source,
    needed_columns,
)
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError, InvalidInputError
from contactkit.spec.provider import Provider

_RESERVED = (
    *("suppression", "given", "person", "contacts", "sources", "phones", "emails", "text", "email"),
)


def read_source(name: str, source: Any) -> Source:
    """The contacts of one source, of which only the needed columns are read."""
    if name in _RESERVED or name.startswith(("text_", "email_")):
        message = "is the name of a column; choose another"
        raise InvalidInputError.one(f"{WHERE} {name}", name, message)
    if isinstance(source, Client):
        return _read_client(name, source)
    if isinstance(source, str | Path):
        return _read_files(name, open_files(source))
    if isinstance(source, pd.DataFrame):
        return make_source(name, _provider_of(name, source.attrs), source)
    return _read_table(name, source)


def _read_client(name: str, client: Client) -> Source:
    """The contacts of a client, read page by page."""
    session = client._session
    provider = session.provider
    _check_name(name, provider)
    check_consent(name, provider)
    wanted = needed_columns(provider)
    pages = [cast("pd.DataFrame", page[wanted]) for page in client.contacts.pages()]
    frame = pd.concat(pages, ignore_index=True)
    # The first page is the oldest.
    bad = [row for page in pages for row in page.attrs["problems"].rows]
    frame.attrs = {**pages[0].attrs, "problems": Problems(bad), "part": ""}
    return make_source(name, provider, frame, client=client, clock=session.clock)


def _read_files(name: str, files: Sequence[ContactFile]) -> Source:
    """The contacts of a file or of the files in a folder, read one file after the other."""
    provider = _provider_of(name, files[0].attrs)
    for file in files:
        labels = field_names(provider.record, [*file.columns, *file.partitions])
        check_columns(name, provider, labels)
    frame = select_columns(files, provider, needed_columns(provider))
    return make_source(name, provider, frame)


def _read_table(name: str, table: Any) -> Source:
    """The contacts of a table of another library."""
    if isinstance(table, pd.Series) or not hasattr(table, "__arrow_c_stream__"):
        message = f"must be a client, a table or a file of contacts, not {name_type(table)}"
        raise InvalidInputError.one(f"{WHERE} {name}", name, message)
    arrow = import_pyarrow().table(table)
    attrs = attrs_of(arrow.schema.metadata, arrow.num_rows)
    provider = _provider_of(name, attrs)
    check_columns(name, provider, arrow.column_names)
    wanted = {*needed_columns(provider)}
    frame = as_frame(arrow.select([n for n in arrow.column_names if n in wanted]))
    frame.attrs |= attrs
    return make_source(name, provider, frame)


def _provider_of(name: str, attrs: Mapping[Any, Any]) -> Provider:
    try:
        provider = find(attrs.get("provider", name))
    except ConfigurationError:
        allowed = ", ".join(names())
        message = f"is no provider ({allowed}), and its contacts do not name one; or give a client"
        raise InvalidInputError.one(f"{WHERE} {name}", name, message) from None
    _check_name(name, provider)
    return provider


def _check_name(name: str, provider: Provider) -> None:
    """InvalidInputError for contacts under the name of another provider."""
    if name in names() and name != provider.name:
        message = f"has contacts of {provider.title}: choose another name"
        raise InvalidInputError.one(f"{WHERE} {name}", name, message)
