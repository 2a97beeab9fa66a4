"""One operation as a generator: pace it, authorise it, send it, retry it.

All decisions about a request are made here, and no I/O is: a flow yields what it wants done and is
sent the result, so that a sync and an async driver can run the same flow.
"""

from __future__ import annotations

import random
import re
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
from contactkit._http.world import time_of
from contactkit._redact import Secret
from contactkit.errors import (
    ApiError,
    AuthenticationError,
    RateLimitError,
    ServerError,
    TransportError,
)
from contactkit.spec.auth import ClientCredentials, HeaderAuth
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import JSON, as_object

ATTEMPTS = 4
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
_TOKEN_TURN, _TOKEN_NAP = 2.0, 0.02
_TOKEN_MARGIN, _USUAL_LIFE, _LONGEST_LIFE = 60.0, 3600.0, 1e9


def send(session: Session, operation: Operation, *, paced: bool = False) -> Flow[Success]:
    """Send a request until it has a response; raise ApiError or TransportError if it fails.

    If an earlier attempt at a write may have been carried out, it never ends as a plain refusal.
    With `paced`, the caller waits for the rate limit, also after a refusal.
    """
    attempts = _Attempts(session, operation, paced)
    try:
        return (yield from attempts.run())
    except BaseException as interrupt:
        if not isinstance(interrupt, Exception) and operation.writes and attempts.in_doubt:
            _add_note(operation, interrupt)
        raise


class _Attempts:
    """The attempts at one operation; `doubt` is the error of one that may have been carried out."""

    def __init__(self, session: Session, operation: Operation, paced: bool) -> None:
        self.session = session
        self.operation = operation
        self.paced = self.has_place = paced
        self.count = 0
        self.in_flight = False
        self.token_renewed = False
        self.doubt: ApiError | TransportError | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether the operation may have been carried out without a response that says so."""
        return self.in_flight or self.doubt is not None

    def run(self) -> Flow[Success]:
        """Make attempts until one succeeds or no further one is allowed."""
        started = self.session.uptime()
        while True:
            request = yield from self.prepare()
            self.count += 1
            self.in_flight = True
            answer = yield from self.exchange(request)
            self.in_flight = False
            result = parse_response(self.session, self.operation, answer)
            if isinstance(result, Success):
                result.attempts = self.count
                result.doubted = self.doubt is not None
                result.elapsed = self.session.uptime() - started
                return result
            yield from self.recover(request, answer, result)

    def exchange(self, request: Request) -> Flow[Answer]:
        """The response to a request, between whose ends the provider counts it."""
        if self.operation.anonymous:
            return (yield request)
        self.session.budget.begin_request()
        try:
            return (yield request)
        finally:
            self.session.budget.end_request(self.session.uptime())

    def prepare(self) -> Flow[Request]:
        """The authorised request, once the rate limit allows it."""
        prepare = _authorise if self.has_place else acquire
        self.has_place = False
        try:
            return (yield from prepare(self.session, self.operation))
        except (ApiError, TransportError) as error:
            raise self.final(error) from None

    def recover(
        self, request: Request, answer: Answer, failure: ApiError | TransportError
    ) -> Flow[None]:
        """Wait until the request may be repeated; raise if it must not be."""
        if self.is_stale_token(failure):
            self.token_renewed = True
            # The refused request gives its place back: what the caller read just now stays fresh.
            self.has_place = self.paced
            _forget_token(self.session, request)
            return
        if self.paced and self.doubt is None and isinstance(failure, RateLimitError):
            raise failure
        pause = _retry_pause(self.session, self.operation, failure, answer, self.count)
        if pause is None:
            raise self.final(failure)
        if self.operation.writes and _may_have_happened(failure):
            self.doubt = failure
        yield Wait(until=self.session.uptime() + pause)

    def is_stale_token(self, failure: ApiError | TransportError) -> bool:
        """Whether a new access token may help."""
        renewable = (
            isinstance(self.session.auth, ClientCredentials) and not self.operation.anonymous
        )
        return renewable and not self.token_renewed and isinstance(failure, AuthenticationError)

    def final(self, failure: ApiError | TransportError) -> ApiError | TransportError:
        """The error to raise; a refused repeat leaves the outcome of the first attempt open."""
        if self.doubt is None or _may_have_happened(failure):
            return failure
        message = (
            f"an earlier attempt got no clear response and may have been carried out "
            f"({type(self.doubt).__name__}); then: {failure}"
        )
        return TransportError(message, sent=True, idempotency_key=self.operation.idempotency_key)


def acquire(session: Session, operation: Operation) -> Flow[Request]:
    """The request with its credentials, once the budget allows it."""
    if operation.anonymous:
        return operation.request
    with session.budget.line.join() as place:
        while True:
            request = yield from _authorise(session, operation)
            now = session.uptime()
            ready = place.reserve(session.budget, now)
            if ready <= now:
                return request
            # It is not used up for longer because others wait too.
            resume_at = ready - place.step
            if resume_at - now > session.patience:
                message = f"the rate limit is used up for {resume_at - now:.0f} s"
                problem = problem_of(session, operation, message=message)
                raise RateLimitError(problem, utc(time_of(session.clock, resume_at)))
            yield Wait(until=ready)


def _add_note(operation: Operation, interrupt: BaseException) -> None:
    """Add a note to an interrupt, such as Ctrl+C, if the write may have been carried out."""
    key = operation.idempotency_key
    under = f" under the idempotency key {key}" if key else ""
    interrupt.add_note(f"The {operation.endpoint.verb}{under} may have been carried out.")
    # With it the caller may send the same request again.
    vars(interrupt)["idempotency_key"] = key


def _forget_token(session: Session, request: Request) -> None:
    """Forget the token of a refused request, unless another call has renewed it since."""
    if request.headers["Authorization"] == f"Bearer {session.token}":
        session.token = Secret()


def _authorise(session: Session, operation: Operation) -> Flow[Request]:
    headers = dict(operation.request.headers)
    form, credentials = session.provider.idempotency, session.credentials
    if form and operation.idempotency_key:
        headers[form.header] = operation.idempotency_key
    if isinstance(session.auth, HeaderAuth):
        for credential in session.auth.credentials:
            value = credential.prefix + credentials[credential.name]
            headers[credential.header] = Secret(value)
    else:
        token = yield from _token(session, session.auth)
        headers["Authorization"] = Secret(f"Bearer {token}")
    for setting in session.provider.settings:
        if setting.name in credentials:
            headers[setting.header] = credentials[setting.name]
    return operation.request.with_headers(headers)


def _token(session: Session, auth: ClientCredentials) -> Flow[Secret]:
    """The access token. While one call fetches it, the others wait, but not for long, because the
    fetching caller may be waiting for them.
    """
    until = session.uptime() + _TOKEN_TURN
    while True:
        now = session.uptime()
        if session.token and now < session.token_expires:
            return session.token
        if not session.fetching or now >= until:
            break
        yield Wait(until=now + _TOKEN_NAP)
    session.fetching = True
    try:
        return (yield from _fetch_token(session, auth))
    finally:
        session.fetching = False


def _fetch_token(session: Session, auth: ClientCredentials) -> Flow[Secret]:
    endpoint = Endpoint(verb="token", method="POST", path="", help="Fetch an access token.")
    form = _token_form(session, auth)
    request = Request(method=endpoint.method, url=_token_url(session, auth), form=form)
    operation = Operation(endpoint=endpoint, request=request, anonymous=True)
    success = yield from send(session, operation)
    session.token, seconds = _read_token(success.body)
    if not session.token:
        message = "the token response has no usable access_token"
        raise ApiError(problem_of(session, operation, code="undocumented", message=message))
    session.token_expires = session.uptime() + max(seconds - _TOKEN_MARGIN, seconds / 2)
    return session.token


def _read_token(content: JSON) -> tuple[Secret, float]:
    """The token in a response, "" if it is not usable, and its life in seconds.

    It is read here, so that the traceback of an error has no variable with a token.
    """
    body = as_object(content)
    token, life = body.get("access_token"), body.get("expires_in")
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
        return Secret(), 0.0
    if isinstance(life, int | float) and 0 < life < _LONGEST_LIFE:
        return Secret(token), float(life)
    return Secret(token), _USUAL_LIFE


def _token_form(session: Session, auth: ClientCredentials) -> dict[str, str]:
    credentials = session.credentials
    client_id, client_secret = (credentials[part.name] for part in auth.credentials)
    every_scope = " ".join(session.provider.scopes if auth.all_scopes else ())
    scope = credentials.get(auth.scope.name) or every_scope
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
    }
    return form | ({"scope": scope} if scope else {})


def _token_url(session: Session, auth: ClientCredentials) -> str:
    """The documented address; with the caller's `base_url`, the same path there."""
    if session.base_url == session.provider.base_url:
        return auth.token_url
    base = urlsplit(session.base_url)
    return f"{base.scheme}://{base.netloc}{urlsplit(auth.token_url).path}"


def _retry_pause(
    session: Session,
    operation: Operation,
    failure: ApiError | TransportError,
    answer: Answer,
    attempt: int,
) -> float | None:
    """Seconds until this request may be repeated; None when it must not be."""
    temporary = isinstance(failure, TransportError | RateLimitError | ServerError)
    if attempt >= ATTEMPTS or not temporary or operation.once:
        return None
    if _may_have_happened(failure) and not operation.repeatable:
        return None
    now = session.clock.now()
    seconds = retry_after(answer.headers, now) if isinstance(answer, Response) else None
    if seconds is None:
        return backoff(attempt)
    return seconds if seconds <= session.patience else None


def backoff(attempt: int) -> float:
    """The seconds to wait after this attempt, if the response does not say how long."""
    longest = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
    return random.uniform(longest / 2, longest)


def _may_have_happened(failure: ApiError | TransportError) -> bool:
    return failure.sent if isinstance(failure, TransportError) else isinstance(failure, ServerError)
