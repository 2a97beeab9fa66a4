"""What a form shows of a record: which fields, in which groups, and which cannot be written now.

All of it is read from the declaration and from the contact as it stands; the reasons are those
that the client would refuse with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from contactkit._frames.frame import problems, rows_of
from contactkit.forms.controls import Name, Raw, control_of, kinds_of, raw_of
from contactkit.forms.html import render, shown
from contactkit.spec.provider import JSON, Endpoint, Provider
from contactkit.spec.record import Record, RecordField, fields_of
from contactkit.spec.validate import accepted_fields, check

Contact = Mapping[str, JSON]

_FEW = 9
_ACRONYMS = {"id": "ID", "sms": "SMS", "rfc": "RFC", "e164": "E.164"}


@dataclass(frozen=True, kw_only=True)
class FieldView:
    """One field as the form shows it; a `reason` says why it cannot be written now."""

    field: RecordField
    label: str
    docs: str
    control: Name
    kinds: Mapping[str, str]
    raw: Raw
    reason: str

    @property
    def writable(self) -> bool:
        """Whether it is a field of the contact, and no option of the verb."""
        return self.field.marker.access != "option"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Some fields under one label; the only group of a short form has none."""

    label: str
    fields: Sequence[FieldView]


def label_of(name: str) -> str:
    """A field's name as a person reads it."""
    first, *rest = (_ACRONYMS.get(word, word) for word in name.split("_"))
    return " ".join([first[:1].upper() + first[1:], *rest])


def groups(provider: Provider, endpoint: Endpoint, current: Contact | None) -> list[Group]:
    """The fields that a verb takes, those that cannot be written now among them."""
    shown = [
        _shown(provider, endpoint, each, current)
        for each in accepted_fields(provider, endpoint).values()
    ]
    if len(shown) < _FEW:
        return [Group(label="", fields=shown)]
    by_label: dict[str, list[FieldView]] = {label: [] for label in _LABELS}
    for each in shown:
        by_label[_label(each.field)].append(each)
    return [Group(label=label, fields=held) for label, held in by_label.items() if held]


def only_read(provider: Provider, endpoint: Endpoint) -> list[RecordField]:
    """The fields of a contact that a verb does not take."""
    taken = accepted_fields(provider, endpoint)
    return [each for name, each in fields_of(provider.record).items() if name not in taken]


def column_fields(record: type[Record]) -> list[str]:
    """The fields that tell one contact from another in a table, and whom not to write to."""
    return [
        name
        for name, each in fields_of(record).items()
        if each.marker.access not in ("key", "read_only")
        and (
            each.marker.personal in ("name", "phone", "email")
            or each.kind in ("boolean", "category")
        )
    ]


def refusal(provider: Provider, endpoint: Endpoint, field: RecordField, current: Contact) -> str:
    """Why no value at all of a field would be taken for a contact as it stands; "" if one would."""
    held = current.get(field.name)
    if field.marker.access == "write_once" and held:
        return "has a value already and is set once"
    if field.marker.access == "option":
        return ""
    tries: Iterable[JSON] = field.choices or (
        (True, False) if field.kind == "boolean" else () if held is None else (held,)
    )
    # What is held may be of a form that cannot be written any more: only the rules count for it.
    found = [
        check(provider, endpoint, {field.name: value}, current).problems
        if field.choices or field.kind == "boolean"
        else provider.rules(current, {field.name: value})
        for value in tries
    ]
    return found[0][0].message if found and all(found) else ""


_LABELS = ("Name, phone and e-mail", "Personal details", "Consent and channels", "More", "Options")


def _label(field: RecordField) -> str:
    if field.marker.access == "option":
        return "Options"
    if field.marker.personal in ("name", "phone", "email"):
        return "Name, phone and e-mail"
    if field.kind in ("boolean", "category"):
        return "Consent and channels"
    return "Personal details" if field.marker.personal and field.kind != "dict" else "More"


def _shown(
    provider: Provider, endpoint: Endpoint, field: RecordField, current: Contact | None
) -> FieldView:
    value = field.default if current is None else current.get(field.name, field.default)
    return FieldView(
        field=field,
        label=label_of(field.name),
        docs=field.marker.docs or endpoint.docs or provider.docs,
        control=control_of(field, value),
        kinds=kinds_of(field) if field.kind == "dict" else {},
        raw=raw_of(field, value),
        reason="" if current is None else refusal(provider, endpoint, field, current),
    )


def title_of(provider: Provider, contact: pd.DataFrame | None) -> str:
    """What the form is for."""
    return f"{'Create' if contact is None else 'Edit'} a contact at {provider.title}"


def current_of(provider: Provider, contact: pd.DataFrame | None) -> dict[str, JSON] | None:
    """A one-row frame as JSON by field name; None where there is no contact."""
    return None if contact is None else rows_of(provider.record, contact)[0]


def drawn(
    provider: Provider, endpoint: Endpoint, contact: pd.DataFrame | None, prefix: str
) -> Mapping[str, str]:
    """The regions of a form that nobody has touched yet; ids in it begin with `prefix`."""
    current = current_of(provider, contact)
    found = groups(provider, endpoint, current)
    reasons = [each.reason for group in found for each in group.fields if each.writable]
    facts = [
        (label_of(each.name), shown(each, (current or {}).get(each.name)))
        for each in only_read(provider, endpoint)
        if current
    ]
    return {
        "head": title_of(provider, contact),
        "note": render(
            "note",
            reasons=dict.fromkeys(reasons) if all(reasons) else (),
            bad=() if contact is None else dict.fromkeys(problems(contact)["field"]),
        ),
        "fields": render("fields", groups=found, only_read=facts, prefix=prefix),
        "problems": "",
        "status": "",
        "report": "",
    }
