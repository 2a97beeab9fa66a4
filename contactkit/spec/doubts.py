"""The consent fields of a contact that leave open whether it opted out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contactkit.errors import FieldProblem
from contactkit.spec.consent import CODE, ChannelConsent, Contact
from contactkit.spec.provider import Provider
from contactkit.spec.record import fields_of

_UNDOCUMENTED = "may be a no: its value now is not documented; say opt_in=True if you hold consent"
_UNSTATED = "may be a no: it has no value now; say opt_in=True if you hold consent"


def undocumented(provider: Provider, contact: Contact) -> list[FieldProblem]:
    """The consent fields of a contact with a value that no state follows from."""
    declared = fields_of(provider.record)
    return [
        FieldProblem(field=name, message=_UNDOCUMENTED, code=CODE)
        for name in sorted(provider.consent.fields)
        if contact.get(name) is not None and not declared[name].accepts(contact[name])
    ]


def unstated(provider: Provider, contact: Contact, changes: Contact) -> list[FieldProblem]:
    """The fields of a contact that say whether it opted out, but have no value.

    They are those that the provider always fills, of the channels that the changes may open;
    `contact` is as the provider sent it.
    """
    channels = provider.consent.channels.values()
    return [
        FieldProblem(field=name, message=_UNSTATED, code=CODE)
        for name in _gaps(provider, contact, (c for c in channels if c.may_widen(changes)))
    ]


def with_doubts_denied(provider: Provider, contact: Contact) -> dict[str, Any]:
    """The contact as it is if each of its fields that may be a no is one."""
    channels = provider.consent.channels.values()
    noes = {name: values[0] for each in channels for name, values in each.denied.items()}
    unclear = [problem.field for problem in undocumented(provider, contact)]
    unclear += _gaps(provider, contact, channels)
    return {**contact, **{name: noes[name] for name in unclear if name in noes}}


def _gaps(provider: Provider, contact: Contact, channels: Iterable[ChannelConsent]) -> list[str]:
    declared = fields_of(provider.record)
    names = {name for channel in channels for name in channel.says_no}
    return [n for n in sorted(names) if contact.get(n) is None and not declared[n].nullable]
