"""What Sent does beside its declaration: profiles, the lock-out, number formats, its own codes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import phonenumbers

from contactkit._providers.sent import timestamp
from contactkit.errors import (
    FieldProblem,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)
from contactkit.simulator.messages import Account, Answer, Refusal, Request, Row
from contactkit.simulator.rules import Rules
from contactkit.simulator.verbs import answered, found
from contactkit.spec import phones
from contactkit.spec.provider import JSON, Endpoint

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

ORGANISATION = "2f6a1c1e-0000-4000-8000-000000000001"
CHILD = "2f6a1c1e-0000-4000-8000-000000000002"
_OWNERS = (ORGANISATION, ORGANISATION, ORGANISATION, CHILD)
_FAILURES, _FIRST_LOCK, _LONGEST_LOCK = 10, 60.0, 3600.0
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def accounts(_: object) -> dict[str, Account]:
    """An organisation, its child profile's own key, and the organisation acting for a profile."""
    key = "simulator-organisation-key"
    return {
        "organisation": Account(credentials={"api_key": key}, owner=ORGANISATION),
        "profile": Account(credentials={"api_key": "simulator-profile-key"}, owner=CHILD),
        "organisation_for_profile": Account(
            credentials={"api_key": key, "profile_id": CHILD}, owner=ORGANISATION
        ),
    }


def guard(engine: Engine, request: Request) -> None:
    """A key that failed ten times is locked, for longer at each further failure."""
    failures, until = engine.failed_logins.get(request.headers.get("x-api-key", ""), (0, 0.0))
    left = until - engine.clock.now()
    if failures >= _FAILURES and left > 0:
        engine.told["Retry-After"] = str(math.ceil(left))
        raise Refusal(RateLimitError, "Too many failed attempts with this key")


def rejected(engine: Engine, request: Request) -> None:
    """Count a failure of the presented key."""
    key = request.headers.get("x-api-key", "")
    failures = engine.failed_logins.get(key, (0, 0.0))[0] + 1
    lock = min(_FIRST_LOCK * 2 ** max(0, failures - _FAILURES), _LONGEST_LOCK)
    engine.failed_logins[key] = (failures, engine.clock.now() + lock)


def enter(engine: Engine, request: Request) -> None:
    """Scope the request to a profile; an organisation reads what its profiles own."""
    engine.failed_logins.pop(request.headers.get("x-api-key", ""), None)
    profile = request.headers.get("x-profile-id")
    if profile is None:
        widened = {ORGANISATION, CHILD} if request.owner == ORGANISATION else {request.owner}
        request.sees = frozenset(widened)
        return
    if request.owner != ORGANISATION:
        raise Refusal(PermissionDeniedError, "Only organization keys can use x-profile-id")
    if profile != CHILD:
        raise Refusal(NotFoundError, "Profile not found", code="RESOURCE_014")
    request.owner, request.sees = profile, frozenset({profile})
    engine.told["X-Profile-Id"] = profile


def check_key(endpoint: Endpoint, key: str) -> None:
    """An id that is no UUID is refused before it is looked up."""
    if _UUID.fullmatch(key):
        return
    if endpoint.effect == "delete":
        raise Refusal(InvalidRequestError, "Invalid contact ID format.", code="VALIDATION_001")
    raise Refusal(NotFoundError, "Invalid ID format.", code="VALIDATION_003")


_CODES = {"format": "VALIDATION_002", "choice": "VALIDATION_006"}


def explain(endpoint: Endpoint, problems: Sequence[FieldProblem]) -> Refusal:
    """The first problem's code and message; details only where a field's value is wrong."""
    first = problems[0]
    code = first.code if re.match("[A-Z]", first.code) else _CODES.get(first.code, "VALIDATION_001")
    if first.code == "required":
        return Refusal(InvalidRequestError, "Phone number is required", code=code)
    fields = [each for each in problems if each.field]
    return Refusal(InvalidRequestError, str(first), code=code, fields=fields)


def complete(row: Row, owner: str) -> None:
    """The owner, the formats and region of the number, and the channels that reach it."""
    number = str(row["phone_number"])
    parsed = _parsed(number)
    international, national = _formats(number, parsed)
    row |= {
        "customer_id": owner,
        "format_e164": number,
        "format_international": international,
        "format_national": national,
        "format_rfc": "tel:" + international.replace(" ", "-"),
        "country_code": str(parsed.country_code),
        "region_code": phones.region_of(parsed),
    }
    if not re.fullmatch("sms|whatsapp|sms,whatsapp", str(row["available_channels"])):
        both = row["default_channel"] == "whatsapp" or number[-1] in "02468"
        row["available_channels"] = "sms,whatsapp" if both else "sms"
    if row["default_channel"] not in str(row["available_channels"]).split(","):
        row["default_channel"] = str(row["available_channels"]).split(",")[0]


def _parsed(number: str) -> phonenumbers.PhoneNumber:
    try:
        return phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        wrong = FieldProblem(field="phone_number", message=f"must be {phones.ALLOWED}")
        raise Refusal(
            InvalidRequestError, str(wrong), code="VALIDATION_002", fields=[wrong]
        ) from None


def _formats(number: str, parsed: phonenumbers.PhoneNumber) -> tuple[str, str]:
    if re.fullmatch(r"\+1\d{10}", number):
        area, exchange, line = number[2:5], number[5:8], number[8:]
        return f"+1 {area}-{exchange}-{line}", f"({area}) {exchange}-{line}"
    if phonenumbers.is_valid_number(parsed):
        forms = phonenumbers.PhoneNumberFormat
        return (
            phonenumbers.format_number(parsed, forms.INTERNATIONAL),
            phonenumbers.format_number(parsed, forms.NATIONAL),
        )
    # Sent's own example number is too short to be valid; it is printed as it would be typed.
    region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return _typed(number, region), _typed(str(parsed.national_number), region)


def _typed(digits: str, region: str) -> str:
    formatter, shown = phonenumbers.AsYouTypeFormatter(region), ""
    for digit in digits:
        shown = formatter.input_digit(digit)
    return shown


def select(rows: Sequence[Row], filters: Mapping[str, JSON]) -> Sequence[Row]:
    """`search` is exact on the national form, `phone` on E.164; no such phone is a 404."""
    found = [row for row in rows if all(_matches(row, *each) for each in filters.items())]
    if "phone" in filters and not found:
        message = "Contact not found with the specified phone number"
        raise Refusal(NotFoundError, message, code="RESOURCE_001")
    return found


def _matches(row: Row, name: str, value: Any) -> bool:
    if name == "channel":
        return value in str(row["available_channels"]).split(",")
    return row["format_national" if name == "search" else "format_e164"] == value


def message_summary(engine: Engine, request: Request, endpoint: Endpoint) -> Answer:
    """A plausible history: one message out and one in on each channel since the creation."""
    row = found(engine, request).row
    used = str(row["available_channels"]).split(",")
    summary: Row = {
        "contact_id": row["id"],
        "message_count": 2 * len(used),
        "first_message_at": row["created_at"],
        "last_message_at": row["updated_at"] or row["created_at"],
        "channels_used": used,
        "channel_scores": [
            {"channel": channel, "success_score": 100, "fail_score": 0} for channel in used
        ],
    }
    return answered(engine, endpoint, summary)


RULES = Rules(
    accounts=accounts,
    codes={
        "no_credential": ("AUTH_001", "User is not authenticated"),
        "bad_credential": ("AUTH_002", "Invalid or expired API key"),
        "conflict": (
            "RESOURCE_007",
            "Contact with this phone number already exists for this customer",
        ),
        "page": ("VALIDATION_005", ""),
        "idempotency_key": ("VALIDATION_007", ""),
        "in_flight": ("CONFLICT_001", ""),
        "reused": ("CONFLICT_005", ""),
        "no_route": ("RESOURCE_013", ""),
    },
    explain=explain,
    owner_of=lambda index: _OWNERS[index % len(_OWNERS)],
    check_key=check_key,
    stamp=timestamp,
    defaults={"available_channels": "sms", "default_channel": "sms"},
    seeded={"is_inherited": False},
    complete=complete,
    select=select,
    unique=("phone_number",),
    names_existing=False,
    empty_update=True,
    null_is_absent=True,
    guard=guard,
    rejected=rejected,
    enter=enter,
    verbs={"message_summary": message_summary},
    headers={"X-Response-Time": "12ms", "X-API-Version": "v3"},
)
