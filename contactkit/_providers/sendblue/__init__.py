"""Sendblue (iMessage and SMS), API v2: contacts known by their phone number, which is their key.

https://docs.sendblue.com/api/resources/contacts

The wire spells some names in two ways, and calls the number `phone` or `number`; the user sees one
plain name for each. No error is documented for this version, so errors are read and written as in
the previous version.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from contactkit import errors
from contactkit._providers.sendblue.bulk import NUMBER_NAMES, read_created, read_deleted
from contactkit._providers.sendblue.lines import ContactStatus, Line, ListSeats, Seat
from contactkit._providers.sendblue.paging import CreationWindow
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
    Record,
    Time,
    as_object,
    create_contact,
    delete_contact,
    emails,
    flag,
    get_contact,
    key,
    list_contacts,
    option,
    phones,
    read_only,
    update_contact,
    writable,
)

DOCS = "https://docs.sendblue.com/api/resources/contacts"


class Contact(Record):
    """Any field except the number may be missing from a response."""

    phone: Annotated[
        str,
        key(
            "Phone number (E.164): the contact's key.",
            required=True,
            personal="phone",
            check=phones.check,
            unique=True,
            deprecated=NUMBER_NAMES[1:],
        ),
    ]
    contact_id: Annotated[str | None, read_only("Permanent id; only listings include it.")] = None
    first_name: Annotated[
        str | None, writable("First name.", personal="name", deprecated=("firstName",))
    ] = None
    last_name: Annotated[
        str | None, writable("Last name.", personal="name", deprecated=("lastName",))
    ] = None
    company_name: Annotated[
        str | None,
        writable(
            "Company; Sendblue may fill in the account's own.",
            deprecated=("companyName", "company"),
        ),
    ] = None
    assigned_to_email: Annotated[
        str | None,
        writable(
            "E-mail address of the user it is assigned to.",
            personal="email",
            check=emails.check,
            deprecated=("assignedToEmail",),
            suggested_by=("seats", "email"),
        ),
    ] = None
    sendblue_number: Annotated[
        str | None,
        writable(
            "Your Sendblue number that messages the contact (E.164).",
            check=phones.check,
            deprecated=("sendblueNumber",),
        ),
    ] = None
    tags: Annotated[
        list[str] | None,
        writable(
            "Labels; what you send replaces the whole list.",
            collection="replace",
            evidence="inferred",
        ),
    ] = None
    custom_variables: Annotated[
        dict[str, str] | None,
        writable(
            "Text by label; what you send is merged with the current text.",
            collection="merge",
            personal="free",
            deprecated=("customVariables",),
        ),
    ] = None
    opt_out: Annotated[
        bool | None, writable("Blocks every message to the number.", deprecated=("optOut",))
    ] = None
    verified: Annotated[bool | None, read_only("Whether the number is verified.")] = None
    created_at: Annotated[
        Time | None, read_only("When the contact was created.", deprecated=("createdAt",))
    ] = None


_ORDERS = {"first_name": "firstName", "last_name": "lastName"}


class ListContacts(Record):
    """Filters and order of `list`."""

    phone: Annotated[
        str | None,
        option(
            "The one contact with this number.",
            wire="phone_number",
            deprecated=("phone_number", "number"),
            personal="phone",
            check=phones.check,
        ),
    ] = None
    contact_id: Annotated[
        str | None, option("The contact with this permanent id.", wire="cid", deprecated=("cid",))
    ] = None
    created_at_gte: Annotated[
        Time | None, option("Created then or later.", label="Created since")
    ] = None
    order_by: Annotated[
        Literal["created_at", "first_name", "last_name", "phone"] | None,
        option(
            "Oldest first if neither this nor order_direction is given.",
            label="Sorted by",
            orders=True,
        ),
    ] = None
    order_direction: Annotated[
        Literal["asc", "desc"] | None,
        option(
            "desc by default. In an order that you choose, Sendblue lists 11,000 at most.",
            orders=True,
            evidence="inferred",
        ),
    ] = None

    @classmethod
    def to_query(cls, values: Mapping[str, Any]) -> dict[str, str]:
        query = super().to_query(values)
        return {name: _ORDERS.get(value, value) for name, value in query.items()}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> dict[str, Any]:
        orders = {camel: snake for snake, camel in _ORDERS.items()}
        by = query.get("order_by", "")
        return super().from_query({**query, **({"order_by": orders.get(by, by)} if by else {})})


class Upsert(Record):
    """The options of `create`."""

    update_if_exists: Annotated[
        bool | None,
        option(
            "Change the contact if it exists, instead of refusing. The outcome is then 'updated' "
            "in both cases, because Sendblue does not say which it was."
        ),
    ] = None


class OptOut(Record):
    """The options of `opt_out`: opted_out=False opts the number in again."""

    opted_out: Annotated[bool, option("False to opt the number in again.")] = True


class OptOutState(Record):
    """The response of `opt_out`."""

    phone: Annotated[str, key("The number.", wire="number", personal="phone")]
    opted_out: Annotated[bool, read_only("Whether it is opted out now.")]


class Count(Record):
    """The response of `count`."""

    count: Annotated[int, read_only("Contacts of the account.")]


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
