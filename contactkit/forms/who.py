"""Who a contact is to people: its name, phone number and e-mail address, and its key in short."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of

_LONGEST_KEY = 16


@cache
def name_fields(provider: Provider) -> tuple[RecordField, ...]:
    """The fields of a first and a last name; titles and suffixes, declared later, are no part."""
    declared = fields_of(provider.record).values()
    return tuple(field for field in declared if field.marker.personal == "name")[:2]


def name_of(provider: Provider, contact: Mapping[str, JSON]) -> str:
    """The contact's name; "" without one."""
    parts = (contact.get(field.name) for field in name_fields(provider))
    return " ".join(str(part).strip() for part in parts if part).strip()


def address_of(provider: Provider, contact: Mapping[str, JSON]) -> str:
    """The contact's first phone number or e-mail address; "" without one."""
    own = (*provider.consent.phones, *provider.consent.emails)
    return next((str(contact[name]) for name in own if contact.get(name)), "")


def who_of(provider: Provider, contact: Mapping[str, JSON] | None) -> str:
    """The contact's name, or else a phone number or an e-mail address; "" without any."""
    contact = contact or {}
    return name_of(provider, contact) or address_of(provider, contact)


def short_key(key: str) -> str:
    """A key cut in its middle: keys of one provider often begin alike."""
    return key if len(key) <= _LONGEST_KEY else f"{key[:7]}…{key[-6:]}"
