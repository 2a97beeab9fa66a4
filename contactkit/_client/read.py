"""`read_contacts`: reads a file of contacts by the fields of a provider."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from contactkit._frames.files import ContactFile, open_file, to_contacts
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import Provider
from contactkit.spec.record import fields_of


def read_contacts(path: str | Path, provider: str | Provider | None = None) -> pd.DataFrame:
    """Read a CSV or Parquet file of contacts with the declared dtypes; nothing is inferred.

    In a CSV file an empty cell is NA, and lists and mappings are JSON or Python literals. In a
    Parquet file the empty entries of a mapping are left out. Declared columns that are missing in
    the file are NA. Without `provider`, it is the provider that has these columns. Raises
    ConfigurationError if that is none or several, if a column is unknown, or if the file is
    damaged.
    """
    file = open_file(path)
    return to_contacts(file, _provider_of(file) if provider is None else find(provider))


def _provider_of(file: ContactFile) -> Provider:
    matches = [
        provider
        for provider in map(find, names())
        if set(file.columns) <= fields_of(provider.record).keys()
    ]
    if len(matches) != 1:
        which = ", ".join(provider.name for provider in matches) or "none"
        raise ConfigurationError(
            f"{file.path}: the columns fit these providers: {which}; choose one with provider="
        )
    return matches[0]
