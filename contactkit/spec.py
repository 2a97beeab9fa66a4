"""The vocabulary a provider is declared in.

    Provider
    ├── record: Record         see record.py; each field carries one Marker
    ├── endpoints: Endpoint    verb, method and path, what it takes and what it answers
    ├── auth: HeaderAuth | ClientCredentials, of Credential
    ├── paging: PageNumbers
    ├── envelope: Envelope     where an answer holds its records
    ├── errors: ErrorShape     what a refusal looks like, and the catalogue of codes
    ├── limits: Limit
    └── idempotency: Idempotency, dry_run: DryRun

Every word here is read both ways: the client decodes with it what the simulator encodes. Nothing
here does I/O, and nothing knows a provider by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, cast

from contactkit.errors import ApiError, FieldProblem, Problem
from contactkit.record import Evidence, Record

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


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One operation. `effect` is "" for reads; `fields` says that the body takes record fields.

    It takes all of them but those it `omits`. Carrying out a `repeatable` write twice leaves the
    same state as once.
    """

    verb: str
    method: str
    path: str
    help: str
    answer: Literal["page", "record", "nothing"] = "record"
    record: type[Record] | None = None
    params: type[Record] = NoParams
    effect: Literal["", "create", "update", "delete"] = ""
    fields: bool = False
    omits: tuple[str, ...] = ()
    repeatable: bool = False
    keyed: bool = False
    dry_run: bool = False
    scope: str = ""
    deprecated: str = ""
    docs: str = ""
    evidence: Evidence = "documented"

    @property
    def takes_key(self) -> bool:
        """Whether the path names one contact."""
        return "{key}" in self.path


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


@dataclass(frozen=True, kw_only=True)
class ClientCredentials:
    """OAuth 2 client credentials, exchanged at `token_url` for a bearer token (RFC 6749, 4.4)."""

    token_url: str
    credentials: tuple[Credential, Credential]
    scope: Credential


Auth: TypeAlias = HeaderAuth | ClientCredentials


@dataclass(frozen=True, kw_only=True)
class PageNumbers:
    """Page-number paging; pages count from 1."""

    page: str = "page"
    size: str = "page_size"
    largest: int = 100
    total: str = "total_count"
    pages: str = "total_pages"
    more: str = ""

    def following(self, number: int, info: Mapping[str, JSON]) -> int | None:
        """The page after `number`, or None when that was the last.

        LookupError when the answer does not say whether there are more.
        """
        more, pages = info.get(self.more) if self.more else None, info.get(self.pages)
        if not isinstance(more, bool):
            if not isinstance(pages, int) or isinstance(pages, bool):
                raise LookupError(self.pages)
            more = number < pages
        return number + 1 if more else None

    def info(self, number: int, size: int, total: int) -> dict[str, JSON]:
        """What an answer says of itself."""
        pages = -(-total // size)
        found = {self.page: number, self.size: size, self.total: total, self.pages: pages}
        return found | ({self.more: number < pages} if self.more else {})


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """Where an answer keeps one record, many, and its page information: paths from the root.

    `seal(body, request_id, now)` adds what every good answer carries beside them.
    """

    one: tuple[str, ...]
    many: tuple[str, ...]
    page: tuple[str, ...]
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
    def put(body: dict[str, JSON], path: Sequence[str], value: JSON) -> None:
        """Place `value` at `path`."""
        for name in path[:-1]:
            body = body.setdefault(name, {})
        body[path[-1]] = value


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

    body: Mapping[str, JSON]
    confirmed: str


def no_rules(
    current: Mapping[str, JSON] | None, changes: Mapping[str, JSON]
) -> Sequence[FieldProblem]:
    """A provider without rules that span fields or states."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One provider, declared. `rules(current, changes)` refuses what types cannot:

    `current` is the contact as it is, None when it is being created.
    """

    name: str
    title: str
    base_url: str
    docs: str
    record: type[Record]
    endpoints: tuple[Endpoint, ...]
    auth: tuple[Auth, ...]
    settings: tuple[Credential, ...] = ()
    paging: PageNumbers
    envelope: Envelope
    errors: ErrorShape
    limits: tuple[Limit, ...] = ()
    idempotency: Idempotency | None = None
    dry_run: DryRun | None = None
    rules: Callable[[Mapping[str, JSON] | None, Mapping[str, JSON]], Sequence[FieldProblem]] = (
        no_rules
    )

    def endpoint(self, verb: str) -> Endpoint:
        """The endpoint of a verb; LookupError when the provider has none."""
        for endpoint in self.endpoints:
            if endpoint.verb == verb:
                return endpoint
        raise LookupError(verb)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope that some endpoint needs."""
        return tuple(dict.fromkeys(filter(None, (each.scope for each in self.endpoints))))
