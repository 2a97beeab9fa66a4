"""Sent (sent.dm), API v3: contacts known by their phone number, with a channel and an opt-out.

https://docs.sent.dm/reference/api/contacts
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from contactkit._providers.sent.envelope import CATALOGUE, meta, read_error, write_error
from contactkit._providers.sent.records import MessageSummary, NumberLookup, Profile
from contactkit.errors import FieldProblem
from contactkit.spec import (
    JSON,
    Consent,
    Credential,
    DryRun,
    Endpoint,
    Envelope,
    ErrorShape,
    HeaderAuth,
    Idempotency,
    Limit,
    PageNumbers,
    Provider,
    Record,
    Time,
    as_object,
    create_contact,
    create_only,
    delete_contact,
    flag,
    get_contact,
    key,
    list_contacts,
    option,
    phones,
    read_only,
    update_contact,
    uuids,
    writable,
)

DOCS = "https://docs.sent.dm/reference/api"
Channel = Literal["sms", "whatsapp"]
_TIME = "Sent writes seven digits of a second, of which six, microseconds, are kept"


class Contact(Record):
    """https://docs.sent.dm/docs/reference/api/data-models"""

    id: Annotated[str, key("The contact's id, a UUID.", check=uuids.check)]
    customer_id: Annotated[
        str | None, read_only("Owner: the account or profile it belongs to.")
    ] = None
    phone_number: Annotated[
        str,
        create_only(
            "Phone number as it was entered; E.164 when you create the contact.",
            required=True,
            personal="phone",
            check=phones.check,
            # A second one is refused with RESOURCE_007.
            unique=True,
        ),
    ]
    format_e164: Annotated[
        str, read_only("The number as +12025550123.", label="Number, E.164", personal="phone")
    ]
    format_international: Annotated[
        str,
        read_only(
            "The number as +1 202-555-0123.", label="Number, international", personal="phone"
        ),
    ]
    format_national: Annotated[
        str, read_only("The number as (202) 555-0123.", label="Number, national", personal="phone")
    ]
    format_rfc: Annotated[
        str,
        read_only("The number as an RFC 3966 URI.", label="Number, as a link", personal="phone"),
    ]
    country_code: Annotated[str, read_only("Calling code, such as 1.", label="Calling code")]
    region_code: Annotated[
        str, read_only("ISO 3166-1 alpha-2 code of the number's region.", label="Region")
    ]
    available_channels: Annotated[
        str, read_only("Channels that reach the contact, comma-separated; Sent detects them.")
    ]
    default_channel: Annotated[
        Channel,
        writable(
            "Channel that Sent uses first; must be an available one.", docs=f"{DOCS}/contacts"
        ),
    ]
    opt_out: Annotated[bool, writable("Blocks every message on every channel.")]
    is_inherited: Annotated[
        bool,
        read_only(
            "Shared by a parent account, so read-only; always false since August 2026.",
            label="Inherited",
        ),
    ]
    created_at: Annotated[Time, read_only(f"When the contact was created; {_TIME}.")]
    updated_at: Annotated[
        Time | None, read_only(f"When it last changed, if ever; {_TIME}.", last_change=True)
    ] = None


class ListContacts(Record):
    """Filters of `list`."""

    search: Annotated[
        str | None,
        option("The number in its national form, such as (202) 555-0123.", evidence="inferred"),
    ] = None
    channel: Annotated[
        Channel | None, option("Only contacts that this channel reaches.", evidence="inferred")
    ] = None
    phone: Annotated[
        str | None,
        option(
            "The one contact with this number; NotFoundError when there is none.",
            personal="phone",
            check=phones.check,
        ),
    ] = None


def rules(
    current: Mapping[str, JSON] | None, changes: Mapping[str, JSON]
) -> Sequence[FieldProblem]:
    """Inherited contacts are read-only; the default channel must be an available one."""
    if current is None:
        return ()
    if current.get("is_inherited"):
        verb = "updated" if changes else "deleted"
        message = f"This contact is read-only and cannot be {verb}."
        return (FieldProblem(field="", message=message, code="VALIDATION_001"),)
    channel = changes.get("default_channel")
    available = str(current.get("available_channels") or "").split(",")
    if channel is not None and channel not in available:
        message = f"must be an available channel: {', '.join(available)}"
        return (FieldProblem(field="default_channel", message=message, code="BUSINESS_007"),)
    return ()


def _seal(body: dict[str, JSON], request_id: str, now: datetime) -> None:
    if "pagination" in as_object(body["data"]):
        body["data"]["pagination"]["cursors"] = None
    data = body.pop("data")
    body |= {"success": True, "data": data, "error": None, "meta": meta(request_id, now)}


PROVIDER = Provider(
    name="sent",
    title="Sent",
    base_url="https://api.sent.dm",
    docs=DOCS,
    record=Contact,
    endpoints=(
        list_contacts(path="/v3/contacts", params=ListContacts, docs=f"{DOCS}/contacts"),
        get_contact(path="/v3/contacts/{key}", docs=f"{DOCS}/contacts"),
        create_contact(
            path="/v3/contacts",
            help="Create a contact from its phone number.",
            omits=("default_channel", "opt_out"),
            keyed=True,
            dry_run=True,
            docs=f"{DOCS}/contacts",
        ),
        update_contact(
            path="/v3/contacts/{key}",
            help="Change a contact's default channel or opt-out.",
            keyed=True,
            dry_run=True,
            docs=f"{DOCS}/contacts",
        ),
        delete_contact(
            path="/v3/contacts/{key}",
            help="Remove a contact and its consent history.",
            dry_run=True,
            deprecated="Sent deprecated deleting contacts in August 2026: use update(opt_out=True)",
            docs=f"{DOCS}/contacts",
        ),
        Endpoint(
            verb="message_summary",
            method="GET",
            path="/v3/contacts/{key}/message-summary",
            help="Read how many messages one contact exchanged, and how well each channel worked.",
            record=MessageSummary,
            docs=f"{DOCS}/contacts",
        ),
        Endpoint(
            verb="lookup",
            method="GET",
            path="/v3/numbers/lookup/{key}",
            help="Look up a phone number: whether it is valid, its kind of line and its carrier.",
            record=NumberLookup,
            keyed_by="phone_number",
            docs=f"{DOCS}/number-lookup",
        ),
    ),
    account=(
        Endpoint(
            verb="profiles",
            method="GET",
            path="/v3/profiles",
            help="List the organisation's profiles; Sent will replace it by sender profiles.",
            answer="rows",
            rows=("data", "profiles"),
            record=Profile,
            docs=f"{DOCS}/profiles",
        ),
    ),
    auth=(
        HeaderAuth(
            credentials=(Credential(name="api_key", env="SENT_DM_API_KEY", header="x-api-key"),)
        ),
    ),
    settings=(
        Credential(
            name="profile_id",
            env="SENT_DM_PROFILE_ID",
            header="x-profile-id",
            secret=False,
            required=False,
            check=uuids.normalise,
        ),
    ),
    paging=PageNumbers(info=("data", "pagination"), more="has_more"),
    envelope=Envelope(one=("data",), many=("data", "contacts"), seal=_seal),
    errors=ErrorShape(read=read_error, write=write_error, catalogue=CATALOGUE),
    limits=(Limit(requests=200, seconds=60),),
    idempotency=Idempotency(
        header="Idempotency-Key",
        pattern="[a-zA-Z0-9_-]+",
        longest=255,
        life=86_400,
        replayed="Idempotent-Replayed",
    ),
    dry_run=DryRun(body={"sandbox": True}, confirmed="X-Sandbox"),
    consent=Consent(
        phones=("phone_number",),
        text=flag("opt_out"),
        examples=("+1234567890",),
        rules_read=("is_inherited",),
    ),
    rules=rules,
)
