"""`contactkit export`: all contacts of a provider in a folder of Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from contactkit._client.connect import connect
from contactkit._client.export import ROWS_PER_FILE
from contactkit.cli.options import (
    INTERRUPTED,
    BaseUrl,
    Contacts,
    ProviderName,
    RowsPerFile,
    need_parquet,
    simulated,
)
from contactkit.cli.output import print_error, say


def export(
    provider: ProviderName,
    folder: Annotated[Path, typer.Argument(help="A new folder, or that of an earlier export.")],
    resume: Annotated[
        bool, typer.Option(help="Go on with an export that was stopped, or start again.")
    ] = True,
    rows_per_file: RowsPerFile = ROWS_PER_FILE,
    simulator: Contacts = None,
    base_url: BaseUrl = None,
) -> None:
    """Read all contacts into Parquet files in a folder.

    After a stop, the same command again resumes it. An earlier export in the folder is replaced as
    a whole, once all contacts are read. Credentials come from the environment. The exit status is 1
    if it stopped early, and 130 after Ctrl-C.
    """
    need_parquet()
    with connect(provider, via=simulated(simulator), base_url=base_url) as client:
        try:
            done = client.contacts.export(folder, resume=resume, rows_per_file=rows_per_file)
        except KeyboardInterrupt as interrupt:
            notes = getattr(interrupt, "__notes__", ["nothing is saved"])
            print_error("\n".join(["interrupted", *notes]), "yellow")
            raise typer.Exit(INTERRUPTED) from None
    files = "1 file" if len(done.files) == 1 else f"{len(done.files):,} files"
    say(f"{done.rows:,} contacts of {done.provider} in {files}: {done.folder}")
