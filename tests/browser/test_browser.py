"""The contact browser and the dashboard in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import browsers

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

expect = browsers.module("playwright.sync_api").expect

BROWSE = """
import contactkit as ck
privy = ck.connect("privy", via=ck.Simulator(contacts=45))
browser = privy.contacts.browse()
browser
"""
WHO = "Janet Smith"
DASHBOARD = Path(__file__).parents[2] / "notebooks" / "dashboard.ipynb"


def test_browser_searches_pages_sorts_picks_and_edits(front):
    page = front.open(BROWSE)
    status = page.get_by_role("status").first
    expect(status).to_contain_text("Contacts 1 to 20")
    page.get_by_role("button", name="Next page").click()
    expect(status).to_contain_text("Contacts 21 to 40")
    expect(page.get_by_text("Page 2 of")).to_be_visible()
    page.get_by_role("button", name="Previous page").click()
    headers = page.get_by_role("table").first.get_by_role("columnheader")
    expect(headers).to_have_text(
        ["Who", "Phone number", "Email", "Email consent", "SMS consent", "ID"]
    )
    row = page.get_by_role("row").filter(has_text="Mia Costa")
    expect(row.get_by_role("rowheader")).to_have_text("Mia Costa no texts no e-mails")
    page.get_by_role("button", name="Email", exact=True).click()
    expect(headers.nth(2)).to_have_attribute("aria-sort", "ascending")
    expect(page.locator(".ck-key").first).to_have_text("Ada Abbott")
    page.get_by_role("button", name="Email", exact=True).press("Enter")
    page.get_by_role("button", name="Email", exact=True).press("Enter")
    page.get_by_role("button", name=WHO).click()
    expect(page.get_by_label("First name")).to_be_focused()
    page.get_by_label("First name").fill("Zebedee")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_role("button", name="Zebedee Smith")).to_be_visible()
    find = page.get_by_label("Find contacts")
    find.fill("omar had")
    find.press("Enter")
    expect(status).to_contain_text("1 of the 45 contacts read has “omar had”")
    expect(page.locator(".ck-key")).to_have_text(["Omar Haddad"])
    find.fill("nobody@example.com")
    page.get_by_role("button", name="Search").click()
    expect(status).to_contain_text("No contacts")


def test_grid_is_edited_planned_and_applied_with_the_keyboard_alone(front, axe):
    page = front.open(BROWSE)
    mode = page.get_by_role("button", name="Edit in the table")
    mode.focus()
    page.keyboard.press("Enter")
    grid = page.get_by_role("grid")
    expect(grid.get_by_role("row")).to_have_count(21)
    expect(page.locator("td[tabindex='0']")).to_have_count(1)
    first = page.locator("td[data-cell]").first
    first.focus()
    page.keyboard.type("Zed")
    page.keyboard.press("Enter")
    expect(first).to_have_text("Zed")
    expect(cell(page, 1, 0)).to_be_focused()
    page.keyboard.press("F2")
    editor = page.get_by_label("First name of Omar Haddad")
    expect(editor).to_be_focused()
    page.keyboard.type("x")
    page.keyboard.press("Escape")
    expect(cell(page, 1, 0)).to_have_text("Omar")
    expect(cell(page, 1, 0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(cell(page, 1, 2)).to_be_focused()
    expect(cell(page, 1, 2)).to_have_attribute("aria-readonly", "true")
    expect(page.locator("[data-hint]")).to_contain_text("Cannot be changed: already has a value")
    page.keyboard.type("x")
    expect(cell(page, 1, 2)).to_have_text("omar@example.com")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(cell(page, 2, 1)).to_be_focused()
    paste(page, "Abel\r\nBaker\r\nCharlie\r\n")
    expect(cell(page, 3, 1)).to_have_text("Baker")
    expect(cell(page, 4, 1)).to_have_text("Novak")
    expect(page.get_by_text("1 of the cells cannot be changed")).to_be_visible()
    expect(cell(page, 2, 1)).to_be_focused()
    page.keyboard.press("Control+End")
    expect(cell(page, 19, 5)).to_be_focused()
    page.keyboard.press("Control+Home")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("12")
    page.keyboard.press("Enter")
    phone = cell(page, 0, 3)
    expect(phone).to_have_attribute("aria-invalid", "true")
    expect(phone).to_contain_text("must be a phone number")
    assert axe(page, "form.ck") == []
    page.keyboard.press("ArrowUp")
    expect(phone).to_be_focused()
    page.keyboard.press("Delete")
    expect(phone).to_have_attribute("aria-invalid", "false")
    expect(page.get_by_role("button", name="Plan these 4 changes")).to_be_visible()
    page.get_by_role("button", name="Plan these 4 changes").press("Enter")
    apply = page.locator("button[name=apply]")
    expect(apply).to_have_text("Apply 4 changes to Privy")
    apply.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Applied")).to_contain_text("4 updated")
    expect(page.locator(".ck-changed")).to_have_count(0)
    expect(first).to_have_text("Zed")
    assert axe(page, "form.ck") == []


def cell(page: Page, row: int, column: int) -> Locator:
    return page.get_by_role("grid").locator("tbody tr").nth(row).locator("td").nth(column)


def paste(page: Page, text: str) -> None:
    """Paste as a spreadsheet does, which a test may not do by its keys."""
    page.evaluate(
        """text => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            const event = { clipboardData, bubbles: true, cancelable: true };
            document.activeElement.dispatchEvent(new ClipboardEvent("paste", event));
        }""",
        text,
    )


def test_wrong_filter_is_shown_beside_its_field(voila):
    page = voila.open(BROWSE)
    page.get_by_text("More filters").click()
    page.get_by_label("Phone number").fill("12")
    page.get_by_text("More filters").click()
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_label("Phone number")).to_be_focused()
    alert = page.locator('[data-field="phone_number"]').get_by_role("alert")
    expect(alert).to_contain_text("must be a phone number")


def test_pick_keeps_unsaved_changes(voila):
    page = voila.open(BROWSE)
    page.get_by_role("button", name=WHO).click()
    page.get_by_label("First name").fill("Zebedee")
    page.get_by_role("button", name="Omar Haddad").click()
    expect(page.get_by_text("unsaved changes")).to_be_visible()
    expect(page.get_by_label("First name")).to_have_value("Zebedee")


def test_dashboard_shows_every_provider(front, axe):
    cells = json.loads(DASHBOARD.read_text())["cells"]
    page = front.open(*("".join(each["source"]) for each in cells if each["cell_type"] == "code"))
    page.get_by_role("button", name="denied at sent, still sent to by privy").click()
    expect(page.locator('[data-region="people"]')).to_contain_text("privy cus_")
    picker = page.get_by_label("Provider", exact=True)
    for title in ("Sent", "Sendblue", "Digital Onboarding", "Privy"):
        picker.select_option(title)
        expect(page.get_by_role("form", name=f"Contacts at {title}")).to_be_visible()
        key = page.locator(".ck-contacts .ck-key:visible").first
        key.click()
        expect(page.locator(".ck-beside form.ck:visible")).to_have_count(2)
        expect(page.get_by_role("form", name=f"Plan for {title}")).to_be_visible()
    assert axe(page, ".ck-beside:has(form)") == []
    page.locator("form.ck:visible").last.locator("button[name=apply]").click()
    expect(page.get_by_role("status").filter(has_text="Applied", visible=True)).to_be_visible()
