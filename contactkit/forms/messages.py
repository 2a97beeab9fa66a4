"""Problems, outcomes and exceptions as messages, and the regions of a form that show them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from traceback import format_exception
from typing import Any

import pandas as pd

from contactkit._http.results import retry_key
from contactkit._redact import redact
from contactkit.errors import ApiError, ContactKitError, FieldProblem, RateLimitError
from contactkit.forms.html import render
from contactkit.spec.consent import CODE, OPTED_OUT_SINCE
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.outcome import WRITTEN, Outcome
from contactkit.spec.provider import Provider
from contactkit.spec.record import RecordField, fields_of
from contactkit.spec.validate import accepted_fields

strict = False
"""Tests set it, so that exceptions are raised as well as shown."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Problems as sentences: `beside` their fields by name, and `others` of no field.

    A problem that concerns several fields, as where one of them is needed, is beside each of them
    and among the others.
    """

    beside: Mapping[str, Sequence[str]]
    shared: Mapping[str, Sequence[str]]
    others: Sequence[str]

    @property
    def regions(self) -> dict[str, str]:
        """The region beside each field, "" without a problem."""
        return {
            f"problem:{name}": render("problem", message=" ".join([*own, *self.shared[name]]))
            for name, own in self.beside.items()
        }


def place(provider: Provider, endpoint: Endpoint, problems: Sequence[FieldProblem] = ()) -> Placed:
    """Sort problems by the fields that they concern."""
    fields = accepted_fields(provider, endpoint)
    names = {spelling: name for name, field in fields.items() for spelling in field.spellings}
    names |= {name: name for name in fields}
    messages: dict[str, list[str]] = {name: [] for name in fields}
    shared: dict[str, list[str]] = {name: [] for name in fields}
    others: list[str] = []
    for problem in problems:
        # A provider may name a part of a field, as in contact.custom_fields.tier.
        parts = [problem.field, *re.split(r"[.\[\]/]+", problem.field)]
        name = next((p if p in fields else names[p] for p in parts if p in names), None)
        if name:
            messages[name].append(problem.message)
        elif problem.code == "empty":
            others.append("Nothing was changed.")
        elif named := _named_fields(problem, fields):
            others.append(_sentence(problem, named))
            for each in named:
                shared[each].append(others[-1])
        else:
            others.append(str(problem))
    beside = {
        name: [f"{fields[name].label} {'; '.join(texts)}"] if texts else []
        for name, texts in messages.items()
    }
    return Placed(beside=beside, shared=shared, others=others)


def _named_fields(
    problem: FieldProblem, fields: Mapping[str, RecordField]
) -> Mapping[str, RecordField]:
    """The fields that a rule about the whole contact names."""
    words = re.findall(r"\w+", problem.message) if problem.code == "rule" else []
    return {name: fields[name] for name in words if name in fields}


def _sentence(problem: FieldProblem, named: Mapping[str, RecordField]) -> str:
    """A rule about the whole contact, with labels for the names of fields."""
    words = re.split(r"(\w+)", problem.message)
    labels = (named[word].label.lower() if word in named else word for word in words)
    return f"A contact {''.join(labels)}."


def form_problem(problem: FieldProblem) -> FieldProblem:
    """A problem of consent with what to do about it in a form."""
    message = problem.message
    if problem.code == CODE:
        message = message.replace("say opt_in=True", "tick the box beside Save")
    elif message == OPTED_OUT_SINCE:
        message = f"is out of date: the contact {message}; Revert shows it as it is now"
    return replace(problem, message=message)


def refusal_regions(
    provider: Provider,
    endpoint: Endpoint,
    problems: Sequence[FieldProblem],
    error: BaseException | None = None,
) -> tuple[dict[str, str], str]:
    """Each problem beside its field and the rest above the buttons; and the focus."""
    placed = place(provider, endpoint, problems)
    own = [name for name, texts in placed.beside.items() if texts]
    wrong = [name for name in placed.beside if name in own or placed.shared[name]]
    regions = {**placed.regions, "problems": refusal_html(error, placed.others, len(own))}
    return regions, wrong[0] if wrong else "problems"


def refusal_html(
    error: BaseException | None, others: Sequence[str] = (), wrong_fields: int = 0
) -> str:
    """The refusal as a whole, and what to do next."""
    problem = error.problem if isinstance(error, ApiError) else None
    lead = _count_of_changes(wrong_fields)
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
    elif error and not wrong_fields:
        lead = f"{type(error).__name__}: {error}"
    if isinstance(error, RateLimitError):
        others = [*others, f"Try again after {error.resume_at:%Y-%m-%d %H:%M:%S} UTC."]
    # A provider's text becomes a link only if it is a web address.
    docs = problem.docs if problem and problem.docs.startswith("https://") else ""
    if not lead:
        lead, others = " ".join(others[:1]), others[1:]
    return render("problems", lead=lead, others=others, docs=docs)


def _count_of_changes(wrong_fields: int) -> str:
    if wrong_fields == 1:
        return "One field needs a change."
    return f"{wrong_fields} fields need a change." if wrong_fields else ""


def alert_html(message: str) -> str:
    """One sentence above the buttons."""
    return render("problems", lead=message, others=[], docs="")


def doubt_text(error: BaseException, endpoint: Endpoint) -> str:
    """What to do if it is not known whether a write was carried out."""
    if endpoint.effect == "update":
        return "It may have been carried out: this is the contact as it is now."
    retry = "Save sends it again under the same idempotency key, so it cannot be carried out twice."
    look = "Check whether the contact exists before you save it again."
    return f"It may have been carried out. {retry if retry_key(error) else look}"


def outcome_text(provider: Provider, result: pd.DataFrame) -> str:
    """One line about a result row."""
    row: dict[str, Any] = result.iloc[0].to_dict()
    declared = fields_of(provider.record)
    changed = ", ".join(declared[name].label for name in row["changed"] or [] if name in declared)
    outcome = str(row["outcome"]).capitalize()
    message = f" {row['message']}." if isinstance(row["message"], str) else ""
    return f"{outcome}{f': {changed}' if changed else ''}.{message}"


def outcome_regions(provider: Provider, result: pd.DataFrame) -> tuple[Mapping[str, str], str]:
    """The outcome of a write, as an alert if it is uncertain; and the focus."""
    line, outcome = outcome_text(provider, result), result["outcome"].item()
    if outcome in (Outcome.UNKNOWN, Outcome.SKIPPED):
        return {"status": "", "problems": alert_html(line)}, "problems"
    status = render("done", line=line) if outcome in WRITTEN else line
    return {"status": status, "problems": ""}, "status"


def raise_unexpected(error: BaseException) -> None:
    """Raise an error that the form does not handle; the guard shows it."""
    if not isinstance(error, ContactKitError | asyncio.CancelledError):
        raise error


@contextmanager
def guard(
    show: Callable[[str, str], None], secrets: Callable[[], Iterable[str]]
) -> Generator[None]:
    """Show an exception as a message and a detail to copy, both without `secrets`."""
    try:
        yield
    except Exception as error:
        text = str(error) if isinstance(error, ContactKitError) else f"unexpected: {error}"
        message, detail = f"{type(error).__name__}: {text}", "".join(format_exception(error))
        try:
            hidden = list(secrets())
        except Exception:
            # If the secrets are not known, only the type of the exception is safe to show.
            message, detail, hidden = type(error).__name__, "", []
        show(redact(message, hidden), redact(detail, hidden))
        if strict:
            raise
