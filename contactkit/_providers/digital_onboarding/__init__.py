"""Digital Onboarding, partner API v2: contacts with eight flags of consent, and their accounts.

https://do-api-docs.pages.dev
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from contactkit import errors
from contactkit._providers.digital_onboarding.cursors import Cursors
from contactkit._providers.digital_onboarding.filters import ListContacts
from contactkit._providers.digital_onboarding.record import (
    DOCS,
    Account,
    Contact,
    NewAccount,
    UpsertContacts,
)
from contactkit.errors import FieldProblem, Problem
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
_POINTER = "/data/attributes/"


def read_error(body: JSON) -> Problem | None:
    """https://do-api-docs.pages.dev/guides/mutations/; v1 and the token endpoint give one word."""
    whole = as_object(body)
    entries = [as_object(entry) for entry in as_list(whole.get("errors"))]
    if not entries:
        word = whole.get("error")
        message = str(whole.get("error_description") or "")
        return Problem(code=word, message=message) if isinstance(word, str) else None
    # A missing scope comes first: the caller must know that no new token would help.
    lead = next((entry for entry in entries if entry.get("code") == "scope_missing"), entries[0])
    alone = len(entries) == 1 and not _pointer(lead)
    return Problem(
        code=str(lead.get("code") or ""),
        message=_entry_text(lead, "title" if _pointer(lead) else "detail"),
        fields=() if alone else tuple(map(_field_problem, entries)),
    )


def _field_problem(entry: dict[str, JSON]) -> FieldProblem:
    code = str(entry.get("code") or "")
    return FieldProblem(field=_field(entry), message=_entry_text(entry, "detail"), code=code)


def _pointer(entry: dict[str, JSON]) -> str:
    return str(as_object(entry.get("source")).get("pointer") or "")


def _field(entry: dict[str, JSON]) -> str:
    """The field that a pointer (RFC 6901) names, and its row if the body is a list.

    Pointers refer to a document that was never sent, so what comes before the field is left out.
    """
    segments = _pointer(entry).split("/")[1:]
    parts = [segment.replace("~1", "/").replace("~0", "~") for segment in segments] or [""]
    row = f"[{parts.pop(0)}] " if len(parts) > 1 and parts[0].isdecimal() else ""
    known = fields_of(Contact).keys() | fields_of(NewAccount).keys()
    return row + next((part for part in parts if part in known), parts[-1])


def _entry_text(entry: dict[str, JSON], name: str) -> str:
    """The text of an entry, with the values in its `meta` that the text does not mention."""
    text = str(entry.get(name) or entry.get("title") or entry.get("detail") or "")
    meta = as_object(entry.get("meta")).items()
    values = {n: str(v) for n, v in meta if isinstance(v, str | int | float)}
    return " ".join([text, *(f"({n}: {v})" for n, v in values.items() if v not in text)])


def write_error(problem: Problem, now: datetime) -> JSON:
    """One entry per refused field, or one for the request; the token endpoint has only its code."""
    if problem.code in ("invalid_client", "invalid_scope"):
        return {"error": problem.code}
    return {"errors": list(_entries(problem))}


def _entries(problem: Problem) -> Iterator[dict[str, JSON]]:
    for refused in problem.fields:
        pointer = _POINTER + refused.field.replace("~", "~0").replace("/", "~1")
        entry = {"code": problem.code, "title": problem.message, "detail": refused.message}
        yield {**entry, "source": {"pointer": pointer}}
    if not problem.fields:
        title = problem.code.replace("_", " ").capitalize()
        entry = {"code": problem.code, "title": title, "detail": problem.message}
        if problem.code == "scope_missing":
            # The scope is the last word of the message.
            scope = problem.message.rpartition(" ")[2]
            entry |= {"title": "Required scope not present", "meta": {"required_scope": scope}}
        yield entry


def read_upsert(status: int, body: JSON, sent: Sequence[JSON]) -> Sequence[BulkItem]:
    """The outcomes of the list form; its response may be a contact, a list, or a batch.

    https://do-api-docs.pages.dev/guides/mutations/ and .../endpoints/post-v2-batch-operations/
    """
    whole = as_object(body)
    if status == 202 or "operation" in whole:
        message = f"accepted as batch {whole.get('id', '?')}; its outcome is not known yet"
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
    # Inferred: no rule between the flags is documented. Not authorized is silence, not a no.
    consent=Consent(
        phones=("phone_home", "phone_mobile", "phone_work"),
        emails=("email",),
        text=_channel("sms"),
        email=_channel("email"),
    ),
)
