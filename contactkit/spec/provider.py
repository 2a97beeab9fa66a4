"""The vocabulary for declaring a provider.

    Provider
    ├── record: Record          what a contact is, see record.py
    ├── endpoints: Endpoint     a verb, its request and its response
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

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from contactkit.errors import ApiError, FieldProblem, Problem
from contactkit.spec.auth import Auth, Credential
from contactkit.spec.consent import Consent
from contactkit.spec.record import Evidence, Record, RecordField, fields_of, key_of
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


class NoParams(Record):
    """The parameters of an endpoint that has none of its own."""


BulkItem: TypeAlias = tuple[str, JSON, str]
"""The outcome for one contact of many, the contact in the response or None, and a message."""


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """A request with many contacts.

    `name` is the body's name for their list, "" if the body is the list. `read(status, body, sent)`
    returns one item per contact, in the order they were sent. `unclear` says what the response does
    not report, which is why a plan sends one request per contact instead.
    """

    name: str
    unclear: str
    read: Callable[[int, JSON, Sequence[JSON]], Sequence[BulkItem]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Endpoint:
    """One operation of a provider.

    `effect` is "" for reads. With `fields` the body takes all record fields except those in
    `omits`; the parameters of a read are in its query. A `repeatable` write has the same effect
    when it is sent twice; if that depends on the body, it is a function of the body. `keyed_by` is
    the contact's field that identifies it here, if that is not its key, and `key_wire` the name for
    it where it is not in the path. `confirm` are headers that the provider requires, and `flags`
    options that its flag header has. A "whole" response is the record itself, without an envelope;
    one of "rows" has several records, at the place `rows`. `writes` maps a parameter to the
    contact's field that it changes; `texts` means that the contact gets a text. `required` are the
    body's names that the documentation demands although a body without them is inferred to do; a
    whole update has them all.
    """

    verb: str
    method: str
    path: str
    help: str
    answer: Literal["page", "record", "whole", "rows", "nothing"] = "record"
    rows: Place = ()
    record: type[Record] | None = None
    params: type[Record] = NoParams
    effect: Literal["", "create", "update", "delete"] = ""
    fields: bool = False
    omits: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    keyed_by: str = ""
    key_wire: str = ""
    flags: type[Record] = NoParams
    writes: Mapping[str, str] = field(default_factory=dict[str, str])
    texts: bool = False
    bulk: Bulk | None = None
    repeatable: bool | Callable[[Mapping[str, JSON]], bool] = False
    keyed: bool = False
    dry_run: bool = False
    confirm: Mapping[str, str] = field(default_factory=dict[str, str])
    scope: str = ""
    deprecated: str = ""
    docs: str = ""
    evidence: Evidence = "documented"

    @cached_property
    def takes_key(self) -> bool:
        """Whether it takes the key of one existing contact."""
        return "{key}" in self.path or bool(self.key_wire and not self.fields)

    @cached_property
    def takes_opt_in(self) -> bool:
        """Whether it may opt in a contact who opted out, where the caller says so."""
        return self.fields or bool(self.writes)

    @cached_property
    def subject(self) -> str:
        """The name of a verb's positional argument: key, contacts, keys, or "" for none."""
        if self.bulk:
            return "contacts" if self.fields else "keys"
        return "key" if self.takes_key else ""

    @cached_property
    def takes_list(self) -> bool:
        """Whether its body is a list rather than an object."""
        return self.bulk is not None and not self.bulk.name

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.path).replace(r"\{key\}", "(?P<key>[^/]+)") + r"\Z")

    def match(self, path: str) -> re.Match[str] | None:
        """Match a URL's path, with any path of the base URL before the endpoint's.

        The group `key` is the contact's key, still quoted, if the path has one.
        """
        return self._pattern.search(path)

    def is_repeatable(self, body: Mapping[str, JSON]) -> bool:
        """Whether a write with this body has the same effect when it is sent twice."""
        return self.repeatable(body) if callable(self.repeatable) else self.repeatable


# The five endpoints that nearly every provider has; keywords set what differs.
list_contacts = partial(
    Endpoint, verb="list", method="GET", help="Read contacts, all pages.", answer="page"
)
get_contact = partial(Endpoint, verb="get", method="GET", help="Read one contact.")
create_contact = partial(
    Endpoint, verb="create", method="POST", help="Create a contact.", effect="create", fields=True
)
update_contact = partial(
    Endpoint,
    verb="update",
    method="PATCH",
    help="Change the given fields of a contact.",
    effect="update",
    fields=True,
    repeatable=True,
)
delete_contact = partial(
    Endpoint,
    verb="delete",
    method="DELETE",
    help="Delete a contact.",
    answer="nothing",
    effect="delete",
)


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


def no_rules(
    current: Mapping[str, JSON] | None, changes: Mapping[str, JSON]
) -> Sequence[FieldProblem]:
    """The rules of a provider without rules across fields or states."""
    return ()


def no_waiver(field: RecordField, flags: Mapping[str, JSON]) -> bool:
    """No flag lets an odd value pass."""
    return False


def plain_undo(
    before: Mapping[str, JSON], changes: Mapping[str, JSON], options: Mapping[str, JSON]
) -> Undo:
    """The undo of a provider whose writes have no effect beyond their fields."""
    return Undo()


def no_welcome(
    before: Mapping[str, JSON], changes: Mapping[str, JSON], options: Mapping[str, JSON]
) -> bool:
    """A provider that sends no welcome text."""
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
    waives: Callable[[RecordField, Mapping[str, JSON]], bool] = no_waiver
    consent: Consent = field(default_factory=Consent)
    rules: Callable[[Mapping[str, JSON] | None, Mapping[str, JSON]], Sequence[FieldProblem]] = (
        no_rules
    )
    undo: Callable[[Mapping[str, JSON], Mapping[str, JSON], Mapping[str, JSON]], Undo] = plain_undo
    welcomes: Callable[[Mapping[str, JSON], Mapping[str, JSON], Mapping[str, JSON]], bool] = (
        no_welcome
    )

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
