"""The vocabulary a provider is declared in.

    Provider
    ├── record: Record         see records.py; each field carries one Marker
    ├── endpoints: Endpoint    verb, method and path, what it takes and what it answers
    ├── auth: Auth             see auth.py: how a request shows who sends it
    ├── paging: Paging         how a listing is walked; PageNumbers is in paging.py
    ├── envelope: Envelope     where an answer holds its records
    ├── errors: ErrorShape     what a refusal looks like, and the catalogue of codes
    ├── limits: Limit
    └── idempotency: Idempotency, dry_run: DryRun

Every word here is read both ways: the client decodes with it what the simulator encodes. Nothing
here does I/O, and nothing knows a provider by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, Protocol, TypeAlias, cast

from contactkit.errors import ApiError, FieldProblem, Problem
from contactkit.spec.record import Evidence, Record

JSON: TypeAlias = Any
"""A parsed JSON value: whatever a provider may have sent."""


def as_object(value: JSON) -> dict[str, JSON]:
    """`value` if it is a JSON object, else an empty one."""
    return cast("dict[str, JSON]", value) if isinstance(value, dict) else {}


def as_list(value: JSON) -> list[JSON]:
    """`value` if it is a JSON array, else an empty one."""
    return cast("list[JSON]", value) if isinstance(value, list) else []


class NoParams(Record):
    """An endpoint that takes no parameters of its own."""


BulkItem: TypeAlias = tuple[str, JSON, str]
"""What became of one contact of many: outcome, the contact as it came or None, a message."""


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """A request about many contacts: what the body calls their list, "" when it is the body.

    `read(status, body, sent)` says what became of each, in the order they were sent. What it leaves
    `unclear` of them is why a plan sends a request for each instead.
    """

    name: str
    unclear: str
    read: Callable[[int, JSON, Sequence[JSON]], Sequence[BulkItem]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One operation. `effect` is "" for reads; `fields` says that the body takes record fields.

    It takes all of them but those it `omits`. Carrying out a `repeatable` write twice leaves the
    same state as once; where that depends on the body, it is a function of it. `key_wire` is the
    body's name for the key, where the path does not hold it. The headers in `confirm` are what the
    caller must ask for. An answer that is "whole" is the record itself, without an envelope.
    """

    verb: str
    method: str
    path: str
    help: str
    answer: Literal["page", "record", "whole", "nothing"] = "record"
    record: type[Record] | None = None
    params: type[Record] = NoParams
    effect: Literal["", "create", "update", "delete"] = ""
    fields: bool = False
    omits: tuple[str, ...] = ()
    key_wire: str = ""
    bulk: Bulk | None = None
    repeatable: bool | Callable[[Mapping[str, JSON]], bool] = False
    keyed: bool = False
    dry_run: bool = False
    confirm: Mapping[str, str] = field(default_factory=dict[str, str])
    scope: str = ""
    deprecated: str = ""
    docs: str = ""
    evidence: Evidence = "documented"

    @property
    def takes_key(self) -> bool:
        """Whether it is about one contact that is there."""
        return "{key}" in self.path or bool(self.key_wire and not self.fields)

    @property
    def subject(self) -> str:
        """What a verb takes by place: one key, contacts, keys, or nothing."""
        if self.bulk:
            return "contacts" if self.fields else "keys"
        return "key" if self.takes_key else ""

    @property
    def takes_list(self) -> bool:
        """Whether its body is a list, and no object."""
        return self.bulk is not None and not self.bulk.name

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.path).replace(r"\{key\}", "(?P<key>[^/]+)") + r"\Z")

    def match(self, path: str) -> re.Match[str] | None:
        """Match a URL's path, whatever a base URL puts before the endpoint's own.

        The group `key` is the contact's key, still quoted, where the endpoint takes one.
        """
        return self._pattern.search(path)

    def is_repeatable(self, body: Mapping[str, JSON]) -> bool:
        """Whether carrying out a write with this body twice leaves the same state as once."""
        return self.repeatable(body) if callable(self.repeatable) else self.repeatable


Query: TypeAlias = Mapping[str, str]
Place: TypeAlias = tuple[str, ...]


class OutOfReach(Exception):
    """A listing goes no further, though there may be more; the text says so to its reader."""


class Paging(Protocol):
    """How a listing is walked: the client asks for what the simulator cuts.

    A page holds `largest` contacts at most; `parameters` are the query parameters of paging itself.
    A listing that `can_restart` is walked again from its start when `is_stale` says so.
    """

    @property
    def largest(self) -> int: ...
    @property
    def parameters(self) -> tuple[str, ...]: ...
    @property
    def can_restart(self) -> bool: ...
    def first_query(self, query: Query, size: int) -> Query:
        """The whole query for the first page of what `query` asks for."""
        ...

    def next_query(self, asked: Query, rows: Sequence[JSON], body: JSON) -> Query | None:
        """The query for the page after the one that was asked, or None when that was the last.

        LookupError when the answer does not say whether there are more; OutOfReach when there may
        be, and this listing cannot go there.
        """
        ...

    def total(self, body: JSON) -> int | None:
        """How many contacts the whole listing has, where an answer says it."""
        ...

    def is_stale(self, problem: Problem) -> bool:
        """Whether a refusal means that the walk must start again."""
        ...

    def cut(
        self, rows: Sequence[Mapping[str, JSON]], asked: Query, usual: int
    ) -> tuple[Sequence[Mapping[str, JSON]], Mapping[Place, JSON]]:
        """One page of rows, and what the answer says beside it, by place in its body.

        InvalidInputError, with one problem, for a query that asks for no page.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """Where an answer keeps one record, and many: paths from the root, which is the path ().

    `seal(body, request_id, now)` adds what every good answer that is an object carries beside them.
    """

    one: Place
    many: Place
    seal: Callable[[dict[str, JSON], str, datetime], None] | None = None

    @staticmethod
    def pick(body: JSON, path: Sequence[str]) -> JSON:
        """What stands at `path`; LookupError when the body has no such place."""
        for name in path:
            if not isinstance(body, dict) or name not in body:
                raise LookupError(".".join(path))
            body = cast("dict[str, JSON]", body)[name]
        return body

    @staticmethod
    def put(body: JSON, path: Sequence[str], value: JSON) -> JSON:
        """The body with `value` at `path`."""
        if not path:
            return value
        held = as_object(body)
        return {**held, path[0]: Envelope.put(held.get(path[0]), path[1:], value)}


@dataclass(frozen=True, kw_only=True)
class ErrorShape:
    """How a refusal is written. `read(body)` is None when the body is no refusal.

    `catalogue` maps a code to its status and class, the commonest of a class first.
    """

    read: Callable[[JSON], Problem | None]
    write: Callable[[Problem, datetime], JSON]
    catalogue: Mapping[str, tuple[int, type[ApiError]]]


@dataclass(frozen=True, kw_only=True)
class Limit:
    """So many requests in so many seconds; `header` is its template, as `X-RateLimit-{}-Day`."""

    requests: int
    seconds: float
    header: str = "X-RateLimit-{}"


@dataclass(frozen=True, kw_only=True)
class Idempotency:
    """The header that makes a repeated write harmless, and what a key may look like."""

    header: str
    pattern: str
    longest: int
    life: float
    replayed: str


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What asks for a check without a change, and the answer's header that confirms it."""

    body: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    confirmed: str


def no_rules(
    current: Mapping[str, JSON] | None, changes: Mapping[str, JSON]
) -> Sequence[FieldProblem]:
    """A provider without rules that span fields or states."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Undo:
    """What taking a write back needs beside its fields, and what `remains` done all the same."""

    options: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    remains: str = ""


def plain_undo(
    before: Mapping[str, JSON], changes: Mapping[str, JSON], options: Mapping[str, JSON]
) -> Undo:
    """A provider whose writes do nothing but what their fields say."""
    return Undo()


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One provider, declared. `rules(current, changes)` refuses what types cannot:

    `current` is the contact as it is, None when it is being created. `undo(before, changes,
    options)` says of a write what else its undoing takes.
    """

    name: str
    title: str
    base_url: str
    docs: str
    record: type[Record]
    endpoints: tuple[Endpoint, ...]
    auth: tuple[Auth, ...]
    settings: tuple[Credential, ...] = ()
    paging: Paging
    envelope: Envelope
    errors: ErrorShape
    limits: tuple[Limit, ...] = ()
    idempotency: Idempotency | None = None
    dry_run: DryRun | None = None
    rules: Callable[[Mapping[str, JSON] | None, Mapping[str, JSON]], Sequence[FieldProblem]] = (
        no_rules
    )
    undo: Callable[[Mapping[str, JSON], Mapping[str, JSON], Mapping[str, JSON]], Undo] = plain_undo

    def endpoint(self, verb: str) -> Endpoint:
        """The endpoint of a verb; LookupError when the provider has none."""
        for endpoint in self.endpoints:
            if endpoint.verb == verb:
                return endpoint
        raise LookupError(verb)

    @cached_property
    def credentials(self) -> tuple[Credential, ...]:
        """All values that `connect` takes for this provider, secret or not."""
        return (*self.settings, *(each for way in self.auth for each in way.parameters))

    def is_secret(self, name: str) -> bool:
        """Whether the credential of this name must never be shown."""
        return all(credential.secret for credential in self.credentials if credential.name == name)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope that some endpoint needs."""
        return tuple(dict.fromkeys(filter(None, (each.scope for each in self.endpoints))))


@dataclass(frozen=True, kw_only=True)
class Credential:
    """One value that `connect` takes, from its argument `name` or the environment's `env`."""

    name: str
    env: str
    header: str = ""
    prefix: str = ""
    secret: bool = True
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class HeaderAuth:
    """Each credential travels in its own header."""

    credentials: tuple[Credential, ...]

    @property
    def parameters(self) -> tuple[Credential, ...]:
        """What `connect` takes for it."""
        return self.credentials


@dataclass(frozen=True, kw_only=True)
class ClientCredentials:
    """OAuth 2 client credentials, exchanged at `token_url` for a bearer token (RFC 6749, 4.4).

    Unless the caller names scopes, the token `all_scopes` of them, or for none in particular.
    """

    token_url: str
    credentials: tuple[Credential, Credential]
    scope: Credential
    all_scopes: bool = True

    @property
    def parameters(self) -> tuple[Credential, ...]:
        """What `connect` takes for it."""
        return (*self.credentials, self.scope)


Auth: TypeAlias = HeaderAuth | ClientCredentials
