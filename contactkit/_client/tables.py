"""`schema` and `to_arrow`: contacts as Arrow tables in the schema that a provider declares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from contactkit._frames.arrow import schema_of, to_table
from contactkit._frames.headings import field_names
from contactkit._frames.packing import pack_frame
from contactkit._frames.tabular import Tabular, as_frame, name_type
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
    contacts = as_frame(frame)
    if not isinstance(contacts, pd.DataFrame):
        message = f"must be a DataFrame of contacts, not {name_type(frame)}"
        raise InvalidInputError.one("to_arrow", "frame", message)
    found = provider or contacts.attrs.get("provider")
    columns = [*contacts.columns, *(name for name in contacts.index.names if name)]
    declared = find(found) if found else provider_with(columns, "to_arrow")
    return to_table(declared, pack_frame(declared, contacts))


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
