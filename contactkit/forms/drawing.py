"""A contact as the form's regions: its title, what to know of it, and its fields."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from contactkit.forms.fields import groups, label_of, only_read
from contactkit.forms.markup import render
from contactkit.forms.mask import shown
from contactkit.frames import problems, rows_of
from contactkit.spec import JSON, Endpoint, Provider


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
