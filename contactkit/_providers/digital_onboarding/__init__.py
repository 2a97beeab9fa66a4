"""Digital Onboarding, partner API v2: contacts with eight flags of consent, and their accounts.

https://do-api-docs.pages.dev
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from contactkit._providers.digital_onboarding.cursors import Cursors
from contactkit._providers.digital_onboarding.filters import ListContacts
from contactkit._providers.digital_onboarding.record import (
    DOCS,
    Account,
    Contact,
    NewAccount,
    UpsertContacts,
)
from contactkit.errors import (
    AuthenticationError,
    ConflictError,
    FieldProblem,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
)
from contactkit.spec.provider import (
    JSON,
    Bulk,
    BulkItem,
    ClientCredentials,
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
)
from contactkit.spec.record import fields_of

OVERRIDE = "X-Operator-Override"
_POINTER = "/data/attributes/"


def read_error(body: JSON) -> Problem | None:
    """https://do-api-docs.pages.dev/guides/mutations/; v1 and the token endpoint say one word."""
    whole = as_object(body)
    entries = [as_object(each) for each in as_list(whole.get("errors"))]
    if not entries:
        word = whole.get("error")
        told = str(whole.get("error_description") or "")
        return Problem(code=word, message=told) if isinstance(word, str) else None
    # A missing scope is what a caller must know of: no new token would help.
    lead = next((each for each in entries if each.get("code") == "scope_missing"), entries[0])
    alone = len(entries) == 1 and not _pointer(lead)
    return Problem(
        code=str(lead.get("code") or ""),
        message=_said(lead, "title" if _pointer(lead) else "detail"),
        fields=() if alone else tuple(map(_field_problem, entries)),
    )


def _field_problem(entry: dict[str, JSON]) -> FieldProblem:
    code = str(entry.get("code") or "")
    return FieldProblem(field=_field(entry), message=_said(entry, "detail"), code=code)


def _pointer(entry: dict[str, JSON]) -> str:
    return str(as_object(entry.get("source")).get("pointer") or "")


def _field(entry: dict[str, JSON]) -> str:
    """The field that a pointer (RFC 6901) leads to, and its row where it points into a list.

    It points into a document that there is not: what comes before the field is left out.
    """
    pointed = _pointer(entry).split("/")[1:]
    parts = [each.replace("~1", "/").replace("~0", "~") for each in pointed] or [""]
    row = f"[{parts.pop(0)}] " if len(parts) > 1 and parts[0].isdecimal() else ""
    known = fields_of(Contact).keys() | fields_of(NewAccount).keys()
    return row + next((each for each in parts if each in known), parts[-1])


def _said(entry: dict[str, JSON], name: str) -> str:
    """The text of an entry, with the figures and names in its `meta` that it does not tell."""
    said = str(entry.get(name) or entry.get("title") or entry.get("detail") or "")
    meta = as_object(entry.get("meta")).items()
    plain = {n: str(v) for n, v in meta if isinstance(v, str | int | float)}
    more = [f"{name}: {value}" for name, value in plain.items() if value not in said]
    return " ".join([said, *(f"({each})" for each in more)])


def write_error(problem: Problem, now: datetime) -> JSON:
    """One entry a wrong field, or one for the whole; the token endpoint's two codes stand alone."""
    if problem.code in ("invalid_client", "invalid_scope"):
        return {"error": problem.code}
    return {"errors": list(_entries(problem))}


def _entries(problem: Problem) -> Iterator[dict[str, JSON]]:
    for each in problem.fields:
        pointer = _POINTER + each.field.replace("~", "~0").replace("/", "~1")
        entry = {"code": problem.code, "title": problem.message, "detail": each.message}
        yield {**entry, "source": {"pointer": pointer}}
    if not problem.fields:
        title = problem.code.replace("_", " ").capitalize()
        entry = {"code": problem.code, "title": title, "detail": problem.message}
        if problem.code == "scope_missing":
            # The message names the scope last.
            scope = problem.message.rpartition(" ")[2]
            entry |= {"title": "Required scope not present", "meta": {"required_scope": scope}}
        yield entry


def read_upsert(status: int, body: JSON, sent: Sequence[JSON]) -> Sequence[BulkItem]:
    """What the list form answers is not settled: a contact, a list of them, or a batch.

    https://do-api-docs.pages.dev/guides/mutations/ and .../endpoints/post-v2-batch-operations/
    """
    whole = as_object(body)
    if status == 202 or "operation" in whole:
        told = f"accepted as batch {whole.get('id', '?')}; what became of it is not known yet"
        return [("unknown", None, told)] * len(sent)
    rows = as_list(whole.get("data", [whole])) if whole else as_list(body)
    by_key = {as_object(row).get("unique_id"): row for row in rows}
    found = [by_key.get(as_object(each).get("unique_id")) for each in sent]
    if not any(found):
        return []
    outcome, told = "created" if status == 201 else "updated", ""
    if len(sent) > 1:
        outcome, told = "updated", "created or updated: the answer does not say which"
    absent = "it is not among the contacts of the answer"
    return [(outcome, each, told) if each else ("unknown", None, absent) for each in found]


PROVIDER = Provider(
    name="digital_onboarding",
    title="Digital Onboarding",
    base_url="https://api.digitalonboarding.com/v2/partner",
    docs=DOCS,
    record=Contact,
    endpoints=(
        Endpoint(
            verb="list",
            method="GET",
            path="/contacts",
            help="Read contacts, all pages.",
            answer="page",
            params=ListContacts,
            scope="partner:contacts:read",
            docs=f"{DOCS}/guides/pagination/",
            evidence="inferred",
        ),
        Endpoint(
            verb="get",
            method="GET",
            path="/contacts/{key}",
            help="Read one contact.",
            scope="partner:contacts:read",
            docs=f"{DOCS}/guides/auth/",
            evidence="inferred",
        ),
        Endpoint(
            verb="create",
            method="POST",
            path="/contacts",
            help="Create a contact.",
            effect="create",
            fields=True,
            keyed=True,
            dry_run=True,
            scope="partner:contacts:write",
            docs=f"{DOCS}/endpoints/post-v2-partner-contacts/",
        ),
        Endpoint(
            verb="upsert",
            method="POST",
            path="/contacts",
            help="Create or change many contacts, each known by its unique_id.",
            params=UpsertContacts,
            effect="create",
            fields=True,
            bulk=Bulk(
                name="",
                unclear="what it answers for many is not documented, and may come later",
                read=read_upsert,
            ),
            repeatable=True,
            keyed=True,
            dry_run=True,
            scope="partner:contacts:write",
            docs=f"{DOCS}/endpoints/post-v2-partner-contacts/",
            evidence="inferred",
        ),
        Endpoint(
            verb="update",
            method="PATCH",
            path="/contacts/{key}",
            help="Change the fields of a contact that are given.",
            effect="update",
            fields=True,
            repeatable=True,
            keyed=True,
            dry_run=True,
            scope="partner:contacts:write",
            docs=f"{DOCS}/endpoints/patch-v2-partner-contacts-id/",
            # That it may be sent a part of a contact.
            evidence="inferred",
        ),
        Endpoint(
            verb="delete",
            method="DELETE",
            path="/contacts/{key}",
            help="Delete a contact; that is destructive, and cannot be taken back.",
            answer="nothing",
            effect="delete",
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
            help="Create an account of a contact; no documented request reads or changes one.",
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
            # That the token is to be asked for scopes is nowhere said; it has those of its client.
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
            "invalid_token": (401, AuthenticationError),
            "invalid_client": (401, AuthenticationError),
            # A token that lacks a scope is as good as it will get: 401, and yet no new token helps.
            "scope_missing": (401, PermissionDeniedError),
            "invalid_scope": (400, PermissionDeniedError),
            "override_required": (403, PermissionDeniedError),
            "bulk_override_required": (403, PermissionDeniedError),
            "not_found": (404, NotFoundError),
            "conflict": (409, ConflictError),
            "idempotency_conflict": (409, ConflictError),
            "validation_failed": (422, InvalidRequestError),
            "invalid_sort_field": (400, InvalidRequestError),
            "invalid_filter": (400, InvalidRequestError),
            "cursor_invalid": (410, InvalidRequestError),
            "rate_limited": (429, RateLimitError),
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
)
