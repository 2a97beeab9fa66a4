"""`read_contacts`: a file of contacts, by the provider whose fields its columns are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from contactkit._frames.files import ContactFile, open_file, to_contacts
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import Provider
from contactkit.spec.record import fields_of


def read_contacts(path: str | Path, provider: str | Provider | None = None) -> pd.DataFrame:
    """Read a CSV or Parquet file of contacts by the declared dtypes, inferring nothing.

    In a CSV file an empty cell is NA, and lists and mappings are JSON or Python literals. In a
    Parquet file a mapping's empty entries are left out. Declared columns that the file lacks are
    NA throughout. Without `provider` it is the one whose fields the columns are;
    ConfigurationError when that is none or several, a column is unknown, or the file is damaged.
    """
    file = open_file(path)
    return to_contacts(file, _owner(file) if provider is None else find(provider))


def _owner(file: ContactFile) -> Provider:
    fitting = [
        each for each in map(find, names()) if set(file.columns) <= fields_of(each.record).keys()
    ]
    if len(fitting) != 1:
        which = ", ".join(each.name for each in fitting) or "none"
        raise ConfigurationError(
            f"{file.path}: its columns fit these providers: {which}; say which one with provider="
        )
    return fitting[0]
