"""Privy beyond its declaration: tokens, scopes, consent, restored contacts, welcome texts."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping
from random import Random
from typing import TYPE_CHECKING

from contactkit._providers.privy.rules import field_rules, suppression_problems, welcomes
from contactkit.errors import FieldProblem
from contactkit.simulator.messages import Account, Request, Response, Row
from contactkit.simulator.rules import Rules
from contactkit.simulator.verbs import contact_response, find_contact, validate_contact
from contactkit.spec import JSON

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

_READ, _WRITE = "contacts_read", "contacts_write"


def _token(name: str) -> str:
    return f"privy_{hashlib.sha1(name.encode()).hexdigest()}"


def accounts(_: object) -> dict[str, Account]:
    """API tokens with all scopes, with one, and expired; and two OAuth applications."""
    return {
        "token": Account(credentials={"token": _token("all")}, scopes=frozenset({_READ, _WRITE})),
        "read_only": Account(credentials={"token": _token("read")}, scopes=frozenset({_READ})),
        "expired": Account(credentials={"token": _token("expired")}, expires=0.0),
        "oauth": Account(
            credentials={"client_id": "simulator-app", "client_secret": "simulator-app-secret"},
            scopes=frozenset({_READ, _WRITE}),
        ),
        "oauth_read_only": Account(
            credentials={"client_id": "simulator-reader", "client_secret": "simulator-read-secret"},
            scopes=frozenset({_READ}),
        ),
    }


def new_key(rng: Random) -> str:
    """`cus_` and sixteen characters, as in Privy's samples."""
    return "cus_" + "".join(rng.choices(string.ascii_lowercase + string.digits, k=16))


def fold(name: str, value: JSON) -> JSON:
    """Compare e-mail addresses without regard to case."""
    return value.casefold() if isinstance(value, str) else value


def fill_in(row: Row, owner: str) -> None:
    """Drop repeated tags, and SMS consent without a number."""
    row["tags"] = list(dict.fromkeys(row["tags"] or []))
    if not row["phone_number"]:
        row["sms_consent"] = "never_subscribed"


def refuse(
    strict: bool, current: Mapping[str, JSON] | None, changes: Mapping[str, JSON]
) -> list[FieldProblem]:
    """Refuse every write to a compliance-suppressed contact; if not strict, only of its consent.

    The page says "any write" beside email_consent, so it may mean only that field.
    """
    names = [name for name in changes if strict or name == "email_consent"]
    return [*suppression_problems(current, names), *field_rules(current, changes)]


def after_write(engine: Engine, before: Row | None, after: Row, values: Mapping[str, JSON]) -> None:
    """Send the welcome text after a newly confirmed SMS consent."""
    if welcomes(before or {}, after, values):
        engine.outbox.append(
            {
                "key": after["id"],
                "phone_number": after["phone_number"],
                "text": "Welcome! Reply STOP to opt out.",
                "at": engine.rules.timestamp(engine.now),
            }
        )


def unsubscribe(engine: Engine, request: Request) -> Response:
    """End e-mail consent; a contact that is already unsubscribed stays unchanged."""
    engine.response_headers["Deprecation"] = "true"
    engine.response_headers["Link"] = (
        '<https://help.privy.com/docs/api-reference/changelog>; rel="deprecation"'
    )
    stored = find_contact(engine, request)
    validate_contact(engine, request, request.body, stored.row)
    row = stored.row
    if row["email_consent"] == "compliance_suppressed":
        raise engine.rules.explain(
            request.endpoint, engine.provider.rules(row, {"email_consent": "unsubscribed"})
        )
    if row["email_consent"] != "unsubscribed":
        row = {**row, "email_consent": "unsubscribed", **engine.change_time()}
        engine.contacts.put(row, stored.owner, writes=1)
    return contact_response(engine, request, row)


RULES = Rules(
    accounts=accounts,
    codes={
        "no_credential": ("unauthorized", "Bearer token is missing or invalid"),
        "bad_credential": ("unauthorized", "Bearer token is missing or invalid"),
        "bad_client": ("invalid_client", ""),
        "bad_scope": ("invalid_scope", ""),
        "scope": ("insufficient_scope", ""),
        "page": ("validation_failed", "One or more fields are invalid"),
        "conflict": ("conflict", "Email or phone number is already in use"),
    },
    new_key=new_key,
    defaults={"email_consent": "never_subscribed", "sms_consent": "never_subscribed"},
    fill_in=fill_in,
    fold=fold,
    restores_deleted=True,
    after_write=after_write,
    verbs={"unsubscribe": unsubscribe},
    strict=True,
    refuse=refuse,
    # The order of https://help.privy.com/docs/api-reference/create-contact
    first_names=(
        "id",
        "first_name",
        "last_name",
        "email",
        "email_consent",
        "phone_number",
        "sms_consent",
        "tags",
        "custom_fields",
    ),
    page_size=25,
    sliding_windows=False,
    always_shows_limits=True,
)
