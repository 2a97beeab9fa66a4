"""A provider simulated from its declaration: one request in, one response out, with state.

The declaration says what is routed, validated, paged, wrapped and refused; `Rules` has the rest.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
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
    SavedResponse,
    Window,
    add_limit_headers,
    authenticate,
    count_request,
    deduplicate,
    issue_token,
    requested_grant,
)
from contactkit.simulator.clocks import SetClock
from contactkit.simulator.messages import Account, Refusal, Request, Response, Row
from contactkit.simulator.rows import new_row
from contactkit.simulator.rules import Rules
from contactkit.simulator.seeds import synthetic
from contactkit.simulator.store import Store, Stored
from contactkit.spec import (
    JSON,
    Endpoint,
    Instant,
    Provider,
    as_object,
    key_of,
    last_change_of,
    unique_fields,
)
from contactkit.spec.flags import read_flags


class Engine:
    """The state of one simulated provider, and how it responds."""

    def __init__(
        self,
        provider: Provider,
        rules: Rules,
        clock: Clock,
        seed: int,
        *,
        ids: Sequence[str] = (),
        request_ids: Sequence[str] = (),
        response_time: float = 0.0,
    ) -> None:
        refuse = partial(rules.refuse, rules.strict) if rules.refuse else provider.rules
        self.provider = replace(provider, rules=refuse)
        self.rules = rules
        self.clock = clock
        self.rng = Random(f"{provider.name} {seed}")
        self.accounts = dict(rules.accounts(provider))
        self.tokens: dict[str, Account] = {}
        unique = tuple(field.name for field in unique_fields(provider.record))
        self.contacts = Store(key_of(provider.record).name, unique, rules.fold, rules.rank)
        self.outbox: list[Row] = []
        self.opt_outs: set[str] = set()
        self.failed_logins: dict[str, tuple[int, float]] = {}
        self.in_flight: dict[tuple[str, ...], Request] = {}
        self.saved_responses: dict[tuple[str, str, str], SavedResponse] = {}
        self.request_id = ""
        self.response_time = response_time
        self.response_headers: dict[str, str] = {}
        self.lock = threading.RLock()
        self._ids, self._request_ids = deque(ids), deque(request_ids)
        self._windows: dict[str, list[Window]] = {}
        self._base_path = urlsplit(provider.base_url).path
        # The more specific endpoints come first.
        self._endpoints = sorted(
            provider.routes,
            key=lambda endpoint: ("{key}" in endpoint.path, not endpoint.takes_list),
        )

    @property
    def now(self) -> Instant:
        """The simulator's time."""
        clock = self.clock
        return clock.instant() if isinstance(clock, SetClock) else Instant.at(clock.now())

    @property
    def responded_at(self) -> Instant:
        """The time of a response to what happens now."""
        return self.now.later(self.response_time)

    def change_time(self) -> Row:
        """The time of a change that is made now, by its field; none if the provider has none."""
        field = last_change_of(self.provider.record)
        return {field.name: self.rules.timestamp(self.now)} if field else {}

    def windows(self, owner: str) -> list[Window]:
        """The rate limits as counted for one owner of contacts."""
        if owner not in self._windows:
            limits, sliding = self.provider.limits, self.rules.sliding_windows
            self._windows[owner] = [Window(limit, sliding, deque()) for limit in limits]
        return self._windows[owner]

    def sample_row(self, index: int) -> Row:
        """A synthetic contact; another index makes another phone number and e-mail address."""
        rules = self.rules
        row = synthetic(self.provider, self.rng, index, self.now, rules.timestamp)
        key = {} if row[self.contacts.key] else {self.contacts.key: rules.new_key(self.rng)}
        return {**row, **key, **rules.sample_values}

    def add(self, values: Mapping[str, JSON], owner: str = "") -> Stored:
        """Add a contact as the provider's own systems would, without validation."""
        return self.contacts.put(new_row(self, values, owner), owner, writes=0)

    def given_key(self) -> Row:
        """The next of the given keys, for a contact that is created; none if none is left."""
        return {self.contacts.key: self._ids.popleft()} if self._ids else {}

    def _new_request_id(self) -> str:
        if self._request_ids:
            return self._request_ids.popleft()
        return f"req_{self.rng.getrandbits(60):012x}"

    def respond(self, request: Request, fault: Refusal | None = None) -> Response:
        """Respond to one request; every refusal has the provider's documented shape.

        A `fault` is a refusal that takes the place of carrying the request out.
        """
        with self.lock:
            self.request_id = self._new_request_id()
            self.response_headers = {}
            try:
                response = self._respond(request, fault)
            except Refusal as refusal:
                response = self.error_response(refusal)
            request_id = {"X-Request-Id": self.request_id} if self.rules.request_ids else {}
            headers = {**request_id, **self.rules.headers, **self.response_headers}
            return Response(response.status, response.body, {**headers, **response.headers})

    def _respond(self, request: Request, fault: Refusal | None) -> Response:
        grant = requested_grant(self, request)
        if grant:
            return issue_token(self, request, grant)
        if self.rules.always_shows_limits:
            add_limit_headers(self, self.windows(request.owner))
        if fault:
            raise fault
        scope = self.route(request).scope
        self.rules.before_login(self, request)
        authenticate(self, request)
        count_request(self, request)
        self.rules.after_login(self, request)
        if request.scopes is not None and not self.rules.scope_allows(request.scopes, scope):
            message = f"The token lacks the scope {scope}"
            raise self.refusal("scope", PermissionDeniedError, message)
        request.body = self._body(request)
        return deduplicate(self, request)

    def route(self, request: Request) -> Endpoint:
        """Set the endpoint and the key of a request; a Refusal if there is no such endpoint."""
        listed = request.content.lstrip()[:1] == b"["
        for endpoint in self._endpoints:
            if endpoint.method != request.method or (endpoint.takes_list and not listed):
                continue
            match = endpoint.match(request.path)
            if match and request.path[: match.start()] == self._base_path:
                request.endpoint = endpoint
                header = request.headers.get(self.provider.flag_header.lower(), "")
                request.flags = read_flags(endpoint.flags, header)
                request.key = unquote(match.groupdict().get("key", ""))
                return endpoint
        raise self.refusal("no_route", NotFoundError, "There is no such endpoint")

    def _body(self, request: Request) -> JSON:
        try:
            body: JSON = from_json(request.content or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, list if request.endpoint.takes_list else dict):
            raise Refusal(InvalidRequestError, "The body must be a JSON object")
        return cast("JSON", body)

    def success(self, status: int, body: JSON) -> Response:
        """A good response; an object gets what the provider adds to every one."""
        if self.provider.envelope.seal and isinstance(body, dict):
            self.provider.envelope.seal(as_object(body), self.request_id, self.responded_at)
        return Response(status, body)

    def refusal(self, situation: str, error: type[ApiError], message: str, **more: Any) -> Refusal:
        """A refusal with the rules' code and message for the situation."""
        code, own_message = self.rules.codes.get(situation, ("", ""))
        return Refusal(error, own_message or message, code=code, **more)

    def error_response(self, refusal: Refusal) -> Response:
        """A refusal as the provider writes it."""
        catalogue = self.provider.errors.catalogue
        usual = (code for code, (_, error) in catalogue.items() if error is refusal.error)
        code = refusal.code or next(usual, "")
        problem = Problem(
            code=code,
            message=refusal.message.replace("{request_id}", self.request_id),
            fields=refusal.fields,
            request_id=self.request_id,
            existing_key=refusal.existing_key,
        )
        usual_status = catalogue[code][0] if code in catalogue else 400
        status = refusal.status or usual_status
        return Response(status, self.provider.errors.write(problem, self.responded_at))
