"""The search box of a browser: what it can find at the provider, and what only among the read."""

from __future__ import annotations

from contactkit.forms.controls import Raw
from contactkit.spec import phones
from contactkit.spec.provider import Endpoint, Provider
from contactkit.spec.record import RecordField, fields_of

BOX = "find"
"""The name of the box among the values of an event."""


def address_filters(endpoint: Endpoint) -> dict[str, RecordField]:
    """The listing's filters for exactly one address, by kind: phone, email."""
    filters = fields_of(endpoint.params).values()
    own = (field for field in filters if field.kind == "string" and field.marker.personal)
    return {field.marker.personal: field for field in own}


def aim(endpoint: Endpoint, text: str) -> dict[str, Raw]:
    """The filter with which the provider finds exactly this text; {} if it has none."""
    filters, text = address_filters(endpoint), text.strip()
    if "email" in filters and "@" in text and " " not in text:
        return {filters["email"].name: text}
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
    exact = " or ".join(words[kind] for kind in words if kind in address_filters(endpoint))
    rest = "any other text" if exact else "any text"
    found = f"{exact} exactly, at {provider.title}; " if exact else ""
    return f"Finds {found}{rest} in the contacts read so far."
