"""The matrix of who said no where and is still sent to elsewhere, and its picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit import plots
from contactkit._people.conflicts import deniers_of
from contactkit._people.matrix import Cell, find_cells
from contactkit._people.suppression import CHANNELS
from contactkit._providers import names
from tests.support.providers import NOTICE


@pytest.fixture(scope="module")
def people() -> ck.People:
    population = ck.Population(120, seed=7)
    worlds = {name: ck.Simulator(people=population) for name in names()}
    clients: dict[str, Any] = {n: ck.connect(n, via=world) for n, world in worlds.items()}
    return ck.people(**clients)


def pairs(people: ck.People) -> Iterator[tuple[Cell, int]]:
    """Each cell and person, found from one contact after the other."""
    for channel in CHANNELS:
        verdict = people.verdict(channel)
        for contact in verdict.still_sends.nonzero()[0].tolist():
            for denier in deniers_of(people, verdict, contact):
                where = (people.names[people.source_of[c]] for c in (denier, contact))
                yield Cell(channel, *where), int(people.network.person[contact])


def test_matrix_has_everybody_who_said_no_and_is_still_sent_to(people):
    found = {(cell, p) for cell, persons in find_cells(people).items() for p in persons.tolist()}
    assert found == set(pairs(people))
    assert len({cell for cell, _ in found}) > 12


def test_matrix_counts_a_suppression_file(tmp_path):
    (tmp_path / "dnc.csv").write_text("phone\n+12025550123\n")
    frame = pd.DataFrame({"id": ["1"], "phone_number": ["+12025550123"], "opt_out": [False]})
    people = ck.people(sent=frame, suppression=tmp_path / "dnc.csv")
    assert [*find_cells(people)] == [Cell("text", "suppression", "sent")]


def test_picture_has_a_number_in_each_cell_of_the_matrix(people):
    ax = plots.conflicts(people)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    drawn = {(labels[round(t.get_position()[1])], t.get_text()) for t in ax.texts}
    cells = find_cells(people)
    both = Cell("text", "privy", "digital_onboarding")
    text, email = len(cells[both]), len(cells[both._replace(channel="email")])
    assert ("privy", f"{text} text, {email} email") in drawn
    assert len(drawn) <= len({cell[1:] for cell in cells}) == len(ax.texts)
    assert "said no and are still sent to" in ax.get_title("left")


def test_picture_says_that_nobody_is_sent_to():
    frame = pd.DataFrame({"id": ["1"], "phone_number": ["+12025550123"], "opt_out": [True]})
    frame.attrs["notice"] = NOTICE
    ax = plots.conflicts(ck.people(sent=frame))
    assert [text.get_text() for text in ax.texts] == ["nobody who said no is sent to"]
    assert " ".join(ax.get_xlabel().split()) == NOTICE


@pytest.mark.parametrize("other", [None, pd.DataFrame({"phone": ["+12025550123"]}), "people"])
def test_picture_is_only_of_people(other):
    with pytest.raises(ck.InvalidInputError, match="needs people"):
        plots.conflicts(other)
