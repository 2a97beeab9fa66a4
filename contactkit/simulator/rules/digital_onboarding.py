"""What Digital Onboarding does beside its declaration: scopes, filters, upserts, accounts."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from contactkit._providers.digital_onboarding.filters import FIELDS
from contactkit._providers.digital_onboarding.record import Account as AccountRecord
from contactkit.errors import FieldProblem, InvalidRequestError
from contactkit.simulator.messages import Account, Answer, Refusal, Request, Row
from contactkit.simulator.rules import Rules, new_key
from contactkit.simulator.verbs import answered, checked, created, found, judged, updated
from contactkit.spec.provider import JSON, Endpoint, as_list, as_object
from contactkit.spec.record import fields_of, parse_date, parse_time
from contactkit.spec.validate import Checked

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

TEAM = "3d8f3c86-1f0a-4f53-9b1e-5a4c0d2e7b10"
_FULL, _READ = frozenset({"partner:contacts:*"}), frozenset({"partner:*:read"})


def accounts(_: object) -> dict[str, Account]:
    """Partner tokens with all, some and no life left, and two OAuth clients."""
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


def allows(scopes: frozenset[str], needed: str) -> bool:
    """https://do-api-docs.pages.dev/guides/auth/: a `*` in a scope stands for any one part."""
    return any(_covers(scope.split(":"), needed.split(":")) for scope in scopes)


def _covers(own: Sequence[str], needed: Sequence[str]) -> bool:
    parts = zip(own, needed, strict=False)
    return len(own) == len(needed) and all(mine in ("*", part) for mine, part in parts)


def timestamp(now: datetime) -> str:
    """Whole seconds, in UTC."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def complete(row: Row, owner: str) -> None:
    """There is one team."""
    row["team_id"] = TEAM


def explain(endpoint: Endpoint, problems: Sequence[FieldProblem]) -> Refusal:
    """Every problem beside its field; a list's sort and filters have codes of their own."""
    code = "validation_failed"
    if endpoint.answer == "page":
        only_sort = all(each.field == "sort" for each in problems)
        code = "invalid_sort_field" if only_sort else "invalid_filter"
    return Refusal(InvalidRequestError, "The request is not valid", code=code, fields=problems)


def differs(before: JSON, now: JSON) -> list[FieldProblem]:
    """Where two bodies under one idempotency key differ."""
    one, other = as_object(before), as_object(now)
    message = "differs from the first request under this key"
    names = dict.fromkeys([*one, *other])
    told = [n for n in names if n not in one or n not in other or one[n] != other[n]]
    return [FieldProblem(field=name, message=message) for name in told or [""]]


def _text(held: Any) -> str:
    return held if isinstance(held, str) else ""


def _within(held: Any, part: Any) -> bool:
    return part in held if held is not None else False


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda held, wanted: held is not None and compare(held, wanted)


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": _ordered(operator.lt),
    "lte": _ordered(operator.le),
    "gt": _ordered(operator.gt),
    "gte": _ordered(operator.ge),
    "in": lambda held, wanted: held in wanted,
    "nin": lambda held, wanted: held not in wanted,
    "contains": _within,
    "starts_with": lambda held, wanted: _text(held).startswith(wanted),
    "ends_with": lambda held, wanted: _text(held).endswith(wanted),
    "present": lambda held, _: held not in (None, "", [], {}),
    "missing": lambda held, _: held in (None, "", [], {}),
}


def select(rows: Sequence[Row], filters: Mapping[str, JSON]) -> Sequence[Row]:
    """Rows of which all conditions hold."""
    where = as_object(filters.get("where")).items()
    conditions = [
        (name, _OPERATORS[word], _compared(name, wanted))
        for name, condition in where
        for word, wanted in as_object(condition).items()
    ]
    return [
        row
        for row in rows
        if all(holds(_compared(name, row.get(name)), wanted) for name, holds, wanted in conditions)
    ]


def _compared(name: str, value: JSON) -> Any:
    """A field's value as what can be compared; times are written in more ways than one."""
    parse = {"date": parse_date, "datetime": parse_time}.get(FIELDS[name].kind)
    if parse and isinstance(value, list):
        return [parse(each) for each in as_list(value)]
    return parse(value) if parse and isinstance(value, str) else value


def upsert(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """Create or change each by its unique_id, all or none; one is answered, more are a batch."""
    rows = [as_object(each) for each in cast("list[JSON]", request.body)]
    judged_rows = [_judged_row(engine, request, endpoint, row) for row in rows]
    if not rows:
        raise explain(endpoint, [FieldProblem(field="", message="is empty")])
    done = [_put(engine, request, endpoint, each) for each in judged_rows]
    if len(done) == 1:
        row, new = done[0]
        return answered(engine, endpoint, row, new=new)
    return Answer(202, _batch(engine, request))


def _judged_row(engine: Engine, request: Request, endpoint: Endpoint, row: Row) -> Checked:
    key = row.get("unique_id")
    named = {"unique_id": key} if isinstance(key, str) else {}
    stored = engine.contacts.holder(request.owner, named)
    return checked(engine, endpoint, row, stored.row if stored else None)


def _put(engine: Engine, request: Request, endpoint: Endpoint, given: Checked) -> tuple[Row, bool]:
    stored = engine.contacts.holder(request.owner, given.values)
    if stored is None:
        return created(engine, request, endpoint, given).row, True
    updated(engine, endpoint, stored, given)
    return stored.row, False


def _batch(engine: Engine, request: Request) -> Row:
    """https://do-api-docs.pages.dev/endpoints/post-v2-batch-operations/"""
    return {
        "id": new_key(engine.rng),
        "surface": "partner",
        "operation": "contacts.upsert",
        "status": "accepted",
        "created_at": timestamp(engine.now),
        "started_at": None,
        "completed_at": None,
        "idempotency_key": request.headers.get("idempotency-key"),
    }


def create_account(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """Nothing is kept: no documented request could ask for an account again."""
    stored = found(engine, request)
    given = judged(engine, request, endpoint, None).values
    now = timestamp(engine.now)
    row: Row = dict.fromkeys(fields_of(AccountRecord), None) | given
    row |= {"id": new_key(engine.rng), "type": "account", "contact_id": stored.row["id"]}
    row |= {"inserted_at": now, "updated_at": now}
    return answered(engine, endpoint, row, new=True)


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
    allows=allows,
    stamp=timestamp,
    seeded={
        "name_title": None,
        "name_suffix": None,
        "phone_home": None,
        "phone_work": None,
        "active_journey_ids": [],
    },
    complete=complete,
    select=select,
    unique=("unique_id",),
    names_existing=False,
    empty_update=True,
    verbs={"upsert": upsert, "create_account": create_account},
    place=lambda request: f"{request.method} {request.path}",
    differs=differs,
    echoes=True,
    rehearses=True,
    request_ids=False,
    token_life=3600,
    page_size=25,
)
