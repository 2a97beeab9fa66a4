"""What a response means: a success with its decoded body, or the error to raise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from pydantic_core import from_json

from contactkit._http.rate_limits import retry_after
from contactkit._http.session import Answer, NoResponse, Operation, Response, Session, Success
from contactkit._redact import redact
from contactkit.errors import ApiError, Problem, RateLimitError, TransportError, error_for_status
from contactkit.spec.provider import JSON, Place, as_list, as_object
from contactkit.spec.record import RecordField, fields_of, key_of

# The last second of the year 9999, the latest that datetime can represent.
_LATEST = 253_402_300_799.0
# Too short or too regular to be a secret, other than the session's own.
_ID = re.compile(r"(?:req_)?[0-9A-Za-z]{1,16}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def parse_response(
    session: Session, operation: Operation, answer: Answer
) -> Success | ApiError | TransportError:
    """What a response means; errors are returned, because the flow decides what to raise."""
    now = session.clock.now()
    if not isinstance(answer, Response):
        return _transport_error(
            session, operation, answer or NoResponse(reason="no response", sent=True)
        )
    session.budget.learn(answer.headers, session.uptime(), now)
    if answer.too_long:
        why = f"is longer than the {answer.too_long:,} bytes of max_answer="
        return unexpected_response(session, operation, answer, why)
    try:
        body = _decode(operation, answer)
    except ValueError as error:
        return unexpected_response(session, operation, answer, str(error))
    problem = session.provider.errors.read(body)
    if problem is not None or answer.status >= 400:
        return _api_error(session, operation, answer, problem or Problem())
    if not 200 <= answer.status < 300:
        return unexpected_response(session, operation, answer, "is neither success nor error")
    return Success(body=body, response=answer, request_id=_request_id(session, answer), at=now)


def extract(session: Session, operation: Operation, success: Success, path: Place) -> JSON:
    """The value at `path` in a success; ApiError if there is none."""
    try:
        return session.provider.envelope.pick(success.body, path)
    except LookupError:
        why = f"has no {'.'.join(path)}"
        raise unexpected_response(session, operation, success.response, why) from None


def row_of(session: Session, operation: Operation, success: Success) -> dict[str, JSON]:
    """The record in a success, unchanged; ApiError if there is none."""
    place = () if operation.endpoint.answer == "whole" else session.provider.envelope.one
    row = extract(session, operation, success, place)
    # Without an envelope, only the key shows that this is the record.
    key = key_of(operation.endpoint.record or session.provider.record).wire
    if not isinstance(row, dict) or (not place and key not in row):
        raise unexpected_response(session, operation, success.response, "has no contact")
    return cast("dict[str, JSON]", row)


def many_of(session: Session, operation: Operation, success: Success) -> list[dict[str, JSON]]:
    """The records in a success, unchanged; ApiError if there is no list of them."""
    rows = extract(session, operation, success, operation.endpoint.rows)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in as_list(rows)):
        raise unexpected_response(session, operation, success.response, "has no list of records")
    return cast("list[dict[str, JSON]]", rows)


def contact_of(session: Session, operation: Operation, success: Success) -> dict[str, Any]:
    """The contact in the response to a read by key; ApiError if it is another one, or none."""
    record = operation.endpoint.record or session.provider.record
    contact = record.from_wire(row_of(session, operation, success))
    check_key(session, operation, success, contact, operation.key)
    return contact


def check_key(
    session: Session, operation: Operation, success: Success, contact: Mapping[str, Any], key: str
) -> None:
    """Raise ApiError if a response has another contact than the one with this key, or none."""
    field = key_of(operation.endpoint.record or session.provider.record)
    answered = contact.get(field.name)
    if isinstance(answered, str) and answered:
        unknown = not key or operation.dry_run or success.response.pseudonymous
        if unknown or is_same(field, answered, key):
            return
    why = "has a different contact from the one that was requested, or none"
    raise unexpected_response(session, operation, success.response, why)


def is_same(field: RecordField, one: str, other: str) -> bool:
    """Whether two values differ at most in case, or in the punctuation of a phone number."""
    if field.marker.personal == "phone":
        return re.sub(r"\D", "", one) == re.sub(r"\D", "", other)
    return one.casefold() == other.casefold()


def utc(seconds: float) -> datetime:
    """Seconds since the epoch as an aware datetime."""
    return datetime.fromtimestamp(min(seconds, _LATEST), UTC)


def problem_of(session: Session, operation: Operation, **known: Any) -> Problem:
    """A problem with the provider and the operation filled in."""
    return Problem(
        provider=session.provider.name,
        operation=operation.endpoint.verb,
        idempotency_key=operation.idempotency_key,
        **known,
    )


def unexpected_response(
    session: Session, operation: Operation, response: Response, why: str
) -> ApiError:
    """The error for a response without the documented shape; it quotes its start, redacted."""
    problem = problem_of(
        session,
        operation,
        status=response.status,
        code="" if response.status >= 400 else "undocumented",
        message=f"the response {why}{_excerpt(session, operation, response)}",
        request_id=_request_id(session, response),
    )
    return _with_resume_time(session, error_for_status(response.status), problem, response)


def _transport_error(session: Session, operation: Operation, failure: NoResponse) -> TransportError:
    where = f"{session.provider.name} {operation.endpoint.verb}"
    arrived = "the request may have arrived" if failure.sent else "the request was not sent"
    message = f"{where}: {failure.reason} at {session.base_url}; {arrived}"
    return TransportError(message, sent=failure.sent, idempotency_key=operation.idempotency_key)


def _decode(operation: Operation, response: Response) -> JSON:
    if operation.endpoint.answer == "nothing" and not response.content and response.status < 300:
        return None
    if not response.content:
        raise ValueError("is empty")
    kind = response.headers.get("content-type", "json").split(";")[0]
    try:
        # Most values of contacts are unique, so a cache of values costs more than it saves.
        body = from_json(response.content, cache_strings="keys")
    except ValueError:
        raise ValueError("is not complete JSON" if "json" in kind else f"is {kind}") from None
    if "json" not in kind and response.status < 400:
        raise ValueError(f"is {kind}, not JSON")
    return body


def _request_id(session: Session, response: Response) -> str:
    """The request id; redacted if it is more than an id, since it may quote what was sent."""
    text = response.headers.get("x-request-id", "")
    if not text:
        return ""
    folded = text.casefold()
    quotes = any(secret and secret.casefold() in folded for secret in session.secrets)
    if _ID.fullmatch(text) and not quotes:
        return text
    return redact(text, session.secrets, personal=False)


def _excerpt(session: Session, operation: Operation, response: Response) -> str:
    """What may be shown of a response: nothing that may contain personal values or a new token."""
    text = response.content[:4000].decode("utf-8", "replace").strip()
    if not text or operation.anonymous:
        return ""
    if text[0] in '{["':
        return f" ({len(response.content):,} bytes of JSON)"
    people = _personal_values(session, operation)
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    excerpt = redact(text, session.secrets, people, media=media)
    return f": {excerpt[:200]!r}"


def _api_error(
    session: Session, operation: Operation, response: Response, problem: Problem
) -> ApiError:
    """The error for a refusal, with all its texts redacted."""
    people = list(_personal_values(session, operation))

    def prose(text: str) -> str:
        return redact(text, session.secrets, people)

    def reference(text: str) -> str:
        return redact(text, session.secrets, personal=False)

    fields = tuple(
        replace(field, field=prose(field.field), message=prose(field.message))
        for field in problem.fields
    )
    known = session.provider.errors.catalogue.get(problem.code)
    redacted = problem_of(
        session,
        operation,
        status=response.status,
        code=prose(problem.code),
        message=prose(problem.message) + _hint(operation, response, problem),
        fields=fields,
        request_id=reference(problem.request_id or response.headers.get("x-request-id", "")),
        docs=reference(problem.docs or operation.endpoint.docs),
        existing_key=reference(problem.existing_key),
    )
    kind = known[1] if known else error_for_status(response.status)
    return _with_resume_time(session, kind, redacted, response)


def _hint(operation: Operation, response: Response, problem: Problem) -> str:
    """What to try where the provider misses fields of a body that need not be whole."""
    unsent = {*operation.endpoint.required} - as_object(operation.request.body).keys()
    missed = response.status == 422 and any(refused.field in unsent for refused in problem.fields)
    return "; try whole=True" if missed else ""


def _with_resume_time(
    session: Session, kind: type[ApiError], problem: Problem, response: Response
) -> ApiError:
    """The error; if the response says when to continue, the budget waits until then."""
    now = session.clock.now()
    seconds = retry_after(response.headers, now) or 0.0
    session.budget.block(session.uptime() + seconds)
    return RateLimitError(problem, utc(now + seconds)) if kind is RateLimitError else kind(problem)


def _personal_values(session: Session, operation: Operation) -> Iterator[str]:
    """The personal values that were sent, which a refusal may repeat."""
    params = fields_of(operation.endpoint.params)
    declared = {**fields_of(session.provider.record), **params}
    personal = {
        wire for field in declared.values() if field.marker.personal for wire in field.spellings
    }
    if session.provider.key_field(operation.endpoint).marker.personal:
        personal.add(operation.endpoint.key_wire)
        yield operation.key
    body = operation.request.body
    bulk = operation.endpoint.bulk
    rows = as_list(as_object(body).get(bulk.name, body)) if bulk else []
    values = operation.endpoint.params.from_query(operation.request.query)
    query = {params[name].wire: value for name, value in values.items() if name in params}
    for sent in (as_object(body), query, *rows):
        if isinstance(sent, str):
            yield sent
        for wire in personal & as_object(sent).keys():
            yield from (text for text in _texts(as_object(sent)[wire]) if len(text) > 2)


def _texts(value: JSON) -> Iterator[str]:
    """Every text in a JSON value, except the names in it."""
    if isinstance(value, str):
        yield value
    for item in (*as_list(value), *as_object(value).values()):
        yield from _texts(item)
