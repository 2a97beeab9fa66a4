"""The command line: `contactkit demo` and `contactkit describe PROVIDER`."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

try:
    import typer
    from rich.console import Console
except ImportError:
    sys.exit('The command line needs its extra: python -m pip install "contactkit[demo]"')

from contactkit.declarations import names
from contactkit.demo import STORIES, show, tell
from contactkit.description import describe as described
from contactkit.errors import ContactKitError

app = typer.Typer(
    help="Explore and change contacts at messaging and marketing providers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def demo() -> None:
    """List, change, refuse and read back contacts of every provider, on the simulator."""
    for provider in STORIES:
        tell(provider)


@app.command()
def describe(
    provider: Annotated[str, typer.Argument(help=f"One of {', '.join(names())}.")],
) -> None:
    """Show every field of a provider's contact: its type, who may write it, and what it means."""
    told = described(provider)
    inferred = told["help"] + " (Inferred.)"
    told["help"] = told["help"].where(told["evidence"] == "documented", inferred)
    owned = told["of"] + ": " + told["field"]
    told["field"] = told["field"].where(told["of"].isin(["contact", "verb"]), owned)
    verbs = told["of"] == "verb"
    show(told.loc[~verbs, ["field", "type", "access", "choices", "help"]])
    asked = told.loc[verbs, ["field", "type", "help"]]
    show(asked.set_axis(["verb", "request", "help"], axis="columns"))


def main() -> None:
    """Run the command line; what contactkit raises is told without a traceback, status 1."""
    # A terminal that cannot show a character shows another one, and no traceback.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except ContactKitError as error:
        told = f"{type(error).__name__}: {error}"
        Console(stderr=True).print(told, style="red", markup=False, highlight=False)
        sys.exit(1)
