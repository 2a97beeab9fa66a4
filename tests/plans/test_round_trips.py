"""For any frame and any edit: an apply makes the edit, and an undo restores the frame."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._frames.frame import rows_of
from contactkit._providers import find
from contactkit.simulator.seeds import phone
from contactkit.spec.provider import Provider
from contactkit.spec.record import RecordField, fields_of, key_of
from contactkit.spec.validate import is_na, is_phone, writable_fields
from tests.support.examples import examples
from tests.support.providers import EXAMPLES

Edit = tuple[dict[int, dict[str, Any]], int, set[int]]
OUTCOMES = {"created", "updated", "unchanged", "deleted", "refused"}

TIMES = st.datetimes(
    min_value=pd.Timestamp("1990-01-01").to_pydatetime(),
    max_value=pd.Timestamp("2030-01-01").to_pydatetime(),
)
NUMBERS = st.integers(60_000, 60_009).map(phone)
TEXTS = st.sampled_from(["Zoë", "", " x ", "0044", "a\nb", "🙂", "null", "x" * 300])


def values(field: RecordField) -> st.SearchStrategy[Any]:
    """Values for a cell of this field."""
    if is_phone(field):
        return NUMBERS
    if field.marker.personal == "email":
        return st.integers(0, 9).map("new{}@example.com".format)
    match field.kind:
        case "boolean":
            return st.booleans()
        case "Int64":
            return st.integers(0, 9)
        case "category":
            return st.sampled_from(field.choices)
        case "date":
            return TIMES.map(lambda time: time.date())
        case "datetime":
            return TIMES.map(lambda time: pd.Timestamp(time, tz="UTC").floor("s"))
        case "list":
            return st.lists(st.sampled_from(["vip", "", "Ö"]), max_size=3, unique=True)
        case "dict":
            words = st.sampled_from(["tier", "Colour", "loyal", "early"])
            return st.dictionaries(words, st.sampled_from(["1", "b"]), max_size=2)
        case _:
            return TEXTS


def cells(field: RecordField) -> st.SearchStrategy[Any]:
    return st.sampled_from([pd.NA, None, ck.CLEAR]) | values(field)


@st.composite
def edits(draw: st.DrawFn, name: str) -> Edit:
    """Cells to put into some of eight contacts, how many are new, and which are missing."""
    provider = find(name)
    fields = writable_fields(provider, provider.endpoint("update"))
    edited: dict[int, dict[str, Any]] = {}
    for row in draw(st.sets(st.integers(0, 7), max_size=6)):
        chosen = draw(st.lists(st.sampled_from([*fields]), min_size=1, max_size=3, unique=True))
        edited[row] = {field: draw(cells(fields[field])) for field in chosen}
    return edited, draw(st.integers(0, 1)), draw(st.sets(st.integers(0, 7), max_size=2))


def frame_of(people: pd.DataFrame, name: str, edit: Edit) -> pd.DataFrame:
    changes, new, missing = edit
    edited = people.astype(object)
    for row, cells_of in changes.items():
        for field, value in cells_of.items():
            edited.at[row, field] = value
    created = pd.DataFrame([EXAMPLES[name].create] * new, dtype=object)
    return pd.concat([edited.drop(index=[*missing]), created]).sample(frac=1, random_state=1)


Contact = Mapping[str, Any]


def contacts(client: ck.Client, provider: Provider) -> dict[str, Contact]:
    """The writable fields of every contact, by key; each empty value is None."""
    names = writable_fields(provider, provider.endpoint("update"))
    rows = rows_of(provider.record, client.contacts.list())
    return {
        row[key_of(provider.record).name]: {n: row[n] or None for n in names}
        | {n: row[n] for n in names if row[n] is False}
        for row in rows
    }


def edited(provider: Provider, was: Contact, change: Contact) -> Contact:
    """A contact as an edit wants it."""
    fields, expected = fields_of(provider.record), dict(was)
    for name, cell in change.items():
        if cell is ck.CLEAR:
            expected[name] = None
        elif not is_na(cell) and cell not in (None, ""):
            merges = fields[name].marker.collection == "merge" and cell
            value = {**(was[name] or {}), **cell} if merges else _as_json(cell)
            expected[name] = value if value is False else value or None
    return expected


def _as_json(cell: Any) -> Any:
    if isinstance(cell, pd.Timestamp):
        return cell.isoformat().replace("+00:00", "Z")
    return cell.isoformat() if isinstance(cell, date) else cell


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.filterwarnings("ignore:Sent deprecated:DeprecationWarning")
def test_apply_and_undo_restore_every_contact(name: str) -> None:
    provider = find(name)

    @settings(max_examples=examples(10))
    @given(edits(name))
    def holds(edit: Edit) -> None:
        with ck.connect(name, via=ck.Simulator(contacts=8, seed=7)) as client:
            people = client.contacts.list()
            keys = people[key_of(provider.record).name]
            original = contacts(client, provider)
            frame = frame_of(people, name, edit)
            plan = client.contacts.plan(frame, people, create=True, delete=True)
            result = plan.apply(progress=False)
            refused = {*result.loc[result["outcome"] == "refused", "key"].dropna()}
            now = contacts(client, provider)
            for row, held in enumerate(keys):
                change = edit[0].get(row, {})
                if row in edit[2] and held not in refused:
                    assert held not in now
                elif row in edit[2] or held in refused:
                    assert now[held] == original[held]
                else:
                    assert now[held] == edited(provider, original[held], change)
            created = {*result.loc[result["outcome"] == "created", "key"]}
            assert now.keys() - original.keys() == created

            back = plan.undo()
            undone = back.apply(progress=False)
            assert {*result["outcome"], *undone["outcome"]} <= OUTCOMES
            stays = {*undone.loc[undone["outcome"] == "refused", "key"].dropna()}
            later = contacts(client, provider)
            for held, was in original.items():
                if held in now:
                    assert later[held] == (now[held] if held in stays else was)
            assert not (created - stays) & later.keys()
            lost = [original[key] for key in original.keys() - now.keys()]
            for key in undone.loc[undone["outcome"] == "created", "key"]:
                assert later[key] in lost
                lost.remove(later[key])
            assert len(later) == len(original) - len(lost) + len(created & stays)

    holds()
