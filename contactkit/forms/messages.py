"""Results and refusals as the form tells them: beside a field, above the buttons, in one line."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from traceback import format_exception
from typing import Any

import pandas as pd

from contactkit._http.results import key_of_write
from contactkit._redact import redact
from contactkit.errors import ApiError, ContactKitError, FieldProblem, RateLimitError
from contactkit.forms.fields import label_of
from contactkit.forms.html import render
from contactkit.spec.provider import Endpoint, Provider
from contactkit.spec.validate import accepted_fields


def problems_told(
    provider: Provider, endpoint: Endpoint, problems: Sequence[FieldProblem]
) -> tuple[Mapping[str, str], list[str]]:
    """HTML for the place beside each field, "" where nothing is wrong; and what has no field."""
    fields = accepted_fields(provider, endpoint)
    spelled = {spelling: name for name, each in fields.items() for spelling in each.spellings}
    spelled |= {name: name for name in fields}
    told: dict[str, list[str]] = {name: [] for name in fields}
    others: list[str] = []
    for each in problems:
        # A provider may point into a field, as contact.custom_fields.tier does.
        parts = [each.field, *re.split(r"[.\[\]/]+", each.field)]
        name = next((p if p in fields else spelled[p] for p in parts if p in spelled), None)
        said = "Nothing was changed." if each.code == "empty" else str(each)
        told[name].append(each.message) if name else others.append(said)
    beside = {
        f"problem:{name}": render("problem", label=label_of(name), message="; ".join(messages))
        for name, messages in told.items()
    }
    return beside, others


def refusal_told(error: BaseException | None, others: Sequence[str], wrong: int) -> str:
    """HTML for the place above the buttons: what was refused as a whole, and what to do now."""
    problem = error.problem if isinstance(error, ApiError) else None
    lead = {0: "", 1: "One field needs a change."}.get(wrong, f"{wrong} fields need a change.")
    if isinstance(error, asyncio.CancelledError):
        lead = "Cancelled."
    elif problem:
        code = " ".join(filter(None, (str(problem.status or ""), problem.code)))
        lead = f"{type(error).__name__} ({code}): {problem.message}"
        others = [
            *others,
            *([f"existing contact: {problem.existing_key}"] if problem.existing_key else []),
            *([f"request: {problem.request_id}"] if problem.request_id else []),
        ]
    elif error and not wrong:
        lead = f"{type(error).__name__}: {error}"
    if isinstance(error, RateLimitError):
        others = [*others, f"Try again after {error.resume_at:%Y-%m-%d %H:%M:%S} UTC."]
    # What a provider says is no address to follow unless it is one of the web.
    docs = problem.docs if problem and problem.docs.startswith("https://") else ""
    return render(
        "problems",
        lead=lead or " ".join(others[:1]),
        others=others if lead else others[1:],
        docs=docs,
    )


def doubt_told(error: BaseException, endpoint: Endpoint) -> str:
    """What to do when nobody can tell whether a write was carried out."""
    again = "Save sends it again under the same idempotency key, which cannot do it twice."
    if endpoint.effect == "update":
        return "It may have been carried out: this is the contact as it is now."
    look = "Look whether the contact is there before you save it again."
    return f"It may have been carried out. {again if key_of_write(error) else look}"


def outcome_told(done: pd.DataFrame) -> str:
    """One line about a result row."""
    row: dict[str, Any] = done.iloc[0].to_dict()
    changed = ", ".join(map(label_of, row["changed"] or []))
    outcome = str(row["outcome"]).capitalize()
    told = f" {row['message']}." if isinstance(row["message"], str) else ""
    return f"{outcome}{f': {changed}' if changed else ''}.{told}"


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
