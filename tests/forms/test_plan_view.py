"""The plan view: it shows a plan page by page, and applies, stops and resumes it."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._plans.change import PlannedWrite
from contactkit._plans.plan import Plan
from contactkit.forms import PlanView, attempts, cells
from contactkit.forms.plan_table import ORDER, PAGE_SIZE
from tests.support.front_end import FrontEnd
from tests.support.providers import NOTICE, Noticed, Wire, lift_suppressions, says
from tests.support.widgets import open_widgets

HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe\n\x00\ud800 & 'quoted'"


def opened(plan: Plan) -> tuple[PlanView, FrontEnd]:
    view = PlanView(plan)
    return view, FrontEnd(view.widget)


def privy(wire: Any, **columns: Any) -> Plan:
    """A plan for every contact of a simulator of Privy; the first of them has no phone number."""
    client = ck.connect("privy", via=wire)
    people = client.contacts.list()
    return client.contacts.plan(people.assign(**columns), people)


def plan_of(*contacts: PlannedWrite, client: ck.Client | None = None) -> Plan:
    """A plan of these contacts; without a client it is one that was read from a file."""
    client = client or ck.connect("privy", via=ck.Simulator(contacts=0))
    people = client.contacts.list()
    empty = client.contacts.plan(people, people)
    return replace(empty, contacts=contacts, index=pd.RangeIndex(len(contacts)))


def update(number: int, **changes: Any) -> PlannedWrite:
    before = dict.fromkeys(changes)
    return PlannedWrite(
        operation="update", key=f"cus_{number:016x}", before=before, changes=changes
    )


def rows(front: FrontEnd) -> list[list[str]]:
    """The texts of the table's rows, cell by cell, with whole keys and without who it is."""
    return [row[1:] for row in _rows(front)]


def whos(front: FrontEnd) -> list[str]:
    """Who each row of the table is about."""
    return [row[0] for row in _rows(front)[1:]]


def _rows(front: FrontEnd) -> list[list[str]]:
    lines = front.widget.regions["table"].split("<tr>")[1:]
    cells = [re.findall(r"<t[hd][ >].*?</t[hd]>", line, re.S) for line in lines]
    return [[html.unescape(_text(cell)) for cell in row] for row in cells]


def _text(cell: str) -> str:
    whole = re.search(r'<span title="(.*?)">', cell)
    return whole[1] if whole else re.sub(r"^<[^>]*>|</t[hd]>$", "", cell)


def writes(wire: Wire) -> list[int]:
    """How often each contact of the simulator was written."""
    return wire.simulator.state()["writes"].tolist()


def waits_for(go: asyncio.Event) -> Callable[..., Any]:
    """A fault: the response waits for `go`."""

    async def fault(request: httpx.Request, answer: Callable[..., Any]) -> httpx.Response:
        await go.wait()
        return answer(request)

    return fault


async def slow(request: httpx.Request, answer: Callable[..., Any]) -> httpx.Response:
    """A fault: the response takes longer than the interval of progress reports."""
    await asyncio.sleep(0.12)
    return answer(request)


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never held")


@pytest.fixture
def many() -> Wire:
    """A wire to Privy, where each of the contacts may be written."""
    wire = Wire(ck.Simulator(contacts=60, seed=7))
    ck.connect("privy", via=wire)
    lift_suppressions(wire.simulator)
    return wire


def test_view_shows_facts_and_cells_with_refusals_first(many: Wire) -> None:
    plan = privy(many, sms_consent="unsubscribed")
    view, front = opened(plan)
    assert front.text("head") == "Plan for Privy"
    facts, refused = front.text("facts"), sum(bool(contact.problems) for contact in plan.contacts)
    assert 0 < refused < PAGE_SIZE
    assert f"update {refused} refused, {plan.requests} planned" in facts
    assert f"requests {plan.requests}, one per contact" in facts and plan.digest[:12] in facts
    head, first, *_ = rows(front)
    assert head == ["key", "operation", "outcome", "field", "old", "new", "refused because"]
    reason = "unsubscribed needs the contact to have a phone_number"
    assert first[1:4] == ["update", "refused", "sms_consent"]
    assert first[-1] == f"row {plan.index[0]}: {reason}"
    assert [row[2] for row in rows(front)[1 + refused :]] == ["planned"] * (PAGE_SIZE - refused)
    assert repr(view) == f"<contactkit plan view: Privy, {plan.digest[:12]}>"


def test_rows_say_who_they_are_about(many: Wire) -> None:
    client = ck.connect("privy", via=many)
    people = client.contacts.list()
    new = pd.DataFrame([{"email": "new@example.com"}], index=["the new one"])
    edited = pd.concat([people.assign(tags=[["a"]] * 60).astype(object), new])
    plan = client.contacts.plan(edited, people, create=True)
    _, front = opened(plan)
    first = people.iloc[0]
    assert whos(front)[0] == f"{first['first_name']} {first['last_name']}"
    front.send("page", "last")
    assert whos(front)[-1] == "new@example.com"


def test_kept_back_cells_are_folded_under_their_cause(many: Wire) -> None:
    plan = privy(many, email="not an address", last_name="Nova", tags=[["a"]] * 60)
    _, front = opened(plan)
    cause, kept, *_ = rows(front)[1:]
    assert cause[0] == kept[0] and cause[3] == "email"
    assert kept[3].startswith('<details class="ck-long"><summary>2 kept back</summary>')
    assert "last_name: " in kept[3] and "→ Nova" in kept[3] and "tags: " in kept[3]


def test_times_of_a_plan_are_marked_as_simulated() -> None:
    _, front = opened(privy(ck.Simulator(contacts=60, seed=7), last_name="Nova"))
    times = [a["datetime"] for tag, a in front.region("facts").tags if tag == "time"]
    assert len(times) == 1 and "UTC , simulated time" in front.text("facts")


class Real(Wire):
    """A wire whose writes are taken for those of the provider itself."""

    real = True


@pytest.mark.usefixtures("quick_reader")
async def test_live_provider_is_asked_about_once() -> None:
    wire = Real(ck.Simulator(contacts=60, seed=7))
    ck.connect("privy", via=wire)
    lift_suppressions(wire.simulator)
    view, front = opened(privy(wire, last_name="Nova"))
    wire.faults = [None] * 10 + [says(401, b"{}")] * 60
    await front.press("apply")
    assert front.text("problems") == (
        "This writes to Privy itself, at https://api.privy.com/v1: 60 contacts. "
        "Press “Apply 60 changes to Privy” again to send it."
    )
    assert view.result.empty and not any(writes(wire))
    await front.press("apply")
    assert 0 < sum(writes(wire)) < 60
    wire.faults = []
    await front.press("apply")
    assert sum(writes(wire)) == 60


@pytest.fixture
def quick_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "READING_TIME", 0.0)


def test_table_is_accessible(many: Wire) -> None:
    _, front = opened(privy(many, last_name="Nova"))
    tags = front.region("table").tags
    assert [a["scope"] for t, a in tags if t == "th"] == ["col"] * 8 + ["row"] * PAGE_SIZE
    assert "caption" in dict(tags) and "Cells that differ" in front.text("table")
    assert ("div", {"data-region": "announcement", "class": "ck-hidden", "role": "status"}) in (
        front.head.tags
    )


def test_view_pages_through_all_cells_and_back(many: Wire) -> None:
    plan = privy(many, last_name="Nova")
    _, front = opened(plan)
    listed = [row[0] for row in rows(front)[1:]]
    for _ in range(9):
        if "to 60 of 60 cells" not in front.text("where"):
            front.send("page", "next")
            listed += [row[0] for row in rows(front)[1:]]
    assert listed == [contact.key for contact in plan.contacts]
    front.send("page", "next")
    assert front.text("where") == "51 to 60 of 60 cells"
    front.send("page", "previous")
    assert front.text("where") == "26 to 50 of 60 cells"
    front.send("page", "first")
    assert front.text("where") == "1 to 25 of 60 cells"
    front.send("page", "last")
    assert front.text("where") == "51 to 60 of 60 cells"
    off = {a["value"]: a["aria-disabled"] for _, a in front.region("pages").tags}
    assert off == {"first": "false", "previous": "false", "next": "true", "last": "true"}


def test_select_shows_one_outcome(many: Wire) -> None:
    plan = privy(many, sms_consent="unsubscribed")
    _, front = opened(plan)
    front.send("edit", outcome="refused")
    assert {row[2] for row in rows(front)[1:]} == {"refused"}
    front.send("page", "next", outcome="planned")
    assert {row[2] for row in rows(front)[1:]} == {"planned"}
    front.send("edit", outcome="something else")
    assert f"of {len(plan.cells)} cells" in front.text("where")


def test_large_plan_sends_one_page_to_the_front_end() -> None:
    fields = dict.fromkeys(("first_name", "last_name", "tags", "sms_consent", "birthday"), "x")
    _, front = opened(plan_of(*(update(number, **fields) for number in range(20_000))))
    assert front.text("where") == "1 to 25 of 100,000 cells"
    front.send("page", "last")
    assert front.text("where") == "99,976 to 100,000 of 100,000 cells"
    front.widget.receive({"kind": "ready"})
    assert all(size(message) < 30_000 for message in front.messages)


def size(message: Any) -> int:
    """Bytes of a message on its way."""
    return len(json.dumps(message, ensure_ascii=False).encode())


def test_page_of_long_texts_stays_small() -> None:
    long = '"&\U0001f600\u202e' * 25_000
    fields = dict.fromkeys(("first_name", long), long)
    _, front = opened(plan_of(*(update(number, **fields) for number in range(PAGE_SIZE))))
    front.widget.receive({"kind": "ready"})
    assert size(front.messages[-2]) < 200_000


def test_long_text_is_cut_with_the_rest_behind_it() -> None:
    long = "word " * 100
    _, front = opened(plan_of(update(1, last_name=long), update(2, last_name="long " * 1000)))
    whole = front.widget.regions["table"]
    assert f'<details class="ck-long"><summary>{long[:80]}…</summary><div>{long}</div>' in whole
    assert "and 3,800 more characters" in whole


def test_table_escapes_values_on_one_line() -> None:
    contact = replace(update(1, **{"last_name": HOSTILE, HOSTILE: True}), key=HOSTILE)
    view, front = opened(plan_of(contact))
    for text in (front.widget.regions["table"], view.transcript.html()):
        assert "<img" not in text and "\u202e" not in text and "\x00" not in text
        json.dumps(text).encode()
    key, *_, new, _ = rows(front)[1]
    assert key == new == r"<img src=x onerror=alert(1)>\u202egnp.exe\n\x00\ud800 & 'quoted'"


def test_new_contact_is_named_by_its_row(many: Wire) -> None:
    client = ck.connect("privy", via=many)
    new = pd.DataFrame([{"email": "new@example.com"}], index=["the new one"])
    people = client.contacts.list()
    plan = client.contacts.plan(pd.concat([people.astype(object), new]), people, create=True)
    _, front = opened(plan)
    assert rows(front)[1][:2] == ["row the new one", "create"]


def test_empty_plan_says_that_nothing_differs(many: Wire) -> None:
    _, front = opened(plan_of())
    assert front.text("where") == "Nothing differs." and not front.text("table")
    front.send("apply")
    assert "nothing to send" in front.text("status")
    assert "data-off" in front.widget.regions["apply"]


def test_transcript_and_widget_state_have_no_personal_value(many: Wire) -> None:
    plan = privy(many, last_name="Warbler", nick_name="Canary")
    view, front = opened(plan)
    assert "Warbler" in front.text("table")
    transcript = view.transcript.html()
    assert "W•••" in transcript and "last_name" in transcript and plan.digest[:12] in transcript
    assert not any(text in transcript for text in ("Warbler", "Canary", "Smith"))
    state = str(view.widget.get_state())
    assert "Warbler" not in state and plan.contacts[0].key not in state


def test_notice_is_shown_above_the_plan() -> None:
    view, front = opened(privy(Noticed(), last_name="Nova"))
    assert ("div", {"class": "ck-notice", "role": "note"}) in front.head.tags
    assert NOTICE in front.head.text and html.escape(NOTICE) in view.transcript.html()


async def test_apply_shows_the_result(many: Wire) -> None:
    plan = privy(many, sms_consent="unsubscribed")
    view, front = opened(plan)
    assert view.result.empty
    assert front.text("apply") == f"Apply {plan.requests} changes to Privy"
    await front.press("apply")
    counts = view.result["outcome"].value_counts()
    assert counts["updated"] == plan.requests and view.plan is plan
    assert f"✓ Applied: {counts['refused']} refused, {plan.requests} updated." == (
        front.text("status")
    )
    head, first, *_ = rows(front)
    assert head[:3] == ["key", "operation", "outcome"] and first[2] == "refused"
    assert front.text("where") == f"1 to 25 of {len(plan)} contacts"
    assert "data-off" in front.widget.regions["apply"] and not front.text("progress")
    front.send("edit", outcome="updated")
    assert front.text("where") == f"1 to 25 of {plan.requests} contacts"
    front.send("edit", rows="cells", outcome="updated")
    assert {row[2] for row in rows(front)[1:]} == {"updated"}
    assert f"refused, {plan.requests} updated" in view.transcript.html()


async def test_apply_shows_its_progress(many: Wire) -> None:
    go = asyncio.Event()
    _, front = opened(privy(many, last_name="Nova"))
    many.faults = [None] * 20 + [slow] * 4 + [waits_for(go)] * 40
    front.send("apply")
    assert "Applying" in front.text("status")
    await until(lambda: re.match("[1-9].* of 60", front.text("progress")))
    (bar,) = (a for tag, a in front.region("progress").tags if tag == "progress")
    assert bar["max"] == "60" and 0 < int(bar["value"] or 0) < 60 and bar["aria-label"]
    assert front.text("announcement") and "updated" in front.text("progress")
    shown = {n: t for n, t in front.widget.regions.items() if n.startswith("outcome:")}
    assert {*shown.values()} == {"updated"} and 0 < len(shown) <= PAGE_SIZE
    assert [row[2] for row in rows(front)[1:]] == ["planned"] * PAGE_SIZE
    front.send("page", "last")
    front.send("page", "first")
    assert [row[2] for row in rows(front)[1:]].count("updated") >= len(shown)
    front.send("page", "last")
    front.send("apply")
    assert front.text("where") == "51 to 60 of 60 cells" and front.busy
    go.set()
    await front.widget.task


async def test_cancel_finishes_requests_in_flight_and_can_be_resumed(many: Wire) -> None:
    go = asyncio.Event()
    view, front = opened(privy(many, last_name="Nova"))
    many.faults = [None] * 20 + [waits_for(go)] * 40
    front.send("apply")
    await until(lambda: len(many.requests) > 21)
    for _ in range(3):
        front.send("cancel")
        await asyncio.sleep(0.01)
    assert front.widget.busy
    go.set()
    await front.widget.task
    counts = view.result["outcome"].value_counts()
    assert counts["updated"] == sum(writes(many)) > 20
    assert counts["updated"] + counts["planned"] == 60 and counts["planned"]
    assert "cancelled" in front.text("report") and "Stopped" in front.text("status")
    assert front.text("apply") == f"Resume: apply {counts['planned']} changes to Privy"
    assert {row[2] for row in rows(front)[1:21]} == {"updated"}
    many.faults = []
    await front.press("apply")
    assert writes(many) == [1] * 60
    assert set(view.result["outcome"]) == {"updated", "skipped"}
    assert "resume" in view.transcript.html()


async def test_failures_are_first_and_resumed(many: Wire) -> None:
    view, front = opened(privy(many, last_name="Nova"))
    many.faults = [None] * 10 + [says(422, b'{"error": "no"}')] * 2 + [says(503)] * 400
    await front.press("apply")
    outcomes = [row[2] for row in rows(front)[1:]]
    assert outcomes == sorted(outcomes, key=ORDER.index) and outcomes.count("refused") == 2
    assert {"failed", "unknown"} & {*outcomes}
    many.faults = []
    assert front.text("apply").startswith("Resume")
    await front.press("apply")
    assert view.result["outcome"].value_counts()["refused"] == 2
    assert sorted(writes(many)) == [0] * 2 + [1] * 58


async def test_rejected_credential_stops_the_apply(many: Wire) -> None:
    view, front = opened(privy(many, last_name="Nova"))
    many.faults = [says(401, b'{"error": "bad token"}')] * 80
    await front.press("apply")
    assert not any(writes(many)) and "401" in front.text("report") + front.text("table")
    assert "updated" not in set(view.result["outcome"]) and "Resume" in front.text("apply")


async def test_exhausted_rate_limit_says_when_to_continue(many: Wire) -> None:
    view, front = opened(privy(many, last_name="Nova"))
    many.faults = [None] * 5 + [says(429, retry_after="7200")] * 80
    await front.press("apply")
    at = view.result.attrs["resume_at"].replace("T", " ").replace("+00:00", " UTC")
    assert f"It can continue after {at}" in front.text("report")
    assert "It can continue after" in front.text("report") and "Resume" in front.text("apply")
    assert "rate limit" in view.transcript.html()


@pytest.mark.parametrize("begun", [True, False])
async def test_cancel_at_once_sends_nothing(many: Wire, begun: bool) -> None:
    _, front = opened(privy(many, last_name="Nova"))
    front.send("apply")
    # What is pressed comes to a task after its first step, and the end of a loop before it.
    front.send("cancel") if begun else front.widget.task.cancel()
    await asyncio.wait([front.widget.task])
    await asyncio.sleep(0)
    assert not any(writes(many)) and not front.text("progress") and not front.busy
    assert front.text("status") == ("Stopped: 60 planned." if begun else "Cancelled.")
    await front.press("apply")
    assert writes(many) == [1] * 60


async def test_apply_without_a_client_says_so() -> None:
    plan = replace(plan_of(update(1, last_name="Nova")), runner=None)
    view, front = opened(plan)
    assert "has no client" in front.head.text
    await front.press("apply")
    assert "ConfigurationError" in front.text("problems") and not front.busy
    assert "ConfigurationError" in view.transcript.html()
    assert front.text("apply") == "Apply 1 change to Privy" and view.result.empty


async def test_broken_journal_is_shown_before_anything_is_sent(many: Wire, tmp_path: Any) -> None:
    client = ck.connect("privy", via=many, journal=tmp_path / "journal.sqlite")
    people = client.contacts.list()
    plan = client.contacts.plan(people.assign(last_name="Nova"), people)
    (tmp_path / "journal.sqlite").write_bytes(b"no journal at all" * 1000)
    before = len(many.requests)
    _, front = opened(plan)
    await front.press("apply")
    assert "JournalError" in front.text("problems") and len(many.requests) == before
    assert front.focus == "problems"
    assert front.text("apply") == "Apply 60 changes to Privy" and not front.busy


async def test_plan_of_another_home_is_refused_with_both(many: Wire) -> None:
    plan = privy(many, last_name="Lee")
    other = ck.connect("privy", via=ck.Simulator(contacts=60, seed=7))
    view, front = opened(replace(plan, runner=other.contacts.runner))
    assert f"home {plan.facts()['home']}" in front.text("facts")
    await front.press("apply")
    text = front.text("problems")
    assert "ConfigurationError" in text and "api.privy.com/v1, wire, account" in text
    assert "api.privy.com/v1, simulator, account" in text and "anyway=True" in text
    assert view.result.empty and set(writes(many)) == {0}


async def test_bug_is_shown(many: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    view, front = opened(privy(many, last_name="Nova"))

    def broken(result: Any) -> None:
        raise TypeError("unexpected")

    monkeypatch.setattr(view._table, "show_result", broken)
    with pytest.raises(TypeError):
        await front.press("apply")
    assert "TypeError" in front.text("problems")


async def test_delete_needs_confirmation(many: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    client = ck.connect("privy", via=many)
    people = client.contacts.list()
    plan = client.contacts.plan(people.drop(index=[2, 4]), people, delete=True)
    view, front = opened(plan)
    assert front.text("note") == "2 contacts would be deleted."
    front.send("apply")
    front.send("apply")
    assert "deletes 2 contacts" in front.text("problems") and not front.busy
    monkeypatch.setattr(attempts, "READING_TIME", 0.0)
    await front.press("apply")
    assert view.result["outcome"].tolist() == ["deleted", "deleted"]
    assert not front.text("note") and not front.text("problems")


async def test_undo_names_what_cannot_be_undone(many: Wire) -> None:
    people = ck.connect("privy", via=many).contacts.list()
    texted = people["sms_consent"].eq("never_subscribed") & people["phone_number"].notna()
    plan = privy(many, sms_consent=people["sms_consent"].mask(texted, "subscribed"))
    await plan.aio.apply(progress=False)
    back = await plan.aio.undo()
    count = sum(bool(contact.stays) for contact in back.contacts)
    _, front = opened(back)
    assert count and f"{count} contacts: a welcome text may have been sent." == front.text("note")


async def test_close_during_apply_loses_and_repeats_nothing(many: Wire) -> None:
    go = asyncio.Event()
    plan = privy(many, last_name="Nova")
    before = set(open_widgets())
    view, front = opened(plan)
    many.faults = [None] * 20 + [waits_for(go)] * 40
    front.send("apply")
    await until(lambda: len(many.requests) > 21)
    view.close()
    view.close()
    assert set(open_widgets()) == before
    go.set()
    await front.widget.task
    assert view.result["outcome"].value_counts()["updated"] == sum(writes(many)) < 60
    many.faults = []
    _, again = opened(plan)
    await again.press("apply")
    assert writes(many) == [1] * 60


async def test_two_views_of_one_plan_repeat_nothing(many: Wire) -> None:
    plan = privy(many, last_name="Nova")
    (first, front), (second, other) = opened(plan), opened(plan)
    front.send("apply")
    other.send("apply")
    await asyncio.gather(front.widget.task, other.widget.task)
    assert writes(many) == [1] * 60
    done = [view.result["outcome"].value_counts().get("updated", 0) for view in (first, second)]
    assert sum(done) == 60


async def test_running_the_cell_again_stops_the_apply(
    many: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = iter(("1", "2"))
    monkeypatch.setattr(cells, "_running_cell", lambda: ("the cell", next(runs)))
    monkeypatch.setattr(cells, "_forms", {})
    plan = privy(many, last_name="Nova")
    _, front = opened(plan)
    front.send("apply")
    await asyncio.sleep(0)
    with pytest.warns(ck.ContactKitWarning, match="in flight"):
        opened(plan)
    await asyncio.wait([front.widget.task])
    assert sum(writes(many)) < 60
