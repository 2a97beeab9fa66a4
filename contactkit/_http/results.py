"""Result rows: the outcome of a write, from the request and its response or error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from contactkit._http.response import check_key, row_of, utc
from contactkit._http.session import Operation, Session, Success
from contactkit.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    FieldProblem,
    InvalidInputError,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    TransportError,
    UnrecordedRequestError,
)
from contactkit.spec.doubts import with_doubts_denied
from contactkit.spec.outcome import OF_VERB, Outcome
from contactkit.spec.provider import JSON, Provider, as_object
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.validate import json_equal

Row: TypeAlias = dict[str, Any]
Values: TypeAlias = Mapping[str, JSON]


def build_row(
    provider: Provider, operation: str, outcome: Outcome, *, key: object, **columns: Any
) -> Row:
    """A result row by column; in a frame, missing columns are NA."""
    return {
        "provider": provider.name,
        "key": key or None,
        "operation": operation,
        "outcome": outcome,
        **columns,
    }


def problem_columns(problems: Sequence[FieldProblem]) -> Row:
    """The columns that say why a contact is refused."""
    return {
        "code": next((problem.code for problem in problems if problem.code), None),
        "message": "; ".join(map(str, problems)) or None,
        "field": ", ".join(problem.field for problem in problems if problem.field) or None,
    }


def response_columns(operation: Operation, success: Success) -> Row:
    """The columns that a response fills for every contact in it."""
    return {
        "http_status": success.response.status,
        "attempts": success.attempts,
        "request_id": success.request_id or None,
        "idempotency_key": operation.idempotency_key or None,
        "elapsed_ms": round(success.elapsed * 1000),
        "at": utc(success.at),
    }


def result_row(
    session: Session,
    operation: Operation,
    success: Success,
    *,
    key: str,
    changes: Values,
    before: Values | None,
) -> Row:
    """The result row of a write that succeeded; `before` is the contact as the caller knew it.

    Besides the columns it has a `warning` for the caller.
    """
    endpoint = operation.endpoint
    after = None
    if success.response.status != 202 and endpoint.answer != "nothing":
        after = _contact_after(session, operation, success, key)
    # A response without a contact cannot be compared.
    known = None if endpoint.record else before
    expected = _expected_outcome(operation, success)
    outcome, message = judge_outcome(session, operation, success, changes, after, expected)
    changed = _changed(changes, known)
    if outcome == Outcome.UPDATED and changes and known and not changed:
        outcome = Outcome.UNCHANGED
    name = key_of(endpoint.record or session.provider.record).name
    return build_row(
        session.provider,
        endpoint.effect,
        outcome,
        key=key or (after or {}).get(name),
        changed=changed,
        before=known,
        after=after,
        message=message or deletion_note(session.provider, endpoint.effect, known) or None,
        warning=message,
        **response_columns(operation, success),
    )


def deletion_note(provider: Provider, effect: str, before: Values | None) -> str:
    """What must be known of the deletion of a contact who opted out."""
    if effect != "delete" or not before:
        return ""
    if not provider.consent.is_denied(with_doubts_denied(provider, before)):
        return ""
    had = "had" if provider.consent.is_denied(before) else "may have"
    return f"{had} opted out: creating it again is refused without opt_in=True"


def failure_row(
    session: Session,
    effect: str,
    error: BaseException,
    *,
    key: str,
    changes: Values,
    before: Values | None,
    dry_run: bool = False,
) -> Row:
    """The result row of a write that raised an error."""
    problem = error.problem if isinstance(error, ApiError) else Problem()
    columns = problem_columns(field_problems(error))
    doubtful = not dry_run and _may_have_been_written(error)
    refused = Outcome.REFUSED if isinstance(error, _REFUSALS) else Outcome.FAILED
    return build_row(
        session.provider,
        effect,
        Outcome.UNKNOWN if doubtful else refused,
        key=key,
        changed=_changed(changes, before),
        before=before,
        http_status=problem.status,
        code=problem.code or columns["code"],
        message=_message(problem) or str(error) or "cancelled",
        field=columns["field"],
        request_id=problem.request_id or None,
        idempotency_key=retry_key(error) or None,
        at=utc(session.clock.now()),
    )


def _message(problem: Problem) -> str:
    """What the provider says, with what it says of single fields."""
    return ": ".join(filter(None, (problem.message, "; ".join(map(str, problem.fields)))))


def field_problems(error: BaseException) -> tuple[FieldProblem, ...]:
    """The problems of single fields in an error."""
    if isinstance(error, InvalidInputError):
        return error.problems
    return error.problem.fields if isinstance(error, ApiError) else ()


def retry_key(error: BaseException) -> str:
    """The idempotency key under which the same write may be sent again, if there is one."""
    if isinstance(error, ApiError):
        return error.problem.idempotency_key
    # The flow sets it on an interrupt, too.
    return str(getattr(error, "idempotency_key", ""))


_REFUSALS = (
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    ConflictError,
    PermissionDeniedError,
)
# After these the request was never sent, or never carried out.
_NEVER_WRITTEN = (
    *_REFUSALS,
    ConfigurationError,
    JournalError,
    UnrecordedRequestError,
    AuthenticationError,
    RateLimitError,
)


def _may_have_been_written(error: BaseException) -> bool:
    if isinstance(error, TransportError):
        return error.sent
    if not isinstance(error, Exception):
        # The flow adds a note when the interrupted write may have been carried out.
        return bool(getattr(error, "__notes__", ()))
    return not isinstance(error, _NEVER_WRITTEN)


def _contact_after(
    session: Session, operation: Operation, success: Success, key: str
) -> dict[str, JSON]:
    """The contact in the response to a write; ApiError if it is another one."""
    record = operation.endpoint.record or session.provider.record
    after = record.from_wire(row_of(session, operation, success))
    if after and key:
        after.setdefault(key_of(record).name, key)
    check_key(session, operation, success, after, key)
    return after


def _changed(changes: Values, before: Values | None) -> list[str]:
    return [n for n in changes if before is None or not json_equal(before.get(n), changes[n])]


def _expected_outcome(operation: Operation, success: Success) -> Outcome:
    """The outcome that a good response means; an upsert may have updated a contact."""
    endpoint = operation.endpoint
    if endpoint.effect == "create" and success.response.status == 200:
        repeatable = endpoint.is_repeatable(as_object(operation.request.body))
        return Outcome.UPDATED if repeatable else Outcome.CREATED
    return OF_VERB[endpoint.effect]


def judge_outcome(
    session: Session,
    operation: Operation,
    success: Success,
    changes: Values,
    after: Values | None,
    expected: Outcome,
) -> tuple[Outcome, str]:
    """The outcome of one contact's write, and a message if it is not the expected one."""
    title = session.provider.title
    if operation.dry_run:
        return _dry_run_outcome(session, success)
    if operation.own_key and is_replayed(session, success):
        used = "this idempotency key was used before"
        if success.doubted:
            return Outcome.UNKNOWN, f"{used}: it is not known whether by this call"
        return Outcome.SKIPPED, f"{used}: nothing was done, and the response is the earlier one"
    if success.response.status == 202 and expected != Outcome.UNKNOWN:
        return (Outcome.UNKNOWN, f"{title} accepted it for later; the outcome is not known yet")
    if after is not None and (names := _contradicted(session, operation, changes, after)):
        return Outcome.UNKNOWN, f"{title} responded without the change of {', '.join(names)}"
    return expected, ""


def _dry_run_outcome(session: Session, success: Success) -> tuple[Outcome, str]:
    form, title = session.provider.dry_run, session.provider.title
    if form and form.confirmed.lower() in success.response.headers:
        return Outcome.PLANNED, ""
    message = f"{title} did not confirm the dry run; the write may have been carried out"
    return Outcome.UNKNOWN, message


def is_replayed(session: Session, success: Success) -> bool:
    form = session.provider.idempotency
    return form is not None and form.replayed.lower() in success.response.headers


def _contradicted(
    session: Session, operation: Operation, changes: Values, after: Values
) -> list[str]:
    """Flags and enumerations with another value in the response than was written.

    A field that a provider may omit contradicts nothing if it is missing.
    """
    declared = fields_of(operation.endpoint.record or session.provider.record)
    exact = [n for n in changes if declared[n].kind in ("boolean", "category")]
    return [n for n in exact if (n in after or declared[n].promised) and after.get(n) != changes[n]]
