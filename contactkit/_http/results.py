"""What became of a write: its answer held against what was asked, as one result row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from contactkit._http.response import row_of, unexpected_response
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
from contactkit.spec.outcome import OF_VERB
from contactkit.spec.provider import JSON, as_object
from contactkit.spec.record import Record, fields_of, key_of
from contactkit.spec.validate import json_equal


def result_row(
    session: Session,
    ask: Operation,
    done: Success,
    *,
    key: str,
    changes: Mapping[str, JSON],
    before: Mapping[str, JSON] | None,
) -> dict[str, Any]:
    """The result row of a write, by column; `before` is the contact as the caller knew it.

    Beside the columns, `warning` is what the caller should be warned of.
    """
    later = done.response.status == 202
    after = None
    if not later and ask.endpoint.answer != "nothing":
        after = _after(session, ask, done, key)
    # An answer that is no contact is nothing to compare a contact with.
    known = None if ask.endpoint.record else before
    outcome, message = judge_outcome(session, ask, done, changes, after, _usual(ask, done))
    if outcome == "updated" and changes and known:
        outcome = outcome if _changed(changes, known) else "unchanged"
    name = key_of(ask.endpoint.record or session.provider.record).name
    return common_columns(session, ask, done) | {
        "key": key or (after or {}).get(name),
        "outcome": outcome,
        "changed": _changed(changes, known),
        "before": known,
        "after": after,
        "message": message or None,
        "warning": message,
    }


def _changed(changes: Mapping[str, JSON], before: Mapping[str, JSON] | None) -> list[str]:
    return [n for n in changes if before is None or not json_equal(before.get(n), changes[n])]


_REFUSED = (
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    ConflictError,
    PermissionDeniedError,
)


def failure_row(
    session: Session,
    effect: str,
    error: BaseException,
    *,
    key: str,
    changes: Mapping[str, JSON],
    before: Mapping[str, JSON] | None,
    dry_run: bool = False,
) -> dict[str, Any]:
    """The result row of a write that raised, by column."""
    problem = error.problem if isinstance(error, ApiError) else Problem()
    fields = problem_fields(error)
    doubtful = not dry_run and _may_have_been_written(error)
    refused = isinstance(error, _REFUSED)
    return {
        "provider": session.provider.name,
        "key": key or None,
        "operation": effect,
        "outcome": "unknown" if doubtful else "refused" if refused else "failed",
        "changed": _changed(changes, before),
        "before": before,
        "http_status": problem.status,
        "code": problem.code or next((each.code for each in fields if each.code), None),
        "message": problem.message or str(error) or "cancelled",
        "field": ", ".join(each.field for each in fields if each.field) or None,
        "request_id": problem.request_id or None,
        "idempotency_key": key_of_write(error) or None,
        "at": datetime.fromtimestamp(session.clock.now(), UTC),
    }


def problem_fields(error: BaseException) -> tuple[FieldProblem, ...]:
    """What an error says of single fields."""
    if isinstance(error, InvalidInputError):
        return error.problems
    return error.problem.fields if isinstance(error, ApiError) else ()


def key_of_write(error: BaseException) -> str:
    """The idempotency key under which the same write may be sent again, if there is one."""
    if isinstance(error, ApiError):
        return error.problem.idempotency_key
    # The flow leaves it on an interrupt, too.
    return str(getattr(error, "idempotency_key", ""))


def _may_have_been_written(error: BaseException) -> bool:
    if isinstance(error, TransportError):
        return error.sent
    if not isinstance(error, Exception):
        # The flow adds a note when what was interrupted may have been carried out.
        return bool(getattr(error, "__notes__", ()))
    # A request that was not recorded, or not put down, went nowhere.
    never = (ConfigurationError, JournalError, UnrecordedRequestError)
    return not isinstance(error, (*_REFUSED, *never, AuthenticationError, RateLimitError))


def common_columns(session: Session, ask: Operation, done: Success) -> dict[str, Any]:
    return {
        "provider": session.provider.name,
        "operation": ask.endpoint.effect,
        "http_status": done.response.status,
        "attempts": done.attempts,
        "request_id": done.request_id or None,
        "idempotency_key": ask.idempotency_key or None,
        "elapsed_ms": round(done.elapsed * 1000),
        "at": datetime.fromtimestamp(done.at, UTC),
    }


def _after(session: Session, ask: Operation, done: Success, key: str) -> dict[str, JSON]:
    """The contact that a write answered with; it must be the one that was asked for."""
    record = ask.endpoint.record or session.provider.record
    after = record.from_wire(row_of(session, ask, done))
    name = key_of(record).name
    found = after.setdefault(name, key) if after and key else after.get(name)
    other = isinstance(found, str) and key and _bare(record, found) != _bare(record, key)
    if not isinstance(found, str) or not found or (other and not ask.dry_run):
        why = "holds another contact than the one that was written, or none"
        raise unexpected_response(session, ask, done.response, why)
    return after


def _bare(record: type[Record], key: str) -> str:
    """A key without what it may be spelled with: its case, or the marks of a phone number."""
    is_phone = key_of(record).marker.personal == "phone"
    return re.sub(r"\D", "", key) if is_phone else key.casefold()


def _usual(ask: Operation, done: Success) -> str:
    """What a good answer means. A creation that may be carried out twice changes who is there."""
    if ask.endpoint.effect == "create" and done.response.status == 200:
        return "updated" if ask.endpoint.is_repeatable(as_object(ask.request.body)) else "created"
    return OF_VERB[ask.endpoint.effect]


def judge_outcome(
    session: Session,
    ask: Operation,
    done: Success,
    changes: Mapping[str, JSON],
    after: Mapping[str, JSON] | None,
    usual: str,
) -> tuple[str, str]:
    """The outcome of one contact's write, and a message where it is not the usual one."""
    title = session.provider.title
    if ask.dry_run:
        return _rehearsed(session, done)
    if ask.own_key and _replayed(session, done):
        told = "nothing was done, the answer is from then"
        told = "whether by this call cannot be told" if done.doubted else told
        message = f"this idempotency key was used before: {told}"
        return "unknown" if done.doubted else "skipped", message
    if done.response.status == 202 and usual != "unknown":
        return "unknown", f"{title} accepted it for later; what became of it is not known"
    if after is not None and (other := _contradicted(session, ask, changes, after)):
        return "unknown", f"{title} answered without what was asked of {', '.join(other)}"
    return usual, ""


def _rehearsed(session: Session, done: Success) -> tuple[str, str]:
    form, title = session.provider.dry_run, session.provider.title
    if form and form.confirmed.lower() in done.response.headers:
        return "planned", ""
    told = f"{title} did not confirm the dry run; it may have been carried out"
    return "unknown", told


def _replayed(session: Session, done: Success) -> bool:
    form = session.provider.idempotency
    return form is not None and form.replayed.lower() in done.response.headers


def _contradicted(
    session: Session, ask: Operation, changes: Mapping[str, JSON], after: Mapping[str, JSON]
) -> list[str]:
    """Flags and enumerations that do not stand in the answer as they were written.

    A field that a provider need not answer with contradicts nothing by its absence.
    """
    declared = fields_of(ask.endpoint.record or session.provider.record)
    exact = [n for n in changes if declared[n].kind in ("boolean", "category")]
    return [n for n in exact if (n in after or declared[n].promised) and after.get(n) != changes[n]]
