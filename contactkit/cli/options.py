"""Arguments, options, files and questions that several commands have in common."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from contactkit._frames.paths import has_file, reason_of
from contactkit._frames.texts import from_text
from contactkit._http.world import World
from contactkit._providers import names
from contactkit.errors import ConfigurationError
from contactkit.simulator import Simulator

_TABLES = (".csv", ".parquet")
_CONTACTS = 50

EXISTING: Any = {"exists": True, "dir_okay": False}
# The exit status after Ctrl-C.
INTERRUPTED = 130
ProviderName = Annotated[str, typer.Argument(help=f"One of {', '.join(names())}.")]
Create = Annotated[bool, typer.Option("--create", help="Create new rows.")]
Delete = Annotated[bool, typer.Option("--delete", help="Delete missing contacts.")]
OptIn = Annotated[
    bool,
    typer.Option("--opt-in", help="Opt in contacts who opted out; only if you hold their consent."),
]
RowsPerFile = Annotated[int, typer.Option(min=1, help="The most contacts in a file.", metavar="N")]
BaseUrl = Annotated[
    str | None, typer.Option(help="Send to this address instead of the provider's.", metavar="URL")
]
Contacts = Annotated[
    int | None,
    typer.Option(
        "--simulator",
        min=0,
        help=f"Use a simulator with this many contacts ({_CONTACTS} without a number), "
        "which needs no credentials.",
        metavar="[N]",
    ),
]
Whole = Annotated[
    bool,
    typer.Option(
        "--whole",
        help="Send each contact whole, as it is read right before, which Digital Onboarding's page "
        "demands.",
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(help="The encoding of the edited file if it is not UTF-8, such as cp1252."),
]
OriginalEncoding = Annotated[
    str | None, typer.Option(help="The same for the file of --original, if it has another one.")
]
Region = Annotated[
    str | None,
    typer.Option(help="Read phone numbers without a country code as numbers of this region."),
]


def parse_rename(text: str) -> dict[str, str | None]:
    """A mapping of columns to fields, as the error for unknown columns suggests it."""
    mapping = from_text("dict", text)
    if not isinstance(mapping, dict):
        raise typer.BadParameter("must be a mapping, such as {'Phone': 'phone_number'}")
    return mapping


Rename = Annotated[
    Any,
    typer.Option(
        parser=parse_rename,
        help="The fields of the edited file's columns, None to leave one out, as in "
        "\"{'Phone': 'phone_number', 'Notes': None}\"; the error for unknown columns suggests it.",
        metavar="MAPPING",
    ),
]


class SimulatorCommand(TyperCommand):
    """A command whose option `--simulator` may have a number or none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, with the number that is left out."""
        following = [*args[1:], ""]
        alone = [
            arg == "--simulator" and not after.isdecimal()
            for arg, after in zip(args, following, strict=True)
        ]
        filled = [f"{a}={_CONTACTS}" if lone else a for a, lone in zip(args, alone, strict=True)]
        return super().parse_args(ctx, filled)


def simulated(contacts: int | None) -> World | None:
    """The world for `connect`: a simulator with this many contacts, or None."""
    return None if contacts is None else Simulator(contacts)


def new_file(path: Path | None) -> Path | None:
    """A path without a file, in an existing folder."""
    if path is None:
        return None
    if os.path.lexists(path):
        raise typer.BadParameter(f"{path}: the file already exists")
    try:
        has_file(path)
    except OSError as error:
        raise typer.BadParameter(f"{path}: {reason_of(error)}") from None
    if not path.parent.is_dir():
        raise typer.BadParameter(f"{path.parent}: the folder does not exist")
    return path


def new_table(path: Path | None) -> Path | None:
    """The same, for a table that can be written here."""
    if path and path.suffix not in _TABLES:
        raise typer.BadParameter(f"{path}: must end in {' or '.join(_TABLES)}")
    if path and path.suffix == ".parquet":
        need_parquet()
    return new_file(path)


def need_parquet() -> None:
    """ConfigurationError without the extra `parquet`."""
    try:
        importlib.import_module("pyarrow")
    except ImportError as error:
        needed = 'need their extra: python -m pip install "contactkit[parquet]"'
        raise ConfigurationError(f"Parquet files, such as plans and exports, {needed}") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a file that cannot be written into a ConfigurationError."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error
