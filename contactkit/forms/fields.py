"""What a form shows of a record: its fields in groups, and why some cannot be written now.

All of it comes from the declaration and the contact's values; the reasons are those that the client
gives for a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from contactkit._frames.frame import problems, rows_of
from contactkit._http.world import World
from contactkit.forms.controls import ControlName, Raw, control_of, kinds_of, raw_of
from contactkit.forms.html import fact_html, render, value_text
from contactkit.forms.who import short_key, who_of
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, key_of
from contactkit.spec.validate import accepted_fields, check

Contact = Mapping[str, JSON]

_UNGROUPED = 8
_IDENTITY, _CONSENT = "Name, phone and e-mail", "Consent and channels"
_GROUPS = (_IDENTITY, "Personal details", _CONSENT, "More", "Options")
_FILLERS = frozenset("a an for in is it of the to".split())
# With these, no choice is refused only because the contact has no address yet.
_SAMPLES = {"phone": "+12025550100", "email": "contact@example.com"}


@dataclass(frozen=True, kw_only=True)
class FieldView:
    """One field as the form shows it; a `reason` says why it cannot be written now.

    `choices` are those that may be written, and the current one; `text` is the current value.
    `suggestions` are values that a text often has.
    """

    field: RecordField
    docs: str
    control: ControlName
    kinds: Mapping[str, str]
    choices: Sequence[str]
    raw: Raw
    text: str
    reason: str
    suggestions: Sequence[str]

    @property
    def label(self) -> str:
        """The field in people's words."""
        return self.field.label

    @property
    def help(self) -> str:
        """What the declaration says beyond the label."""
        text = self.field.marker.help
        return "" if _words(text) <= _words(self.label) else text

    @property
    def flags(self) -> Mapping[str, str]:
        """The answers to a yes or no, with their labels; what is known cannot become unknown."""
        if not self.is_of_contact:
            return {"yes": "Yes", "no": "No", "": "Not set"}
        return {"yes": "Yes", "no": "No", **({} if self.raw else {"": "Unknown"})}

    @property
    def is_of_contact(self) -> bool:
        """Whether it is a field of the contact rather than an option of the verb."""
        return self.field.marker.access != "option"


def _words(text: str) -> set[str]:
    return {*re.findall(r"\w+", text.lower().replace("-", ""))} - _FILLERS


@dataclass(frozen=True, kw_only=True)
class Group:
    """Fields with one label; the only group of a short form has no label."""

    label: str
    fields: Sequence[FieldView]


def field_groups(
    provider: Provider,
    endpoint: Endpoint,
    current: Contact | None,
    suggestions: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[Group]:
    """The fields that a verb accepts, including those that cannot be written now."""
    views = [
        _view(provider, endpoint, field, current, suggestions.get(field.name, ()))
        for field in accepted_fields(provider, endpoint).values()
    ]
    if len(views) <= _UNGROUPED:
        return [Group(label="", fields=views)]
    by_label: dict[str, list[FieldView]] = {label: [] for label in _GROUPS}
    for view in views:
        by_label[_group_of(view.field)].append(view)
    return [Group(label=label, fields=fields) for label, fields in by_label.items() if fields]


def _view(
    provider: Provider,
    endpoint: Endpoint,
    field: RecordField,
    current: Contact | None,
    suggestions: Sequence[str],
) -> FieldView:
    value = field.default if current is None else current.get(field.name, field.default)
    return FieldView(
        field=field,
        docs=field.marker.docs or endpoint.docs or provider.docs,
        control=control_of(field, value),
        kinds=kinds_of(field) if field.kind == "dict" else {},
        choices=offered_choices(provider, endpoint, field, current),
        raw=raw_of(field, value),
        text=value_text(field, value),
        reason="" if current is None else refusal_reason(provider, endpoint, field, current),
        suggestions=suggestions,
    )


def offered_choices(
    provider: Provider, endpoint: Endpoint, field: RecordField, current: Contact | None
) -> list[str]:
    """The choices of a field that may be written to a contact, and its current one."""
    value = (current or {}).get(field.name)
    return [
        choice
        for choice in field.choices
        if choice == value or _may_be_written(provider, endpoint, field, choice, current)
    ]


def _may_be_written(
    provider: Provider, endpoint: Endpoint, field: RecordField, choice: str, current: Contact | None
) -> bool:
    """Whether a choice may be written to a contact, at least once it has its addresses."""
    if field.marker.access == "option":
        return True
    own = {"phone": provider.consent.phones, "email": provider.consent.emails}
    samples = {name: _SAMPLES[kind] for kind, names in own.items() for name in names}
    known = {name: value for name, value in (current or {}).items() if value is not None}
    others = samples if current is None else {}
    before = None if current is None else {**current, **samples, **known}
    found = check(provider, endpoint, {**others, field.name: choice}, before).problems
    return not any(problem.field == field.name for problem in found)


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


def title_of(provider: Provider, contact: Contact | None) -> str:
    """HTML of the form's title: who the contact is, and its key in small letters."""
    key = str((contact or {}).get(key_of(provider.record).name) or "")
    who = who_of(provider, contact) if contact else "New contact"
    return render("who", who=who or key, key=key, short=short_key(key), at=provider.title)


def current_values(provider: Provider, contact: pd.DataFrame | None) -> dict[str, JSON] | None:
    """A one-row frame as JSON by field name; None if there is no contact."""
    return None if contact is None else rows_of(provider.record, contact)[0]


def form_regions(
    provider: Provider,
    endpoint: Endpoint,
    contact: pd.DataFrame | None,
    prefix: str,
    world: World,
    suggestions: Mapping[str, Sequence[str]],
) -> Mapping[str, str]:
    """The regions of a form before any edit; the ids in it begin with `prefix`."""
    current = current_values(provider, contact)
    groups = field_groups(provider, endpoint, current, suggestions)
    reasons = [view.reason for group in groups for view in group.fields if view.is_of_contact]
    shared = dict.fromkeys(reasons) if all(reasons) else {}
    facts = [
        (field.label, fact_html(field, current.get(field.name), world))
        for field in read_only_fields(provider, endpoint)
        if current
    ]
    return {
        "head": title_of(provider, current),
        "note": render(
            "note",
            reasons=shared,
            unreadable=() if contact is None else dict.fromkeys(problems(contact)["field"]),
            prefix=prefix,
        ),
        "fields": render("fields", groups=groups, prefix=prefix, shared=len(shared) == 1),
        "facts": render("facts", facts=facts) if facts else "",
        "problems": "",
        "status": "",
        "report": "",
    }
