"""Which writes may open a channel to a contact, so that they are read first and never repeated."""

from __future__ import annotations

from typing import Any

from contactkit.spec.consent import Contact
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import Provider


def consent_changes(provider: Provider, endpoint: Endpoint, values: Contact) -> dict[str, Any]:
    """The changes of consent among a verb's values, by the contact's field names."""
    written = {endpoint.writes.get(name, name): value for name, value in values.items()}
    return {name: value for name, value in written.items() if name in provider.consent.fields}


def may_widen(provider: Provider, endpoint: Endpoint, values: Contact) -> bool:
    """Whether a write may open a channel to its contact."""
    if not (endpoint.texts or endpoint.writes) and provider.consent.fields.isdisjoint(values):
        return False
    changes = consent_changes(provider, endpoint, values)
    if endpoint.effect == "create" and not endpoint.bulk:
        return bool(provider.consent.widened({}, changes))
    return endpoint.texts or provider.consent.may_widen(changes)


def reads_first(provider: Provider, endpoint: Endpoint, values: Contact) -> bool:
    """Whether a write of one contact is sent only after a fresh read.

    Nothing else tells whether a contact that is deleted had opted out.
    """
    if endpoint.effect == "update":
        return may_widen(provider, endpoint, values)
    return endpoint.effect == "delete" and endpoint.takes_key


def is_sent_once(provider: Provider, endpoint: Endpoint, values: Contact) -> bool:
    """Whether a write is never repeated by itself: what was read before it may have changed."""
    return may_widen(provider, endpoint, values) or reads_first(provider, endpoint, values)
