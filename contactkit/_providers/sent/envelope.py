"""Sent's envelope: what is in every response, and its refusals with their codes."""

from __future__ import annotations

from datetime import datetime

from contactkit import errors
from contactkit.errors import FieldProblem, Problem
from contactkit.spec import JSON, Instant, as_list, as_object


def meta(request_id: str, now: datetime) -> dict[str, JSON]:
    """What every envelope has beside its data."""
    return {"request_id": request_id, "timestamp": timestamp(now), "version": "v3"}


def timestamp(now: datetime) -> str:
    """At most seven digits of a second and no zeros at their end, as in Sent's examples."""
    tick = now.tick if isinstance(now, Instant) else 0
    fraction = f".{now.microsecond:06}{tick}".rstrip(".0")
    return now.isoformat(timespec="seconds").replace("+", f"{fraction}+")


def read_error(body: JSON) -> Problem | None:
    """The refusal in an envelope, if it is one: https://docs.sent.dm/docs/reference/api/errors"""
    envelope = as_object(body)
    error = envelope.get("error")
    if envelope.get("success", True) is True and not error:
        return None
    details = as_object(error)
    return Problem(
        code=str(details.get("code") or ""),
        message=str(details.get("message") or "the response reports a failure without a message"),
        fields=tuple(
            FieldProblem(field=name, message=str(message))
            for name, messages in as_object(details.get("details")).items()
            for message in as_list(messages) or [messages]
        ),
        request_id=str(as_object(envelope.get("meta")).get("request_id") or ""),
        docs=str(details.get("doc_url") or ""),
    )


def write_error(problem: Problem, now: datetime) -> JSON:
    """The envelope of a refusal."""
    details: dict[str, list[str]] = {}
    for refused in problem.fields:
        details.setdefault(refused.field, []).append(refused.message)
    return {
        "success": False,
        "data": None,
        "error": {
            "code": problem.code,
            "message": problem.message,
            "details": details or None,
            "doc_url": problem.docs or f"https://docs.sent.dm/errors/{problem.code}",
        },
        "meta": meta(problem.request_id, now),
    }


# https://docs.sent.dm/reference/api/error-catalog
_CODES: dict[type[errors.ApiError], dict[int, str]] = {
    errors.AuthenticationError: {401: "AUTH_001 AUTH_002"},
    errors.PermissionDeniedError: {
        403: "AUTH_004 AUTH_005 AUTH_006 AUTH_007 BUSINESS_014",
        402: "BUSINESS_003",
    },
    # VALIDATION_003 says that an id is not a UUID, so no contact can have it.
    errors.NotFoundError: {
        404: "RESOURCE_001 RESOURCE_002 RESOURCE_003 RESOURCE_004 RESOURCE_005 RESOURCE_006 "
        "RESOURCE_008 RESOURCE_009 RESOURCE_010 RESOURCE_011 RESOURCE_012 RESOURCE_013 "
        "RESOURCE_014",
        400: "VALIDATION_003",
    },
    errors.ConflictError: {409: "RESOURCE_007 CONFLICT_001 CONFLICT_005 CONFLICT_006"},
    errors.InvalidRequestError: {
        400: "VALIDATION_001 VALIDATION_002 VALIDATION_004 VALIDATION_005 VALIDATION_006 "
        "VALIDATION_007 VALIDATION_008 BUSINESS_001 BUSINESS_004 BUSINESS_005 BUSINESS_006 "
        "BUSINESS_007 BUSINESS_008 BUSINESS_010 BUSINESS_012"
    },
    errors.RateLimitError: {429: "BUSINESS_002"},
    errors.ServerError: {
        500: "INTERNAL_001 INTERNAL_002 INTERNAL_003",
        503: "SERVICE_001 INTERNAL_005",
        504: "INTERNAL_004",
    },
}

CATALOGUE = {
    code: (status, error)
    for error, statuses in _CODES.items()
    for status, codes in statuses.items()
    for code in codes.split()
}
