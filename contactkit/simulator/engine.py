"""A provider played by its own declaration: one request in, one answer out, state between.

The declaration says what is routed, checked, paged, wrapped and refused; `Rules` says the rest.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from pydantic_core import from_json

from contactkit._http.world import Clock
from contactkit.errors import (
    ApiError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    Problem,
)
from contactkit.simulator.access import (
    Remembered,
    Window,
    count,
    deduplicate,
    issue_token,
    login,
    tell,
    token_way,
)
from contactkit.simulator.faults import Faults
from contactkit.simulator.messages import Account, Answer, Refusal, Request, Row
from contactkit.simulator.rules import Rules
from contactkit.simulator.seeds import synthetic
from contactkit.simulator.store import Store, Stored
from contactkit.simulator.verbs import carry_out, fresh
from contactkit.spec.provider import JSON, Endpoint, Provider, as_object
from contactkit.spec.record import key_of


def _routes(provider: Provider) -> list[tuple[Endpoint, re.Pattern[str]]]:
    """Every endpoint with the path that asks for it, the more special ones first."""
    base = urlsplit(provider.base_url).path
    ordered = sorted(
        provider.endpoints, key=lambda each: ("{key}" in each.path, not each.takes_list)
    )
    return [
        (each, re.compile(re.escape(base + each.path).replace(r"\{key\}", "([^/]+)")))
        for each in ordered
    ]


class Engine:
    """The state of one simulated provider, and how it answers."""

    def __init__(self, provider: Provider, rules: Rules, clock: Clock, seed: int) -> None:
        self.provider = provider
        self.rules = rules
        self.clock = clock
        self.rng = Random(f"{provider.name} {seed}")
        self.accounts = dict(rules.accounts(provider))
        self.tokens: dict[str, Account] = {}
        self.contacts = Store(key_of(provider.record).name, rules.unique, rules.fold)
        self.outbox: list[Row] = []
        self.notes: set[str] = set()
        self.failed_logins: dict[str, tuple[int, float]] = {}
        self.in_flight: dict[tuple[str, ...], Request] = {}
        self.remembered: dict[tuple[str, str, str], Remembered] = {}
        self._routes = _routes(provider)
        self._windows: dict[str, list[Window]] = {}
        self.request_id = ""
        self.told: dict[str, str] = {}
        self.faults = Faults()
        self.lock = threading.RLock()

    @property
    def now(self) -> datetime:
        """The simulator's time."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def windows(self, owner: str) -> list[Window]:
        """The limits as counted for one owner of contacts."""
        if owner not in self._windows:
            limits, sliding = self.provider.limits, self.rules.sliding
            self._windows[owner] = [Window(each, sliding, deque()) for each in limits]
        return self._windows[owner]

    def sample(self, index: int) -> Row:
        """A synthetic contact; another index makes another phone number and e-mail address."""
        rules = self.rules
        row = synthetic(self.provider, self.rng, index, self.now, rules.stamp)
        own = {} if row[self.contacts.key] else {self.contacts.key: rules.new_key(self.rng)}
        return {**row, **own, **rules.seeded}

    def add(self, given: Mapping[str, JSON], owner: str = "") -> Stored:
        """Put a contact there as the provider's own systems would, without a check."""
        return self.contacts.put(fresh(self, given, owner), owner, writes=0)

    def answer(self, request: Request, fault: Refusal | None = None) -> Answer:
        """Answer one request; every refusal has the provider's documented shape.

        A `fault` is the refusal that comes in the place of carrying it out.
        """
        with self.lock:
            self.request_id = f"req_{self.rng.getrandbits(60):012x}"
            self.told = {}
            try:
                answer = self._answer(request, fault)
            except Refusal as refusal:
                answer = self.refused(refusal)
            named = {"X-Request-Id": self.request_id} if self.rules.request_ids else {}
            headers = {**named, **self.rules.headers, **self.told, **answer.headers}
            return Answer(answer.status, answer.body, headers)

    def _answer(self, request: Request, fault: Refusal | None) -> Answer:
        way = token_way(self, request)
        if way:
            return issue_token(self, request, way)
        if self.rules.tells_limits:
            tell(self, self.windows(request.owner))
        if fault:
            raise fault
        endpoint = self.routed(request)
        self.rules.guard(self, request)
        login(self, request)
        count(self, request)
        self.rules.enter(self, request)
        if request.scopes is not None and not self.rules.allows(request.scopes, endpoint.scope):
            message = f"The token lacks the scope {endpoint.scope}"
            raise self.refusal("scope", PermissionDeniedError, message)
        request.body = self._body(request, endpoint)
        return deduplicate(self, request, endpoint, lambda: carry_out(self, request, endpoint))

    def routed(self, request: Request) -> Endpoint:
        """The endpoint that a request asks, or a Refusal; tells the request its key."""
        listed = request.content.lstrip()[:1] == b"["
        for endpoint, pattern in self._routes:
            found = pattern.fullmatch(request.path) if endpoint.method == request.method else None
            if found and (listed or not endpoint.takes_list):
                request.key = unquote(found[1]) if found.groups() else ""
                return endpoint
        raise self.refusal("no_route", NotFoundError, "There is no such endpoint")

    def _body(self, request: Request, endpoint: Endpoint) -> JSON:
        try:
            body: JSON = from_json(request.content or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, list if endpoint.takes_list else dict):
            raise Refusal(InvalidRequestError, "The body must be a JSON object")
        return cast("JSON", body)

    def sealed(self, status: int, body: JSON) -> Answer:
        """A good answer, with what the provider puts on every one that is an object."""
        if self.provider.envelope.seal and isinstance(body, dict):
            self.provider.envelope.seal(as_object(body), self.request_id, self.now)
        return Answer(status, body)

    def refusal(self, situation: str, kind: type[ApiError], message: str, **more: Any) -> Refusal:
        """A refusal with the code and message that the rules have for the situation."""
        code, told = self.rules.codes.get(situation, ("", ""))
        return Refusal(kind, told or message, code=code, **more)

    def refused(self, refusal: Refusal) -> Answer:
        """A refusal as the provider writes it."""
        catalogue = self.provider.errors.catalogue
        usual = (code for code, (_, kind) in catalogue.items() if kind is refusal.kind)
        code = refusal.code or next(usual, "")
        problem = Problem(
            code=code,
            message=refusal.message,
            fields=refusal.fields,
            request_id=self.request_id,
            existing_key=refusal.existing_key,
        )
        usual_status = catalogue[code][0] if code in catalogue else 400
        status = refusal.status or usual_status
        return Answer(status, self.provider.errors.write(problem, self.now))
