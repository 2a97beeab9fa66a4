"""Saved notebooks: they have the transcripts, and nothing that a file must not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SET_UP = """\
simulator = ck.Simulator(contacts=8)
ck.connect("privy", via=simulator)
key = simulator.put(first_name="Canaria", email="canary@example.com", phone_number="+12025550142")
privy = ck.connect("privy", via=simulator)
"""
PRESS = """\
event = {"kind": "save", "value": "", "version": 1, "values": {"last_name": "Warbler"}}
for kind in ("ready", "edit", "review", "save"):
    form.widget.receive({**event, "kind": kind})
await form.widget.task
form.result["outcome"].item()
"""
BROWSE = """\
listing = browser.widget.children[0]
listing.receive({"kind": "ready"})
await listing.task
listing.receive({"kind": "pick", "value": key, "values": {}, "version": 1})
await listing.task
"""
VIEW = """\
people = privy.contacts.list()
view = privy.contacts.plan(people.assign(last_name="Warbler"), people).view()
view
"""
APPLY = """\
for kind in ("ready", "apply"):
    view.widget.receive({"kind": kind, "value": "", "values": {}, "version": view.widget.version})
await view.widget.task
view.result["outcome"].unique().tolist()
"""
CELLS = (
    "import contactkit as ck\n" + SET_UP,
    "form = privy.contacts.form(key)\nform",
    PRESS,
    "browser = privy.contacts.browse()\nbrowser",
    BROWSE,
    VIEW,
    APPLY,
)
CANARIES = ("Canaria", "canary@example.com", "2025550142", "Warbler", "privy_")


@pytest.fixture(scope="module")
def saved(kernel: Callable[..., Any]) -> Any:
    """A notebook that was run with the tool's own defaults, which keep widget state."""
    return kernel(*CELLS)


def test_form_was_used(saved):
    assert saved.cells[2].outputs[0]["data"]["text/plain"] == "'updated'"
    assert saved.metadata.widgets


def test_contact_transcript_is_saved(saved):
    pages = [output["data"].get("text/html", "") for output in saved.cells[1].outputs]
    assert "Last name: — → W•••" in pages[0] and "updated" in pages[0]
    assert "Contacts at Privy" in "".join(
        output["data"].get("text/html", "") for output in saved.cells[3].outputs
    )


def test_plan_transcript_is_saved(saved):
    pages = [output["data"].get("text/html", "") for output in saved.cells[5].outputs]
    assert "Plan for Privy" in pages[0] and "W•••" in pages[0]
    assert "What was done" in pages[0] and "updated" in pages[0]
    assert "updated" in saved.cells[6].outputs[-1]["data"]["text/plain"]


def test_records_are_explained_once(saved):
    pages = [
        output["data"].get("text/html", "")
        for cell in saved.cells
        for output in cell.outputs
        if "data" in output
    ]
    records = [page for page in pages if "ck-record" in page]
    assert len(records) == 3
    assert [page.count("It stays in the notebook") for page in records] == [1, 0, 0]


@pytest.mark.parametrize("canary", CANARIES)
def test_notebook_has_no_contact_and_no_credential(saved, canary):
    # The source of a cell is the user's own.
    outputs = [output for cell in saved.cells for output in cell.outputs]
    assert canary not in str([outputs, saved.metadata])


def test_export_has_no_contact_and_no_credential(saved):
    # The tool takes seconds to import.
    from tests.support.kernels import export_html

    page = export_html(saved)
    assert "updated" in page
    assert not [canary for canary in CANARIES if canary in page]
