"""What Sendblue does beside its declaration: both spellings, opt-outs that outlive a contact."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING

from contactkit.errors import FieldProblem, InvalidRequestError
from contactkit.simulator.messages import Account, Answer, Refusal, Request, Row
from contactkit.simulator.rules import Rules
from contactkit.simulator.seeds import phone
from contactkit.simulator.verbs import answered, checked, created, found, judged, updated
from contactkit.spec import phones
from contactkit.spec.provider import JSON, Endpoint, as_list, as_object
from contactkit.spec.record import parse_time

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

_TWICE = {
    "first_name": "firstName",
    "last_name": "lastName",
    "company_name": "companyName",
    "sendblue_number": "sendblueNumber",
    "custom_variables": "customVariables",
}


def accounts(_: object) -> dict[str, Account]:
    """One account, with its two keys."""
    held = {"api_key": "simulator-key-id", "api_secret": "simulator-secret-key"}
    return {"account": Account(credentials=held)}


def timestamp(now: datetime) -> str:
    """Whole seconds, as in the documentation's example; so contacts may share their time."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def explain(endpoint: Endpoint, problems: Sequence[FieldProblem]) -> Refusal:
    """The message alone: that something is missing, a number that is none, or the first problem."""
    first = problems[0]
    if first.code == "required":
        return Refusal(InvalidRequestError, "Missing fields")
    if first.field == "phone":
        return Refusal(InvalidRequestError, "Invalid phone number")
    return Refusal(InvalidRequestError, str(first))


def check_key(endpoint: Endpoint, key: str) -> None:
    """A number in the body must be one; in a path it is only looked up."""
    if endpoint.key_wire:
        _number(key)


def _number(key: str) -> str:
    if not key:
        raise Refusal(InvalidRequestError, "Missing fields")
    try:
        return phones.normalise(key)
    except ValueError:
        raise Refusal(InvalidRequestError, "Invalid phone number") from None


def complete(row: Row, owner: str) -> None:
    """The identity and what is never missing."""
    identity = f"{row['phone']} {row['created_at']}"
    row["contact_id"] = row["contact_id"] or str(uuid.uuid5(uuid.NAMESPACE_URL, identity))
    row["tags"] = row["tags"] or []
    row["custom_variables"] = row["custom_variables"] or {}


def select(rows: Sequence[Row], filters: Mapping[str, JSON]) -> Sequence[Row]:
    """The newest first unless asked otherwise; of one time in the order they were created."""
    since = filters.get("created_at_gte")
    start = parse_time(since) if since else None
    chosen = [
        row
        for row in rows
        if filters.get("phone") in (None, row["phone"])
        and filters.get("contact_id") in (None, row["contact_id"])
        and (start is None or (row["created_at"] and parse_time(row["created_at"]) >= start))
    ]
    by, direction = filters.get("order_by"), filters.get("order_direction")
    chosen.sort(key=lambda row: str(row[by or "created_at"] or ""), reverse=direction != "asc")
    return chosen


def wire(endpoint: Endpoint, row: Row) -> Row:
    """Both spellings of some names; the identity in listings only."""
    row |= {camel: row[snake] for snake, camel in _TWICE.items() if snake in row}
    if endpoint.answer != "page":
        row.pop("contact_id", None)
    return row


def create(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """A new contact, or with update_if_exists a change of the one that is there."""
    given = judged(engine, request, endpoint, None)
    stored = engine.contacts.find(str(given.values["phone"]))
    if stored and given.values.get("update_if_exists"):
        updated(engine, endpoint, stored, given)
    else:
        stored = created(engine, request, endpoint, given)
    return answered(engine, endpoint, stored.row)


def bulk_create(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """All of them or none; a contact that is there is changed."""
    items = as_list(as_object(request.body).get("contacts"))
    if not items:
        raise Refusal(InvalidRequestError, "Missing fields")
    given = [checked(engine, endpoint, as_object(each), None) for each in items]
    contacts: list[JSON] = []
    for each in given:
        stored = engine.contacts.find(str(each.values["phone"]))
        if stored:
            updated(engine, endpoint, stored, each)
        else:
            stored = created(engine, request, endpoint, each)
        contacts.append(as_object(answered(engine, endpoint, stored.row).body)["contact"])
    return engine.sealed(200, {"contacts": contacts})


def bulk_delete(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """How many of the named contacts were there; a body that names none is refused."""
    numbers = as_list(as_object(request.body).get("contact_ids"))
    if not numbers or not all(isinstance(each, str) for each in numbers):
        raise Refusal(InvalidRequestError, "Missing fields")
    there = filter(None, (engine.contacts.find(each) for each in dict.fromkeys(numbers)))
    amount = 0
    for stored in there:
        engine.contacts.delete(stored)
        amount += 1
    return engine.sealed(200, {"amount": amount})


def count(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """The number alone, without a status."""
    return Answer(200, {"count": sum(not each.deleted for each in engine.contacts)})


def verify(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """Send the message; the contact is verified once its owner answers."""
    request.key = _number(request.key)
    judged(engine, request, endpoint, found(engine, request).row)
    engine.outbox.append(
        {
            "key": request.key,
            "phone_number": request.key,
            "text": "Reply to this message to verify your number.",
            "at": engine.rules.stamp(engine.now),
        }
    )
    return engine.rules.nothing


def opt_out(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """The state is the number's, whether it has a contact or not."""
    number = _number(request.key)
    given = judged(engine, request, endpoint, None).values
    opted_out = given.get("opted_out", True) is not False
    stored = engine.contacts.find(number)
    if stored and stored.row["opt_out"] is not opted_out:
        engine.contacts.put({**stored.row, "opt_out": opted_out}, stored.owner, writes=1)
    _remember(engine, number, opted_out)
    return engine.sealed(200, {"number": number, "opted_out": opted_out})


def changed(engine: Engine, before: Row | None, after: Row, values: Mapping[str, JSON]) -> None:
    """An opt-out outlives the contact: who comes again is still opted out."""
    number = str(after["phone"])
    if before is None and number in engine.notes:
        engine.contacts.put({**after, "opt_out": True}, "", writes=0)
    elif "opt_out" in values:
        _remember(engine, number, values["opt_out"] is True)


def _remember(engine: Engine, number: str, opted_out: bool) -> None:
    (engine.notes.add if opted_out else engine.notes.discard)(number)


def new_key(rng: Random) -> str:
    """A number that is reserved for fiction."""
    return phone(rng.randrange(80_000))


RULES = Rules(
    accounts=accounts,
    codes={
        "no_credential": ("unauthorized", "Missing credentials"),
        "bad_credential": ("unauthorized", "Invalid credentials"),
        "conflict": ("conflict", "Contact already exists"),
        "not_found": ("not_found", "Contact not found"),
        "page": ("bad_request", ""),
    },
    explain=explain,
    new_key=new_key,
    check_key=check_key,
    stamp=timestamp,
    defaults={"opt_out": False, "verified": False},
    complete=complete,
    select=select,
    unique=("phone",),
    names_existing=False,
    empty_update=True,
    changed=changed,
    verbs={
        "create": create,
        "bulk_create": bulk_create,
        "bulk_delete": bulk_delete,
        "count": count,
        "verify": verify,
        "opt_out": opt_out,
    },
    wire=wire,
    nothing=Answer(200, {"status": "OK"}),
    created_status=200,
    request_ids=False,
    page_size=100,
)
