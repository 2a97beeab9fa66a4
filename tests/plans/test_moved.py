"""Plans without an original: what has changed since the frame was read is no edit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.consent import ConsentState
from contactkit.spec.record import RecordField, fields_of, key_of, last_change_of
from tests.support.examples import examples
from tests.support.moved import COUNT, UNTOUCHED, World, counts, outcomes, timed


@pytest.fixture
def world(name: str) -> Iterator[World]:
    world = World(name)
    yield world
    world.client.close()


def test_untouched_row_of_a_changed_contact_is_unchanged(world: World) -> None:
    world.others_change()
    assert counts(world.plan(world.people)) == UNTOUCHED


def values_of(field: RecordField) -> st.SearchStrategy[Any]:
    """Values that the provider could set in a field that only it sets."""
    match field.kind:
        case "category":
            return st.sampled_from(field.choices)
        case "boolean":
            return st.booleans()
        case "datetime":
            return st.datetimes(
                min_value=pd.Timestamp("2025-01-01").to_pydatetime(),
                max_value=pd.Timestamp("2027-01-01").to_pydatetime(),
            ).map(lambda moment: moment.isoformat(timespec="seconds") + "Z")
        case "list":
            return st.lists(st.sampled_from(["a", "b"]), max_size=2)
        case _:
            return st.sampled_from(["a", "0044", "+12025550123", "é", "whatsapp,sms"])


@st.composite
def histories(draw: st.DrawFn, name: str) -> list[tuple[int, dict[str, Any]]]:
    """Moves of read-only cells, by the contact's position."""
    fields = fields_of(find(name).record).values()
    fixed = {f.name: values_of(f) for f in fields if f.marker.access == "read_only"}
    moves = st.sampled_from([*fixed]).flatmap(lambda name: st.tuples(st.just(name), fixed[name]))
    return draw(st.lists(st.tuples(st.integers(0, COUNT - 1), moves.map(lambda m: dict([m])))))


@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_history_of_read_only_cells_is_an_edit(name: str, data: st.DataObject) -> None:
    world = World(name)
    with world.client:
        for position, fields in data.draw(histories(name)):
            world.simulator.put(world.keys[position], **fields)
        frame = data.draw(st.sampled_from([world.people, world.people.astype(object)[::-1]]))
        for options in ({}, {"on_conflict": "overwrite"}):
            plan = world.plan(frame, **options)
            assert (plan.contacts, plan.unchanged, plan.requests) == ((), COUNT, 0)


@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moved=st.sets(st.integers(0, COUNT - 1)), edited=st.sets(st.integers(0, COUNT - 1)))
def test_only_edits_of_contacts_that_have_not_changed_are_planned(
    name: str, moved: set[int], edited: set[int]
) -> None:
    world = World(name)
    with world.client:
        frame, rows = world.people.astype(object), world.editable_rows()
        edited = edited & {*rows}
        for row in sorted(edited):
            for column, value in world.edit.items():
                frame.at[row, column] = value
        for row in sorted(moved):
            world.key = world.keys[row]
            world.others_change()
        expected = {
            world.keys[row]: ("refused" if row in moved else "planned", world.edit)
            for row in edited
        }
        assert outcomes(world.plan(frame)) == expected
        planned = {key: ("planned", world.edit) for key in expected}
        # An opt-in would still be refused, but these are none.
        assert outcomes(world.plan(frame, on_conflict="overwrite")) == planned
        assert outcomes(world.plan(frame, world.people)) == planned


@timed
def test_edit_of_a_changed_contact_is_a_conflict_that_says_what_and_when(world: World) -> None:
    time = last_change_of(world.provider.record)
    world.others_change()
    plan = world.plan(world.edited())
    row = plan.rows.loc[world.row]
    assert (row["outcome"], row["code"], plan.requests) == ("refused", "conflict", 0)
    assert time and time.name in row["message"] and "read-only" not in row["message"]
    assert re.search(r"\(updated_at .+ → 2026-10-01T09:01:00Z\)", row["message"])
    assert row["message"].endswith(
        "give the frame as it was read as original; on_conflict='overwrite' writes over the change"
    )
    assert plan.cells["refused_because"].unique().tolist() == [row["message"]]
    assert row["changed"] == [*world.edit] and plan.note == ""


@timed
def test_both_ways_out_of_a_conflict(world: World) -> None:
    world.others_change(**world.other_edit)
    edited = world.edited()
    refused = world.plan(edited)
    assert counts(refused)["update", "refused"] == 1
    assert {*world.edit, *world.other_edit} == {*refused.contacts[0].changes}
    only_mine = world.plan(edited, world.people)
    assert outcomes(only_mine) == {world.key: ("planned", world.edit)}
    over = world.plan(edited, on_conflict="overwrite")
    before = world.people.loc[world.row, [*world.other_edit]].to_dict()
    assert outcomes(over) == {world.key: ("planned", {**before, **world.edit})}
    assert over.apply(progress=False)["outcome"].to_list() == ["updated"]


def test_overwrite_never_overwrites_consent(world: World) -> None:
    channel = world.provider.consent.text
    assert channel
    world.others_change(**{name: values[0] for name, values in channel.allowed.items()})
    world.people = world.client.contacts.list()
    edited = world.edited(**world.other_edit)
    world.others_change(**channel.deny)
    plan = world.plan(edited, on_conflict="overwrite")
    row = plan.rows.loc[world.row]
    assert (row["outcome"], row["code"], plan.requests) == ("refused", "conflict", 0)
    assert "as original; its consent is never overwritten" in row["message"]
    mine = world.plan(edited, world.people)
    assert outcomes(mine) == {world.key: ("planned", world.other_edit)}


def test_overwrite_writes_a_no(world: World) -> None:
    channel = world.provider.consent.text
    assert channel
    edited = world.edited(**channel.deny)
    world.others_change(**{name: values[0] for name, values in channel.allowed.items()})
    plan = world.plan(edited, on_conflict="overwrite")
    assert plan.rows["outcome"].to_list() == ["planned"]
    plan.apply(progress=False)
    after = world.client.contacts.list().astype(object).iloc[world.row].to_dict()
    assert channel.state(after) is ConsentState.denied


def test_provider_without_a_time_of_last_change_says_so(tmp_path: Path) -> None:
    world = World("sendblue")
    world.simulator.put(world.key, last_name="Other")
    plan = world.plan(world.edited())
    assert set(plan.contacts[0].changes) == {"first_name", "last_name"}
    assert plan.requests == 1 and plan.note.startswith("Sendblue tells no time of last change")
    assert plan.facts()["note"] == plan.note and plan.note in repr(plan)
    plan.to_parquet(tmp_path / "plan.parquet")
    assert ck.read_plan(tmp_path / "plan.parquet").note == plan.note
    assert world.plan(world.people.iloc[1:]).note == ""
    assert world.plan(world.edited(), world.people).note == ""
    world.others_change()
    plan = world.plan(world.edited())
    assert plan.rows["code"].to_list() == ["conflict"]
    what = "(verified differs; Sendblue tells no time of last change)"
    assert what in plan.rows["message"].item()
    assert world.plan(world.edited(), on_conflict="overwrite").requests == 1


@timed
def test_frame_without_the_time_is_compared_by_other_cells(world: World) -> None:
    key = key_of(world.provider.record).name
    born = next(name for name in world.people if name in ("created_at", "inserted_at"))
    few = world.edited()[[key, *world.edit]]
    whole = world.edited().drop(columns="updated_at")
    unreadable = world.edited(**{**world.edit, "updated_at": "11/01/26"})
    world.others_change()
    assert [world.plan(frame).requests for frame in (few, whole, unreadable)] == [1, 1, 1]
    world.others_change(**{born: "2026-10-01T09:02:00Z"})
    assert world.plan(few).requests == 1
    for frame in (whole, unreadable):
        (row,) = world.plan(frame).rows.itertuples()
        assert row.code == "conflict"
        assert f"({born} differs; updated_at is now 2026-10-01T09:02:00Z)" in row.message


def test_contact_that_had_never_changed_has_changed_since() -> None:
    world = World("sent")
    key = world.simulator.put(phone_number="+12125550187")
    world.people = world.client.contacts.list()
    world.row, world.key = world.people.index[world.people["id"] == key][0], key
    assert world.people["updated_at"].isna()[world.row]
    world.others_change()
    (refused,) = world.plan(world.edited()).contacts
    assert "(updated_at empty → 2026-10-01T09:01:00Z)" in refused.problems[0].message
    # An empty cell of a frame that was not read says nothing.
    patch = pd.DataFrame({"id": [key], "updated_at": [pd.NaT], "opt_out": [True]})
    assert world.plan(patch).requests == 1


# The same cell twice, and what is still refused


def test_the_same_cell_twice_plans_nothing(world: World) -> None:
    edited = world.edited()
    first = world.plan(edited)
    first.apply(progress=False)
    assert counts(first)["update", "planned"] == 1 and counts(world.plan(edited)) == UNTOUCHED


def test_the_same_cell_twice_with_the_original_is_skipped(world: World) -> None:
    plans = [world.plan(world.edited(), world.people) for _ in range(2)]
    assert plans[0].digest == plans[1].digest
    results = [plan.apply(progress=False)["outcome"].to_list() for plan in plans]
    assert results == [["updated"], ["skipped"]]


@timed
def test_edit_of_a_read_only_cell_is_refused_with_the_original(world: World) -> None:
    edited = world.edited(updated_at="2026-10-01T00:00:00Z")
    (refused,) = world.plan(edited, world.people).contacts
    assert [problem.code for problem in refused.problems] == ["read_only"]
    assert world.plan(edited).contacts == ()


def test_read_only_cell_of_a_new_contact_is_refused() -> None:
    world = World("privy")
    new = pd.DataFrame([{"email": "new@example.com", "updated_at": "2026-10-01T00:00:00Z"}])
    edited = pd.concat([world.people.astype(object), new.astype(object)], ignore_index=True)
    (refused,) = world.plan(edited, create=True).contacts
    assert [problem.field for problem in refused.problems] == ["updated_at"]


def test_create_only_and_undeclared_cells_are_still_compared() -> None:
    world = World("sent")
    plan = world.plan(world.edited(phone_number="+12125550199"))
    assert "only when the contact is created" in plan.rows["message"].item()
    plan = world.plan(world.people.assign(opt_ot=True))
    assert plan.rows["message"].str.contains("did you mean 'opt_out'").all()


def test_on_conflict_is_checked_before_anything_is_read(world: World) -> None:
    with pytest.raises(ck.InvalidInputError, match="on_conflict: must be None or 'overwrite'"):
        world.plan(world.people, on_conflict="reread")
    with pytest.raises(ck.InvalidInputError, match="only for a plan without original"):
        world.plan(world.people, world.people, on_conflict="overwrite")


async def test_async_plan_overwrites_too(world: World) -> None:
    world.others_change()
    plan = await world.client.aio.contacts.plan(world.edited(), on_conflict="overwrite")
    assert outcomes(plan) == {world.key: ("planned", world.edit)}
    await world.client.aio.aclose()


def test_opting_out_a_region_opts_nobody_in() -> None:
    """The edit that the documentation shows: NA stays NA, and a no stays a no."""
    world = World("sent")
    with ck.connect("sent", via=ck.Simulator(contacts=200, seed=7)) as client:
        people = client.contacts.list()
        plan = client.contacts.plan(
            people.assign(opt_out=people.opt_out | people.region_code.eq("CA")), people
        )
    assert {*plan.cells["field"]} == {"opt_out"} and {*plan.cells["new"]} == {True}
    assert len(plan) == (people.region_code.eq("CA") & ~people.opt_out).sum() > 0
    unknown = world.people.head(9).assign(
        opt_out=pd.array([True, False, pd.NA] * 3, dtype="boolean"),
        region_code=pd.array(["CA"] * 3 + ["US"] * 3 + [pd.NA] * 3, people.region_code.dtype),
    )
    edited = unknown.opt_out | unknown.region_code.eq("CA")
    assert edited.to_list() == [True, True, True, True, False, pd.NA, True, pd.NA, pd.NA]
    (*planned,) = world.plan(unknown.assign(opt_out=edited), unknown).contacts
    assert [(write.key, {**write.changes}) for write in planned] == [
        (unknown.id[row], {"opt_out": True}) for row in (1, 2)
    ]


@pytest.mark.parametrize("unit", ["s", "ms"])
@pytest.mark.parametrize("how", ["floor", "round"])
def test_time_that_a_file_has_rounded_shows_no_change(unit: str, how: str) -> None:
    sent = ck.connect("sent", via=ck.Simulator())
    key = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    clock = sent.world.clock
    clock.sleep(clock.now() + 3.456789)
    sent.contacts.update(key, opt_out=False)
    row = sent.contacts.get(key)
    times = {name: getattr(row[name].dt, how)(unit) for name in ("created_at", "updated_at")}
    assert times["updated_at"].item() != row["updated_at"].item()
    edited = row.assign(**times, opt_out=True)
    [contact] = sent.contacts.plan(edited).contacts
    assert not contact.problems
