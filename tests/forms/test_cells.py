"""Cells: running one again closes the forms of its last run, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

import contactkit as ck
from contactkit.forms import cells


class Form:
    closed = False
    busy = False

    def close(self) -> None:
        self.closed = True


class Shell:
    """IPython's view of the running cell."""

    request: dict[str, Any]

    def run(self, cell: str, message: str) -> None:
        self.request = {"metadata": {"cellId": cell}, "header": {"msg_id": message}}

    def get_parent(self) -> dict[str, Any]:
        return self.request


@pytest.fixture
def shell(monkeypatch) -> Shell:
    shell = Shell()
    monkeypatch.setattr(cells, "get_ipython", lambda: shell)
    monkeypatch.setattr(cells, "_forms", {})
    monkeypatch.setattr(cells, "_explaining", None)
    return shell


def registered() -> Form:
    form = Form()
    cells.register(form)
    return form


def test_register_closes_forms_of_the_last_run(shell):
    shell.run("a", "1")
    first, second = registered(), registered()
    assert not first.closed and not second.closed
    shell.run("a", "2")
    third = registered()
    assert first.closed and second.closed and not third.closed


def test_register_warns_about_a_cancelled_write(shell):
    shell.run("a", "1")
    first = registered()
    first.busy = True
    shell.run("a", "2")
    with pytest.warns(ck.ContactKitWarning, match="may have been carried out"):
        registered()
    assert first.closed


def test_register_leaves_forms_of_another_cell_open(shell):
    shell.run("a", "1")
    first = registered()
    shell.run("b", "2")
    registered()
    assert not first.closed


def test_register_outside_a_cell_closes_nothing(shell):
    shell.request = {}
    first = registered()
    registered()
    assert not first.closed


def test_first_record_explains_also_when_its_cell_runs_again(shell):
    shell.run("a", "1")
    assert cells.explains_records() and not cells.explains_records()
    shell.run("b", "2")
    assert not cells.explains_records()
    shell.run("a", "3")
    assert cells.explains_records() and not cells.explains_records()


def test_one_record_explains_outside_a_cell(shell):
    shell.request = {}
    assert cells.explains_records() and not cells.explains_records()
