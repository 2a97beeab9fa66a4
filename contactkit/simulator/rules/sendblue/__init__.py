"""Sendblue beyond its declaration: names in two spellings, opt-outs that outlive a contact."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from contactkit.errors import FieldProblem, InvalidRequestError
from contactkit.simulator.listings import Selection
from contactkit.simulator.messages import Account, Refusal, Request, Response, Row
from contactkit.simulator.rules import Rules
from contactkit.simulator.rules.sendblue.lines import contact_status, seats
from contactkit.simulator.seeds import phone
from contactkit.simulator.verbs import (
    contact_response,
    find_contact,
    upsert_contact,
    validate_contact,
)
from contactkit.spec import JSON, Endpoint, as_list, as_object, parse_time, phones

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

_CAMEL_CASE = {
    "first_name": "firstName",
    "last_name": "lastName",
    "company_name": "companyName",
    "sendblue_number": "sendblueNumber",
    "custom_variables": "customVariables",
}


def accounts(_: object) -> dict[str, Account]:
    """One account, with its two keys, with a token in their place, and with an expired one."""
    credentials = {"api_key": "simulator-key-id", "api_secret": "simulator-secret-key"}
    return {
        "account": Account(credentials=credentials),
        "token": Account(credentials={"access_token": "simulator-access-token"}),
        "expired": Account(credentials={"access_token": "simulator-expired-token"}, expires=0.0),
    }


def explain(endpoint: Endpoint, problems: Sequence[FieldProblem]) -> Refusal:
    """Refuse with a message alone: a missing field, an invalid number, or the first problem."""
    first = problems[0]
    if first.code == "required":
        return Refusal(InvalidRequestError, "Missing fields")
    if first.field == "phone":
        return Refusal(InvalidRequestError, "Invalid phone number")
    return Refusal(InvalidRequestError, str(first))


def read_key(endpoint: Endpoint, key: str) -> str:
    """A number; an invalid one is refused in the body, and in a path only looked up."""
    if endpoint.key_wire:
        _number(key)
    return key


def _number(key: str) -> str:
    if not key:
        raise Refusal(InvalidRequestError, "Missing fields")
    try:
        return phones.normalise(key)
    except ValueError:
        raise Refusal(InvalidRequestError, "Invalid phone number") from None


def fill_in(row: Row, owner: str) -> None:
    """Add the contact's id, tags and custom variables."""
    identity = f"{row['phone']} {row['created_at']}"
    row["contact_id"] = row["contact_id"] or str(uuid.uuid5(uuid.NAMESPACE_URL, identity))
    row["tags"] = row["tags"] or []
    row["custom_variables"] = row["custom_variables"] or {}


def select(filters: Mapping[str, JSON]) -> Selection:
    """Filter and sort, the newest first by default."""
    by, since = filters.get("order_by") or "created_at", filters.get("created_at_gte")
    sorted_by_time = by == "created_at"
    return Selection(
        exact={name: filters[name] for name in ("phone", "contact_id") if filters.get(name)},
        order=((by, filters.get("order_direction") != "asc"),),
        since=since if sorted_by_time else None,
        condition=_CreatedSince(since) if since and not sorted_by_time else None,
    )


@dataclass(frozen=True)
class _CreatedSince:
    """Whether a contact was created at this time or later."""

    since: str

    def __call__(self, row: Row) -> bool:
        return rank("created_at", row["created_at"]) >= rank("created_at", self.since)


def rank(name: str, value: JSON) -> tuple[bool, Any]:
    """Sort by the text of a field, or by the time however it is written; none comes before all."""
    text = str(value or "")
    if name != "created_at":
        return True, text
    try:
        return True, parse_time(text)
    except ValueError:
        return False, text


def to_wire(endpoint: Endpoint, row: Row) -> Row:
    """Add the second spelling of some names of a contact; show its id in listings only."""
    if endpoint.record:
        return row
    row |= {camel: row[snake] for snake, camel in _CAMEL_CASE.items() if snake in row}
    if endpoint.answer != "page":
        row.pop("contact_id", None)
    return row


def create(engine: Engine, request: Request) -> Response:
    """Create a contact, or with update_if_exists change the existing one."""
    contact = validate_contact(engine, request, request.body)
    existing = engine.contacts.find(str(contact.values["phone"]))
    updates = contact.values.get("update_if_exists")
    stored = upsert_contact(engine, request, contact, existing if updates else None)
    return contact_response(engine, request, stored.row)


def bulk_create(engine: Engine, request: Request) -> Response:
    """Create all contacts or none; an existing one is changed."""
    items = as_list(as_object(request.body).get("contacts"))
    if not items:
        raise Refusal(InvalidRequestError, "Missing fields")
    contacts = [validate_contact(engine, request, item) for item in items]
    shown: list[JSON] = []
    for contact in contacts:
        existing = engine.contacts.find(str(contact.values["phone"]))
        stored = upsert_contact(engine, request, contact, existing)
        shown.append(as_object(contact_response(engine, request, stored.row).body)["contact"])
    return engine.success(200, {"contacts": shown})


def bulk_delete(engine: Engine, request: Request) -> Response:
    """Delete the named contacts and count those that existed; refuse a body that names none."""
    numbers = as_list(as_object(request.body).get("contact_ids"))
    if not numbers or not all(isinstance(number, str) for number in numbers):
        raise Refusal(InvalidRequestError, "Missing fields")
    contacts = [engine.contacts.find(str(number)) for number in dict.fromkeys(numbers)]
    existing = [stored for stored in contacts if stored]
    for stored in existing:
        engine.contacts.delete(stored)
    return engine.success(200, {"amount": len(existing)})


def count(engine: Engine, request: Request) -> Response:
    """Count the contacts; the response has no status."""
    return Response(200, {"count": len(engine.contacts.select(Selection(), None))})


def verify(engine: Engine, request: Request) -> Response:
    """Send a message; the contact would be verified by a reply to it."""
    request.key = _number(request.key)
    validate_contact(engine, request, request.body, find_contact(engine, request).row)
    engine.outbox.append(
        {
            "key": request.key,
            "phone_number": request.key,
            "text": "Reply to this message to verify your number.",
            "at": engine.rules.timestamp(engine.now),
        }
    )
    return engine.rules.empty_response


def opt_out(engine: Engine, request: Request) -> Response:
    """Set the state of a number, with or without a contact."""
    number = _number(request.key)
    values = validate_contact(engine, request, request.body).values
    opted_out = values.get("opted_out", True) is not False
    stored = engine.contacts.find(number)
    if stored and stored.row["opt_out"] is not opted_out:
        engine.contacts.put({**stored.row, "opt_out": opted_out}, stored.owner, writes=1)
    _remember(engine, number, opted_out)
    return engine.success(200, {"number": number, "opted_out": opted_out})


def after_write(engine: Engine, before: Row | None, after: Row, values: Mapping[str, JSON]) -> None:
    """Keep a number opted out when its contact is created again."""
    number = str(after["phone"])
    if before is None and number in engine.opt_outs:
        engine.contacts.put({**after, "opt_out": True}, "", writes=0)
    elif "opt_out" in values:
        _remember(engine, number, values["opt_out"] is True)


def _remember(engine: Engine, number: str, opted_out: bool) -> None:
    (engine.opt_outs.add if opted_out else engine.opt_outs.discard)(number)


def new_key(rng: Random) -> str:
    """A phone number reserved for fiction."""
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
    read_key=read_key,
    defaults={"opt_out": False, "verified": False},
    team_values={
        "assigned_to_email": ("ana@example.com", "bo@example.com", "cem@example.com"),
        "sendblue_number": ("+18885550100", "+18885550101"),
    },
    fill_in=fill_in,
    select=select,
    rank=rank,
    conflict_shows_key=False,
    allows_empty_update=True,
    after_write=after_write,
    verbs={
        "create": create,
        "bulk_create": bulk_create,
        "bulk_delete": bulk_delete,
        "count": count,
        "verify": verify,
        "opt_out": opt_out,
        "contact_status": contact_status,
        "seats": seats,
    },
    # The order of https://docs.sendblue.com/api/resources/contacts/methods/update
    first_names=(
        "assigned_to_email",
        "company_name",
        "created_at",
        "first_name",
        "last_name",
        "phone",
        "sendblue_number",
        "tags",
        "verified",
    ),
    to_wire=to_wire,
    empty_response=Response(200, {"status": "OK"}),
    created_status=200,
    request_ids=False,
    page_size=100,
)
