"""Refusals of Privy: https://help.privy.com/docs/api-reference/errors"""

from __future__ import annotations

from datetime import datetime

from contactkit.errors import FieldProblem, Problem
from contactkit.spec import JSON, as_list, as_object


def read_error(body: JSON) -> Problem | None:
    """https://help.privy.com/docs/api-reference/errors; the token endpoint's error is a word."""
    whole = as_object(body)
    if whole.get("error") is None:
        return None
    if isinstance(whole["error"], str):
        return Problem(code=whole["error"], message=str(whole.get("error_description") or ""))
    error = as_object(whole["error"])
    details = [as_object(entry) for entry in as_list(error.get("details"))]
    return Problem(
        code=str(error.get("code") or ""),
        message=str(error.get("message") or ""),
        fields=tuple(
            FieldProblem(field=str(entry.get("field") or ""), message=str(entry["message"]))
            for entry in details
            if entry.get("message")
        ),
        existing_key=_existing(error, error.get("details"), *details, whole, whole.get("data"))
        if error.get("code") == "conflict"
        else "",
    )


def _existing(*places: JSON) -> str:
    """The id of the existing contact, from any likely place: it is not documented where."""
    values = (as_object(place).get(name) for place in places for name in ("id", "contact_id"))
    return next((value for value in values if isinstance(value, str) and value), "")


def write_error(problem: Problem, now: datetime) -> JSON:
    """The envelope of a refusal; the token endpoint has only its code."""
    if problem.code in ("invalid_client", "invalid_scope"):
        return {"error": problem.code}
    error: dict[str, JSON] = {"code": problem.code, "message": problem.message}
    if problem.existing_key:
        error["id"] = problem.existing_key
    if problem.fields:
        error["details"] = [
            {"field": refused.field or "base", "message": refused.message}
            for refused in problem.fields
        ]
    return {"error": error}
