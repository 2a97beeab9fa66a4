"""Lines and tables on the terminal; their text is never read as markup or control codes."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from contactkit._frames.formulas import guard_formula
from contactkit._plans.tables import escape_unprintable

# Without a terminal rich assumes 80 columns, which would wrap every row.
console = Console(width=None if sys.stdout and sys.stdout.isatty() else 120, emoji=False)


def say(line: str) -> None:
    """Print one line, however wide the terminal is."""
    console.print(escape_unprintable(line), markup=False, highlight=False, soft_wrap=True)


def print_error(text: str, style: str) -> None:
    """Print an error or a warning to stderr, line by line."""
    lines = "\n".join(map(escape_unprintable, text.split("\n")))
    stderr = Console(stderr=True, emoji=False)
    stderr.print(lines, style=style, markup=False, highlight=False, soft_wrap=True)


def has_terminal() -> bool:
    """Whether a question can be seen and answered."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty())


def ask(question: str) -> bool:
    """Ask a question on the terminal: whether the answer is yes, which it is not by default.

    KeyboardInterrupt for Ctrl-C.
    """
    text = f"{escape_unprintable(question)} [y/N] "
    console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def show(frame: pd.DataFrame, folds: Collection[str] = ()) -> None:
    """Print a frame as a table; nothing is cut, and only the columns in `folds` fold."""
    table = Table(header_style="bold cyan")
    for name in frame.columns:
        table.add_column(name, overflow="fold", no_wrap=name not in folds)
    for row in frame.astype(object).itertuples(index=False):
        table.add_row(*(escape_unprintable(_text(value)) for value in row))
    console.print(table, markup=False)


def table_file(frame: pd.DataFrame, path: Path, *, guards: bool) -> bytes:
    """The content of a CSV or Parquet file of a table; in CSV, `guards` keep formulas from running.

    CSV has no index.
    """
    if path.suffix != ".csv":
        return frame.to_parquet()
    table = frame.map(guard_formula) if guards else frame
    # With these line ends (RFC 4180), a cell with a line break of either kind is quoted.
    return table.to_csv(index=False, lineterminator="\r\n").encode()


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None or value is pd.NA else str(value)
