"""The values that a flow works with, and the session that all calls of a client share.

A flow (`flow.py`) yields a `Request` and is sent a `Response` or `NoResponse`, or yields a `Wait`
and is sent nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from contactkit._http.rate_limits import Budget
from contactkit._http.world import uptime_of, world_attrs
from contactkit._redact import Secret, Unpicklable
from contactkit.spec.auth import Auth, ClientCredentials, Credential
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import JSON, Provider, as_object

if TYPE_CHECKING:
    from contactkit._http.world import Clock, World
    from contactkit._journal.store import Journal


_sorted_json = json.JSONEncoder(sort_keys=True).encode


@dataclass(kw_only=True, slots=True)
class Request:
    """One HTTP request as a value; `form` is sent form-encoded, `body` as JSON.

    Its repr shows no credentials and no personal values.
    """

    method: str
    url: str = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: JSON = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    _digest: str = field(default="", init=False, repr=False, compare=False)

    def with_headers(self, headers: Mapping[str, str]) -> Request:
        """The same request with other headers."""
        return Request(
            method=self.method,
            url=self.url,
            query=self.query,
            headers=headers,
            body=self.body,
            form=self.form,
        )

    @property
    def digest(self) -> str:
        """A hash of method, URL, query and body, without headers and so without credentials."""
        if not self._digest:
            content = _sorted_json([self.method, self.url, dict(self.query), self.body])
            self._digest = hashlib.sha256(content.encode()).hexdigest()[:32]
        return self._digest


@dataclass(kw_only=True, slots=True)
class Response:
    """An HTTP response as a value; header names in lower case.

    One that is `pseudonymous` was recorded for other values than the request has: for pseudonyms,
    as in `recorded_body`. One that is `too_long` has no content, but the limit that it exceeds.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    pseudonymous: bool = field(default=False, repr=False)
    recorded_body: bytes = field(default=b"", repr=False)
    too_long: int = field(default=0, repr=False)


@dataclass(frozen=True, kw_only=True)
class NoResponse:
    """No response; `sent` is True when the request may have arrived."""

    reason: str
    sent: bool


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Continue no earlier than at the uptime `until` of the session's clock."""

    until: float


Step: TypeAlias = Request | Wait
Answer: TypeAlias = Response | NoResponse | None
T = TypeVar("T")
Flow: TypeAlias = Generator[Step, Answer, T]


def frame_attrs(session: Session) -> dict[str, JSON]:
    """The `attrs` of a contact frame that is about to be read.

    They are the provider, the world, the time and what the journal holds.
    """
    time = datetime.fromtimestamp(session.clock.now(), UTC).isoformat(timespec="seconds")
    attrs = {"provider": session.provider.name, **world_attrs(session.world), "at": time}
    reading = session.plan_journal.reading()
    return {**attrs, "journal": str(reading)} if reading else {**attrs}


@dataclass
class Session(Unpicklable):
    """What all calls of one client share: credentials, budget and token. Its repr shows none.

    Updates are `whole` where the provider's page demands that and the caller says nothing else.
    The budget and `token_expires` are in uptime, so that they do not change when the clock is set.
    """

    provider: Provider
    auth: Auth = field(repr=False)
    credentials: Mapping[str, Secret] = field(repr=False)
    world: World
    clock: Clock
    budget: Budget
    base_url: str
    patience: float
    plan_journal: Journal
    journal: Journal | None = None
    whole: bool = False
    token: Secret = field(default_factory=Secret, repr=False)
    token_expires: float = 0.0
    fetching: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must never be shown."""
        return (*self.credentials.values(), self.token)

    @cached_property
    def uptime(self) -> Callable[[], float]:
        """The uptime of the clock."""
        return uptime_of(self.clock)

    @cached_property
    def account(self) -> str:
        """A digest that differs between accounts, their profiles and addresses; "" without one.

        It has 32 bits of a SHA-256 over the credentials that name the account: the API key with its
        parts, or the client id without its secret. It is the same on every machine. No key can be
        computed from it. A client id, which is no secret, can be recognised by trying guesses.
        """
        return self._digest(self.provider.settings)

    @cached_property
    def whole_account(self) -> str:
        """The same digest for all profiles of an account, which share its rate limits."""
        return self._digest(())

    def with_settings(self, values: Mapping[str, str]) -> Session:
        """The same session for other settings, such as another profile; the budget is shared."""
        secrets = {name: Secret(value) for name, value in values.items()}
        return replace(self, credentials={**self.credentials, **secrets})

    @property
    def profile(self) -> str:
        """The settings that are part of the account, without those that are secret."""
        names = [setting.name for setting in self.provider.settings if not setting.secret]
        known = (name for name in names if name in self.credentials)
        return ", ".join(f"{name}={self.credentials[name]}" for name in known)

    @cached_property
    def digest_key(self) -> bytes:
        """A key for digests of personal values; it is the account's, and the same everywhere."""
        return self._hmac("digests", self.provider.settings)

    def _digest(self, settings: Iterable[Credential]) -> str:
        known = all(part.name in self.credentials for part in self._account_parts)
        return self._hmac("journal", settings)[:4].hex() if known else ""

    @property
    def _account_parts(self) -> Sequence[Credential]:
        """The credentials that name the account: a new secret does not change it."""
        return self.auth.credentials[: 1 if isinstance(self.auth, ClientCredentials) else None]

    def _hmac(self, use: str, settings: Iterable[Credential]) -> bytes:
        values = [
            f"{part.name}={self.credentials[part.name]}"
            for part in (*self._account_parts, *settings)
            if part.name in self.credentials
        ]
        where = f"contactkit {use} {self.provider.name} {self.base_url}"
        return hmac.digest("\n".join(values).encode(), where.encode(), "sha256")


def secrets_of(sessions: Iterable[Session]) -> Iterator[str]:
    """The tokens of these sessions, and those of their credentials that are secret."""
    for session in sessions:
        yield session.token
        for name, value in session.credentials.items():
            if session.provider.is_secret(name):
                yield value


@dataclass(kw_only=True, slots=True)
class Operation:
    """One verb's request before it is authorised; an `anonymous` one needs no credentials.

    One that is sent `once` is never sent again without a new decision, whatever its response.
    """

    endpoint: Endpoint
    request: Request
    key: str = field(default="", repr=False)
    idempotency_key: str = ""
    own_key: bool = False
    dry_run: bool = False
    anonymous: bool = False
    once: bool = False

    @property
    def writes(self) -> bool:
        """Whether it changes contacts, so that a lost response leaves its outcome open."""
        return bool(self.endpoint.effect) and not self.dry_run

    @property
    def repeatable(self) -> bool:
        """Whether carrying it out twice has the same effect as once."""
        if not self.writes or self.idempotency_key:
            return not self.once
        return self.endpoint.is_repeatable(as_object(self.request.body))


@dataclass(kw_only=True, slots=True)
class Success:
    """A good response, with its decoded body.

    `doubted` means that an earlier attempt may already have been carried out.
    """

    body: JSON = field(repr=False)
    response: Response
    request_id: str
    at: float
    attempts: int = 0
    doubted: bool = False
    elapsed: float = 0.0
