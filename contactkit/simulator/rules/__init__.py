"""What one provider does that its declaration does not say, as functions with plain defaults.

A provider whose behaviour is the default needs no file of rules here.
"""

from __future__ import annotations

import importlib
import importlib.util
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from contactkit.errors import FieldProblem, InvalidRequestError
from contactkit.simulator.messages import Account, Answer, Refusal, Request, Row
from contactkit.spec.provider import JSON, Endpoint, HeaderAuth, Provider

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine


class Verb(Protocol):
    """Carries out a verb that is like no other."""

    def __call__(self, engine: Engine, request: Request, endpoint: Endpoint) -> Answer: ...


def accounts(provider: Provider) -> dict[str, Account]:
    """One account for each way to authenticate."""
    return {
        "header" if isinstance(way, HeaderAuth) else "oauth": Account(
            credentials={each.name: f"simulator-{each.name}" for each in way.credentials}
        )
        for way in provider.auth
    }


def new_key(rng: Random) -> str:
    """A random UUID."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def select(rows: Sequence[Row], filters: Mapping[str, JSON]) -> Sequence[Row]:
    """Rows that hold exactly each filter's value."""
    if not filters:
        return rows
    return [row for row in rows if all(row.get(name) == v for name, v in filters.items())]


def allows(scopes: frozenset[str], needed: str) -> bool:
    """Whether a token with these scopes may do what needs one of them."""
    return not needed or needed in scopes


def wire(endpoint: Endpoint, row: Row) -> Row:
    """A row by wire names as an answer shows it: as it is."""
    return row


def explain(endpoint: Endpoint, problems: Sequence[FieldProblem]) -> Refusal:
    """Every problem beside its field."""
    return Refusal(InvalidRequestError, "One or more fields are invalid", fields=problems)


def differs(before: JSON, now: JSON) -> Sequence[FieldProblem]:
    """It is not said where two bodies differ."""
    return ()


def nothing(*_: Any) -> None:
    """Do no more."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The functions and figures of one provider's simulator.

    `codes` gives the code and the message of a situation, by name; `complete(row, owner)` fills in
    what the provider makes itself; every synthetic contact holds what is `seeded`; `guard` comes
    before the login, `rejected` after one that failed, `enter` after one that did not; `changed`
    follows a create or an update; `wire` is a row as answers show it. A verb without an answer of
    its own is answered with `nothing`; `place` says among which requests an idempotency key is one,
    and `differs` where two bodies under one key do.
    """

    accounts: Callable[[Provider], Mapping[str, Account]] = accounts
    codes: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    explain: Callable[[Endpoint, Sequence[FieldProblem]], Refusal] = explain
    new_key: Callable[[Random], str] = new_key
    owner_of: Callable[[int], str] = lambda index: ""
    check_key: Callable[[Endpoint, str], None] = nothing
    stamp: Callable[[datetime], str] = datetime.isoformat
    defaults: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    seeded: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    complete: Callable[[Row, str], None] = nothing
    select: Callable[[Sequence[Row], Mapping[str, JSON]], Sequence[Row]] = select
    unique: tuple[str, ...] = ()
    fold: Callable[[JSON], JSON] = lambda value: value
    names_existing: bool = True
    restores: bool = False
    empty_update: bool = False
    null_is_absent: bool = False
    guard: Callable[[Engine, Request], None] = nothing
    rejected: Callable[[Engine, Request], None] = nothing
    enter: Callable[[Engine, Request], None] = nothing
    changed: Callable[[Engine, Row | None, Row, Mapping[str, JSON]], None] = nothing
    verbs: Mapping[str, Verb] = field(default_factory=dict[str, Verb])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    allows: Callable[[frozenset[str], str], bool] = allows
    wire: Callable[[Endpoint, Row], Row] = wire
    nothing: Answer = field(default_factory=lambda: Answer(204))
    created_status: int = 201
    place: Callable[[Request], str] = lambda request: ""
    differs: Callable[[JSON, JSON], Sequence[FieldProblem]] = differs
    echoes: bool = False
    rehearses: bool = False
    request_ids: bool = True
    token_life: int = 7200
    page_size: int = 20
    sliding: bool = True
    tells_limits: bool = False


def rules_for(provider: Provider) -> Rules:
    """The rules in the file of the provider's name here, else the defaults."""
    home = f"{__package__}.{provider.name}"
    if importlib.util.find_spec(home) is None:
        return Rules()
    return importlib.import_module(home).RULES
