"""Privy (e-mail and SMS marketing), API v1: contacts whose consent changes by rules.

https://help.privy.com/docs/api-reference/overview
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from contactkit import errors
from contactkit.errors import FieldProblem, Problem
from contactkit.spec import (
    JSON,
    ChannelConsent,
    ClientCredentials,
    Consent,
    Credential,
    Endpoint,
    Envelope,
    ErrorShape,
    HeaderAuth,
    Limit,
    PageNumbers,
    Provider,
    Record,
    Time,
    Undo,
    as_list,
    as_object,
    create_contact,
    delete_contact,
    emails,
    get_contact,
    key,
    list_contacts,
    option,
    phones,
    read_only,
    update_contact,
    writable,
    write_once,
)

DOCS = "https://help.privy.com/docs/api-reference"
EmailConsent = Literal[
    "subscribed", "unsubscribed", "never_subscribed", "suppressed", "compliance_suppressed"
]
SmsConsent = Literal["subscribed", "unsubscribed", "never_subscribed", "single_opt_in", "pending"]
_NO_TEXTS = ("sms_consent", "unsubscribed")
_ONLY_NO = ", so only sms_consent='unsubscribed' is sent, by itself"


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
            docs="https://help.privy.com/docs/api-reference/update-contact",
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


def rules(
    current: Mapping[str, JSON] | None, changes: Mapping[str, JSON]
) -> Sequence[FieldProblem]:
    """What is refused before it is sent; a no to texts is sent, since only Privy can refuse it."""
    names = [name for name, value in changes.items() if (name, value) != _NO_TEXTS]
    problems = suppression_problems(current, names, hint=_ONLY_NO)
    return [*problems, *field_rules(current, changes)]


def suppression_problems(
    current: Mapping[str, JSON] | None, names: Iterable[str], hint: str = ""
) -> list[FieldProblem]:
    """Why these fields of a compliance-suppressed contact cannot be written.

    https://help.privy.com/docs/api-reference/update-contact
    """
    if (current or {}).get("email_consent") != "compliance_suppressed":
        return []
    message = f"cannot be written: the contact is compliance_suppressed{hint}"
    return [_no(field=name, message=message) for name in names]


def field_rules(
    current: Mapping[str, JSON] | None, changes: Mapping[str, JSON]
) -> list[FieldProblem]:
    """An address, and SMS consent; fields are applied before consent."""
    after = {**(current or {}), **changes}
    problems: list[FieldProblem] = []
    if current is None and not after.get("email") and not after.get("phone_number"):
        problems.append(_no(field="base", message="needs an email or a phone_number"))
    if "sms_consent" in changes:
        problems += _sms_problems(current, str(after["sms_consent"]), after.get("phone_number"))
    return problems


def _no(field: str, message: str) -> FieldProblem:
    return FieldProblem(field=field, message=message, code="rule")


def _sms_problems(
    current: Mapping[str, JSON] | None, wanted: str, phone: str | None
) -> list[FieldProblem]:
    """https://help.privy.com/docs/learn/compliance/understand-sms-consent"""
    before = (current or {}).get("sms_consent")
    if wanted == "never_subscribed":
        return []
    if not phone:
        return [_no("sms_consent", f"{wanted} needs the contact to have a phone_number")]
    if wanted == "unsubscribed":
        message = "a new contact has no consent to revoke; allowed: never_subscribed"
        return [_no("sms_consent", message)] if current is None else []
    if phones.region(phone) not in ("US", "CA"):
        return [_no("sms_consent", f"{wanted} needs a phone_number in the US or Canada")]
    if wanted == "single_opt_in" and before in ("pending", "subscribed", "unsubscribed"):
        return [_no("sms_consent", f"{before} cannot become single_opt_in")]
    return []


def undo(
    before: Mapping[str, JSON], changes: Mapping[str, JSON], options: Mapping[str, JSON]
) -> Undo:
    """A welcome text cannot be unsent, and restoring a consent must not send another.

    https://help.privy.com/docs/api-reference/update-contact
    """
    if "sms_consent" not in changes:
        return Undo()
    texted = welcomes(before, changes, options)
    remains = "a welcome text may have been sent" if texted else ""
    return Undo(options={"send_welcome_sms": False}, remains=remains)


def welcomes(
    before: Mapping[str, JSON], changes: Mapping[str, JSON], options: Mapping[str, JSON]
) -> bool:
    """Whether Privy sends the text that the law requires after a newly confirmed SMS consent.

    https://help.privy.com/docs/api-reference/update-contact; none for single_opt_in is inferred.
    """
    confirmed = changes.get("sms_consent") == "subscribed" != before.get("sms_consent")
    return confirmed and options.get("send_welcome_sms") is not False


def timestamp(now: datetime) -> str:
    """Whole seconds, as in Privy's samples."""
    return now.isoformat(timespec="seconds").replace("+00:00", "Z")


def read_error(body: JSON) -> Problem | None:
    """https://help.privy.com/docs/api-reference/errors; the token endpoint's error is a word."""
    whole = as_object(body)
    if whole.get("error") is None:
        return None
    if isinstance(whole["error"], str):
        return Problem(code=whole["error"], message=str(whole.get("error_description") or ""))
    error = as_object(whole["error"])
    details = [as_object(entry) for entry in as_list(error.get("details"))]
    return Problem(
        code=str(error.get("code") or ""),
        message=str(error.get("message") or ""),
        fields=tuple(
            FieldProblem(field=str(entry.get("field") or ""), message=str(entry["message"]))
            for entry in details
            if entry.get("message")
        ),
        existing_key=_existing(error, error.get("details"), *details, whole, whole.get("data"))
        if error.get("code") == "conflict"
        else "",
    )


def _existing(*places: JSON) -> str:
    """The id of the existing contact, from any likely place: it is not documented where."""
    values = (as_object(place).get(name) for place in places for name in ("id", "contact_id"))
    return next((value for value in values if isinstance(value, str) and value), "")


def write_error(problem: Problem, now: datetime) -> JSON:
    """The envelope of a refusal; the token endpoint has only its code."""
    if problem.code in ("invalid_client", "invalid_scope"):
        return {"error": problem.code}
    error: dict[str, JSON] = {"code": problem.code, "message": problem.message}
    if problem.existing_key:
        error["id"] = problem.existing_key
    if problem.fields:
        error["details"] = [
            {"field": refused.field or "base", "message": refused.message}
            for refused in problem.fields
        ]
    return {"error": error}


PROVIDER = Provider(
    name="privy",
    title="Privy",
    base_url="https://api.privy.com/v1",
    docs=f"{DOCS}/overview",
    record=Contact,
    endpoints=(
        list_contacts(
            path="/contacts",
            params=ListContacts,
            scope="contacts_read",
            docs=f"{DOCS}/list-contacts",
        ),
        get_contact(path="/contacts/{key}", scope="contacts_read", docs=f"{DOCS}/get-contact"),
        create_contact(
            path="/contacts",
            help="Create a contact, or restore a deleted one with the same address.",
            params=Welcome,
            scope="contacts_write",
            docs=f"{DOCS}/create-contact",
        ),
        update_contact(
            path="/contacts/{key}",
            help="Change a contact's fields and consent; fields are applied before consent.",
            params=Welcome,
            scope="contacts_write",
            docs=f"{DOCS}/update-contact",
        ),
        Endpoint(
            verb="unsubscribe",
            method="POST",
            path="/contacts/{key}/unsubscribe",
            help="Unsubscribe a contact from all e-mail marketing.",
            params=Unsubscribe,
            effect="update",
            repeatable=True,
            scope="contacts_write",
            deprecated="Privy deprecated unsubscribe: use update(email_consent='unsubscribed')",
            docs=f"{DOCS}/unsubscribe-contact",
        ),
        delete_contact(
            path="/contacts/{key}",
            answer="record",
            help="Delete a contact; creating it again restores it.",
            scope="contacts_write",
            docs=f"{DOCS}/delete-contact",
        ),
    ),
    auth=(
        HeaderAuth(
            credentials=(
                Credential(
                    name="token", env="PRIVY_API_TOKEN", header="Authorization", prefix="Bearer "
                ),
            )
        ),
        ClientCredentials(
            token_url="https://dashboard.privy.com/oauth/token",
            credentials=(
                Credential(name="client_id", env="PRIVY_CLIENT_ID"),
                Credential(name="client_secret", env="PRIVY_CLIENT_SECRET"),
            ),
            scope=Credential(name="scope", env="PRIVY_SCOPE", secret=False, required=False),
        ),
    ),
    paging=PageNumbers(info=("pagination",), size="per_page"),
    envelope=Envelope(one=("data",), many=("data",)),
    errors=ErrorShape(
        read=read_error,
        write=write_error,
        catalogue={
            "unauthorized": (401, errors.AuthenticationError),
            "invalid_client": (401, errors.AuthenticationError),
            "invalid_scope": (401, errors.PermissionDeniedError),
            "insufficient_scope": (403, errors.PermissionDeniedError),
            "not_found": (404, errors.NotFoundError),
            "conflict": (409, errors.ConflictError),
            "validation_failed": (422, errors.InvalidRequestError),
            "rate_limited": (429, errors.RateLimitError),
        },
    ),
    limits=(
        Limit(requests=60, seconds=60, header="X-RateLimit-{}-Minute"),
        Limit(requests=10_000, seconds=86_400, header="X-RateLimit-{}-Day"),
    ),
    # https://help.privy.com/docs/learn/compliance/understand-sms-consent
    consent=Consent(
        phones=("phone_number",),
        emails=("email",),
        text=ChannelConsent(
            allowed={"sms_consent": ("single_opt_in", "subscribed")},
            denied={"sms_consent": ("unsubscribed",)},
            deny={"sms_consent": "unsubscribed"},
            basis={
                ("sms_consent", "never_subscribed"): "never_asked",
                ("sms_consent", "pending"): "pending",
            },
        ),
        email=ChannelConsent(
            allowed={"email_consent": ("subscribed",)},
            denied={"email_consent": ("unsubscribed", "suppressed")},
            locked={"email_consent": ("compliance_suppressed",)},
            deny={"email_consent": "unsubscribed"},
            basis={
                ("email_consent", "never_subscribed"): "never_asked",
                ("email_consent", "suppressed"): "suppressed",
            },
        ),
    ),
    rules=rules,
    undo=undo,
    welcomes=welcomes,
)
