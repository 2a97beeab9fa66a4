"""`read_contacts`: reads a file of contacts by the fields of a provider."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from contactkit._frames.files import ContactFile, open_file, to_contacts
from contactkit._frames.headings import field_names
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import Provider
from contactkit.spec.record import fields_of


def read_contacts(
    path: str | Path,
    provider: str | Provider | None = None,
    *,
    encoding: str | None = None,
) -> pd.DataFrame:
    """Read a CSV, Parquet or Feather file of contacts with the declared dtypes, without guesses.

    A CSV file is UTF-8, or UTF-16 with a byte order mark, unless `encoding` names another encoding;
    its delimiter is a comma, a semicolon or a tab, and it may be compressed (.gz, .bz2 or .xz).
    Empty rows are left out, an empty cell is NA, and lists and mappings are JSON or Python
    literals. In the other files the empty entries of a mapping are left out. Declared columns that
    are missing in the file are NA. Without `provider`, it is the provider that has these columns.

    Warns of lines with too few cells, and of older field names. Raises ConfigurationError if the
    provider is none or several, if a column is unknown, or if the file is damaged; for a CSV file
    with text after a closing quote, an unclosed quote or too many cells, it names the line.
    """
    file = open_file(path, encoding)
    return to_contacts(file, _provider_of(file) if provider is None else find(provider))


def _provider_of(file: ContactFile) -> Provider:
    providers = [find(name) for name in names()]
    matches = [each for each in providers if _has_fields(each, file.columns)] or [
        each for each in providers if _has_fields(each, field_names(each.record, file.columns))
    ]
    if len(matches) != 1:
        which = ", ".join(provider.name for provider in matches) or "none"
        raise ConfigurationError(
            f"{file.path}: the columns fit these providers: {which}; choose one with provider="
        )
    return matches[0]


def _has_fields(provider: Provider, columns: Iterable[str]) -> bool:
    return set(columns) <= fields_of(provider.record).keys()
