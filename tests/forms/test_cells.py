"""Cells: running one again replaces what it had made, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

import contactkit as ck
from contactkit.forms import cells


class Made:
    closed = False
    busy = False

    def close(self) -> None:
        self.closed = True


class Shell:
    """What IPython tells of the running cell."""

    request: dict[str, Any]

    def run(self, cell: str, message: str) -> None:
        self.request = {"metadata": {"cellId": cell}, "header": {"msg_id": message}}

    def get_parent(self) -> dict[str, Any]:
        return self.request


@pytest.fixture
def shell(monkeypatch) -> Shell:
    made = Shell()
    monkeypatch.setattr(cells, "get_ipython", lambda: made)
    monkeypatch.setattr(cells, "_forms", {})
    return made


def claimed() -> Made:
    made = Made()
    cells.register(made)
    return made


def test_register_closes_forms_of_the_last_run(shell):
    shell.run("a", "1")
    first, second = claimed(), claimed()
    assert not first.closed and not second.closed
    shell.run("a", "2")
    third = claimed()
    assert first.closed and second.closed and not third.closed


def test_register_warns_about_a_cancelled_write(shell):
    shell.run("a", "1")
    first = claimed()
    first.busy = True
    shell.run("a", "2")
    with pytest.warns(ck.ContactKitWarning, match="may have been carried out"):
        claimed()
    assert first.closed


def test_register_leaves_forms_of_another_cell_open(shell):
    shell.run("a", "1")
    first = claimed()
    shell.run("b", "2")
    claimed()
    assert not first.closed


def test_register_outside_a_cell_closes_nothing(shell):
    shell.request = {}
    first = claimed()
    claimed()
    assert not first.closed
