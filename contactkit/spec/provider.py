"""The vocabulary for declaring a provider.

    Provider
    ├── record: Record          what a contact is, see record.py
    ├── endpoints: Endpoint     a verb, its request and its response, see endpoint.py
    ├── auth: Auth              how a request is authenticated, see auth.py
    ├── envelope: Envelope      where a response has its records
    ├── paging: Paging          how a listing is read page by page, see paging.py
    ├── errors: ErrorShape      what a refusal looks like, and the catalogue of codes
    ├── limits: Limit           see terms.py
    ├── consent: Consent        what its fields say about consent, see consent.py
    ├── idempotency: Idempotency, dry_run: DryRun
    └── rules, undo             functions, for everything else

All of it works both ways: the simulator encodes with it, and the client decodes. Nothing here does
I/O, and nothing knows a provider by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from contactkit.errors import ApiError, FieldProblem, Problem
from contactkit.spec.auth import Auth, Credential
from contactkit.spec.consent import Consent
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.record import Record, RecordField, fields_of, key_of
from contactkit.spec.terms import DryRun, Idempotency, Limit, Undo

if TYPE_CHECKING:
    from contactkit.spec.paging import Paging

JSON: TypeAlias = Any
"""A parsed JSON value: whatever a provider may have sent."""


def as_object(value: JSON) -> dict[str, JSON]:
    """`value` if it is a JSON object, otherwise an empty one."""
    return cast("dict[str, JSON]", value) if isinstance(value, dict) else {}


def as_list(value: JSON) -> list[JSON]:
    """`value` if it is a JSON array, otherwise an empty one."""
    return cast("list[JSON]", value) if isinstance(value, list) else []


Place: TypeAlias = tuple[str, ...]
"""A path into a JSON body, from its root, which is ()."""

_Values: TypeAlias = Mapping[str, JSON]


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """Where a response has one record, and where it has many.

    `seal(body, request_id, now)` adds what every successful response with an object contains.
    """

    one: Place
    many: Place
    seal: Callable[[dict[str, JSON], str, datetime], None] | None = None

    @staticmethod
    def pick(body: JSON, path: Sequence[str]) -> JSON:
        """The value at `path`; LookupError if the body has none."""
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
        outer = as_object(body)
        return {**outer, path[0]: Envelope.put(outer.get(path[0]), path[1:], value)}


@dataclass(frozen=True, kw_only=True)
class ErrorShape:
    """How a refusal is written. `read(body)` is None if the body is not a refusal.

    `catalogue` maps each code to its status and error class, a class's usual code first.
    """

    read: Callable[[JSON], Problem | None]
    write: Callable[[Problem, datetime], JSON]
    catalogue: Mapping[str, tuple[int, type[ApiError]]]


# What most providers have. A lambda could not be pickled.
def _no_waiver(field: RecordField, flags: _Values) -> bool:
    return False


def _no_rules(current: _Values | None, changes: _Values) -> Sequence[FieldProblem]:
    return ()


def _plain_undo(before: _Values, changes: _Values, options: _Values) -> Undo:
    return Undo()


def _no_welcome(before: _Values, changes: _Values, options: _Values) -> bool:
    return False


@dataclass(frozen=True, kw_only=True, eq=False)
class Provider:
    """One provider, declared.

    `account` are endpoints about the account rather than its contacts: methods of the client.
    `flag_header` has the flags of a request, and `waives(field, flags)` is whether they let an odd
    format of a field pass. `rules(current, changes)` refuses what types cannot express; `current`
    is the contact before the write, None for a creation, and a deletion has no `changes`.
    `undo(before, changes, options)` says what undoing a write needs. `welcomes(before, changes,
    options)` is whether a write makes the provider send a welcome text.
    """

    name: str
    title: str
    base_url: str
    docs: str
    record: type[Record]
    endpoints: tuple[Endpoint, ...]
    account: tuple[Endpoint, ...] = ()
    auth: tuple[Auth, ...]
    settings: tuple[Credential, ...] = ()
    paging: Paging
    envelope: Envelope
    errors: ErrorShape
    limits: tuple[Limit, ...] = ()
    idempotency: Idempotency | None = None
    dry_run: DryRun | None = None
    flag_header: str = ""
    waives: Callable[[RecordField, _Values], bool] = _no_waiver
    consent: Consent = field(default_factory=Consent)
    rules: Callable[[_Values | None, _Values], Sequence[FieldProblem]] = _no_rules
    undo: Callable[[_Values, _Values, _Values], Undo] = _plain_undo
    welcomes: Callable[[_Values, _Values, _Values], bool] = _no_welcome

    def endpoint(self, verb: str) -> Endpoint:
        """The endpoint of a verb; LookupError if the provider has none."""
        return self._by_verb[verb]

    @cached_property
    def _by_verb(self) -> Mapping[str, Endpoint]:
        return {endpoint.verb: endpoint for endpoint in reversed(self.routes)}

    @cached_property
    def routes(self) -> tuple[Endpoint, ...]:
        """All endpoints."""
        return (*self.endpoints, *self.account)

    def key_field(self, endpoint: Endpoint) -> RecordField:
        """The field of a contact that identifies it at an endpoint."""
        key = key_of(self.record)
        return fields_of(self.record)[endpoint.keyed_by] if endpoint.keyed_by else key

    @cached_property
    def credentials(self) -> tuple[Credential, ...]:
        """All values that `connect` takes for this provider, secret or not."""
        return (*self.settings, *(value for way in self.auth for value in way.parameters))

    def is_secret(self, name: str) -> bool:
        """Whether the credential with this name must never be shown."""
        return all(credential.secret for credential in self.credentials if credential.name == name)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope that an endpoint needs."""
        scopes = (endpoint.scope for endpoint in self.routes)
        return tuple(dict.fromkeys(filter(None, scopes)))
