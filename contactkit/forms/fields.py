"""What a form shows of a record: its fields in groups, and why some cannot be written now.

All of it comes from the declaration and the contact's values; the reasons are those that the client
gives for a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from contactkit._frames.frame import problems, rows_of
from contactkit.forms.controls import ControlName, Raw, control_of, kinds_of, raw_of
from contactkit.forms.html import render, value_text
from contactkit.spec.provider import JSON, Endpoint, Provider
from contactkit.spec.record import Record, RecordField, fields_of
from contactkit.spec.validate import accepted_fields, check

Contact = Mapping[str, JSON]

_UNGROUPED = 8
_ACRONYMS = {"id": "ID", "sms": "SMS", "rfc": "RFC", "e164": "E.164"}
_IDENTITY, _CONSENT = "Name, phone and e-mail", "Consent and channels"
_GROUPS = (_IDENTITY, "Personal details", _CONSENT, "More", "Options")


@dataclass(frozen=True, kw_only=True)
class FieldView:
    """One field as the form shows it; a `reason` says why it cannot be written now."""

    field: RecordField
    label: str
    docs: str
    control: ControlName
    kinds: Mapping[str, str]
    raw: Raw
    reason: str

    @property
    def is_of_contact(self) -> bool:
        """Whether it is a field of the contact rather than an option of the verb."""
        return self.field.marker.access != "option"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Fields with one label; the only group of a short form has no label."""

    label: str
    fields: Sequence[FieldView]


def label_of(name: str) -> str:
    """A field's name as a label."""
    first, *rest = (_ACRONYMS.get(word, word) for word in name.split("_"))
    return " ".join([first[:1].upper() + first[1:], *rest])


def field_groups(provider: Provider, endpoint: Endpoint, current: Contact | None) -> list[Group]:
    """The fields that a verb accepts, including those that cannot be written now."""
    views = [
        _view(provider, endpoint, field, current)
        for field in accepted_fields(provider, endpoint).values()
    ]
    if len(views) <= _UNGROUPED:
        return [Group(label="", fields=views)]
    by_label: dict[str, list[FieldView]] = {label: [] for label in _GROUPS}
    for view in views:
        by_label[_group_of(view.field)].append(view)
    return [Group(label=label, fields=fields) for label, fields in by_label.items() if fields]


def _view(
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
        reason="" if current is None else refusal_reason(provider, endpoint, field, current),
    )


def _group_of(field: RecordField) -> str:
    if field.marker.access == "option":
        return "Options"
    if field.marker.personal in ("name", "phone", "email"):
        return _IDENTITY
    if field.kind in ("boolean", "category"):
        return _CONSENT
    return "Personal details" if field.marker.personal and field.kind != "dict" else "More"


def refusal_reason(
    provider: Provider, endpoint: Endpoint, field: RecordField, current: Contact
) -> str:
    """Why all values of a field would be refused for a contact; "" if any would be accepted."""
    value = current.get(field.name)
    if field.marker.access == "write_once" and value:
        return "already has a value and can be set only once"
    if field.marker.access == "option":
        return ""
    samples: Iterable[JSON] = field.choices or (
        (True, False) if field.kind == "boolean" else (value,)
    )
    # The current value may have a format that can no longer be written, so only the rules count.
    refusals = [
        check(provider, endpoint, {field.name: sample}, current).problems
        if field.choices or field.kind == "boolean"
        else provider.rules(current, {field.name: sample})
        for sample in samples
    ]
    return refusals[0][0].message if refusals and all(refusals) else ""


def read_only_fields(provider: Provider, endpoint: Endpoint) -> list[RecordField]:
    """The fields of a contact that a verb does not accept."""
    accepted = accepted_fields(provider, endpoint)
    return [field for name, field in fields_of(provider.record).items() if name not in accepted]


def column_fields(record: type[Record]) -> list[str]:
    """The columns of a table of contacts: the fields that identify a contact, and its consent."""
    return [
        name
        for name, field in fields_of(record).items()
        if field.marker.access not in ("key", "read_only")
        and (
            field.marker.personal in ("name", "phone", "email")
            or field.kind in ("boolean", "category")
        )
    ]


def title_of(provider: Provider, contact: pd.DataFrame | None) -> str:
    """The title of the form."""
    return f"{'Create' if contact is None else 'Edit'} a contact at {provider.title}"


def current_values(provider: Provider, contact: pd.DataFrame | None) -> dict[str, JSON] | None:
    """A one-row frame as JSON by field name; None if there is no contact."""
    return None if contact is None else rows_of(provider.record, contact)[0]


def form_regions(
    provider: Provider, endpoint: Endpoint, contact: pd.DataFrame | None, prefix: str
) -> Mapping[str, str]:
    """The regions of a form before any edit; the ids in it begin with `prefix`."""
    current = current_values(provider, contact)
    groups = field_groups(provider, endpoint, current)
    reasons = [view.reason for group in groups for view in group.fields if view.is_of_contact]
    facts = [
        (label_of(field.name), value_text(field, (current or {}).get(field.name)))
        for field in read_only_fields(provider, endpoint)
        if current
    ]
    return {
        "head": title_of(provider, contact),
        "note": render(
            "note",
            reasons=dict.fromkeys(reasons) if all(reasons) else (),
            unreadable=() if contact is None else dict.fromkeys(problems(contact)["field"]),
        ),
        "fields": render("fields", groups=groups, facts=facts, prefix=prefix),
        "problems": "",
        "status": "",
        "report": "",
    }
