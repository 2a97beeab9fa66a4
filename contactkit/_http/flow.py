"""One call as a generator: pace, authorise, send, retry.

Everything is decided here and nothing is done here, so a blocking and an awaiting driver can run
the same flow.
"""

from __future__ import annotations

import random
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from contactkit._http.rate_limits import retry_after
from contactkit._http.response import parse_response, problem_of, utc
from contactkit._http.session import (
    Answer,
    Flow,
    Operation,
    Request,
    Response,
    Session,
    Success,
    Wait,
)
from contactkit._redact import Secret
from contactkit.errors import (
    ApiError,
    AuthenticationError,
    RateLimitError,
    ServerError,
    TransportError,
)
from contactkit.spec.provider import ClientCredentials, Endpoint, HeaderAuth, as_object

ATTEMPTS = 4
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
_TURN, _NAP = 2.0, 0.02
_TOKEN_MARGIN, _USUAL_LIFE, _LONGEST_LIFE = 60.0, 3600.0, 1e9


def send(session: Session, ask: Operation, *, paced: bool = False) -> Flow[Success]:
    """Carry one request through to its answer, or raise what DESIGN's error tree says.

    A write whose earlier attempt may have been carried out never ends as a plain refusal. Who is
    `paced` has taken a turn for the first attempt, and takes another when the rate limit says no.
    """
    started = session.clock.now()
    doubt: ApiError | TransportError | None = None
    renewed = False
    attempt = 0
    while True:
        try:
            with _noting(ask, doubt is not None):
                given = paced and not attempt
                call = yield from _authorised(session, ask) if given else acquire(session, ask)
        except (ApiError, TransportError) as error:
            raise _settled(ask, error, doubt) from None
        attempt += 1
        with _noting(ask, True):
            answer = yield call
        failure = parse_response(session, ask, answer)
        if isinstance(failure, Success):
            elapsed = session.clock.now() - started
            doubted = doubt is not None
            return replace(failure, attempts=attempt, doubted=doubted, elapsed=elapsed)
        if _stale(session, ask, failure) and not renewed:
            renewed = True
            _forget_token(session, call)
            continue
        if paced and doubt is None and isinstance(failure, RateLimitError):
            raise failure
        pause = _pause(session, ask, failure, answer, attempt)
        if pause is None:
            raise _settled(ask, failure, doubt)
        if ask.writes and _may_have_happened(failure):
            doubt = failure
        with _noting(ask, doubt is not None):
            yield Wait(until=session.clock.now() + pause)


def acquire(session: Session, ask: Operation) -> Flow[Request]:
    """The call, once the budget allows it and with its credentials."""
    if ask.anonymous:
        return ask.call
    while True:
        call = yield from _authorised(session, ask)
        now = session.clock.now()
        ready = session.budget.reserve(now)
        if ready <= now:
            return call
        if ready - now > session.patience:
            message = f"the rate limit is used up for {ready - now:.0f} s"
            raise RateLimitError(problem_of(session, ask, message=message), utc(ready))
        yield Wait(until=ready)


@contextmanager
def _noting(ask: Operation, in_doubt: bool) -> Generator[None]:
    """An interrupt is not ours to answer, but what it leaves open must not be lost."""
    try:
        yield
    except BaseException as interrupt:
        if in_doubt and ask.writes and not isinstance(interrupt, Exception):
            key = ask.idempotency_key
            under = f" under the idempotency key {key}" if key else ""
            interrupt.add_note(f"The {ask.endpoint.verb}{under} may have been carried out.")
            # Whoever catches it may send the same again.
            vars(interrupt)["idempotency_key"] = key
        raise


def _stale(session: Session, ask: Operation, failure: ApiError | TransportError) -> bool:
    renewable = isinstance(session.auth, ClientCredentials) and not ask.anonymous
    return renewable and isinstance(failure, AuthenticationError)


def _forget_token(session: Session, call: Request) -> None:
    """Forget the token that a call was refused with, unless another call has renewed it."""
    if call.headers["Authorization"] == f"Bearer {session.token}":
        session.token = Secret()


def _authorised(session: Session, ask: Operation) -> Flow[Request]:
    headers = dict(ask.call.headers)
    held = session.credentials
    if isinstance(session.auth, HeaderAuth):
        for each in session.auth.credentials:
            headers[each.header] = Secret(each.prefix + held[each.name])
    else:
        token = yield from _token(session, session.auth)
        headers["Authorization"] = Secret(f"Bearer {token}")
    for each in session.provider.settings:
        if each.name in held:
            headers[each.header] = held[each.name]
    return replace(ask.call, headers=headers)


def _token(session: Session, auth: ClientCredentials) -> Flow[Secret]:
    """The access token. While one call fetches it the others wait, but not for long: who fetches
    it may be waiting for them.
    """
    until = session.clock.now() + _TURN
    while True:
        now = session.clock.now()
        if session.token and now < session.token_expires:
            return session.token
        if not session.fetching or now >= until:
            break
        yield Wait(until=now + _NAP)
    session.fetching = True
    try:
        return (yield from _fetch_token(session, auth))
    finally:
        session.fetching = False


def _fetch_token(session: Session, auth: ClientCredentials) -> Flow[Secret]:
    held = session.credentials
    client_id, client_secret = (held[each.name] for each in auth.credentials)
    scope = held.get(auth.scope.name) or " ".join(
        session.provider.scopes if auth.all_scopes else ()
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
        **({"scope": scope} if scope else {}),
    }
    endpoint = Endpoint(verb="token", method="POST", path="", help="Fetch an access token.")
    call = Request(method=endpoint.method, url=_token_url(session, auth), form=form)
    ask = Operation(endpoint=endpoint, call=call, anonymous=True)
    done = yield from send(session, ask)
    body = as_object(done.body)
    token, life = body.get("access_token"), body.get("expires_in")
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
        message = "the token answer holds no usable access_token"
        raise ApiError(problem_of(session, ask, code="undocumented", message=message))
    seconds = _USUAL_LIFE
    if isinstance(life, int | float) and 0 < life < _LONGEST_LIFE:
        seconds = float(life)
    session.token = found = Secret(token)
    session.token_expires = session.clock.now() + max(seconds - _TOKEN_MARGIN, seconds / 2)
    return found


def _token_url(session: Session, auth: ClientCredentials) -> str:
    """The documented address; with a `base_url` of the caller's own, the same path there."""
    if session.base_url == session.provider.base_url:
        return auth.token_url
    base = urlsplit(session.base_url)
    return f"{base.scheme}://{base.netloc}{urlsplit(auth.token_url).path}"


def _pause(
    session: Session,
    ask: Operation,
    failure: ApiError | TransportError,
    answer: Answer,
    attempt: int,
) -> float | None:
    """Seconds until this request may be repeated; None when it must not be."""
    passing = isinstance(failure, TransportError | RateLimitError | ServerError)
    if attempt >= ATTEMPTS or not passing:
        return None
    if _may_have_happened(failure) and not ask.repeatable:
        return None
    now = session.clock.now()
    asked = retry_after(answer.headers, now) if isinstance(answer, Response) else None
    if asked is None:
        longest = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
        return random.uniform(longest / 2, longest)
    return asked if asked <= session.patience else None


def _may_have_happened(failure: ApiError | TransportError) -> bool:
    return failure.sent if isinstance(failure, TransportError) else isinstance(failure, ServerError)


def _settled(
    ask: Operation, failure: ApiError | TransportError, doubt: ApiError | TransportError | None
) -> ApiError | TransportError:
    """A refusal of the repeat says nothing of the first attempt, which may have been done."""
    if doubt is None or _may_have_happened(failure):
        return failure
    message = (
        f"an earlier attempt got no clear answer and may have been carried out "
        f"({type(doubt).__name__}); then: {failure}"
    )
    return TransportError(message, sent=True, idempotency_key=ask.idempotency_key)
