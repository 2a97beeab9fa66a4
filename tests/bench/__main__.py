"""`python -m tests.bench [part ...]`: compares contactkit with its peers, all in one run.

Without a part it measures all but `apply`, `export` and those of fleets. It is to be run by hand:
it fails nothing, and shows beside each figure what is wanted. Read the ratios; the times are those
of this machine.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
from importlib.metadata import version

from rich.console import Console
from rich.table import Table

PARTS = {
    "import": "imports",
    "first": "first_frame",
    "frames": "frames",
    "files": "files",
    "parquet": "parquet_files",
    "call": "call",
    "cassettes": "cassettes",
    "simulator": "simulator",
    "people": "people",
    "plans": "plan_files",
    "export": "export",
    "apply": "apply",
    "fleet": "fleet",
    "fleet-memory": "fleet_memory",
}
LONG = {"apply", "export", "fleet", "fleet-memory"}
PACKAGES = ("pandas", "pydantic", "httpx", "httpx-aiohttp", "aiohttp", "pyarrow", "sentdm")
COLUMNS = ("", "measured", "beside", "", "is", "wanted")


def main() -> None:
    """Measure the parts that are named, or all that are not long, and print their table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parts = parser.parse_args().parts or [part for part in PARTS if part not in LONG]
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    # Without a terminal there is no width, and 80 columns would fold every cell.
    console = Console(width=None if sys.stdout.isatty() else 140)
    versions = [f"python {platform.python_version()}", *(f"{p} {version(p)}" for p in PACKAGES)]
    console.print(", ".join(versions), highlight=False)
    console.print(measure(parts, console))


def measure(parts: list[str], console: Console) -> Table:
    """The rows of these parts, a section for each."""
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
