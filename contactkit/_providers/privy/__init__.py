"""Privy (e-mail and SMS marketing), API v1: contacts whose consent changes by rules.

https://help.privy.com/docs/api-reference/overview
"""

from __future__ import annotations

from contactkit import errors
from contactkit._providers.privy.problems import read_error, write_error
from contactkit._providers.privy.record import DOCS, Contact, ListContacts, Unsubscribe, Welcome
from contactkit._providers.privy.rules import rules, undo, welcomes
from contactkit.spec import (
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
    create_contact,
    delete_contact,
    get_contact,
    list_contacts,
    update_contact,
)

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
