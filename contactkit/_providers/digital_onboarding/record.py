"""What a contact and an account are at Digital Onboarding.

https://do-api-docs.pages.dev/endpoints/patch-v2-partner-contacts-id/ has one table for requests and
responses, with a star for what is always present; which fields can be written is inferred.
"""

from __future__ import annotations

import re
import zoneinfo
from functools import cache
from typing import Annotated, Literal

from pydantic import JsonValue

from contactkit.spec import (
    Date,
    Marker,
    Record,
    Time,
    emails,
    key,
    option,
    phones,
    read_only,
    writable,
)

DOCS = "https://do-api-docs.pages.dev"
AccountKind = Literal["deposit", "loan", "credit", "investment", "other"]

_PHONE = "phone; no format is documented, and valid numbers are written as E.164."
_FLAG = "No rule between the eight flags is documented."
_OFFSET = re.compile(r"(UTC|GMT|Z)?\s*[+-]?\d{1,2}(:?\d{2})?|Z", re.IGNORECASE | re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


@cache
def _zones() -> frozenset[str]:
    """All IANA time zones; none on a machine without a list of them."""
    # A machine may list these two, which have no meaning elsewhere.
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


def _timezone(value: str) -> str:
    allowed = "must be an IANA time zone, such as America/Chicago"
    if value in _zones():
        return value
    if _OFFSET.fullmatch(value.strip()):
        raise ValueError(f"{allowed}; offsets from UTC are refused")
    if _zones() or not value:
        raise ValueError(allowed)
    return value


def _phone(which: str) -> Marker:
    label = f"{which} phone"
    return writable(f"{which} {_PHONE}", label=label, personal="phone", check=phones.check_alone)


def _uuid(value: str) -> str:
    if not _UUID.fullmatch(value):
        raise ValueError("must be a UUID")
    return value


class Contact(Record):
    """https://do-api-docs.pages.dev/endpoints/post-v2-partner-contacts/"""

    id: Annotated[str, key("The contact's id, a UUID.", evidence="inferred")]
    type: Annotated[Literal["contact"], read_only("Always contact.", evidence="inferred")]
    team_id: Annotated[str, read_only("The team it belongs to.", evidence="inferred")]
    unique_id: Annotated[
        str | None,
        # Documented is only that it is text; v1 names a contact by it in place of its id.
        writable(
            "Your own key for the contact; no two contacts share one.",
            unique=True,
            evidence="inferred",
        ),
    ] = None
    name_first: Annotated[
        str | None, writable("First name.", label="First name", personal="name")
    ] = None
    name_last: Annotated[str | None, writable("Last name.", label="Last name", personal="name")] = (
        None
    )
    name_title: Annotated[
        str | None, writable("Title, such as Dr.", label="Title", personal="name")
    ] = None
    name_suffix: Annotated[
        str | None, writable("Suffix, such as Jr.", label="Suffix", personal="name")
    ] = None
    email: Annotated[
        str | None,
        writable(
            "E-mail address; the documented table leaves this row's name blank.",
            personal="email",
            check=emails.check,
            evidence="inferred",
        ),
    ] = None
    phone_home: Annotated[str | None, _phone("Home")] = None
    phone_mobile: Annotated[str | None, _phone("Mobile")] = None
    phone_work: Annotated[str | None, _phone("Work")] = None
    address: Annotated[str | None, writable("Street address.", personal="free")] = None
    address2: Annotated[
        str | None,
        writable("Second line of the address.", label="Address, second line", personal="free"),
    ] = None
    city: Annotated[str | None, writable("City.", personal="free")] = None
    state: Annotated[str | None, writable("State.", personal="free")] = None
    post_code: Annotated[
        str | None, writable("Postal code.", label="Postal code", personal="free")
    ] = None
    county: Annotated[str | None, writable("County.", personal="free")] = None
    country: Annotated[
        str | None, writable("Country; whether it is a code is not documented.", personal="free")
    ] = None
    birthdate: Annotated[
        Date | None,
        writable("Date of birth, such as 1990-05-04.", label="Date of birth", personal="free"),
    ] = None
    timezone: Annotated[
        str | None,
        writable(
            "IANA time zone, such as America/Chicago; offsets from UTC are refused.",
            label="Time zone",
            check=_timezone,
        ),
    ] = None
    sms_verified: Annotated[bool, writable(f"The number is verified. {_FLAG}")]
    sms_opted_in: Annotated[bool, writable(f"Opted in to SMS. {_FLAG}")]
    sms_authorized: Annotated[bool, writable(f"SMS is authorized. {_FLAG}")]
    sms_unsubscribed: Annotated[bool, writable(f"Unsubscribed from SMS. {_FLAG}")]
    email_verified: Annotated[bool, writable(f"The address is verified. {_FLAG}")]
    email_opted_in: Annotated[bool, writable(f"Opted in to e-mail. {_FLAG}")]
    email_authorized: Annotated[bool, writable(f"E-mail is authorized. {_FLAG}")]
    email_unsubscribed: Annotated[bool, writable(f"Unsubscribed from e-mail. {_FLAG}")]
    meta_public: Annotated[
        dict[str, JsonValue],
        writable(
            "Keys and values, nested as you like. Whether what you send replaces them or is "
            "merged is not documented; send them all.",
            label="Public metadata",
            collection="replace",
            personal="free",
            evidence="inferred",
        ),
    ]
    inserted_at: Annotated[
        Time, read_only("When the contact was created.", label="Created at", evidence="inferred")
    ]
    updated_at: Annotated[
        Time, read_only("When it last changed.", last_change=True, evidence="inferred")
    ]
    last_seen_at: Annotated[
        Time | None, read_only("When the contact was last seen.", evidence="inferred")
    ] = None
    active_journey_ids: Annotated[
        list[str], read_only("The journeys the contact is on.", evidence="inferred")
    ]
    completed_objective_keys: Annotated[
        list[str], read_only("The objectives the contact has completed.", evidence="inferred")
    ]


class UpsertContacts(Record):
    """What identifies an existing contact among many."""

    unique_id: Annotated[
        str,
        option(
            "Your own key: the contact with this key is changed, or one is created.",
            required=True,
            evidence="inferred",
        ),
    ]


def _validators(names: list[str]) -> list[str]:
    if not names or not all(re.fullmatch(r"\w+", name, re.ASCII) for name in names):
        raise ValueError("must be the names of validators, such as email_format or phone_format")
    return names


class Override(Record):
    """What lets a write of a contact pass: https://do-api-docs.pages.dev/guides/overrides/"""

    force: Annotated[
        bool | None,
        option("True writes a contact that is archived or locked.", evidence="inferred"),
    ] = None


class Overrides(Override):
    """The same for a write of its fields."""

    bypass_validation: Annotated[
        list[str] | None,
        option(
            "Validators to skip, such as email_format and phone_format.",
            check=_validators,
            evidence="inferred",
        ),
    ] = None


class BulkOverrides(Overrides):
    """The same for a write of many contacts."""

    bulk: Annotated[
        bool | None,
        option("True writes more contacts than the threshold, which is not documented."),
    ] = None


class NewAccount(Record):
    """https://do-api-docs.pages.dev/endpoints/post-v2-partner-contacts-id-accounts/"""

    kind: Annotated[AccountKind, option("Kind of account.", required=True, evidence="inferred")]
    unique_id: Annotated[str | None, option("Your own key for the account.")] = None
    product_id: Annotated[str | None, option("Its product, a UUID.", check=_uuid)] = None
    opened_at: Annotated[Time | None, option("When it was opened.")] = None
    closed_at: Annotated[Time | None, option("When it was closed.")] = None
    balance_cents: Annotated[
        int | None, option("Balance in cents; what its sign means is not documented.")
    ] = None


class Account(Record):
    """https://do-api-docs.pages.dev/endpoints/post-v2-partner-contacts-id-accounts/"""

    id: Annotated[str, read_only("The account's id, a UUID.", evidence="inferred")]
    type: Annotated[Literal["account"], read_only("Always account.", evidence="inferred")]
    contact_id: Annotated[str, key("The contact whose account it is.")]
    unique_id: Annotated[str | None, read_only("Your own key for the account.")] = None
    kind: Annotated[AccountKind, read_only("Kind of account.", evidence="inferred")]
    product_id: Annotated[str | None, read_only("Its product, a UUID.")] = None
    opened_at: Annotated[Time | None, read_only("When it was opened.")] = None
    closed_at: Annotated[Time | None, read_only("When it was closed.")] = None
    balance_cents: Annotated[int | None, read_only("Balance in cents.")] = None
    inserted_at: Annotated[
        Time, read_only("When the account was created.", label="Created at", evidence="inferred")
    ]
    updated_at: Annotated[Time, read_only("When it last changed.", evidence="inferred")]
