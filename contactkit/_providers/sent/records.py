"""What Sent says of a contact's messages, of any phone number, and of an organisation's profiles.

https://docs.sent.dm/reference/api
"""

from __future__ import annotations

from typing import Annotated

from pydantic import JsonValue

from contactkit.spec import Record, Time, key, read_only


class MessageSummary(Record):
    """The messages exchanged with one contact."""

    contact_id: Annotated[str, key("The contact's id.")]
    message_count: Annotated[int, read_only("Messages in both directions.")]
    first_message_at: Annotated[Time | None, read_only("First message.")] = None
    last_message_at: Annotated[Time | None, read_only("Latest message.")] = None
    channels_used: Annotated[list[str], read_only("Channels that carried a message.")]
    channel_scores: Annotated[
        list[dict[str, str | int]],
        read_only("For each channel, success_score and fail_score from 0 to 100."),
    ]


class NumberLookup(Record):
    """What Sent knows of a phone number, whether a contact has it or not."""

    phone_number: Annotated[str, key("The number (E.164).", personal="phone")]
    is_valid: Annotated[bool | None, read_only("Whether it can be dialled.")] = None
    carrier_name: Annotated[str | None, read_only("Its carrier.")] = None
    line_type: Annotated[str | None, read_only("What it is, such as mobile or landline.")] = None
    country_code: Annotated[str | None, read_only("ISO 3166-1 alpha-2 code of its country.")] = None
    mobile_country_code: Annotated[str | None, read_only("Country of its mobile network.")] = None
    mobile_network_code: Annotated[str | None, read_only("Its mobile network.")] = None
    is_ported: Annotated[bool | None, read_only("Whether it moved to another carrier.")] = None
    is_voip: Annotated[bool | None, read_only("Whether it is an internet number.")] = None


_GONE = "Always false since August 2026."


class Profile(Record):
    """A profile of an organisation."""

    id: Annotated[str, key("The profile's id, as profile_id= takes it.")]
    organization_id: Annotated[str | None, read_only("The organisation it belongs to.")] = None
    name: Annotated[str | None, read_only("Its name.", personal="name")] = None
    email: Annotated[str | None, read_only("The organisation's address.", personal="email")] = None
    icon: Annotated[str | None, read_only("URL of its icon.")] = None
    description: Annotated[str | None, read_only("What it is for.")] = None
    short_name: Annotated[str | None, read_only("Its abbreviation, of 3 to 11 characters.")] = None
    status: Annotated[
        str | None, read_only("Its set-up: incomplete, pending_review, approved or rejected.")
    ] = None
    created_at: Annotated[Time | None, read_only("When it was created.")] = None
    updated_at: Annotated[Time | None, read_only("When it last changed.")] = None
    allow_contact_sharing: Annotated[bool | None, read_only(_GONE)] = None
    allow_template_sharing: Annotated[bool | None, read_only(_GONE)] = None
    inherit_contacts: Annotated[bool | None, read_only(_GONE)] = None
    inherit_templates: Annotated[bool | None, read_only(_GONE)] = None
    inherit_tcr_brand: Annotated[
        bool | None, read_only("Whether its TCR brand is the organisation's.")
    ] = None
    inherit_tcr_campaign: Annotated[
        bool | None, read_only("Whether its TCR campaign is the organisation's.")
    ] = None
    billing_model: Annotated[
        str | None, read_only("Who pays: profile, organization or profile_and_organization.")
    ] = None
    sending_phone_number_profile_id: Annotated[str | None, read_only("No longer used.")] = None
    sending_whatsapp_number_profile_id: Annotated[str | None, read_only("No longer used.")] = None
    sending_phone_number: Annotated[
        str | None, read_only("The number it sends SMS from.", personal="phone")
    ] = None
    whatsapp_phone_number: Annotated[
        str | None, read_only("The number it sends WhatsApp from.", personal="phone")
    ] = None
    allow_number_change_during_onboarding: Annotated[
        bool | None, read_only("Whether its numbers may change while it is set up.")
    ] = None
    waba_id: Annotated[str | None, read_only("Its WhatsApp Business account.")] = None
    billing_contact: Annotated[
        dict[str, JsonValue] | None, read_only("Who gets the bills.", personal="free")
    ] = None
    brand: Annotated[
        dict[str, JsonValue] | None,
        read_only("Its brand at TCR, with contact and business.", personal="free"),
    ] = None
