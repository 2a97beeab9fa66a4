"""The kinds of faults: failures between a provider and its caller.

    carried out                                    not carried out
    ├── latency: `seconds`, or up to `up_to`       ├── rate_limited: 429, maybe `retry_after`
    ├── written_then_500, written_then_dropped     ├── server_error: `status`, maybe `retry_after`
    ├── slow_body, truncated_body                  ├── unsuccessful: a refusal under HTTP 200
    ├── html: a proxy's page, `status`             ├── expired_token
    ├── duplicated_row                             ├── empty_refusal: `status`, no body
    └── deleted_row: by another client, after      └── dropped: no response
        the page

`*_row` apply only to listings, `written_*` only to writes, and none to a token request. Each kind
is a function of its options that returns the function which responds to a request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from contactkit.errors import ConfigurationError, InvalidRequestError, RateLimitError, ServerError
from contactkit.simulator.access import expire_credential
from contactkit.simulator.engine import Engine
from contactkit.simulator.messages import Refusal, Request, Response
from contactkit.spec import JSON, Query, as_list, as_object, key_of

Respond: TypeAlias = Callable[[Engine, Request], Response]
Delay: TypeAlias = tuple[float, float]  # at least, at most

# The type of an option for pydantic, and in words for the error.
_DAY = 86_400
_ErrorStatus = Annotated[Literal[500, 503], "one of 500, 503"]
_NoAccess = Annotated[Literal[401, 403], "one of 401, 403"]
_PageStatus = Annotated[Literal[200, 500, 502, 503, 504], "one of 200, 500, 502, 503, 504"]
Number = Annotated[float, Field(allow_inf_nan=False)]
_Seconds = Annotated[Number | None, "seconds from 0 to 86,400", Field(ge=0, le=_DAY)]
_RetryAfter = Annotated[int | None, "whole seconds from 0 to 86,400, or None", Field(ge=0, le=_DAY)]


def latency(*, seconds: _Seconds = None, up_to: _Seconds = None) -> Delay:
    """Respond late."""
    least, most = seconds or 0.0, up_to or 0.0
    if not 0 < max(least, most):
        raise ConfigurationError("the fault latency needs seconds= or up_to=, above 0")
    if up_to is not None and up_to < least:
        raise ConfigurationError("up_to= must not be less than seconds=")
    return least, max(least, most)


def rate_limited(*, retry_after: _RetryAfter = None) -> Respond:
    """Refuse because the rate limit is exceeded."""

    def respond(engine: Engine, request: Request) -> Response:
        refusal = engine.refusal("rate", RateLimitError, "Rate limit exceeded", status=429)
        return _with_retry_after(engine.respond(request, refusal), retry_after)

    return respond


def server_error(*, status: _ErrorStatus = 500, retry_after: _RetryAfter = None) -> Respond:
    """Fail as the provider does; with a proxy's page if it documents no such status."""

    def respond(engine: Engine, request: Request) -> Response:
        catalogue = engine.provider.errors.catalogue
        code = next((code for code, (known, _) in catalogue.items() if known == status), None)
        if code is None:
            return _with_retry_after(_proxy_page(status), retry_after)
        message = engine.rules.failure if status == 500 else "The service is unavailable"
        refusal = Refusal(ServerError, message, code=code)
        return _with_retry_after(engine.respond(request, refusal), retry_after)

    return respond


def _with_retry_after(response: Response, seconds: int | None) -> Response:
    header = {} if seconds is None else {"Retry-After": str(seconds)}
    return replace(response, headers={**response.headers, **header})


def _proxy_page(status: int) -> Response:
    title = "Sign in to continue" if status == 200 else f"{status} {HTTPStatus(status).phrase}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Response(status, raw=("text/html; charset=utf-8", page.encode()))


def unsuccessful() -> Respond:
    """Refuse with HTTP status 200."""

    def respond(engine: Engine, request: Request) -> Response:
        refusal = Refusal(InvalidRequestError, "The request was not carried out", status=200)
        return engine.respond(request, refusal)

    return respond


def empty_refusal(*, status: _NoAccess = 401) -> Respond:
    """Refuse the credential or its permission without a body, as Sent's pages print it."""
    return lambda engine, request: Response(status)


def expired_token() -> Respond:
    """Refuse the credential as expired."""
    return lambda engine, request: engine.respond(request, expire_credential(engine, request))


def dropped() -> Respond:
    """Close the connection without a response."""
    return lambda engine, request: Response(500, delivery="dropped")


def written_then_500() -> Respond:
    """Carry the write out, then fail."""
    return _carry_out_then(server_error())


def written_then_dropped() -> Respond:
    """Carry the write out, then close the connection."""
    return _carry_out_then(dropped())


def html(*, status: _PageStatus = 200) -> Respond:
    """Carry the request out, but respond with a proxy's page."""
    return _carry_out_then(lambda engine, request: _proxy_page(status))


def _carry_out_then(respond: Respond) -> Respond:
    def carry_out(engine: Engine, request: Request) -> Response:
        engine.respond(request)
        return respond(engine, request)

    return carry_out


def slow_body() -> Respond:
    """Send the body in pieces."""
    return partial(_deliver, "slow")


def truncated_body() -> Respond:
    """Close the connection halfway through the body."""
    return partial(_deliver, "truncated")


def _deliver(how: Literal["slow", "truncated"], engine: Engine, request: Request) -> Response:
    response = engine.respond(request)
    # A response without a body cannot be cut.
    empty = how == "truncated" and not response.content
    return replace(response, delivery="dropped" if empty else how)


def duplicated_row() -> Respond:
    """Begin a page with the last row of the previous one, or repeat its first row."""
    next_page: tuple[Query, JSON] | None = None

    def respond(engine: Engine, request: Request) -> Response:
        nonlocal next_page
        response = engine.respond(request)
        rows, envelope = _rows(engine, response), engine.provider.envelope
        if not rows:
            return response
        repeated = next_page[1] if next_page and next_page[0] == request.query else rows[0]
        try:
            following = engine.provider.paging.next_query(request.query, rows, response.body)
        except (LookupError, ValueError):
            following = None
        next_page = (dict(following), rows[-1]) if following else None
        body = envelope.put(response.body, envelope.many, [repeated, *rows])
        return replace(response, body=body)

    return respond


def deleted_row() -> Respond:
    """Delete the first contact of a page once it is read."""

    def respond(engine: Engine, request: Request) -> Response:
        response = engine.respond(request)
        wire = key_of(engine.provider.record).wire
        for row in _rows(engine, response)[:1]:
            stored = engine.contacts.find(str(as_object(row).get(wire)))
            if stored:
                engine.contacts.delete(stored)
        return response

    return respond


def _rows(engine: Engine, response: Response) -> list[JSON]:
    envelope = engine.provider.envelope
    try:
        return as_list(envelope.pick(response.body, envelope.many))
    except LookupError:
        return []


# The target of each kind, and its function.
KINDS: Mapping[str, tuple[str, Callable[..., Respond | Delay]]] = {
    "latency": ("requests", latency),
    "rate_limited": ("requests", rate_limited),
    "server_error": ("requests", server_error),
    "written_then_500": ("writes", written_then_500),
    "written_then_dropped": ("writes", written_then_dropped),
    "dropped": ("requests", dropped),
    "slow_body": ("requests", slow_body),
    "truncated_body": ("requests", truncated_body),
    "html": ("requests", html),
    "unsuccessful": ("requests", unsuccessful),
    "empty_refusal": ("requests", empty_refusal),
    "expired_token": ("requests", expired_token),
    "duplicated_row": ("listings", duplicated_row),
    "deleted_row": ("listings", deleted_row),
}
