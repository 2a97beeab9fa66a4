"""The texts in the tables of people: the matrix, the people of a cell, and a person's contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from contactkit._people.conflicts import name
from contactkit._people.matrix import Cell
from contactkit._people.people import People
from contactkit._people.suppression import CHANNELS, NAME
from contactkit._plans.tables import escape_unprintable
from contactkit.forms.html import text_of, value_text
from contactkit.spec.consent import Channel, ConsentState
from contactkit.spec.record import fields_of, key_of

Row: TypeAlias = Sequence[str]


def matrix_rows(
    people: People, cells: Mapping[Cell, Any]
) -> tuple[list[str], list[tuple[str, list[list[tuple[int, str, str]]]]]]:
    """The sources that still send, and a row for each that has a no.

    A row has its name and, for each of those sources, the number of the cell, its text and what
    that means, for each channel.
    """
    columns = [source.name for source in people.sources]
    rows = [each for each in people.names if any(cell.denied_at == each for cell in cells)]
    table = [
        (
            row,
            [
                [
                    (number, f"{len(persons):,} {cell.channel}", meaning(cell, len(persons)))
                    for number, (cell, persons) in enumerate(cells.items())
                    if cell[1:] == (row, column)
                ]
                for column in columns
            ],
        )
        for row in rows
    ]
    return columns, table


def meaning(cell: Cell, count: int) -> str:
    """A cell of the matrix in words."""
    who = "1 person" if count == 1 else f"{count:,} people"
    return f"{cell.channel}: {who} denied at {cell.denied_at}, still sent to by {cell.sends_at}"


def people_rows(people: People, persons: Sequence[int]) -> list[tuple[str, str, list[str]]]:
    """The id of each of these people, who they are, their states and contacts in words."""
    rows = []
    for person in persons:
        members = people.network.members(person).tolist()
        states = [_joint_state(people, channel, person) for channel in CHANNELS]
        contacts = ", ".join(contact_name(people, contact) for contact in members)
        rows.append((str(people.ids[person]), who(people, person), [*states, contacts]))
    return rows


def who(people: People, person: int) -> str:
    """The first phone number of a person, or else their first e-mail address."""
    held = [people.network.held_by(each) for each in people.network.members(person).tolist()]
    addresses = [str(people.network.addresses[each]) for each in np.concatenate(held).tolist()]
    first = min(addresses, key=lambda address: not address.startswith("+"), default="no address")
    return escape_unprintable(first)


def _joint_state(people: People, channel: Channel, person: int) -> str:
    """The state of a person, or the no of the lines that their contacts have instead."""
    verdict = people.verdict(channel)
    closed = verdict.denied[people.network.members(person)].any()
    return state_text(max(verdict.by_person[person], ConsentState.denied * closed))


def person_table(people: People, person: int) -> tuple[list[str], list[list[str]]]:
    """A person's contacts side by side: their names, and a row for each thing to compare."""
    members = people.network.members(person).tolist()
    columns = [contact_name(people, contact) for contact in members]
    rows = [["addresses", *(_addresses(people, contact) for contact in members)]]
    for channel in CHANNELS:
        rows.append([channel, *(_state(people, channel, contact) for contact in members)])
    rows.append(["says", *(_fields(people, contact) for contact in members)])
    changed = people.changed_at[members]
    times = [
        "" if np.isnat(at) else f"{at.astype('datetime64[m]').item():%Y-%m-%d %H:%M} UTC"
        for at in changed
    ]
    return columns, [*rows, ["last changed", *times]]


def contact_name(people: People, contact: int) -> str:
    """A contact as "privy 123", on one line."""
    if people.names[people.source_of[contact]] == NAME:
        row = people.suppressions.rows[contact - people.network.first[-1]]
        return escape_unprintable(f"{NAME} {row.address}")
    return escape_unprintable(name(people, contact))


def state_text(state: Any) -> str:
    """A state as a word."""
    return ConsentState(int(state)).name


def _addresses(people: People, contact: int) -> str:
    held = dict.fromkeys(people.network.held_by(contact).tolist())
    return ", ".join(str(people.network.addresses[address]) for address in held)


def _state(people: People, channel: Channel, contact: int) -> str:
    """What a contact says itself, and whether it may be sent to."""
    verdict = people.verdict(channel)
    state = state_text(verdict.states.state[contact])
    if verdict.still_sends[contact]:
        return f"{state}, still sent to though denied"
    return f"{state}, denied elsewhere" if verdict.denied[contact] and state == "allowed" else state


def _fields(people: People, contact: int) -> str:
    """The fields of a contact that say something about consent, with their values."""
    number = people.source_of[contact]
    if number == len(people.sources):
        return "suppressed"
    source = people.sources[number]
    declared = fields_of(source.provider.record)
    key = key_of(source.provider.record).name
    values = source.contact(contact - people.network.first[number])
    consent = source.provider.consent.fields
    return "; ".join(
        escape_unprintable(f"{declared[each].label}: {_value(declared[each], value) or '—'}")
        for each, value in values.items()
        if each in consent and each != key
    )


def _value(field: Any, value: Any) -> str:
    return value_text(field, value) if field.accepts(value) else text_of(value)
