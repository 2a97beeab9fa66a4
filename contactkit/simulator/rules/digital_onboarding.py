"""Digital Onboarding beyond its declaration: scopes, filters, upserts, accounts."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from contactkit._providers.digital_onboarding.cursors import order_of_listing
from contactkit._providers.digital_onboarding.filters import FIELDS
from contactkit._providers.digital_onboarding.record import Account as AccountRecord
from contactkit.errors import FieldProblem, InvalidRequestError
from contactkit.simulator.listings import Selection
from contactkit.simulator.messages import Account, Refusal, Request, Response, Row
from contactkit.simulator.rules import Rules, new_key
from contactkit.simulator.verbs import (
    contact_response,
    find_contact,
    upsert_contact,
    validate_contact,
)
from contactkit.spec import (
    JSON,
    Checked,
    Endpoint,
    as_list,
    as_object,
    fields_of,
    parse_date,
    parse_time,
)

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

TEAM = "3d8f3c86-1f0a-4f53-9b1e-5a4c0d2e7b10"
_FULL, _READ = frozenset({"partner:contacts:*"}), frozenset({"partner:*:read"})


def accounts(_: object) -> dict[str, Account]:
    """Partner tokens with all scopes, with one, and expired; and two OAuth clients."""
    return {
        "token": Account(credentials={"token": "simulator-partner-token"}, scopes=_FULL),
        "read_only": Account(credentials={"token": "simulator-reading-token"}, scopes=_READ),
        "expired": Account(credentials={"token": "simulator-expired-token"}, expires=0.0),
        "oauth": Account(
            credentials={"client_id": "simulator-client", "client_secret": "simulator-secret"},
            scopes=_FULL,
        ),
        "oauth_read_only": Account(
            credentials={"client_id": "simulator-reader", "client_secret": "simulator-read-secret"},
            scopes=_READ,
        ),
    }


def scope_allows(scopes: frozenset[str], needed: str) -> bool:
    """https://do-api-docs.pages.dev/guides/auth/: a `*` in a scope matches any one part."""
    return any(_covers(scope.split(":"), needed.split(":")) for scope in scopes)


def _covers(own: Sequence[str], needed: Sequence[str]) -> bool:
    parts = zip(own, needed, strict=False)
    return len(own) == len(needed) and all(mine in ("*", part) for mine, part in parts)


def fill_in(row: Row, owner: str) -> None:
    """Add the team; there is only one."""
    row["team_id"] = TEAM


def explain(endpoint: Endpoint, problems: Sequence[FieldProblem]) -> Refusal:
    """Refuse with every problem beside its field; a sort and filters have codes of their own."""
    code = "validation_failed"
    if endpoint.answer == "page":
        only_sort = all(problem.field == "sort" for problem in problems)
        code = "invalid_sort_field" if only_sort else "invalid_filter"
    return Refusal(InvalidRequestError, "The request is not valid", code=code, fields=problems)


def body_differences(before: JSON, now: JSON) -> list[FieldProblem]:
    """Where two bodies under one idempotency key differ, field by field."""
    one, other = as_object(before), as_object(now)
    message = "differs from the first request under this key"
    names = dict.fromkeys([*one, *other])
    differing = [n for n in names if n not in one or n not in other or one[n] != other[n]]
    return [FieldProblem(field=name, message=message) for name in differing or [""]]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _contains(value: Any, part: Any) -> bool:
    return part in value if value is not None else False


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: value is not None and compare(value, wanted)


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "neq": operator.ne,
    "lt": _ordered(operator.lt),
    "lte": _ordered(operator.le),
    "gt": _ordered(operator.gt),
    "gte": _ordered(operator.ge),
    "in": lambda value, wanted: value in wanted,
    "nin": lambda value, wanted: value not in wanted,
    "contains": _contains,
    "starts_with": lambda value, wanted: _text(value).startswith(wanted),
    "ends_with": lambda value, wanted: _text(value).endswith(wanted),
    "present": lambda value, _: value not in (None, "", [], {}),
    "missing": lambda value, _: value in (None, "", [], {}),
}


def select(filters: Mapping[str, JSON]) -> Selection:
    """The contacts that meet all conditions, in the order of `sort`."""
    where = {name: as_object(words) for name, words in as_object(filters.get("where")).items()}
    conditions = tuple(
        (name, word, _operand(name, wanted))
        for name, words in where.items()
        for word, wanted in words.items()
        if word != "eq"
    )
    return Selection(
        exact={name: words["eq"] for name, words in where.items() if "eq" in words},
        order=tuple(order_of_listing(filters.get("sort"))),
        condition=_Where(conditions) if conditions else None,
    )


def _operand(name: str, wanted: JSON) -> Any:
    if isinstance(wanted, list):
        return tuple(fold(name, item) for item in as_list(wanted))
    return fold(name, wanted)


@dataclass(frozen=True)
class _Where:
    """Whether a contact meets all conditions: field, operator and value of each."""

    conditions: tuple[tuple[str, str, Any], ...]

    def __call__(self, row: Row) -> bool:
        return all(
            _OPERATORS[word](fold(name, row.get(name)), wanted)
            for name, word, wanted in self.conditions
        )


def fold(name: str, value: JSON) -> Any:
    """A field's value in a comparable form; a time can be written in several ways."""
    parse = {"date": parse_date, "datetime": parse_time}.get(FIELDS[name].kind)
    return parse(value) if parse and isinstance(value, str) else value


def upsert(engine: Engine, request: Request) -> Response:
    """Create or change contacts by unique_id, all or none; respond with one, or with a batch."""
    rows = [as_object(item) for item in cast("list[JSON]", request.body)]
    contacts = [_validate_row(engine, request, row) for row in rows]
    if not rows:
        raise explain(request.endpoint, [FieldProblem(field="", message="is empty")])
    results = [_upsert_one(engine, request, contact) for contact in contacts]
    if len(results) == 1:
        row, new = results[0]
        return contact_response(engine, request, row, new=new)
    return Response(202, _batch(engine, request))


def _validate_row(engine: Engine, request: Request, row: Row) -> Checked:
    key = row.get("unique_id")
    unique: Row = {"unique_id": key} if isinstance(key, str) else {}
    stored = engine.contacts.holder(request.owner, unique)
    return validate_contact(engine, request, row, stored.row if stored else None)


def _upsert_one(engine: Engine, request: Request, contact: Checked) -> tuple[Row, bool]:
    """The contact's row, and whether it is new."""
    existing = engine.contacts.holder(request.owner, contact.values)
    return upsert_contact(engine, request, contact, existing).row, existing is None


def _batch(engine: Engine, request: Request) -> Row:
    """https://do-api-docs.pages.dev/endpoints/post-v2-batch-operations/"""
    return {
        "id": new_key(engine.rng),
        "surface": "partner",
        "operation": "contacts.upsert",
        "status": "accepted",
        "created_at": engine.rules.timestamp(engine.now),
        "started_at": None,
        "completed_at": None,
        "idempotency_key": request.headers.get("idempotency-key"),
    }


def create_account(engine: Engine, request: Request) -> Response:
    """Respond with the account but store nothing: no documented request reads an account."""
    stored = find_contact(engine, request)
    values = validate_contact(engine, request, request.body).values
    now = engine.rules.timestamp(engine.now)
    row: Row = dict.fromkeys(fields_of(AccountRecord), None) | values
    row |= {"id": new_key(engine.rng), "type": "account", "contact_id": stored.row["id"]}
    row |= {"inserted_at": now, "updated_at": now}
    return contact_response(engine, request, row, new=True)


RULES = Rules(
    accounts=accounts,
    codes={
        "no_credential": ("invalid_token", ""),
        "bad_credential": ("invalid_token", ""),
        "bad_client": ("invalid_client", ""),
        "bad_scope": ("invalid_scope", ""),
        "scope": ("scope_missing", ""),
        "confirm": ("override_required", ""),
        "conflict": ("conflict", ""),
        "reused": ("idempotency_conflict", ""),
        "cursor": ("cursor_invalid", ""),
        "page": ("invalid_filter", ""),
    },
    explain=explain,
    scope_allows=scope_allows,
    sample_values={
        "name_title": None,
        "name_suffix": None,
        "phone_home": None,
        "phone_work": None,
        "active_journey_ids": [],
    },
    fill_in=fill_in,
    select=select,
    fold=fold,
    conflict_shows_key=False,
    allows_empty_update=True,
    verbs={"upsert": upsert, "create_account": create_account},
    key_scope=lambda request: f"{request.method} {request.path}",
    body_differences=body_differences,
    allows_unchanged=True,
    dry_run_rolls_back=True,
    request_ids=False,
    token_seconds=3600,
    page_size=25,
)
