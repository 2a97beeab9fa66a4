"""`python -m tests.bench [part ...]`: ratios, all of one run; without a part, of all but `apply`.

A program to be run by hand: it passes nothing and fails nothing, and says beside each figure what
is wanted. Read the ratios; the times are this machine's.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console
from rich.table import Table

PARTS = {
    "import": "imports",
    "frames": "frames",
    "memory": "memory",
    "call": "call",
    "serve": "serve",
    "pictures": "pictures",
    "forms": "forms",
    "cassettes": "cassettes",
    "plan": "plan",
    "view": "view",
    "journal": "journal",
    "transports": "transports",
    "apply": "apply",
}
LONG = {"apply"}
VERSIONS = (
    *("pandas", "pydantic", "httpx", "httpx-aiohttp", "aiohttp", "pyarrow", "sentdm", "uvicorn"),
    *("matplotlib", "ipywidgets", "anywidget"),
)
COLUMNS = ("", "measured", "beside", "", "is", "wanted")


def main() -> None:
    """Measure the parts that were asked for, or all that are not long, and print their table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    asked = parser.parse_args().parts or [part for part in PARTS if part not in LONG]
    if unknown := set(asked) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    # Without a terminal there is no width to ask for, and 80 columns would fold every cell.
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(", ".join(versions()), highlight=False)
    console.print(measured(asked, console))


def versions() -> list[str]:
    """What is compared here."""
    return [
        f"python {platform.python_version()}",
        *(f"{name} {found(name)}" for name in VERSIONS),
    ]


def found(name: str) -> str:
    """The version that is installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not there"


def measured(parts: list[str], console: Console) -> Table:
    """The rows of these parts, a section each."""
    table = Table()
    for title in COLUMNS:
        table.add_column(title, overflow="fold")
    for part in parts:
        with console.status(f"measuring {part}"):
            for row in importlib.import_module(f"tests.bench.{PARTS[part]}").rows():
                table.add_row(
                    row.subject, row.measured, row.beside, row.against, row.outcome, row.wanted
                )
        table.add_section()
    return table


if __name__ == "__main__":
    main()
