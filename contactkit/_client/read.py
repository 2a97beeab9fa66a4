"""`read_contacts`: reads a file of contacts by the fields of a provider."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from contactkit._client.tables import provider_with
from contactkit._frames.arrow import EXTRAS
from contactkit._frames.files import open_files, to_contacts
from contactkit._providers import find
from contactkit.spec.national import check_region
from contactkit.spec.provider import Provider


def read_contacts(
    path: str | Path,
    provider: str | Provider | None = None,
    *,
    region: str | None = None,
    rename: Mapping[str, str | None] | None = None,
    encoding: str | None = None,
) -> pd.DataFrame:
    """Read a CSV, Excel, Parquet or Feather file of contacts, or a folder, with declared dtypes.

    A CSV file is UTF-8, or UTF-16 with a byte order mark, unless `encoding` names another encoding;
    its delimiter is a comma, a semicolon or a tab, and it may be compressed (.gz, .bz2 or .xz).
    Empty rows are left out, an empty cell is NA, and lists and mappings are JSON or Python
    literals. Of an Excel workbook (.xlsx, with the extra `excel`) the first visible sheet is read,
    each cell as it is shown; what Excel may have changed is bad. Declared columns that are missing
    in the file are NA. Without `provider`, it is the provider that has these columns.

    Parquet (.parquet or .pq) and Feather (.feather) files may be of any library; they need the
    extra `parquet`. Empty entries of a mapping are left out, and a time without a zone is a bad
    cell. Of a folder all such files are read as one frame, in order of their names, but none that
    begins with "_" or "."; a folder like `state=OH` gives its files that field.

    `rename` names the field of a column, as in `{"Phone": "phone_number"}`, or None to leave the
    column out; the error for unknown columns suggests it for the exports of well-known tools. With
    a `region`, an ISO 3166-1 alpha-2 code such as US, phone numbers may be national, such as
    `(202) 555-0123`, and all become E.164; those that are no number are bad cells.

    Warns of lines with too few cells, and of older field names. Raises ConfigurationError if the
    provider is none or several, if a column is unknown, or if the file is damaged; for a CSV file
    with text after a closing quote, an unclosed quote or too many cells, it names the line. Raises
    InvalidInputError for an unknown region, for a column in `rename` that is not in the file, and
    for two columns with one name.
    """
    check_region("read_contacts", region)
    files = open_files(path, encoding, rename)
    columns = {name for file in files for name in file.columns if name != EXTRAS}
    found = provider_with(columns, str(path)) if provider is None else find(provider)
    return to_contacts(files, found, region)
