"""The contact browser and the dashboard in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import browsers

expect = browsers.module("playwright.sync_api").expect

BROWSE = """
import contactkit as ck
privy = ck.connect("privy", via=ck.Simulator(contacts=45))
browser = privy.contacts.browse()
browser
"""
KEY = "cus_a1b2c3d4e5f60001"
DASHBOARD = Path(__file__).parents[2] / "notebooks" / "dashboard.ipynb"


def test_browser_searches_pages_picks_and_edits(front):
    page = front.open(BROWSE)
    status = page.get_by_role("status").first
    expect(status).to_contain_text("Contacts 1 to 20")
    page.get_by_role("button", name="Next page").click()
    expect(status).to_contain_text("Contacts 21 to 40")
    page.get_by_role("button", name="Previous page").click()
    page.get_by_role("button", name=KEY).click()
    expect(page.get_by_label("First name")).to_be_focused()
    page.get_by_label("First name").fill("Zebedee")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_role("cell", name="Zebedee")).to_be_visible()
    headers = page.get_by_role("table").first.get_by_role("columnheader")
    expect(headers).to_have_count(7)
    page.get_by_text("Filters").click()
    page.get_by_label("Email", exact=True).first.fill("nobody@example.com")
    page.get_by_role("button", name="Search").click()
    expect(status).to_contain_text("No contacts")


def test_wrong_filter_is_shown_beside_its_field(voila):
    page = voila.open(BROWSE)
    page.get_by_text("Filters").click()
    page.get_by_label("Phone number").fill("12")
    page.get_by_text("Filters").click()
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_label("Phone number")).to_be_focused()
    alert = page.locator('[data-field="phone_number"]').get_by_role("alert")
    expect(alert).to_contain_text("must be a phone number")


def test_pick_keeps_unsaved_changes(voila):
    page = voila.open(BROWSE)
    page.get_by_role("button", name=KEY).click()
    page.get_by_label("First name").fill("Zebedee")
    page.get_by_role("button", name="cus_a1b2c3d4e5f60002").click()
    expect(page.get_by_text("unsaved changes")).to_be_visible()
    expect(page.get_by_label("First name")).to_have_value("Zebedee")


def test_dashboard_shows_every_provider(front, axe):
    cells = json.loads(DASHBOARD.read_text())["cells"]
    page = front.open(*("".join(each["source"]) for each in cells if each["cell_type"] == "code"))
    picker = page.get_by_label("Provider", exact=True)
    for title in ("Sent", "Sendblue", "Digital Onboarding", "Privy"):
        picker.select_option(title)
        expect(page.get_by_role("form", name=f"Contacts at {title}")).to_be_visible()
        key = page.locator(".ck-key:visible").first
        key.click()
        expect(page.locator(".ck-beside form.ck:visible")).to_have_count(2)
        expect(page.get_by_role("form", name=f"Plan for {title}")).to_be_visible()
    assert axe(page, ".ck-beside:has(form)") == []
    page.locator("form.ck:visible").last.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("status").filter(has_text="Applied", visible=True)).to_be_visible()
