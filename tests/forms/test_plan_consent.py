"""The plan view lists first whom a plan opts in, and Apply asks once more about them."""

from __future__ import annotations

from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._plans.plan import Plan
from contactkit.forms import PlanView, attempts
from contactkit.forms.plan_table import PageIndex
from tests.support.consent import NO, YES
from tests.support.front_end import FrontEnd
from tests.support.providers import Wire

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PRIVY_NUMBERS = [f"+121255501{number}" for number in range(90, 98)]


def edit(people: pd.DataFrame, rows: Any, values: dict[str, Any]) -> pd.DataFrame:
    edited = people.copy()
    for field, value in values.items():
        edited.loc[people.index[rows], field] = value
    return edited


def planned(name: str, wire: Wire, *, opt_in: bool = True, delete: bool = False) -> Plan:
    """A plan that opts out the first contact, and opts in the last two, who opted out."""
    client = ck.connect(name, via=wire)
    keys = client.contacts.list().iloc[:, 0].tolist()
    for number, key in enumerate(keys):
        values = {**NO[name]} if key in keys[-2:] else {**NO[name], **YES[name]}
        if name == "privy":
            values |= {"phone_number": PRIVY_NUMBERS[number], "email_consent": "never_subscribed"}
        wire.simulator.put(key, **values)
    people = client.contacts.list()
    edited = edit(edit(people, [0], NO[name]), [-2, -1], YES[name])
    if delete:
        edited = edited.drop(index=people.index[1])
    wire.requests.clear()
    return client.contacts.plan(edited, people, opt_in=opt_in, delete=delete)


def opened(plan: Plan) -> tuple[PlanView, FrontEnd]:
    view = PlanView(plan)
    return view, FrontEnd(view.widget)


@pytest.fixture
def quick_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "READING_TIME", 0.0)


def operations(front: FrontEnd) -> list[str]:
    """The operation in each row of the table."""
    cells = [text.strip() for text in front.region("table").texts if text.strip()]
    return [text for text in cells if text in ("update", "update, opts in", "delete")]


def test_view_lists_first_whom_it_opts_in(name, wire):
    plan = planned(name, wire)
    assert plan.opts_in == 2
    view, front = opened(plan)
    assert front.text("facts").startswith("opts in 2 people who had opted out")
    assert front.text("note").startswith("2 people who had opted out would be opted in.")
    first = operations(front)
    opted_in = first.count("update, opts in")
    assert opted_in >= 2 and set(first[:opted_in]) == {"update, opts in"}
    assert set(first[opted_in:]) == {"update"}
    assert "update, opts in" in view.transcript.html()


async def test_apply_asks_once_more_whom_it_opts_in(name, wire, monkeypatch):
    view, front = opened(planned(name, wire))
    await front.press("apply")
    await front.press("apply")
    assert front.text("problems") == (
        "This opts in 2 people who had opted out. "
        f"Press “{front.text('apply')}” again to send it anyway."
    )
    assert front.focus == "problems" and wire.requests == []
    monkeypatch.setattr(attempts, "READING_TIME", 0.0)
    await front.press("apply")
    assert view.result["outcome"].tolist() == ["updated"] * 3
    assert not front.text("note") and not front.text("problems")


@pytest.mark.usefixtures("quick_reader")
async def test_refused_opt_in_is_not_asked_about(name, wire):
    plan = planned(name, wire, opt_in=False)
    assert plan.opts_in == 0
    view, front = opened(plan)
    assert "opts in" not in front.text("facts") and "opted" not in front.text("note")
    assert "say opt_in=True if you hold their consent" in front.text("table")
    await front.press("apply")
    assert sorted(view.result["outcome"].astype(str)) == ["refused", "refused", "updated"]


@pytest.mark.parametrize("name", ["privy"])
def test_question_names_opt_ins_and_deletes(name, wire):
    _, front = opened(planned(name, wire, delete=True))
    front.send("apply")
    assert "This opts in 2 people who had opted out and deletes 1 contact. Press" in (
        front.text("problems")
    )


@pytest.mark.usefixtures("quick_reader")
@pytest.mark.parametrize("name", ["privy"])
async def test_resume_asks_about_those_who_are_left(name, wire):
    view, front = opened(planned(name, wire))
    last = view.plan.contacts[-1].key

    def loses_one(request: httpx.Request, answer: Any) -> httpx.Response:
        if request.url.path.endswith(last):
            raise httpx.ConnectError("no route", request=request)
        return answer(request)

    wire.faults = [loses_one] * 30
    await front.press("apply")
    await front.press("apply")
    assert view.result["outcome"].tolist() == ["updated", "updated", "failed"]
    assert front.text("note").startswith("1 person who had opted out would be opted in.")
    wire.faults = []
    await front.press("apply")
    assert "This opts in 1 person who had opted out. Press “Resume" in front.text("problems")
    await front.press("apply")
    assert view.result["outcome"].tolist() == ["skipped", "skipped", "updated"]
    assert not front.text("note")


def test_first_contacts_come_before_every_outcome():
    outcomes = ["updated", "planned", "refused", "planned", "refused"]
    index = PageIndex(outcomes, [1] * 5, [False, True, False, False, True])
    assert index.page(0) == [(4, 0), (1, 0), (2, 0), (0, 0), (3, 0)]
    assert index.page(0, "planned") == [(1, 0), (3, 0)]
