"""Access control: which account a request belongs to, its rate limits, and its idempotency key."""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from contactkit.errors import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    PermissionDeniedError,
    RateLimitError,
)
from contactkit.simulator.messages import Account, Refusal, Request, Response
from contactkit.simulator.verbs import carry_out
from contactkit.spec import Auth, ClientCredentials, HeaderAuth, Idempotency, Limit

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine


def authenticate(engine: Engine, request: Request) -> None:
    """Find the account of the request's credential, or refuse it."""
    presented = [shown for way in engine.provider.auth if (shown := _presented(request, way))]
    if not presented:
        raise engine.refusal("no_credential", AuthenticationError, "No credential was sent")
    now = engine.clock.now()
    issued = (engine.tokens.get(shown.get("access_token", "")) for shown in presented)
    for account in (*engine.accounts.values(), *filter(None, issued)):
        credentials = account.credentials.items()
        current = account.expires is None or now < account.expires
        if current and any(shown.items() <= credentials for shown in presented):
            request.owner, request.scopes = account.owner, account.scopes
            return
    engine.rules.after_failed_login(engine, request)
    raise _bad_credential(engine)


def expire_credential(engine: Engine, request: Request) -> Refusal:
    """Forget the request's access token; return the refusal of an expired credential."""
    for way in engine.provider.auth:
        engine.tokens.pop(_presented(request, way).get("access_token", ""), None)
    return _bad_credential(engine)


def _bad_credential(engine: Engine) -> Refusal:
    message = "The credential is wrong, expired or revoked"
    return engine.refusal("bad_credential", AuthenticationError, message)


def _presented(request: Request, way: Auth) -> dict[str, str]:
    """The credentials that a request carries in this way; empty unless it has all of them."""
    if isinstance(way, ClientCredentials):
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return {"access_token": token} if scheme == "Bearer" and token else {}
    shown: dict[str, str] = {}
    for credential in way.credentials:
        value, prefix = request.headers.get(credential.header.lower(), ""), credential.prefix
        if not value.startswith(prefix) or value == prefix:
            return {}
        shown[credential.name] = value.removeprefix(prefix)
    return shown


def requested_grant(engine: Engine, request: Request) -> ClientCredentials | None:
    """The grant whose token endpoint the request addresses; None if it addresses none."""
    for way in engine.provider.auth:
        if isinstance(way, ClientCredentials) and request.path == urlsplit(way.token_url).path:
            return way if request.method == "POST" else None
    return None


def issue_token(engine: Engine, request: Request, grant: ClientCredentials) -> Response:
    """Exchange client credentials for a bearer token (RFC 6749, section 4.4)."""
    form = dict(parse_qsl(request.content.decode("utf-8", "replace")))
    account = _client_account(engine, grant, form)
    if account is None or form.get("grant_type") != "client_credentials":
        raise engine.refusal("bad_client", AuthenticationError, "Unknown client")
    enabled = frozenset(engine.provider.scopes) if account.scopes is None else account.scopes
    scopes = frozenset(form["scope"].split()) if form.get("scope") else frozenset[str]()
    scopes = enabled if not scopes and not grant.all_scopes else scopes
    if not all(engine.rules.scope_allows(enabled, scope) for scope in scopes):
        raise engine.refusal("bad_scope", PermissionDeniedError, "The scope is not enabled")
    token = f"simulator-token-{engine.rng.getrandbits(128):032x}"
    now, lifetime = engine.clock.now(), engine.rules.token_seconds
    engine.tokens[token] = Account(
        credentials={"access_token": token},
        scopes=scopes,
        owner=account.owner,
        expires=now + lifetime,
    )
    return Response(
        200,
        {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "scope": " ".join(sorted(scopes)),
            "created_at": int(now),
        },
    )


def _client_account(
    engine: Engine, grant: ClientCredentials, form: dict[str, str]
) -> Account | None:
    names = [credential.name for credential in grant.credentials]
    values = {name: form.get(name, "") for name in names}
    accounts = engine.accounts.values()
    return next((a for a in accounts if values.items() <= dict(a.credentials).items()), None)


@dataclass
class Window:
    """One rate limit as the provider counts it: in a sliding window, or in fixed periods."""

    limit: Limit
    sliding: bool
    hits: deque[float]

    def resets_at(self, now: float) -> float:
        """The time at which the oldest request in the window stops counting; drops older ones."""
        span = self.limit.seconds
        start = now - span if self.sliding else now - now % span
        while self.hits and (self.hits[0] <= start if self.sliding else self.hits[0] < start):
            self.hits.popleft()
        return (self.hits[0] if self.sliding and self.hits else start) + span

    def is_full(self, now: float) -> bool:
        """Whether another request would exceed the limit."""
        self.resets_at(now)
        return len(self.hits) >= self.limit.requests


def count_request(engine: Engine, request: Request) -> None:
    """Count one request against every limit of its account, or refuse it."""
    now = engine.clock.now()
    windows = engine.windows(request.owner)
    full = [window for window in windows if window.is_full(now)]
    for window in windows if not full else ():
        window.hits.append(now)
    add_limit_headers(engine, windows if engine.rules.always_shows_limits else full)
    if full:
        wait = max(window.resets_at(now) for window in full) - now
        engine.response_headers["Retry-After"] = str(max(1, math.ceil(wait)))
        raise engine.refusal("rate", RateLimitError, "Rate limit exceeded")


def add_limit_headers(engine: Engine, windows: Iterable[Window]) -> None:
    """Put the state of rate limits into the headers of the response."""
    for window in windows:
        reset = math.ceil(window.resets_at(engine.clock.now()))
        limit = window.limit.requests
        state = {"Limit": limit, "Remaining": limit - len(window.hits), "Reset": reset}
        engine.response_headers |= {window.limit.header.format(n): str(v) for n, v in state.items()}


def idempotency_scope(engine: Engine, request: Request) -> tuple[str, ...] | None:
    """An idempotency key with its scope; None for a read or without a key."""
    form, headers = engine.provider.idempotency, request.headers
    key = headers.get(form.header.lower()) if form else None
    if key is None or request.method == "GET":
        return None
    ways = [way.credentials for way in engine.provider.auth if isinstance(way, HeaderAuth)]
    names = [credential.header for credential in chain(*ways, engine.provider.settings)]
    return key, engine.rules.key_scope(request), *(headers.get(name.lower(), "") for name in names)


Fingerprint: TypeAlias = tuple[str, str, str]  # method, path, body


@dataclass(frozen=True)
class SavedResponse:
    """The response to the first request under an idempotency key."""

    request: Fingerprint
    response: Response
    request_id: str
    time: float


def deduplicate(engine: Engine, request: Request) -> Response:
    """Carry out a request, or repeat the first response under its idempotency key."""
    form = engine.provider.idempotency
    key = request.headers.get(form.header.lower()) if form and request.endpoint.keyed else None
    if form is None or key is None:
        return carry_out(engine, request)
    _check_key(engine, request, form, key)
    place = (request.owner, engine.rules.key_scope(request), key)
    fingerprint = (request.method, request.path, json.dumps(request.body, sort_keys=True))
    saved, now = engine.saved_responses.get(place), engine.clock.now()
    if saved and now - saved.time < form.life:
        if saved.request != fingerprint:
            raise _reused_key(engine, request, saved)
        return _replay(engine, saved, form.replayed)
    response = carry_out(engine, request)
    _forget_before(engine, now - form.life)
    engine.saved_responses.pop(place, None)
    engine.saved_responses[place] = SavedResponse(fingerprint, response, engine.request_id, now)
    return response


def _check_key(engine: Engine, request: Request, form: Idempotency, key: str) -> None:
    if len(key) > form.longest or not re.fullmatch(form.pattern, key):
        message = f"{form.header} must be 1 to {form.longest} characters of {form.pattern}"
        raise engine.refusal("idempotency_key", InvalidRequestError, message)
    scope = idempotency_scope(engine, request)
    if scope and engine.in_flight.get(scope, request) is not request:
        message = "A request with this key is still being processed"
        raise engine.refusal("in_flight", ConflictError, message)


def _reused_key(engine: Engine, request: Request, saved: SavedResponse) -> Refusal:
    message = "This key was already used for a different request"
    fields = engine.rules.body_differences(json.loads(saved.request[2]), request.body)
    return engine.refusal("reused", ConflictError, message, fields=fields)


def _replay(engine: Engine, saved: SavedResponse, header: str) -> Response:
    headers = {header: "true"}
    if engine.rules.request_ids:
        headers["X-Original-Request-Id"] = saved.request_id
    response = saved.response
    return Response(response.status, response.body, {**response.headers, **headers})


def _forget_before(engine: Engine, time: float) -> None:
    """Drop the responses that are too old to be repeated; the oldest come first."""
    while engine.saved_responses:
        place, oldest = next(iter(engine.saved_responses.items()))
        if oldest.time > time:
            return
        del engine.saved_responses[place]
