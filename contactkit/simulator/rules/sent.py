"""Sent beyond its declaration: profiles, lock-out of keys, number formats, error codes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import phonenumbers

from contactkit._providers.sent.envelope import timestamp
from contactkit._providers.sent.records import Profile
from contactkit.errors import (
    FieldProblem,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)
from contactkit.simulator.listings import Selection
from contactkit.simulator.messages import Account, Refusal, Request, Response, Row
from contactkit.simulator.rules import Rules
from contactkit.simulator.verbs import contact_response, find_contact, rows_response
from contactkit.spec import JSON, Endpoint, Instant, fields_of, phones

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

ORGANISATION = "2f6a1c1e-0000-4000-8000-000000000001"
CHILD = "2f6a1c1e-0000-4000-8000-000000000002"
_OWNERS = (ORGANISATION, ORGANISATION, ORGANISATION, CHILD)
_FAILURES, _FIRST_LOCK, _LONGEST_LOCK = 10, 60.0, 3600.0
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def accounts(_: object) -> dict[str, Account]:
    """An organisation, its child profile, and the organisation acting for that profile."""
    key = "simulator-organisation-key"
    return {
        "organisation": Account(credentials={"api_key": key}, owner=ORGANISATION),
        "profile": Account(credentials={"api_key": "simulator-profile-key"}, owner=CHILD),
        "organisation_for_profile": Account(
            credentials={"api_key": key, "profile_id": CHILD}, owner=ORGANISATION
        ),
    }


def before_login(engine: Engine, request: Request) -> None:
    """Refuse a key that failed ten times, for longer after each further failure."""
    failures, locked_until = engine.failed_logins.get(
        request.headers.get("x-api-key", ""), (0, 0.0)
    )
    remaining = locked_until - engine.clock.now()
    if failures >= _FAILURES and remaining > 0:
        engine.response_headers["Retry-After"] = str(math.ceil(remaining))
        raise Refusal(RateLimitError, "Too many failed attempts with this key")


def after_failed_login(engine: Engine, request: Request) -> None:
    """Count a failed login with the presented key."""
    key = request.headers.get("x-api-key", "")
    failures = engine.failed_logins.get(key, (0, 0.0))[0] + 1
    lock = min(_FIRST_LOCK * 2 ** max(0, failures - _FAILURES), _LONGEST_LOCK)
    engine.failed_logins[key] = (failures, engine.clock.now() + lock)


def after_login(engine: Engine, request: Request) -> None:
    """Limit the request to a profile; an organisation also sees what its profiles own."""
    engine.failed_logins.pop(request.headers.get("x-api-key", ""), None)
    profile = request.headers.get("x-profile-id")
    if profile is None:
        owners = {ORGANISATION, CHILD} if request.owner == ORGANISATION else {request.owner}
        request.visible_owners = frozenset(owners)
        return
    if request.owner != ORGANISATION:
        raise Refusal(PermissionDeniedError, "Only organization keys can use x-profile-id")
    if profile.lower() != CHILD:
        raise Refusal(NotFoundError, "Profile not found", code="RESOURCE_014")
    request.owner, request.visible_owners = CHILD, frozenset({CHILD})
    engine.response_headers["X-Profile-Id"] = CHILD


def read_key(endpoint: Endpoint, key: str) -> str:
    """An id in lower case; one that is not a UUID is refused before it is looked up."""
    if endpoint.keyed_by:
        return key
    if _UUID.fullmatch(key):
        return key.lower()
    if endpoint.effect == "delete":
        raise Refusal(InvalidRequestError, "Invalid contact ID format.", code="VALIDATION_001")
    raise Refusal(NotFoundError, "Invalid ID format.", code="VALIDATION_003")


_CODES = {"format": "VALIDATION_002", "choice": "VALIDATION_006"}


def explain(endpoint: Endpoint, problems: Sequence[FieldProblem]) -> Refusal:
    """Refuse with the first problem's code and message; details only for a field's wrong value."""
    first = problems[0]
    code = first.code if re.match("[A-Z]", first.code) else _CODES.get(first.code, "VALIDATION_001")
    if first.code == "required":
        return Refusal(InvalidRequestError, "Phone number is required", code=code)
    fields = [problem for problem in problems if problem.field]
    return Refusal(InvalidRequestError, str(first), code=code, fields=fields)


def fill_in(row: Row, owner: str) -> None:
    """Add the owner, the formats and region of the number, and the channels that reach it."""
    row |= {"customer_id": owner, **_describe_number(str(row["phone_number"]))}
    if not re.fullmatch("sms|whatsapp|sms,whatsapp", str(row["available_channels"])):
        both = row["default_channel"] == "whatsapp" or str(row["phone_number"])[-1] in "02468"
        row["available_channels"] = "sms,whatsapp" if both else "sms"
    if row["default_channel"] not in str(row["available_channels"]).split(","):
        row["default_channel"] = str(row["available_channels"]).split(",")[0]


def _describe_number(number: str) -> Mapping[str, str]:
    if re.fullmatch(r"\+1\d{10}", number):
        area, exchange, line = number[2:5], number[5:8], number[8:]
        international, national = f"+1 {area}-{exchange}-{line}", f"({area}) {exchange}-{line}"
        # The last digits of a North American number do not decide its region.
        country, region = _place(number[:8] + "0100")
    else:
        international, national = _formats(number)
        country, region = _place(number)
    return {
        "format_e164": number,
        "format_international": international,
        "format_national": national,
        "format_rfc": "tel:" + international.replace(" ", "-"),
        "country_code": country,
        "region_code": region,
    }


# Every write needs it, and parsing a number is slow.
@lru_cache(maxsize=10_000)
def _place(number: str) -> tuple[str, str]:
    """The calling code and the region of a number."""
    parsed = _parse(number)
    return str(parsed.country_code), phones.region_of(parsed)


def _parse(number: str) -> phonenumbers.PhoneNumber:
    try:
        return phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        problem = FieldProblem(field="phone_number", message=f"must be {phones.ALLOWED}")
        raise Refusal(
            InvalidRequestError, str(problem), code="VALIDATION_002", fields=[problem]
        ) from None


def _formats(number: str) -> tuple[str, str]:
    """The international and the national form of a number that is not North American."""
    parsed = _parse(number)
    if phonenumbers.is_valid_number(parsed):
        forms = phonenumbers.PhoneNumberFormat
        return (
            phonenumbers.format_number(parsed, forms.INTERNATIONAL),
            phonenumbers.format_number(parsed, forms.NATIONAL),
        )
    # The number in Sent's examples is too short to be valid; it is formatted by hand.
    region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    national = str(parsed.national_number)
    return _format_as_typed(number, region), _format_as_typed(national, region)


def _format_as_typed(digits: str, region: str) -> str:
    formatter, text = phonenumbers.AsYouTypeFormatter(region), ""
    for digit in digits:
        text = formatter.input_digit(digit)
    return text


def select(filters: Mapping[str, JSON]) -> Selection:
    """Match `search` with the national form, `phone` with E.164; a phone without a match is 404."""
    fields = {"search": "format_national", "phone": "format_e164"}
    message = "Contact not found with the specified phone number"
    missing = Refusal(NotFoundError, message, code="RESOURCE_001")
    return Selection(
        exact={fields[name]: value for name, value in filters.items() if name in fields},
        condition=_Reached(filters["channel"]) if "channel" in filters else None,
        missing=missing if "phone" in filters else None,
    )


@dataclass(frozen=True)
class _Reached:
    """Whether a channel reaches the contact."""

    channel: str

    def __call__(self, row: Row) -> bool:
        return self.channel in str(row["available_channels"]).split(",")


def message_summary(engine: Engine, request: Request) -> Response:
    """Show a plausible history: on each channel one message out and one in since the creation."""
    row = find_contact(engine, request).row
    channels = str(row["available_channels"]).split(",")
    summary: Row = {
        "contact_id": row["id"],
        "message_count": 2 * len(channels),
        "first_message_at": row["created_at"],
        "last_message_at": row["updated_at"] or row["created_at"],
        "channels_used": channels,
        "channel_scores": [
            {"channel": channel, "success_score": 100, "fail_score": 0} for channel in channels
        ],
    }
    return contact_response(engine, request, summary)


_LINES = {"7": "landline", "8": "landline", "9": "voip"}


def lookup(engine: Engine, request: Request) -> Response:
    """Show a plausible line, by the last digit of the number; one that is none is not found."""
    message = "Phone number not found or invalid"
    missing = Refusal(NotFoundError, message, code="RESOURCE_013")
    try:
        number = phones.normalise(request.key)
    except ValueError:
        raise missing from None
    line = _LINES.get(number[-1], "mobile")
    row: Row = {
        "phone_number": number,
        "is_valid": phonenumbers.is_valid_number(_parse(number)),
        "carrier_name": "Example Telecom",
        "line_type": line,
        "country_code": _describe_number(number)["region_code"],
        "mobile_country_code": "310" if line == "mobile" else None,
        "mobile_network_code": "260" if line == "mobile" else None,
        "is_ported": False,
        "is_voip": line == "voip",
    }
    return contact_response(engine, request, row)


def profiles(engine: Engine, request: Request) -> Response:
    """Show the organisation's only profile, to a key that sees it."""
    since = timestamp(Instant.read("2026-01-05T09:00:00Z"))
    row: Row = dict.fromkeys(fields_of(Profile)) | {
        "id": CHILD,
        "organization_id": ORGANISATION,
        "name": "Example North",
        "email": "team@example.com",
        "description": "Sender profile of the north",
        "short_name": "NORTH",
        "status": "approved",
        "created_at": since,
        "updated_at": since,
        "billing_model": "organization",
        "sending_phone_number": "+12125550100",
        "billing_contact": {"name": "Jo Bell", "email": "bills@example.com"},
    }
    row |= {name: False for name, field in fields_of(Profile).items() if field.kind == "boolean"}
    return rows_response(engine, request, [row])


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
    failure=("An unexpected error occurred. Please contact support with request ID: {request_id}"),
    explain=explain,
    owner_of=lambda index: _OWNERS[index % len(_OWNERS)],
    read_key=read_key,
    timestamp=timestamp,
    defaults={"available_channels": "sms", "default_channel": "sms"},
    sample_values={"is_inherited": False},
    fill_in=fill_in,
    select=select,
    conflict_shows_key=False,
    allows_empty_update=True,
    null_is_absent=True,
    before_login=before_login,
    after_failed_login=after_failed_login,
    after_login=after_login,
    verbs={"message_summary": message_summary, "lookup": lookup, "profiles": profiles},
    headers={"X-Response-Time": "12ms", "X-API-Version": "v3"},
)
