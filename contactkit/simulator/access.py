"""Who may come in, how often, and whether they were here before with the same request."""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from contactkit.errors import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    PermissionDeniedError,
    RateLimitError,
)
from contactkit.simulator.messages import Account, Answer, Refusal, Request
from contactkit.spec.provider import Auth, ClientCredentials, Endpoint, HeaderAuth, Limit

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine


def login(engine: Engine, request: Request) -> None:
    """Find the account of the request's credential, or refuse it."""
    presented = [found for way in engine.provider.auth if (found := _presented(request, way))]
    if not presented:
        raise engine.refusal("no_credential", AuthenticationError, "No credential was sent")
    now = engine.clock.now()
    issued = (engine.tokens.get(each.get("access_token", "")) for each in presented)
    for account in (*engine.accounts.values(), *filter(None, issued)):
        for each in presented:
            held = account.credentials.items()
            if each.items() <= held and (account.expires is None or now < account.expires):
                request.owner, request.scopes = account.owner, account.scopes
                return
    engine.rules.rejected(engine, request)
    raise _rejection(engine)


def expired(engine: Engine, request: Request) -> Refusal:
    """How a credential that has expired is refused; an access token is forgotten with it."""
    for way in engine.provider.auth:
        engine.tokens.pop(_presented(request, way).get("access_token", ""), None)
    return _rejection(engine)


def _rejection(engine: Engine) -> Refusal:
    message = "The credential is wrong, expired or revoked"
    return engine.refusal("bad_credential", AuthenticationError, message)


def _presented(request: Request, way: Auth) -> dict[str, str]:
    if isinstance(way, ClientCredentials):
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return {"access_token": token} if scheme == "Bearer" and token else {}
    sent = [(each, request.headers.get(each.header.lower(), "")) for each in way.credentials]
    if not all(value.startswith(each.prefix) and value != each.prefix for each, value in sent):
        return {}
    return {each.name: value.removeprefix(each.prefix) for each, value in sent}


def token_way(engine: Engine, request: Request) -> ClientCredentials | None:
    """The way to authenticate whose token endpoint this request asks, if it does."""
    for way in engine.provider.auth:
        if isinstance(way, ClientCredentials) and request.path == urlsplit(way.token_url).path:
            return way if request.method == "POST" else None
    return None


def issue_token(engine: Engine, request: Request, way: ClientCredentials) -> Answer:
    """Exchange client credentials for a bearer token (RFC 6749, section 4.4)."""
    form = dict(parse_qsl(request.content.decode("utf-8", "replace")))
    given = {each.name: form.get(each.name, "") for each in way.credentials}
    known = engine.accounts.values()
    account = next((a for a in known if given.items() <= dict(a.credentials).items()), None)
    if account is None or form.get("grant_type") != "client_credentials":
        raise engine.refusal("bad_client", AuthenticationError, "Unknown client")
    every = frozenset(engine.provider.scopes)
    may = every if account.scopes is None else account.scopes
    asked = frozenset(form["scope"].split()) if form.get("scope") else frozenset[str]()
    asked = may if not asked and not way.all_scopes else asked
    if not all(engine.rules.allows(may, each) for each in asked):
        raise engine.refusal("bad_scope", PermissionDeniedError, "The scope is not enabled")
    token = f"simulator-token-{engine.rng.getrandbits(128):032x}"
    expires = engine.clock.now() + engine.rules.token_life
    engine.tokens[token] = Account(
        credentials={"access_token": token}, scopes=asked, owner=account.owner, expires=expires
    )
    return Answer(
        200,
        {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": engine.rules.token_life,
            "scope": " ".join(sorted(asked)),
            "created_at": int(engine.clock.now()),
        },
    )


@dataclass
class Window:
    """One limit as the provider counts it: over the last seconds, or from a fixed stroke on."""

    limit: Limit
    sliding: bool
    hits: deque[float]

    def opens(self, now: float) -> float:
        """When the oldest request that counts no longer does."""
        span = self.limit.seconds
        start = now - span if self.sliding else now - now % span
        while self.hits and (self.hits[0] <= start if self.sliding else self.hits[0] < start):
            self.hits.popleft()
        return (self.hits[0] if self.sliding and self.hits else start) + span

    def full(self, now: float) -> bool:
        """Whether a request now is one too many."""
        self.opens(now)
        return len(self.hits) >= self.limit.requests


def count(engine: Engine, request: Request) -> None:
    """Count one request against every limit of its account, or refuse it."""
    now = engine.clock.now()
    windows = engine.windows(request.owner)
    full = [window for window in windows if window.full(now)]
    for window in windows if not full else ():
        window.hits.append(now)
    tell(engine, windows if engine.rules.tells_limits else full)
    if full:
        wait = max(window.opens(now) for window in full) - now
        engine.told["Retry-After"] = str(max(1, math.ceil(wait)))
        raise engine.refusal("rate", RateLimitError, "Rate limit exceeded")


def tell(engine: Engine, windows: Iterable[Window]) -> None:
    """Put the state of limits into the answer's headers."""
    for window in windows:
        reset = math.ceil(window.opens(engine.clock.now()))
        limit = window.limit.requests
        told = {"Limit": limit, "Remaining": limit - len(window.hits), "Reset": reset}
        engine.told |= {window.limit.header.format(n): str(v) for n, v in told.items()}


def idempotency_scope(engine: Engine, request: Request) -> tuple[str, ...] | None:
    """Who sends a write under which idempotency key; None when it comes under none."""
    form, sent = engine.provider.idempotency, request.headers
    key = sent.get(form.header.lower()) if form else None
    if key is None or request.method == "GET":
        return None
    ways = (each.credentials for each in engine.provider.auth if isinstance(each, HeaderAuth))
    named = [each.header for way in (*ways, engine.provider.settings) for each in way]
    return key, engine.rules.place(request), *(sent.get(each.lower(), "") for each in named)


Same: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True)
class Remembered:
    """The answer that an idempotency key was given, and to which request."""

    request: Same
    answer: Answer
    request_id: str
    at: float


def _forget(engine: Engine, life: float) -> None:
    """Drop the answers that are too old to be repeated; the oldest come first."""
    while engine.remembered:
        place, oldest = next(iter(engine.remembered.items()))
        if engine.clock.now() - oldest.at < life:
            return
        del engine.remembered[place]


def deduplicate(
    engine: Engine, request: Request, endpoint: Endpoint, carry_out: Callable[[], Answer]
) -> Answer:
    """Carry out a request, or repeat the answer that its idempotency key was given before."""
    form = engine.provider.idempotency
    key = request.headers.get(form.header.lower()) if form and endpoint.keyed else None
    if form is None or key is None:
        return carry_out()
    if len(key) > form.longest or not re.fullmatch(form.pattern, key):
        message = f"{form.header} must be 1 to {form.longest} characters of {form.pattern}"
        raise engine.refusal("idempotency_key", InvalidRequestError, message)
    place = (request.owner, engine.rules.place(request), key)
    marked = idempotency_scope(engine, request)
    if marked and engine.in_flight.get(marked, request) is not request:
        message = "A request with this key is still being processed"
        raise engine.refusal("in_flight", ConflictError, message)
    same = (request.method, request.path, json.dumps(request.body, sort_keys=True))
    before = engine.remembered.get(place)
    if before is None or engine.clock.now() - before.at >= form.life:
        answer = carry_out()
        _forget(engine, form.life)
        now = engine.clock.now()
        engine.remembered.pop(place, None)
        engine.remembered[place] = Remembered(same, answer, engine.request_id, now)
        return answer
    if before.request != same:
        message = "This key was used already for a different request"
        fields = engine.rules.differs(json.loads(before.request[2]), request.body)
        raise engine.refusal("reused", ConflictError, message, fields=fields)
    told = {form.replayed: "true"}
    if engine.rules.request_ids:
        told["X-Original-Request-Id"] = before.request_id
    return Answer(before.answer.status, before.answer.body, {**before.answer.headers, **told})
