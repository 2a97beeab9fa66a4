"""Sendblue (iMessage and SMS), API v2: contacts known by their phone number, which is their key.

https://docs.sendblue.com/api/resources/contacts

No error is documented for this version, so errors are read and written as in the previous version.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from contactkit import errors
from contactkit._providers.sendblue.bulk import read_created, read_deleted
from contactkit._providers.sendblue.lines import ContactStatus, Line, ListSeats, Seat
from contactkit._providers.sendblue.paging import CreationWindow
from contactkit._providers.sendblue.record import (
    Contact,
    Count,
    ListContacts,
    OptOut,
    OptOutState,
    Upsert,
)
from contactkit.errors import Problem
from contactkit.spec import (
    JSON,
    Bulk,
    Consent,
    Credential,
    Endpoint,
    Envelope,
    ErrorShape,
    HeaderAuth,
    Provider,
    as_object,
    create_contact,
    delete_contact,
    flag,
    get_contact,
    list_contacts,
    update_contact,
)

DOCS = "https://docs.sendblue.com/api/resources/contacts"


def read_error(body: JSON) -> Problem | None:
    """A status other than OK, whatever the HTTP status; its text may be in several places."""
    whole = as_object(body)
    status, error = whole.get("status", "OK"), whole.get("error")
    if str(status).upper() == "OK" and not error:
        return None
    names = ("message", "error_message", "error_detail", "error_reason", "error")
    texts = (whole.get(name) for name in names)
    return Problem(
        code=str(whole.get("error_key") or whole.get("error_code") or ""),
        message=next((text for text in texts if isinstance(text, str) and text), f"is {status}"),
    )


def write_error(problem: Problem, now: datetime) -> JSON:
    """https://sendblue-api.github.io/docs/contacts: a status and a message, and no code."""
    return {"status": "ERROR", "message": problem.message}


def _seal(body: dict[str, JSON], request_id: str, now: datetime) -> None:
    body["status"] = "OK"


def _updates_existing(body: Mapping[str, JSON]) -> bool:
    return body.get("update_if_exists") is True


PROVIDER = Provider(
    name="sendblue",
    title="Sendblue",
    base_url="https://api.sendblue.co",
    docs=DOCS,
    record=Contact,
    endpoints=(
        list_contacts(path="/api/v2/contacts", params=ListContacts, docs=f"{DOCS}/methods/list"),
        get_contact(path="/api/v2/contacts/{key}", docs=f"{DOCS}/methods/retrieve"),
        create_contact(
            path="/api/v2/contacts",
            help="Create a contact, or change the one that has the number.",
            params=Upsert,
            omits=("company_name", "opt_out"),
            key_wire="number",
            repeatable=_updates_existing,
            docs=f"{DOCS}/methods/create",
        ),
        update_contact(method="PUT", path="/api/v2/contacts/{key}", docs=f"{DOCS}/methods/update"),
        delete_contact(path="/api/v2/contacts/{key}", docs=f"{DOCS}/methods/delete"),
        Endpoint(
            verb="count",
            method="GET",
            path="/api/v2/contacts/count",
            help="Count the account's contacts.",
            answer="whole",
            record=Count,
            docs=f"{DOCS}/methods/count",
        ),
        Endpoint(
            verb="verify",
            method="POST",
            path="/api/v2/contacts/verify",
            help="Send the number a message that asks its owner to verify it.",
            answer="nothing",
            effect="update",
            key_wire="number",
            texts=True,
            docs=f"{DOCS}/methods/verify",
        ),
        Endpoint(
            verb="opt_out",
            method="POST",
            path="/api/v2/contacts/opt-out",
            help="Opt a number out of all messages, or in again.",
            answer="whole",
            record=OptOutState,
            params=OptOut,
            effect="update",
            key_wire="number",
            writes={"opted_out": "opt_out"},
            repeatable=True,
            docs=f"{DOCS}/methods/opt_out",
        ),
        Endpoint(
            verb="bulk_create",
            method="POST",
            path="/api/v2/contacts/bulk",
            help="Create many contacts in one request, or change those that exist.",
            effect="create",
            fields=True,
            omits=("assigned_to_email", "sendblue_number", "opt_out"),
            bulk=Bulk(
                name="contacts",
                unclear="the response does not say which contacts were created and which changed",
                read=read_created,
            ),
            docs=f"{DOCS}/subresources/bulk/methods/create",
        ),
        Endpoint(
            verb="bulk_delete",
            method="DELETE",
            path="/api/v2/contacts",
            help="Delete many contacts in one request, by their numbers.",
            effect="delete",
            bulk=Bulk(
                name="contact_ids",
                unclear="the response says how many contacts were deleted, but not which",
                read=read_deleted,
            ),
            docs=f"{DOCS}/subresources/bulk/methods/delete",
        ),
        Endpoint(
            verb="contact_status",
            method="GET",
            path="/api/v2/lines/contact-status",
            help="Read whether a number is known on one of your lines, or counts as new there.",
            answer="whole",
            record=ContactStatus,
            params=Line,
            key_wire="number",
            docs="https://docs.sendblue.com/api/resources/lines/methods/get_contact_status",
        ),
    ),
    account=(
        Endpoint(
            verb="seats",
            method="GET",
            path="/api/v2/seats",
            help="List the account's users, to whom contacts may be assigned.",
            answer="rows",
            record=Seat,
            params=ListSeats,
            docs="https://docs.sendblue.com/api/resources/v2/subresources/seats/methods/list",
        ),
    ),
    auth=(
        HeaderAuth(
            credentials=(
                Credential(name="api_key", env="SENDBLUE_API_API_KEY", header="sb-api-key-id"),
                Credential(
                    name="api_secret", env="SENDBLUE_API_API_SECRET", header="sb-api-secret-key"
                ),
            )
        ),
        # As the vendor's TypeScript SDK 3.17 sends it, in the place of both keys.
        HeaderAuth(
            credentials=(
                Credential(
                    name="access_token",
                    env="SENDBLUE_API_ACCESS_TOKEN",
                    header="Authorization",
                    prefix="Bearer ",
                ),
            )
        ),
    ),
    paging=CreationWindow(),
    consent=Consent(phones=("phone",), text=flag("opt_out"), examples=("+1234567890",)),
    envelope=Envelope(one=("contact",), many=(), seal=_seal),
    errors=ErrorShape(
        read=read_error,
        write=write_error,
        catalogue={
            "bad_request": (400, errors.InvalidRequestError),
            "unauthorized": (401, errors.AuthenticationError),
            "not_found": (404, errors.NotFoundError),
            "conflict": (409, errors.ConflictError),
            "rate_limited": (429, errors.RateLimitError),
            "server_error": (500, errors.ServerError),
        },
    ),
)
