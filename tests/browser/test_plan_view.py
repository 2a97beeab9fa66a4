"""The plan view in a real browser: paged through, applied, stopped and resumed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support import browsers
from tests.support.simulator_server import Served, served

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

expect = browsers.module("playwright.sync_api").expect

PLAN = """
import contactkit as ck
simulator = ck.Simulator(contacts=60, seed=7)
privy = ck.connect("privy", via=simulator)
people = privy.contacts.list()
for key in people["id"][people["email_consent"].eq("compliance_suppressed")]:
    simulator.put(key, email_consent="unsubscribed")
people = privy.contacts.list()
edited = people.assign(sms_consent="unsubscribed", last_name="Nova <b>" + 40 * "x ")
view = privy.contacts.plan(edited, people).view()
view
"""
SERVED = """
import contactkit as ck
sendblue = ck.connect(
    "sendblue", base_url="{base_url}", api_key="{api_key}", api_secret="{api_secret}",
    journal="{journal}",
)
people = sendblue.contacts.list()
view = sendblue.contacts.plan(people.assign(last_name="Warbler"), people).view()
view
"""


@pytest.fixture
def sendblue() -> Iterator[Served]:
    with served("sendblue", "--contacts", "120") as found:
        yield found


def button(page: Page, name: str) -> Locator:
    return page.locator(".ck").get_by_role("button", name=name, exact=True)


def apply(page: Page) -> Locator:
    return page.locator("button[name=apply]")


def where(page: Page) -> Locator:
    """Which page of the table it is."""
    return page.locator('[data-region="where"]')


def test_plan_is_paged_and_applied_with_the_keyboard_alone(front, axe):
    page = front.open(PLAN)
    expect(where(page)).to_have_text("1 to 25 of 109 cells")
    table = page.get_by_role("table", name="Cells that differ")
    expect(table.get_by_role("columnheader")).to_have_count(8)
    expect(table.get_by_role("rowheader")).to_have_count(25)
    assert axe(page, "form.ck") == []
    button(page, "Next").focus()
    page.keyboard.press("Enter")
    expect(where(page)).to_have_text("26 to 50 of 109 cells")
    expect(button(page, "Next")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(where(page)).to_have_text("101 to 109 of 109 cells")
    expect(button(page, "Last")).to_be_focused()
    expect(button(page, "Next")).to_have_attribute("aria-disabled", "true")
    page.get_by_label("Contacts").focus()
    page.keyboard.type("refused")
    expect(where(page)).to_have_text("1 to 2 of 2 cells")
    expect(page.get_by_label("Contacts")).to_be_focused()
    page.locator("summary", has_text="Nova <b>").first.press("Enter")
    expect(table.locator("details[open] div").first).to_be_visible()
    expect(apply(page)).to_have_text("Apply 59 changes to Privy")
    expect(table.get_by_role("rowheader").first).not_to_have_text("—")
    apply(page).focus()
    page.keyboard.press("Enter")
    result = page.locator(".ck").get_by_role("table", name="Result")
    expect(result.get_by_role("row")).to_have_count(26)
    expect(result.get_by_role("row").nth(1)).to_contain_text("refused")
    expect(page.get_by_role("status").filter(has_text="Applied")).to_contain_text("59 updated")
    expect(apply(page)).to_be_focused()
    assert axe(page, "form.ck") == []


def test_apply_is_stopped_and_resumed(front, sendblue, tmp_path):
    known = {**sendblue.credentials, "base_url": sendblue.base_url}
    page = front.open(SERVED.format(**known, journal=tmp_path / "journal.sqlite3"))
    sendblue.control("faults", kind="latency", probability=1, seconds=1)
    apply(page).click()
    question = page.locator('[data-region="problems"]')
    expect(question).to_contain_text(f"This writes to Sendblue itself, at {sendblue.base_url}")
    # A second press is a confirmation once there was time to read the question.
    page.wait_for_timeout(1100)
    apply(page).click()
    expect(page.get_by_role("progressbar", name="Contacts done")).to_be_visible()
    expect(page.locator('[data-region="progress"]')).to_contain_text("updated")
    expect(apply(page)).to_have_attribute("aria-disabled", "true")
    cells = page.get_by_role("table", name="Cells that differ")
    expect(cells.get_by_role("cell", name="updated").first).to_be_visible()
    button(page, "Next").click()
    expect(where(page)).to_have_text("26 to 50 of 120 cells")
    button(page, "Cancel").click(click_count=2)
    status = page.locator('[data-region="status"]')
    expect(status).to_contain_text("Stopped")
    written = sum(each["writes"] for each in sendblue.contacts())
    assert 0 < written < 120
    expect(status).to_contain_text(f"{written} updated")
    expect(page.locator('[data-region="report"]')).to_contain_text("It stopped early")
    sendblue.control("faults")
    expect(apply(page)).to_have_text(re.compile("^Resume: apply"))
    result = page.get_by_role("table", name="Result").get_by_role("row")
    expect(result.nth(1)).to_contain_text("updated")
    apply(page).click()
    expect(status).to_contain_text(f"{120 - written} updated, {written} skipped")
    assert [each["writes"] for each in sendblue.contacts()] == [1] * 120


OPTS_IN = """
import contactkit as ck
simulator = ck.Simulator(contacts=60, seed=7)
sendblue = ck.connect("sendblue", via=simulator)
for phone in sendblue.contacts.list()["phone"].tail(2):
    simulator.put(phone, opt_out=True)
people = sendblue.contacts.list()
edited = people.assign(opt_out=people.opt_out & ~people.index.isin(people.index[-2:]))
edited.loc[people.index[:30], "last_name"] = "Warbler"
view = sendblue.contacts.plan(edited, people, opt_in=True).view()
view
"""


def test_plan_that_opts_in_says_so_first_and_is_applied_after_a_question(front, axe):
    page = front.open(OPTS_IN)
    facts = page.locator('[data-region="facts"] dl > div')
    expect(facts.first).to_contain_text("2 people who had opted out")
    note = page.locator('[data-region="note"]')
    expect(note).to_contain_text("2 people who had opted out would be opted in.")
    table = page.get_by_role("table", name="Cells that differ").get_by_role("row")
    expect(table.nth(1)).to_contain_text("update, opts in")
    expect(table.nth(2)).to_contain_text("update, opts in")
    expect(table.nth(3)).not_to_contain_text("opts in")
    apply(page).click()
    question = page.locator('[data-region="problems"]')
    expect(question).to_contain_text("This opts in 2 people who had opted out. Press “Apply 32")
    expect(question).to_be_focused()
    assert axe(page, "form.ck") == []
    # A second press is a confirmation once there was time to read the question.
    page.wait_for_timeout(1100)
    apply(page).click()
    expect(page.get_by_role("status").filter(has_text="Applied")).to_contain_text("32 updated")
    expect(note).to_be_empty()
