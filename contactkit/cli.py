"""The command line: `contactkit demo` and `contactkit describe PROVIDER`."""

from __future__ import annotations

import sys
from typing import Annotated

try:
    import typer
    from rich.console import Console
except ImportError:
    sys.exit('The command line needs its extra: python -m pip install "contactkit[demo]"')

from contactkit.demo import STORIES, show, tell
from contactkit.description import describe as described
from contactkit.errors import ContactKitError
from contactkit.providers import names

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
    fields = described(provider)
    names_of = fields["field"].where(
        fields["of"] == "contact", fields["of"] + ": " + fields["field"]
    )
    helps = fields["help"].where(
        fields["evidence"] == "documented", fields["help"] + " (Inferred.)"
    )
    shown = fields.assign(field=names_of, help=helps)
    show(shown.filter(["field", "type", "access", "choices", "help"]))


def main() -> None:
    """Run the command line; what contactkit raises is told without a traceback, status 1."""
    try:
        app()
    except ContactKitError as error:
        told = f"{type(error).__name__}: {error}"
        Console(stderr=True).print(told, style="red", markup=False, highlight=False)
        sys.exit(1)
