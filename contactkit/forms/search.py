"""The search box of a browser: what it can find at the provider, and what only among the read."""

from __future__ import annotations

from contactkit.forms.controls import Raw
from contactkit.spec import phones
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import Provider
from contactkit.spec.record import RecordField, fields_of

BOX = "find"
"""The name of the box among the values of an event."""


def address_filters(endpoint: Endpoint) -> dict[str, RecordField]:
    """The listing's filters for exactly one address, by kind: phone, email."""
    filters = fields_of(endpoint.params).values()
    own = (field for field in filters if field.kind == "string" and field.marker.personal)
    return {field.marker.personal: field for field in own}


def email_condition(provider: Provider, endpoint: Endpoint) -> RecordField | None:
    """The listing's filter that takes conditions by field, if the e-mail address may be one."""
    emails = provider.consent.emails
    return next(
        (
            field
            for field in fields_of(endpoint.params).values()
            if field.kind == "dict" and emails and field.accepts({emails[0]: "a@example.com"})
        ),
        None,
    )


def aim(provider: Provider, endpoint: Endpoint, text: str) -> dict[str, Raw]:
    """The filter with which the provider finds exactly this text; {} if it has none."""
    filters, text = address_filters(endpoint), text.strip()
    if "@" in text and " " not in text:
        if "email" in filters:
            return {filters["email"].name: text}
        if conditions := email_condition(provider, endpoint):
            return {conditions.name: [[provider.consent.emails[0], "text", text]]}
    if "phone" in filters and _is_phone(text):
        return {filters["phone"].name: text}
    return {}


def _is_phone(text: str) -> bool:
    try:
        phones.normalise(text)
    except ValueError:
        return False
    return True


def search_help(provider: Provider, endpoint: Endpoint) -> str:
    """What the box can find."""
    words = {"email": "an e-mail address", "phone": "a phone number"}
    kinds = {*address_filters(endpoint)}
    kinds |= {"email"} if email_condition(provider, endpoint) else set()
    exact = " or ".join(words[kind] for kind in words if kind in kinds)
    rest = "any other text" if exact else "any text"
    found = f"{exact} exactly, at {provider.title}; " if exact else ""
    return f"Finds {found}{rest} in the contacts read so far."
