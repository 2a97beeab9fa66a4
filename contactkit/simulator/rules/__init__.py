"""What a provider does beyond its declaration, as functions with plain defaults.

A provider that behaves like the defaults needs no file here.
"""

from __future__ import annotations

import importlib
import importlib.util
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

from contactkit.errors import FieldProblem, InvalidRequestError
from contactkit.simulator.listings import Selection
from contactkit.simulator.messages import Account, Refusal, Request, Response, Row
from contactkit.spec import JSON, Endpoint, HeaderAuth, Provider

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

Verb: TypeAlias = "Callable[[Engine, Request], Response]"
Refuse: TypeAlias = Callable[
    [bool, Mapping[str, JSON] | None, Mapping[str, JSON]], Sequence[FieldProblem]
]


def accounts(provider: Provider) -> dict[str, Account]:
    """One account for each way to authenticate."""
    return {
        "header" if isinstance(way, HeaderAuth) else "oauth": Account(
            credentials={c.name: f"simulator-{c.name}" for c in way.credentials}
        )
        for way in provider.auth
    }


def timestamp(now: datetime) -> str:
    """Whole seconds in UTC, so that contacts may have equal times."""
    return now.isoformat(timespec="seconds").replace("+00:00", "Z")


def new_key(rng: Random) -> str:
    """A random UUID."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def select(filters: Mapping[str, JSON]) -> Selection:
    """The contacts that have exactly the values of all filters, in the order of creation."""
    return Selection(exact=filters)


def fold(name: str, value: JSON) -> Any:
    """A value of a field, equal only to itself."""
    return value


def rank(name: str, value: JSON) -> Any:
    """Sort contacts without a value last."""
    return value is None, value


def scope_allows(scopes: frozenset[str], needed: str) -> bool:
    """Whether a token with these scopes may do what needs this scope."""
    return not needed or needed in scopes


def to_wire(endpoint: Endpoint, row: Row) -> Row:
    """A row by wire names, unchanged."""
    return row


def explain(endpoint: Endpoint, problems: Sequence[FieldProblem]) -> Refusal:
    """Refuse with every problem beside its field."""
    return Refusal(InvalidRequestError, "One or more fields are invalid", fields=problems)


def body_differences(before: JSON, now: JSON) -> Sequence[FieldProblem]:
    """No details about where two bodies differ."""
    return ()


def do_nothing(*_: Any) -> None:
    """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The functions and figures of one provider's simulator.

    `codes` has the code and the message of a situation, `failure` the message of a server error, in
    which {request_id} is replaced; `sample_values` are in every synthetic contact;
    `fill_in(row, owner)` adds the values that the provider sets. `select(filters)` is what a
    listing has. Values of a field are equal if those of `fold(name, value)` are, and sorted by
    those of `rank(name, value)`. `before_login`, `after_login`, `after_failed_login` and
    `after_write` are called at these points of a request; a contact in a response begins with
    `first_names`, `to_wire` converts it, and `empty_response` makes a response without one. An
    idempotency key is unique within `key_scope`. With `allows_unchanged` a body may repeat current
    values of fields that are not writable; with `dry_run_rolls_back` a dry run is carried out and
    undone. `strict` is whether the page of an update is taken to the letter, and
    `refuse(strict, current, changes)` takes the place of the provider's own rules. `team_values`
    are of the account's own people and lines: each contact of a population has one of them.
    """

    accounts: Callable[[Provider], Mapping[str, Account]] = accounts
    codes: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    failure: str = "An unexpected error occurred"
    explain: Callable[[Endpoint, Sequence[FieldProblem]], Refusal] = explain
    new_key: Callable[[Random], str] = new_key
    owner_of: Callable[[int], str] = lambda index: ""
    read_key: Callable[[Endpoint, str], str] = lambda endpoint, key: key
    timestamp: Callable[[datetime], str] = timestamp
    defaults: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    sample_values: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    team_values: Mapping[str, Sequence[JSON]] = field(default_factory=dict[str, Sequence[JSON]])
    fill_in: Callable[[Row, str], None] = do_nothing
    select: Callable[[Mapping[str, JSON]], Selection] = select
    fold: Callable[[str, JSON], Any] = fold
    rank: Callable[[str, JSON], Any] = rank
    conflict_shows_key: bool = True
    restores_deleted: bool = False
    allows_empty_update: bool = False
    allows_unchanged: bool = False
    null_is_absent: bool = False
    before_login: Callable[[Engine, Request], None] = do_nothing
    after_failed_login: Callable[[Engine, Request], None] = do_nothing
    after_login: Callable[[Engine, Request], None] = do_nothing
    after_write: Callable[[Engine, Row | None, Row, Mapping[str, JSON]], None] = do_nothing
    strict: bool = False
    refuse: Refuse | None = None
    verbs: Mapping[str, Verb] = field(default_factory=dict[str, Verb])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    scope_allows: Callable[[frozenset[str], str], bool] = scope_allows
    first_names: tuple[str, ...] = ()
    to_wire: Callable[[Endpoint, Row], Row] = to_wire
    empty_response: Response = field(default_factory=lambda: Response(204))
    created_status: int = 201
    key_scope: Callable[[Request], str] = lambda request: ""
    body_differences: Callable[[JSON, JSON], Sequence[FieldProblem]] = body_differences
    dry_run_rolls_back: bool = False
    request_ids: bool = True
    token_seconds: int = 7200
    page_size: int = 20
    sliding_windows: bool = True
    always_shows_limits: bool = False


def rules_for(provider: Provider) -> Rules:
    """The rules in the module with the provider's name, or the defaults."""
    module = f"{__package__}.{provider.name}"
    if importlib.util.find_spec(module) is None:
        return Rules()
    return importlib.import_module(module).RULES
