"""The view of people: from a number of the matrix to a person, and the plans of all sources."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._people.matrix import find_cells
from contactkit._providers import names
from contactkit.forms import PeopleView, PlansView, attempts
from contactkit.forms.plan_table import PAGE_SIZE
from tests.support.front_end import FrontEnd
from tests.support.providers import Wire
from tests.support.widgets import open_widgets

HOSTILE = "<img src=x onerror=alert(1)>\u202e"


@pytest.fixture
def clients() -> dict[str, Any]:
    population = ck.Population(120, seed=7)
    return {name: ck.connect(name, via=ck.Simulator(people=population)) for name in names()}


@pytest.fixture
def people(clients: dict[str, Any]) -> ck.People:
    return ck.people(**clients)


def opened(people: ck.People) -> tuple[PeopleView, FrontEnd, FrontEnd | None]:
    view = people.view()
    panel = view.widget.children[0]
    return view, FrontEnd(panel), view.plans and FrontEnd(view.plans.widget)  # pyright: ignore


def buttons(front: FrontEnd, region: str) -> dict[str, str]:
    """The buttons of a region: the name that is read out, or the value, and the value."""
    tags = [attributes for tag, attributes in front.region(region).tags if tag == "button"]
    return {str(tag.get("aria-label") or tag["value"]): str(tag["value"]) for tag in tags}


def many(denied: int) -> ck.People:
    """So many people who said no at Privy and are sent to by Sent."""
    phones = [f"+1202555{number:04}" for number in range(denied)]
    sent = pd.DataFrame({"id": phones, "phone_number": phones, "opt_out": False})
    privy = pd.DataFrame({"id": phones, "phone_number": phones, "sms_consent": "unsubscribed"})
    privy["email_consent"] = "subscribed"
    return ck.people(sent=sent, privy=privy)


def test_matrix_has_a_button_for_each_number(people):
    _, front, _ = opened(people)
    counts = {len(persons) for persons in find_cells(people).values()}
    found = buttons(front, "matrix")
    assert len(found) == len(find_cells(people))
    assert counts == {int(re.findall(r"\d+", label)[0]) for label in found}


def test_every_number_lists_its_people_and_each_of_them_says_why(people):
    _, front, _ = opened(people)
    for number, (cell, persons) in enumerate(find_cells(people).items()):
        front.send("cell", str(number))
        assert front.focus == "people"
        listed = buttons(front, "people")
        assert set(listed) == set(people.ids[persons])
        front.send("person", next(iter(listed)))
        assert front.focus == "person"
        shown = front.text("person")
        assert f"{cell.denied_at} " in shown and f"{cell.sends_at} " in shown
        assert "still sent to though denied" in shown
        assert people.explain(next(iter(listed))).splitlines()[0] in shown


def test_a_long_list_is_paged():
    _, front, _ = opened(many(2 * PAGE_SIZE + 1))
    front.send("cell", "0")
    assert front.text("where") == "1 to 25 of 51 people"
    seen = {*buttons(front, "people")}
    for page in ("next", "last"):
        front.send("page", page)
        seen |= {*buttons(front, "people")}
    assert front.text("where") == "51 to 51 of 51 people" and len(seen) == 51
    front.send("page", "previous")
    front.send("page", "first")
    assert front.text("where") == "1 to 25 of 51 people"


def test_sources_that_need_a_client_are_named():
    view, front, plans = opened(many(1))
    assert view.plans is None and plans is None
    assert "sent: was read from a frame" in front.text("note")


def test_nobody_to_deny_is_said():
    frame = pd.DataFrame({"id": ["1"], "phone_number": ["+12025550123"], "opt_out": [False]})
    _, front, _ = opened(ck.people(sent=frame))
    assert front.text("matrix") == "Nobody who said no is still sent to."


def test_hostile_keys_are_text():
    columns = {"id": [HOSTILE], "phone_number": ["+12025550123"]}
    privy = pd.DataFrame({**columns, "sms_consent": "unsubscribed", "email_consent": "subscribed"})
    people = ck.people(sent=pd.DataFrame({**columns, "opt_out": False}), privy=privy)
    _, front, _ = opened(people)
    front.send("cell", "0")
    front.send("person", people.ids[0])
    html = front.widget.regions["person"] + front.widget.regions["people"]
    assert "<img" not in html and "\u202e" not in html and "&lt;img" in html


async def test_all_plans_are_applied_at_once_and_the_result_names_its_source(people, clients):
    view, front, plans = opened(people)
    assert plans and view.plans
    await plans.press("apply")
    assert "Applied" in plans.text("status") and "updated" in plans.text("status")
    assert set(view.plans.result["source"]) == set(clients)
    assert "Read them again" in front.text("note")
    cells = find_cells(ck.people(**clients))
    # Privy refuses a no to texts of some contacts, which only Privy can know; Sent's are inherited.
    assert {cell.sends_at for cell in cells} <= {"privy", "sent"}
    assert {*view.plans.result["outcome"]} == {"updated", "refused"}
    assert "updated" in view.plans.transcript.html()


async def test_the_plan_of_another_source_is_selected_and_paged(people):
    _, _, front = opened(people)
    assert front
    first = front.widget.regions["table"]
    front.send("edit", source="privy")
    assert "sms_consent" in front.text("table") and front.widget.regions["table"] != first
    front.send("edit", source="privy", outcome="planned")
    assert "sms_consent" in front.text("table")
    front.send("edit")
    assert front.widget.regions["table"] == first


async def test_a_live_provider_is_asked_about_once(people, monkeypatch):
    monkeypatch.setattr(attempts, "READING_TIME", 0.05)
    monkeypatch.setattr(ck.Simulator, "real", True)
    view, _, front = opened(people)
    assert front and view.plans
    front.send("apply")
    assert "writes to the live contacts of" in front.text("problems")
    assert front.focus == "problems" and view.plans.result.empty
    await asyncio.sleep(0.06)
    await front.press("apply")
    assert len(view.plans.result) == sum(map(len, view.plans.plans.values()))


async def test_cancel_stops_all_plans_and_resume_goes_on():
    wires = {name: Wire(ck.Simulator(contacts=0)) for name in ("here", "there")}
    clients: dict[str, Any] = {n: ck.connect("sent", via=wire) for n, wire in wires.items()}
    phones = [f"+1202555{number:04}" for number in range(60)]
    for wire in wires.values():
        for phone in phones:
            wire.simulator.put(phone_number=phone, opt_out=False)
    denied = pd.DataFrame({"phone": phones, "opt_out": True})
    view, _, front = opened(ck.people(**clients, sendblue=denied))
    assert front and view.plans
    for wire in wires.values():
        wire.faults = [slow] * 9
    front.send("apply")
    await front.cancel()
    assert "Stopped" in front.text("status")
    assert "Resume" in front.text("apply")
    for wire in wires.values():
        wire.faults.clear()
    await front.press("apply")
    assert "Applied" in front.text("status")
    assert all(wire.simulator.state()["opt_out"].all() for wire in wires.values())
    assert all((wire.simulator.state()["writes"] == 1).all() for wire in wires.values())


async def slow(request: Any, answer: Any) -> Any:
    """A fault: the response takes some time."""
    await asyncio.sleep(0.1)
    return answer(request)


def test_no_personal_value_is_widget_state_or_in_the_record(people):
    view, front, plans = opened(people)
    assert view.plans and plans
    front.send("cell", "0")
    front.send("person", next(iter(buttons(front, "people"))))
    state = repr([front.widget.get_state(), plans.widget.get_state(), view.widget.get_state()])
    record = view.transcript.html() + view.plans.transcript.html()
    personal = set(people.links["identifier"])
    assert not [value for value in personal if value in state or value in record]
    assert "people" in record and "planned" in record


def test_closing_the_view_leaves_no_widget(people):
    before = set(open_widgets())
    view = people.view()
    view.close()
    assert set(open_widgets()) == before


def test_plans_have_a_view_of_their_own(people):
    view = people.propagate().view()
    assert isinstance(view, PlansView)
    front = FrontEnd(view.widget)
    assert all(name in front.text("facts") for name in names())
