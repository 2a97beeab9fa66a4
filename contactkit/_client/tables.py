"""`schema`, `to_arrow` and `write_contacts`: contacts in the schema that a provider declares."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from contactkit._frames.arrow import schema_of, to_table
from contactkit._frames.files import write_private
from contactkit._frames.headings import field_names
from contactkit._frames.packing import pack_frame
from contactkit._frames.tabular import Tabular, as_frame, name_type
from contactkit._frames.written import ENDINGS, write_file
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError, InvalidInputError
from contactkit.spec.provider import Provider
from contactkit.spec.record import fields_of

if TYPE_CHECKING:
    import pyarrow as pa


def schema(provider: str | Provider) -> pa.Schema:
    """The Arrow schema of a provider's contacts, as files, tables and exports have it.

    Text is `string`, a mapping is JSON text, a list of text is `list<string>`, a category is
    `dictionary<int8, string>`, a date is `date32`, and a time is `timestamp[us, UTC]`. The last
    column, `extras`, is JSON text: a mapping of the columns that are not declared, such as a field
    that the provider added. Needs the extra `parquet`.

    Raises ConfigurationError for an unknown provider, and ImportError without pyarrow.
    """
    return schema_of(find(provider))


def to_arrow(frame: Tabular, provider: str | Provider | None = None) -> pa.Table:
    """Contacts, as a frame of any dtypes or a table of another library, in the schema of `schema`.

    Frames of no, one and many contacts have the same schema, so that files of them can be read
    together. Columns that are not declared are kept in `extras`; declared ones that are missing are
    null. An index is left out, unless it is a field. Without `provider`, it is the one in the
    frame's `attrs`, or else the one that has these columns. Needs the extra `parquet`.

    Raises InvalidInputError that names the cells that are not of their field's kind,
    ConfigurationError if the provider is none or several, and ImportError without pyarrow.
    """
    contacts, declared = _contacts_of("to_arrow", frame, provider)
    return to_table(declared, pack_frame(declared, contacts))


def write_contacts(
    frame: Tabular, path: str | Path, provider: str | Provider | None = None
) -> None:
    """Write contacts into a file that only you can read and that `read_contacts` reads as they are.

    The ending of the path says what it becomes: .parquet, .pq or .feather, in the schema of
    `schema` and with the extra `parquet`; .csv, in UTF-8; or .xlsx, with the extra `excel`. In CSV
    and Excel, times are ISO 8601 text in UTC, lists and mappings are JSON text, and what a
    spreadsheet would run as a formula is text: in CSV after a quote, which `read_contacts` takes
    away. Columns that are not declared are kept in a column `extras`, and empty text becomes an
    empty cell. Parquet and Feather keep when and where the contacts were read, and whether they are
    a part of all, as the frame's `attrs` say; in CSV and Excel that is lost. The file is replaced
    as a whole.

    Raises the errors of `to_arrow`, ConfigurationError for another ending and for what Excel cannot
    have, and OSError.
    """
    place = Path(os.path.expanduser(path))
    ending = place.suffix.lower()
    if ending not in ENDINGS:
        raise ConfigurationError(f"{path}: must end in {', '.join(ENDINGS)}")
    contacts, declared = _contacts_of("write_contacts", frame, provider)
    packed = pack_frame(declared, contacts)
    write_private(place, write_file(ending, declared, packed, contacts.attrs))


def _contacts_of(
    verb: str, frame: Tabular, provider: str | Provider | None
) -> tuple[pd.DataFrame, Provider]:
    """The contacts as a frame, and their provider."""
    contacts = as_frame(frame)
    if not isinstance(contacts, pd.DataFrame):
        message = f"must be a DataFrame of contacts, not {name_type(frame)}"
        raise InvalidInputError.one(verb, "frame", message)
    found = provider or contacts.attrs.get("provider")
    columns = [*contacts.columns, *(name for name in contacts.index.names if name)]
    return contacts, find(found) if found else provider_with(columns, verb)


def provider_with(columns: Iterable[str], where: str) -> Provider:
    """The provider whose fields have these columns; ConfigurationError if it is none or several."""
    providers, columns = [find(name) for name in names()], [*columns]
    matches = [each for each in providers if _has_fields(each, columns)] or [
        each for each in providers if _has_fields(each, field_names(each.record, columns))
    ]
    if len(matches) != 1:
        which = ", ".join(provider.name for provider in matches) or "none"
        raise ConfigurationError(
            f"{where}: the columns fit these providers: {which}; choose one with provider="
        )
    return matches[0]


def _has_fields(provider: Provider, columns: Iterable[str]) -> bool:
    return set(columns) <= fields_of(provider.record).keys()
