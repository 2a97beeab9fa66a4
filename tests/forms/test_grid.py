"""The grid: what is typed or pasted is checked, planned and written, and is never state."""

from __future__ import annotations

from typing import Any

import pytest

import contactkit as ck
from contactkit.forms import ContactBrowser
from contactkit.forms.contact_list import PAGE_SIZE
from tests.support.front_end import FrontEnd, Markup
from tests.support.providers import EXAMPLES, Wire, lift_suppressions
from tests.support.widgets import open_widgets


@pytest.fixture
def many() -> Wire:
    return Wire(ck.Simulator(contacts=60, seed=7))


async def editing(provider: str, wire: Wire) -> tuple[ContactBrowser, FrontEnd]:
    client = ck.connect(provider, via=wire)
    if provider == "privy":
        lift_suppressions(wire.simulator)
    browser = client.contacts.browse()
    front = FrontEnd(browser.widget.children[0])
    await front.widget.task
    front.send("mode")
    wire.requests.clear()
    return browser, front


def type_into(front: FrontEnd, key: str, name: str, *lines: list[str]) -> None:
    front.send("cells", {"key": key, "name": name, "lines": [*lines]})


def cell(front: FrontEnd, key: str, name: str) -> Markup:
    """One cell: as it was filled last."""
    return front.region(f"cell:{key}:{name}")


def cells(front: FrontEnd) -> list[dict[str, str | None]]:
    return [a for t, a in front.region("table").tags if t == "td"]


def page_keys(front: FrontEnd) -> list[str]:
    return [*dict.fromkeys(str(each["data-key"]) for each in cells(front))]


async def test_grid_has_the_roles_of_the_pattern(name, many):
    _, front = await editing(name, many)
    tags = front.region("table").tags
    roles = [a.get("role") for _, a in tags]
    grid = next(a for t, a in tags if t == "table")
    assert grid["role"] == "grid" and grid["aria-label"] and grid["aria-describedby"]
    assert roles.count("row") == PAGE_SIZE + 1 and roles.count("rowheader") == PAGE_SIZE
    assert roles.count("gridcell") == len(cells(front)) > 0
    assert all(each["tabindex"] == "-1" for each in cells(front))
    fixed = [each for each in cells(front) if each.get("aria-readonly")]
    assert all(each["data-reason"] for each in fixed)


async def test_typed_cells_are_planned_and_written(name, example, many):
    browser, front = await editing(name, many)
    field, value = next(
        (n, v) for n, v in example.update.items() if n in {c["data-name"] for c in cells(front)}
    )
    text = {True: "yes", False: "no"}.get(value, value)
    key = example.key if example.key in page_keys(front) else page_keys(front)[0]
    type_into(front, key, field, [text])
    assert cell(front, key, field).text == text
    assert ("span", {"data-raw": text, "data-changed": None}) in [
        (t, {n: v for n, v in a.items() if n != "title"}) for t, a in cell(front, key, field).tags
    ]
    assert "Plan this change" in front.text("mode") and not many.requests
    await front.press("plan")
    view = browser.plan_view
    assert view and browser.widget.children[1] is view.widget and browser.form is None
    assert view.plan.cells["field"].tolist() == [field]
    plan = FrontEnd(view.widget)
    await plan.press("apply")
    assert view.result["outcome"].tolist() == ["updated"], view.result["message"].tolist()
    stored = ck.connect(name, via=many).contacts.get(key)
    assert stored[field].item() == value
    assert "Plan" not in front.text("mode") and "changed" not in front.widget.regions["mode"]
    assert "apply" in browser.transcript.html() and "1 updated" in browser.transcript.html()


async def test_column_is_pasted_over_the_end_of_the_page(many):
    browser, front = await editing("privy", many)
    shown = page_keys(front)
    names = [[f"Name {number}"] for number in range(PAGE_SIZE + 5)]
    type_into(front, shown[1], "last_name", *names)
    assert cell(front, shown[1], "last_name").text == "Name 0"
    assert f"Plan these {PAGE_SIZE + 5} changes" in front.text("mode")
    await front.press("next")
    assert "Name 19" in front.text("table") and "Name 23" in front.text("table")
    await front.press("plan")
    assert browser.plan_view and len(browser.plan_view.plan) == PAGE_SIZE + 5


async def test_lines_without_a_contact_are_counted(many):
    browser, front = await editing("privy", many)
    while browser._listing.has_more:
        await front.press("next")
    last = page_keys(front)[-1]
    type_into(front, last, "last_name", ["a"], ["b"], ["c"])
    assert front.text("status") == "2 of the 3 lines had no contact."
    assert "Plan this change" in front.text("mode")


async def test_cells_that_cannot_be_changed_stay_as_they_are(many):
    browser, front = await editing("privy", many)
    people = browser._people.people.set_index("id")["email"]
    with_email = people.loc[page_keys(front)].notna()
    type_into(front, page_keys(front)[0], "email", *[["new@example.com"]] * PAGE_SIZE)
    count = int(with_email.sum())
    assert front.text("status") == f"{count} of the cells cannot be changed and stay as they are."
    assert browser._table.grid.count == PAGE_SIZE - count


async def test_cell_that_is_not_shown_any_more_is_left_alone(many):
    browser, front = await editing("privy", many)
    type_into(front, "cus_0000000000000000", "last_name", ["a"])
    assert browser._table.grid.count == 0
    assert front.text("status") == "1 of the 1 lines had no contact."


async def test_block_of_columns_is_pasted(many):
    _, front = await editing("sendblue", many)
    first, second = page_keys(front)[:2]
    type_into(front, first, "first_name", ["Ada", "Lovelace"], ["Zoë", "O\u2019Neil"])
    assert cell(front, first, "last_name").text == "Lovelace"
    assert cell(front, second, "first_name").text == "Zoë"
    assert "Plan these 4 changes" in front.text("mode")


@pytest.mark.parametrize(
    ("provider", "name", "text", "message"),
    [
        ("sent", "opt_out", "perhaps", "must be yes or no"),
        ("sent", "default_channel", "fax", "must be one of sms, whatsapp"),
        ("privy", "email_consent", "compliance_suppressed", "only Privy sets"),
        ("sendblue", "assigned_to_email", "nobody", "must be an e-mail address"),
        ("digital_onboarding", "birthdate", "last May", "must be a date"),
        ("digital_onboarding", "timezone", "UTC-5", "IANA time zone"),
    ],
)
async def test_wrong_cell_is_marked_and_not_planned(provider, name, text, message, many):
    browser, front = await editing(provider, many)
    key = page_keys(front)[0]
    type_into(front, key, name, [text])
    assert message in cell(front, key, name).text and text in cell(front, key, name).text
    assert "1 cell needs a change" in front.text("mode")
    front.send("plan")
    assert "cannot be written as they are" in front.text("problems")
    assert front.focus == f"cell:{key}:{name}"
    assert browser.plan_view is None and not many.requests
    front.send("discard")
    assert not front.text("mode").count("change") and message not in front.text("table")


@pytest.mark.parametrize("text", ["YES", "true", "1"])
async def test_flag_may_be_pasted_as_spreadsheets_write_it(text, many):
    browser, front = await editing("sent", many)
    people = browser._people.people
    key = people["id"][~people["opt_out"] & ~people["is_inherited"]].iloc[0]
    type_into(front, key, "opt_out", [text])
    assert cell(front, key, "opt_out").text == "yes"
    assert browser._table.grid.count == 1


async def test_cell_that_is_typed_back_is_no_edit(many):
    browser, front = await editing("privy", many)
    key = EXAMPLES["privy"].key
    type_into(front, key, "first_name", ["Ada"])
    type_into(front, key, "first_name", ["Janet"])
    assert cell(front, key, "first_name").text == "Janet"
    assert browser._table.grid.count == 0 and "Plan" not in front.text("mode")
    assert "data-changed" not in front.widget.regions[f"cell:{key}:first_name"]


async def test_cleared_cell_clears_the_field(many):
    browser, front = await editing("privy", many)
    key = EXAMPLES["privy"].key
    type_into(front, key, "first_name", [""])
    await front.press("plan")
    assert browser.plan_view
    await FrontEnd(browser.plan_view.widget).press("apply")
    assert ck.connect("privy", via=many).contacts.get(key)["first_name"].isna().all()
    assert "Smith" in front.text("table")


async def test_contact_who_opted_out_is_not_opted_in_by_the_grid(many):
    browser, front = await editing("sendblue", many)
    people = browser._people.people
    key = people["phone"][people["opt_out"].fillna(False)].iloc[0]
    type_into(front, key, "opt_out", ["no"])
    await front.press("plan")
    assert browser.plan_view
    assert "opt_in=True" in FrontEnd(browser.plan_view.widget).text("table")
    await FrontEnd(browser.plan_view.widget).press("apply")
    assert ck.connect("sendblue", via=many).contacts.get(key)["opt_out"].item()


async def test_plan_keeps_an_unsaved_form_and_one_that_runs(many):
    browser, front = await editing("privy", many)
    key = EXAMPLES["privy"].key
    await front.press("pick", key)
    FrontEnd(browser.form.widget).send("edit", first_name="Ada")
    type_into(front, key, "last_name", ["Nova"])
    front.send("plan")
    assert "unsaved" in front.text("problems") and browser.plan_view is None


async def test_what_is_typed_is_escaped_and_not_in_the_state(many):
    browser, front = await editing("privy", many)
    bad = "<img src=x onerror=alert(1)>"
    type_into(front, EXAMPLES["privy"].key, "first_name", [bad])
    front.send("mode")
    front.send("mode")
    await front.press("plan")
    assert browser.plan_view
    for widget in (front.widget, browser.plan_view.widget):
        assert not any("<img" in region for region in widget.regions.values())
        assert "onerror" not in str(widget.get_state())
    assert "onerror" not in browser.transcript.html()


async def test_close_leaves_no_widget_of_a_plan(many):
    before = set(open_widgets())
    browser, front = await editing("privy", many)
    type_into(front, EXAMPLES["privy"].key, "first_name", ["Ada"])
    await front.press("plan")
    browser.close()
    assert set(open_widgets()) == before


def test_grid_of_any_size_has_one_model(many):
    before: Any = len(open_widgets())
    ck.connect("digital_onboarding", via=many).contacts.browse()
    assert len(open_widgets()) - before <= 4
