"""The one guard that everything a person sets off runs under: what it raises is shown.

A front end swallows an exception of a callback, and nobody sees one of a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from traceback import format_exception

from contactkit.errors import ContactKitError, redact

strict = False
"""Tests set it, so that what is shown is raised as well."""


def raise_unexpected(error: BaseException) -> None:
    """Raise what no part of a form answers itself, for the guard to show."""
    if not isinstance(error, ContactKitError | asyncio.CancelledError):
        raise error


@contextmanager
def guard(
    show: Callable[[str, str], None], secrets: Callable[[], Iterable[str]]
) -> Generator[None]:
    """Show what is raised within: a message, and a detail to copy, both without `secrets`."""
    try:
        yield
    except Exception as error:
        told = str(error) if isinstance(error, ContactKitError) else f"unexpected: {error}"
        message, detail = f"{type(error).__name__}: {told}", "".join(format_exception(error))
        try:
            hidden = list(secrets())
        except Exception:
            # Without them nothing of it can be shown safely but its kind.
            message, detail, hidden = type(error).__name__, "", []
        show(redact(message, hidden), redact(detail, hidden))
        if strict:
            raise
