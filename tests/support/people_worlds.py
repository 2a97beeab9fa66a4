"""Contacts of four providers on one small pool of numbers and addresses.

Lines, chains and contradictions are therefore common.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
from hypothesis import strategies as st

import contactkit as ck
from contactkit._people.source import needed_columns
from contactkit._providers import find
from contactkit.spec.consent import Channel
from contactkit.spec.record import RecordField, fields_of, key_of
from tests.support.people_reference import Contact

PROVIDERS = ("sent", "sendblue", "privy", "digital_onboarding")
PHONES = [f"+1202555{number:04d}" for number in range(100, 106)] + ["+1234567890"]
EMAILS = [f"p{number}@example.com" for number in range(4)] + ["info@example.com", "P1@Example.com"]


@st.composite
def contacts_of(draw: st.DrawFn, name: str, fewest: int = 0) -> list[Contact]:
    """A few contacts of one provider on a small pool of addresses."""
    provider = find(name)
    declared, key = fields_of(provider.record), key_of(provider.record).name
    contacts = []
    for number in range(draw(st.integers(fewest, 4))):
        drawn = {n: _value(draw, name, declared[n]) for n in needed_columns(provider)}
        values = {n: value for n, value in drawn.items() if value is not ...}
        values.setdefault(key, f"00000000-0000-4000-8000-{number:012d}")
        contacts.append(Contact(name, name, str(values[key]), values))
    return list({contact.key: contact for contact in contacts}.values())


def _value(draw: st.DrawFn, name: str, field: RecordField) -> Any:
    """A value of a contact's field; an ellipsis for one that says nothing of consent."""
    consent = find(name).consent
    if field.name in consent.phones:
        chosen: st.SearchStrategy[Any] = st.sampled_from(PHONES)
    elif field.name in consent.emails:
        chosen = st.sampled_from(EMAILS)
    elif field.kind == "category":
        chosen = st.sampled_from(field.choices)
    elif field.kind == "boolean":
        chosen = st.booleans()
    else:
        return ...
    return draw(st.none() | chosen if field.nullable else chosen)


def frame_of(name: str, contacts: list[Contact], read_at: datetime | None = None) -> pd.DataFrame:
    columns = needed_columns(find(name))
    frame = pd.DataFrame([dict(c.values) for c in contacts], columns=columns, dtype=object)
    frame.attrs |= {"provider": name, "at": read_at and read_at.isoformat()}
    return frame


def people_of(
    world: dict[str, list[Contact]], read_at: datetime | None = None, **options: Any
) -> ck.People:
    frames = {name: frame_of(name, world[name], read_at) for name in world}
    return ck.people(**frames, **options)


worlds = st.fixed_dictionaries({name: contacts_of(name) for name in PROVIDERS})
full_worlds = st.fixed_dictionaries({name: contacts_of(name, 2) for name in PROVIDERS})
places: st.SearchStrategy[tuple[str, int, Channel]] = st.tuples(
    st.sampled_from(PROVIDERS), st.integers(0, 3), st.sampled_from(["text", "email"])
)
"""A provider, the number of a contact there, and a channel."""
