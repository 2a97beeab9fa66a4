"""What a contact is at Privy, and the options of its verbs."""

from __future__ import annotations

from typing import Annotated, Literal

from contactkit.spec import (
    Record,
    Time,
    emails,
    key,
    option,
    phones,
    read_only,
    writable,
    write_once,
)

DOCS = "https://help.privy.com/docs/api-reference"
EmailConsent = Literal[
    "subscribed", "unsubscribed", "never_subscribed", "suppressed", "compliance_suppressed"
]
SmsConsent = Literal["subscribed", "unsubscribed", "never_subscribed", "single_opt_in", "pending"]


def _reserved(reserved: str, allowed: str):
    def check(value: str) -> str:
        if value == reserved:
            raise ValueError(f"only Privy sets {reserved}; write one of {allowed}")
        return value

    return check


def _reason(value: str) -> str:
    if len(value) > 500:
        raise ValueError("must be at most 500 characters long")
    return value


class Contact(Record):
    """https://help.privy.com/docs/api-reference/create-contact"""

    id: Annotated[str, key("The contact's id.", docs=f"{DOCS}/get-contact")]
    first_name: Annotated[str | None, writable("First name.", personal="name")] = None
    last_name: Annotated[str | None, writable("Last name.", personal="name")] = None
    email: Annotated[
        str | None,
        write_once(
            "E-mail address; once set, it can be neither changed nor cleared.",
            personal="email",
            check=emails.check,
            # A second contact with the address or the number is refused as a conflict,
            # https://help.privy.com/docs/api-reference/create-contact
            unique=True,
            docs=f"{DOCS}/update-contact",
        ),
    ] = None
    phone_number: Annotated[
        str | None,
        write_once(
            "Phone number (E.164); once set, it can be neither changed nor cleared.",
            personal="phone",
            check=phones.check,
            unique=True,
            docs=f"{DOCS}/update-contact",
        ),
    ] = None
    email_consent: Annotated[
        EmailConsent,
        writable(
            "Consent to e-mail marketing; only Privy sets compliance_suppressed, which is final.",
            check=_reserved(
                "compliance_suppressed", "subscribed, unsubscribed, never_subscribed, suppressed"
            ),
            deprecated=("email_permission",),
            docs=f"{DOCS}/update-contact",
        ),
    ]
    sms_consent: Annotated[
        SmsConsent,
        writable(
            "Consent to SMS marketing; needs a phone number. Only Privy sets pending.",
            check=_reserved("pending", "subscribed, unsubscribed, never_subscribed, single_opt_in"),
            deprecated=("phone_permission", "contact_phone_permission"),
            docs=f"{DOCS}/update-contact",
        ),
    ]
    tags: Annotated[
        list[str], writable("Labels; what you send replaces the whole list.", collection="replace")
    ]
    custom_fields: Annotated[
        dict[str, str | int | float | bool | None],
        writable(
            "Keys and values, not nested; what you send replaces them all.",
            collection="replace",
            personal="free",
            evidence="inferred",
        ),
    ]
    created_at: Annotated[Time, read_only("When the contact was created.")]
    updated_at: Annotated[Time, read_only("When it last changed.", last_change=True)]


class ListContacts(Record):
    """https://help.privy.com/docs/api-reference/list-contacts"""

    email: Annotated[str | None, option("Exactly this address.", personal="email")] = None
    phone_number: Annotated[
        str | None, option("Exactly this number (E.164).", personal="phone", check=phones.check)
    ] = None
    email_consent: Annotated[
        EmailConsent | None, option("With this consent.", deprecated=("email_permission",))
    ] = None
    sms_consent: Annotated[
        SmsConsent | None,
        option("With this consent.", deprecated=("phone_permission", "contact_phone_permission")),
    ] = None


class Welcome(Record):
    """The options of `create` and `update`."""

    send_welcome_sms: Annotated[
        bool | None,
        option(
            "False suppresses the welcome text that a newly confirmed SMS consent triggers; "
            "only where you collected the consent outside Privy.",
            docs=f"{DOCS}/update-contact",
        ),
    ] = None


class Unsubscribe(Record):
    """https://help.privy.com/docs/api-reference/unsubscribe-contact"""

    reason: Annotated[
        str | None, option("The reason; at most 500 characters.", personal="free", check=_reason)
    ] = None
