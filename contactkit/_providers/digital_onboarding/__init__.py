"""Digital Onboarding, partner API v2: contacts with eight flags of consent, and their accounts.

https://do-api-docs.pages.dev
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contactkit import errors
from contactkit._providers.digital_onboarding.cursors import Cursors
from contactkit._providers.digital_onboarding.filters import ListContacts
from contactkit._providers.digital_onboarding.problems import read_error, write_error
from contactkit._providers.digital_onboarding.record import (
    DOCS,
    Account,
    BulkOverrides,
    Contact,
    NewAccount,
    Override,
    Overrides,
    UpsertContacts,
)
from contactkit.spec import (
    JSON,
    Bulk,
    BulkItem,
    ChannelConsent,
    ClientCredentials,
    Consent,
    Credential,
    DryRun,
    Endpoint,
    Envelope,
    ErrorShape,
    HeaderAuth,
    Idempotency,
    Provider,
    RecordField,
    as_list,
    as_object,
    create_contact,
    delete_contact,
    fields_of,
    get_contact,
    list_contacts,
    update_contact,
)

OVERRIDE = "X-Operator-Override"


def read_upsert(status: int, body: JSON, sent: Sequence[JSON]) -> Sequence[BulkItem]:
    """The outcomes of the list form; its response may be a contact, a list, or a batch.

    https://do-api-docs.pages.dev/guides/mutations/ and .../endpoints/post-v2-batch-operations/
    """
    whole = as_object(body)
    if status == 202 or "operation" in whole:
        accepted = f"accepted as batch {whole.get('id', '?')}; its outcome is not known yet"
        message = f"{accepted}, and how to ask for it is not documented"
        return [("unknown", None, message)] * len(sent)
    rows = as_list(whole.get("data", [whole])) if whole else as_list(body)
    by_key: dict[JSON, JSON] = {
        key: row for row in rows if isinstance(key := as_object(row).get("unique_id"), str)
    }
    answered = [by_key.get(as_object(contact).get("unique_id")) for contact in sent]
    if not any(answered):
        return []
    outcome, message = "created" if status == 201 else "updated", ""
    if len(sent) > 1:
        outcome, message = "updated", "created or updated: the response does not say which"
    absent = "not among the contacts in the response"
    return [(outcome, row, message) if row else ("unknown", None, absent) for row in answered]


def _waives(field: RecordField, flags: Mapping[str, JSON]) -> bool:
    """https://do-api-docs.pages.dev/guides/overrides/ names these two validators."""
    return f"{field.marker.personal}_format" in as_list(flags.get("bypass_validation"))


def _channel(name: str) -> ChannelConsent:
    unsubscribed = f"{name}_unsubscribed"
    return ChannelConsent(
        allowed={f"{name}_opted_in": (True,), f"{name}_authorized": (True,)},
        denied={unsubscribed: (True,)},
        deny={unsubscribed: True},
    )


PROVIDER = Provider(
    name="digital_onboarding",
    title="Digital Onboarding",
    base_url="https://api.digitalonboarding.com/v2/partner",
    docs=DOCS,
    record=Contact,
    endpoints=(
        list_contacts(
            path="/contacts",
            params=ListContacts,
            scope="partner:contacts:read",
            docs=f"{DOCS}/guides/pagination/",
            evidence="inferred",
        ),
        get_contact(
            path="/contacts/{key}",
            scope="partner:contacts:read",
            docs=f"{DOCS}/guides/auth/",
            evidence="inferred",
        ),
        create_contact(
            path="/contacts",
            flags=Overrides,
            keyed=True,
            dry_run=True,
            scope="partner:contacts:write",
            docs=f"{DOCS}/endpoints/post-v2-partner-contacts/",
        ),
        Endpoint(
            verb="upsert",
            method="POST",
            path="/contacts",
            help="Create or update many contacts, each identified by its unique_id.",
            params=UpsertContacts,
            effect="create",
            fields=True,
            bulk=Bulk(
                name="",
                unclear="the response for many contacts is not documented, and may come later",
                read=read_upsert,
            ),
            repeatable=True,
            flags=BulkOverrides,
            keyed=True,
            dry_run=True,
            scope="partner:contacts:write",
            docs=f"{DOCS}/endpoints/post-v2-partner-contacts/",
            evidence="inferred",
        ),
        update_contact(
            path="/contacts/{key}",
            # The fields with a star in the table of the request.
            required=tuple(n for n, field in fields_of(Contact).items() if field.promised),
            flags=Overrides,
            keyed=True,
            dry_run=True,
            scope="partner:contacts:write",
            docs=f"{DOCS}/endpoints/patch-v2-partner-contacts-id/",
            # That the body may have only some of the fields.
            evidence="inferred",
        ),
        delete_contact(
            path="/contacts/{key}",
            help="Delete a contact; this is destructive and cannot be undone.",
            flags=Override,
            keyed=True,
            dry_run=True,
            confirm={OVERRIDE: "destructive"},
            scope="partner:contacts:delete",
            docs=f"{DOCS}/guides/overrides/",
            evidence="inferred",
        ),
        Endpoint(
            verb="create_account",
            method="POST",
            path="/contacts/{key}/accounts",
            help="Create an account for a contact; no documented request reads or changes one.",
            record=Account,
            params=NewAccount,
            effect="create",
            keyed=True,
            dry_run=True,
            scope="partner:contacts:write",
            docs=f"{DOCS}/endpoints/post-v2-partner-contacts-id-accounts/",
        ),
    ),
    auth=(
        HeaderAuth(
            credentials=(
                Credential(
                    name="token",
                    env="DIGITAL_ONBOARDING_TOKEN",
                    header="Authorization",
                    prefix="Bearer ",
                ),
            )
        ),
        ClientCredentials(
            # The path is v1's: v2's own is not documented.
            token_url="https://api.digitalonboarding.com/oauth2/token",
            credentials=(
                Credential(name="client_id", env="DIGITAL_ONBOARDING_CLIENT_ID"),
                Credential(name="client_secret", env="DIGITAL_ONBOARDING_CLIENT_SECRET"),
            ),
            # Requesting scopes is not documented; a token has those of its client.
            all_scopes=False,
            scope=Credential(
                name="scope", env="DIGITAL_ONBOARDING_SCOPE", secret=False, required=False
            ),
        ),
    ),
    paging=Cursors(),
    envelope=Envelope(one=(), many=("data",)),
    errors=ErrorShape(
        read=read_error,
        write=write_error,
        catalogue={
            "invalid_token": (401, errors.AuthenticationError),
            "invalid_client": (401, errors.AuthenticationError),
            # A token without the needed scope is a 401 too, but a new token does not help.
            "scope_missing": (401, errors.PermissionDeniedError),
            "invalid_scope": (400, errors.PermissionDeniedError),
            "override_required": (403, errors.PermissionDeniedError),
            "bulk_override_required": (403, errors.PermissionDeniedError),
            "not_found": (404, errors.NotFoundError),
            "conflict": (409, errors.ConflictError),
            "idempotency_conflict": (409, errors.ConflictError),
            "validation_failed": (422, errors.InvalidRequestError),
            "invalid_sort_field": (400, errors.InvalidRequestError),
            "invalid_filter": (400, errors.InvalidRequestError),
            "cursor_invalid": (410, errors.InvalidRequestError),
            "rate_limited": (429, errors.RateLimitError),
        },
    ),
    idempotency=Idempotency(
        header="Idempotency-Key",
        pattern="[!-~]+",
        longest=128,
        life=86_400,
        replayed="X-Idempotent-Replay",
    ),
    dry_run=DryRun(headers={OVERRIDE: "dry_run"}, confirmed="X-Dry-Run"),
    flag_header=OVERRIDE,
    waives=_waives,
    # Inferred: no rule between the flags is documented. Not authorized is silence, not a no.
    consent=Consent(
        phones=("phone_home", "phone_mobile", "phone_work"),
        emails=("email",),
        text=_channel("sms"),
        email=_channel("email"),
    ),
)
