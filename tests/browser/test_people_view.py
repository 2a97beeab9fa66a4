"""The view of people in a real browser: from a number to a person, and all plans applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import browsers

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = browsers.module("playwright.sync_api").expect

PEOPLE = """
import contactkit as ck
population = ck.Population(120, seed=7)
names = ("sent", "sendblue", "privy", "digital_onboarding")
clients = {name: ck.connect(name, via=ck.Simulator(people=population)) for name in names}
view = ck.people(**clients).view()
view
"""


def press(page: Page, role: str, name: str) -> None:
    """Press a control with the keyboard alone."""
    page.get_by_role(role, name=name).first.focus()  # pyright: ignore[reportArgumentType]
    page.keyboard.press("Enter")


def test_somebody_is_found_and_all_plans_are_applied_with_the_keyboard_alone(front, axe):
    page = front.open(PEOPLE)
    matrix = page.locator(".ck-matrix")
    expect(matrix.get_by_role("rowheader")).to_have_count(4)
    press(page, "button", "denied at sendblue, still sent to by sent")
    people = page.locator('[data-region="people"]')
    expect(people).to_be_focused()
    expect(people.get_by_role("columnheader").first).to_have_text("who")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    person = people.get_by_role("button").first
    expect(person).to_be_focused()
    page.keyboard.press("Enter")
    shown = page.locator('[data-region="person"]')
    expect(shown).to_be_focused()
    expect(shown.get_by_role("columnheader").filter(has_text="sent ").first).to_be_visible()
    expect(shown).to_contain_text("still sent to though denied")
    expect(shown.get_by_role("listitem").first).to_contain_text("says opt_out=True")
    plans = page.get_by_role("form", name="Plans for all sources")
    page.get_by_label("Plan for").focus()
    page.keyboard.type("privy")
    cells = plans.get_by_role("table", name="Cells that differ")
    expect(cells).to_contain_text("sms_consent")
    expect(page.get_by_label("Plan for")).to_be_focused()
    assert axe(page, "form.ck") == []
    press(page, "button", "Apply")
    expect(plans.get_by_role("status").filter(has_text="Applied")).to_contain_text("updated")
    expect(plans.get_by_role("table", name="Result")).to_be_visible()
    expect(page.locator('[data-region="note"]').first).to_contain_text("Read them again")
    assert axe(page, "form.ck") == []
