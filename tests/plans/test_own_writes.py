"""Plans without an original after own writes, which are no conflicts, and after others' writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import contactkit as ck
from tests.support.moved import UNTOUCHED, World, counts, outcomes, timed


@pytest.fixture
def world(name: str) -> Iterator[World]:
    world = World(name)
    yield world
    world.client.close()


@timed
def test_own_write_is_no_conflict_and_is_not_undone(world: World) -> None:
    assert world.plan(world.edited()).apply(progress=False)["outcome"].to_list() == ["updated"]
    other = world.edited(**world.other_edit)
    plan = world.plan(other)
    assert outcomes(plan) == {world.key: ("planned", world.other_edit)}
    plan.apply(progress=False)
    assert counts(world.plan(other)) == counts(world.plan(world.people)) == UNTOUCHED
    again = world.plan(world.edited(), world.people)
    assert outcomes(again) == {world.key: ("planned", world.edit)}


@timed
def test_own_write_with_the_original_is_no_conflict(world: World) -> None:
    world.plan(world.edited(), world.people).apply(progress=False)
    world.plan(world.edited(**world.other_edit), world.people).apply(progress=False)
    both = world.edited(**world.edit, **world.other_edit)
    assert counts(world.plan(both)) == counts(world.plan(world.people)) == UNTOUCHED


@timed
def test_own_write_that_was_undone_is_planned_again(world: World) -> None:
    edited = world.edited(**world.other_edit)
    plan = world.plan(edited)
    plan.apply(progress=False)
    plan.undo().apply(progress=False)
    again = world.plan(edited)
    assert outcomes(again) == outcomes(plan) and again.digest == plan.digest
    assert again.apply(progress=False)["outcome"].to_list() == ["updated"]


def change_before(world: World) -> None:
    world.others_change(**world.other_edit)
    world.plan(world.edited(), world.people).apply(progress=False)


def change_between(world: World) -> None:
    world.plan(world.edited()).apply(progress=False)
    world.others_change(**world.other_edit)
    now = world.client.contacts.list()
    (name,) = world.other_edit
    value = "sms" if name == "default_channel" else "Third"
    world.plan(world.edited(now, **{name: value}), now).apply(progress=False)


def change_after(world: World) -> None:
    world.plan(world.edited()).apply(progress=False)
    world.others_change(**world.other_edit)


@timed
@pytest.mark.parametrize("change", [change_before, change_between, change_after])
def test_change_of_others_beside_own_writes_is_a_conflict(
    world: World, change: Callable[[World], None]
) -> None:
    change(world)
    plan = world.plan(world.people)
    assert (plan.rows["code"].to_list(), plan.requests) == (["conflict"], 0)


@timed
def test_write_of_another_client_is_a_conflict(world: World) -> None:
    with ck.connect(world.provider.name, via=world.simulator) as other:
        other.contacts.plan(world.edited(), world.people).apply(progress=False)
    assert world.plan(world.people).rows["code"].to_list() == ["conflict"]


@timed
def test_single_write_by_key_in_the_journal_is_no_conflict(world: World, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    with ck.connect(world.provider.name, via=world.simulator, journal=journal) as client:
        client.contacts.update(world.key, **world.edit)
        edited = world.edited(**world.edit, **world.other_edit)
        plan = client.contacts.plan(edited)
        assert outcomes(plan) == {world.key: ("planned", world.other_edit)}
    world.client.contacts.update(world.key, **world.edit)
    assert world.plan(edited).rows["code"].to_list() == ["conflict"]


def test_planning_makes_no_journal(world: World, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    with ck.connect(world.provider.name, via=world.simulator, journal=journal) as client:
        world.others_change(**world.other_edit)
        client.contacts.plan(world.edited())
    assert not journal.exists()
