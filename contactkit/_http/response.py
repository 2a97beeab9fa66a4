"""Reading a `Reply`: a good answer as `Done`, everything else as the error that it means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from contactkit._http.rate_limits import retry_after
from contactkit._http.session import Answer, NoResponse, Operation, Response, Session, Success
from contactkit._redact import redact
from contactkit.errors import ApiError, Problem, RateLimitError, TransportError, error_for_status
from contactkit.spec.paging import Place
from contactkit.spec.provider import JSON, as_list, as_object
from contactkit.spec.record import fields_of, key_of

# The last second of the year 9999, past which no datetime goes.
_LATEST = 253_402_300_799.0
# Too short, or too uniform, for anybody's secret but the session's own.
_ID = re.compile(r"(?:req_)?[0-9A-Za-z]{1,16}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def parse_response(
    session: Session, ask: Operation, answer: Answer
) -> Success | ApiError | TransportError:
    """What an answer means; errors are returned, for the flow decides what to raise."""
    now = session.clock.now()
    if not isinstance(answer, Response):
        lost = answer or NoResponse(reason="no answer", sent=True)
        where = f"{session.provider.name} {ask.endpoint.verb}"
        arrived = "the request may have arrived" if lost.sent else "the request was not sent"
        message = f"{where}: {lost.reason}; {arrived}"
        return TransportError(message, sent=lost.sent, idempotency_key=ask.idempotency_key)
    session.budget.learn(answer.headers, now)
    try:
        body = _parsed(ask, answer)
    except ValueError as error:
        return unexpected_response(session, ask, answer, str(error))
    problem = session.provider.errors.read(body)
    if problem is not None or answer.status >= 400:
        return _refusal(session, ask, answer, problem or Problem())
    if not 200 <= answer.status < 300:
        return unexpected_response(session, ask, answer, "is neither success nor error")
    return Success(body=body, response=answer, request_id=_request_id(session, answer), at=now)


def _request_id(session: Session, response: Response) -> str:
    """The request id; redacted where it is more than an id, for it may quote what was sent."""
    text = response.headers.get("x-request-id", "")
    folded = text.casefold()
    quoted = any(secret and secret.casefold() in folded for secret in session.secrets)
    if _ID.fullmatch(text) and not quoted:
        return text
    return redact(text, session.secrets, personal=False)


def _parsed(ask: Operation, reply: Response) -> JSON:
    if ask.endpoint.answer == "nothing" and not reply.content and reply.status < 300:
        return None
    if not reply.content:
        raise ValueError("is empty")
    kind = reply.headers.get("content-type", "json").split(";")[0]
    try:
        # Most of a contact's values are its own, so that looking each up in a cache costs more.
        body = from_json(reply.content, cache_strings="keys")
    except ValueError:
        raise ValueError("is not whole JSON" if "json" in kind else f"is {kind}") from None
    if "json" not in kind and reply.status < 400:
        raise ValueError(f"is {kind}, not JSON")
    return body


def problem_of(session: Session, ask: Operation, **known: Any) -> Problem:
    """A problem that knows where it happened."""
    return Problem(
        provider=session.provider.name,
        operation=ask.endpoint.verb,
        idempotency_key=ask.idempotency_key,
        **known,
    )


def unexpected_response(session: Session, ask: Operation, reply: Response, why: str) -> ApiError:
    """The error for an answer that is not the documented shape, with its raw start, redacted."""
    problem = problem_of(
        session,
        ask,
        status=reply.status,
        code="" if reply.status >= 400 else "undocumented",
        message=f"the answer {why}{_start(session, ask, reply)}",
        request_id=_request_id(session, reply),
    )
    return _raisable(session, error_for_status(reply.status), problem, reply)


def _start(session: Session, ask: Operation, reply: Response) -> str:
    """What may be shown of an answer: none of what may hold people, or a fresh token."""
    text = reply.content[:4000].decode("utf-8", "replace").strip()
    if not text or ask.anonymous:
        return ""
    if text[0] in '{["':
        return f" ({len(reply.content):,} bytes of JSON)"
    shown = redact(redact(text, session.secrets), list(_people(session, ask)))
    return f": {shown[:200]!r}"


def _refusal(session: Session, ask: Operation, reply: Response, problem: Problem) -> ApiError:
    people = list(_people(session, ask))

    def shown(text: str) -> str:
        return redact(redact(text, session.secrets), people)

    def plain(text: str) -> str:
        return redact(text, session.secrets, personal=False)

    fields = tuple(
        replace(each, field=shown(each.field), message=shown(each.message))
        for each in problem.fields
    )
    known = session.provider.errors.catalogue.get(problem.code)
    told = problem_of(
        session,
        ask,
        status=reply.status,
        code=shown(problem.code),
        message=shown(problem.message),
        fields=fields,
        request_id=plain(problem.request_id or reply.headers.get("x-request-id", "")),
        docs=plain(problem.docs or ask.endpoint.docs),
        existing_key=plain(problem.existing_key),
    )
    return _raisable(session, known[1] if known else error_for_status(reply.status), told, reply)


def _people(session: Session, ask: Operation) -> Iterator[str]:
    """The personal values that were sent, which a refusal may repeat."""
    params = fields_of(ask.endpoint.params)
    declared = {**fields_of(session.provider.record), **params}
    personal = {
        wire for each in declared.values() if each.marker.personal for wire in each.spellings
    }
    if key_of(session.provider.record).marker.personal:
        personal.add(ask.endpoint.key_wire)
        yield ask.key
    bulk = ask.endpoint.bulk
    rows = as_list(as_object(ask.request.body).get(bulk.name, ask.request.body)) if bulk else []
    asked = ask.endpoint.params.from_query(ask.request.query)
    query = {params[name].wire: value for name, value in asked.items() if name in params}
    for sent in (as_object(ask.request.body), query, *rows):
        if isinstance(sent, str):
            yield sent
        for wire in personal & as_object(sent).keys():
            yield from (text for text in _texts(as_object(sent)[wire]) if len(text) > 2)


def _texts(value: JSON) -> Iterator[str]:
    """Every text in a JSON value, but for the names in it."""
    if isinstance(value, str):
        yield value
    for each in (*as_list(value), *as_object(value).values()):
        yield from _texts(each)


def _raisable(
    session: Session, kind: type[ApiError], problem: Problem, reply: Response
) -> ApiError:
    now = session.clock.now()
    resume = now + (retry_after(reply.headers, now) or 0.0)
    session.budget.block(resume)
    return RateLimitError(problem, utc(resume)) if kind is RateLimitError else kind(problem)


def utc(seconds: float) -> datetime:
    """Seconds since the epoch as an aware datetime."""
    return datetime.fromtimestamp(min(seconds, _LATEST), UTC)


def extract(session: Session, ask: Operation, done: Success, path: Place) -> JSON:
    """What an answer holds at `path`; ApiError when it has no such place."""
    try:
        return session.provider.envelope.pick(done.body, path)
    except LookupError:
        why = f"has no {'.'.join(path)}"
        raise unexpected_response(session, ask, done.response, why) from None
