"""What Privy does beside its declaration: tokens and scopes, consent, restoring, welcome texts."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from contactkit._providers.privy import timestamp
from contactkit.simulator.messages import Account, Answer, Request, Row
from contactkit.simulator.rules import Rules
from contactkit.simulator.verbs import answered, found, judged
from contactkit.spec.provider import JSON, Endpoint

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

_READ, _WRITE = "contacts_read", "contacts_write"


def _token(name: str) -> str:
    return f"privy_{hashlib.sha1(name.encode()).hexdigest()}"


def accounts(_: object) -> dict[str, Account]:
    """API tokens with all, some and no life left, and two OAuth applications."""
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


def fold(value: JSON) -> JSON:
    """E-mail addresses are the same whatever their case."""
    return value.casefold() if isinstance(value, str) else value


def complete(row: Row, owner: str) -> None:
    """Distinct tags in their order; no SMS consent without a number."""
    row["tags"] = list(dict.fromkeys(row["tags"] or []))
    if not row["phone_number"]:
        row["sms_consent"] = "never_subscribed"


def select(rows: Sequence[Row], filters: Mapping[str, JSON]) -> Sequence[Row]:
    """Exact, but for the case of an e-mail address; by creation."""
    wanted = {name: fold(value) for name, value in filters.items()}
    return [row for row in rows if all(fold(row[name]) == v for name, v in wanted.items())]


def changed(engine: Engine, before: Row | None, after: Row, values: Mapping[str, JSON]) -> None:
    """Send the welcome text that a newly confirmed SMS consent requires by law."""
    was = before["sms_consent"] if before else None
    confirmed = after["sms_consent"] == "subscribed" != was
    if confirmed and values.get("send_welcome_sms") is not False:
        engine.outbox.append(
            {
                "key": after["id"],
                "phone_number": after["phone_number"],
                "text": "Welcome! Reply STOP to opt out.",
                "at": engine.rules.stamp(engine.now),
            }
        )


def unsubscribe(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """E-mail only; a contact that is unsubscribed already stays as it is."""
    engine.told["Deprecation"] = "true"
    engine.told["Link"] = '<https://help.privy.com/docs/api-reference/changelog>; rel="deprecation"'
    stored = found(engine, request)
    judged(engine, request, endpoint, stored.row)
    row = dict(stored.row)
    if row["email_consent"] == "compliance_suppressed":
        raise engine.rules.explain(
            endpoint, engine.provider.rules(row, {"email_consent": "unsubscribed"})
        )
    if row["email_consent"] != "unsubscribed":
        row["email_consent"] = "unsubscribed"
        row["updated_at"] = engine.rules.stamp(engine.now)
        engine.contacts.put(row, stored.owner, writes=1)
    return answered(engine, endpoint, row)


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
    stamp=timestamp,
    defaults={"email_consent": "never_subscribed", "sms_consent": "never_subscribed"},
    complete=complete,
    select=select,
    unique=("email", "phone_number"),
    fold=fold,
    restores=True,
    changed=changed,
    verbs={"unsubscribe": unsubscribe},
    page_size=25,
    sliding=False,
    tells_limits=True,
)
