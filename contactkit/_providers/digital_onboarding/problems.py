"""Refusals of Digital Onboarding, one entry for each field.

https://do-api-docs.pages.dev/guides/mutations/
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from contactkit._providers.digital_onboarding.record import Contact, NewAccount
from contactkit.errors import FieldProblem, Problem
from contactkit.spec import JSON, as_list, as_object, fields_of

_POINTER = "/data/attributes/"


def read_error(body: JSON) -> Problem | None:
    """https://do-api-docs.pages.dev/guides/mutations/; v1 and the token endpoint give one word."""
    whole = as_object(body)
    entries = [as_object(entry) for entry in as_list(whole.get("errors"))]
    if not entries:
        word = whole.get("error")
        message = str(whole.get("error_description") or "")
        return Problem(code=word, message=message) if isinstance(word, str) else None
    # A missing scope comes first: the caller must know that no new token would help.
    lead = next((entry for entry in entries if entry.get("code") == "scope_missing"), entries[0])
    alone = len(entries) == 1 and not _pointer(lead)
    return Problem(
        code=str(lead.get("code") or ""),
        message=_entry_text(lead, "title" if _pointer(lead) else "detail"),
        fields=() if alone else tuple(map(_field_problem, entries)),
    )


def _field_problem(entry: dict[str, JSON]) -> FieldProblem:
    code = str(entry.get("code") or "")
    return FieldProblem(field=_field(entry), message=_entry_text(entry, "detail"), code=code)


def _pointer(entry: dict[str, JSON]) -> str:
    return str(as_object(entry.get("source")).get("pointer") or "")


def _field(entry: dict[str, JSON]) -> str:
    """The field that a pointer (RFC 6901) names, and its row if the body is a list.

    Pointers refer to a document that was never sent, so what comes before the field is left out.
    """
    segments = _pointer(entry).split("/")[1:]
    parts = [segment.replace("~1", "/").replace("~0", "~") for segment in segments] or [""]
    row = f"[{parts.pop(0)}] " if len(parts) > 1 and parts[0].isdecimal() else ""
    known = fields_of(Contact).keys() | fields_of(NewAccount).keys()
    return row + next((part for part in parts if part in known), parts[-1])


def _entry_text(entry: dict[str, JSON], name: str) -> str:
    """The text of an entry, with the values in its `meta` that the text does not mention."""
    text = str(entry.get(name) or entry.get("title") or entry.get("detail") or "")
    meta = as_object(entry.get("meta")).items()
    values = {n: str(v) for n, v in meta if isinstance(v, str | int | float)}
    return " ".join([text, *(f"({n}: {v})" for n, v in values.items() if v not in text)])


def write_error(problem: Problem, now: datetime) -> JSON:
    """One entry per refused field, or one for the request; the token endpoint has only its code."""
    if problem.code in ("invalid_client", "invalid_scope"):
        return {"error": problem.code}
    return {"errors": list(_entries(problem))}


def _entries(problem: Problem) -> Iterator[dict[str, JSON]]:
    for refused in problem.fields:
        pointer = _POINTER + refused.field.replace("~", "~0").replace("/", "~1")
        entry = {"code": problem.code, "title": problem.message, "detail": refused.message}
        yield {**entry, "source": {"pointer": pointer}}
    if not problem.fields:
        title = problem.code.replace("_", " ").capitalize()
        entry = {"code": problem.code, "title": title, "detail": problem.message}
        if problem.code == "scope_missing":
            # The scope is the last word of the message.
            scope = problem.message.rpartition(" ")[2]
            entry |= {"title": "Required scope not present", "meta": {"required_scope": scope}}
        yield entry
