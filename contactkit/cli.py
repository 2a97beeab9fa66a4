"""The command line: `contactkit demo` and `contactkit describe PROVIDER`."""

from __future__ import annotations

import sys
from typing import Annotated

try:
    import typer
except ImportError:
    sys.exit('The command line needs its extra: python -m pip install "contactkit[demo]"')

from contactkit.demo import STORIES, console, show, tell
from contactkit.describe import describe as described
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
    show(fields.assign(field=names_of, help=helps)[["field", "type", "access", "choices", "help"]])


def main() -> None:
    """Run the command line; an error that contactkit raises is one line, and exit status 1."""
    try:
        app()
    except ContactKitError as error:
        console.print(f"[red]error:[/red] {type(error).__name__}: ", end="")
        console.print(str(error), markup=False, highlight=False)
        sys.exit(1)
