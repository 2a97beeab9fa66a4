"""The box beside Save in a real browser: by mouse and keyboard, in both front ends and themes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import browsers

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

expect = browsers.module("playwright.sync_api").expect

KEY = "cus_a1b2c3d4e5f60001"
SETUP = f"""
import contactkit as ck
simulator = ck.Simulator(contacts=8)
privy = ck.connect("privy", via=simulator)
privy.contacts.get("{KEY}")
simulator.put("{KEY}", phone_number="+12125550190", sms_consent="unsubscribed")
"""
FORM = f'privy.contacts.form("{KEY}")'
BOX = "They have agreed to be texted again"
REASON = "They opted out of texts: nothing is sent until the box beside Save is ticked."


def box(page: Page) -> Locator:
    return page.get_by_role("checkbox", name=BOX)


def save(page: Page) -> Locator:
    return page.locator(".ck").get_by_role("button", name="Save", exact=True)


def result(page: Page) -> Locator:
    return page.locator('[data-region="report"]')


def subscribe(page: Page) -> None:
    page.get_by_label("SMS consent").last.select_option("subscribed")
    expect(box(page)).to_be_visible()


def test_contact_who_opted_out_is_opted_in_only_with_the_box(front):
    page = front.open(SETUP, FORM)
    expect(save(page)).to_be_disabled()
    subscribe(page)
    expect(box(page)).not_to_be_checked()
    expect(box(page)).to_have_accessible_description(REASON)
    expect(save(page)).to_have_attribute("aria-disabled", "true")
    expect(save(page)).to_have_accessible_description(REASON)
    # Off, but not `disabled`: a press says why.
    save(page).click(force=True)
    expect(page.locator('[data-region="problems"]')).to_contain_text("Tick the box beside Save")
    expect(box(page)).to_be_focused()
    expect(result(page)).to_be_empty()
    page.get_by_text(BOX).click()
    expect(save(page)).to_be_enabled()
    save(page).click()
    expect(result(page)).to_contain_text("updated")
    page.get_by_text("Show code").click()
    expect(page.get_by_label("Code", exact=True)).to_contain_text("opt_in=True)")
    expect(box(page)).to_have_count(0)
    expect(page.get_by_label("SMS consent")).to_have_value("subscribed")


def test_box_works_with_the_keyboard_alone(front):
    page = front.open(SETUP, FORM)
    subscribe(page)
    page.get_by_label("First name").focus()
    page.keyboard.press("Enter")
    expect(box(page)).to_be_focused()
    page.keyboard.press("Space")
    expect(save(page)).to_be_enabled()
    expect(box(page)).to_be_focused()
    page.keyboard.press("Tab")
    expect(save(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(result(page)).to_contain_text("updated")


SLOW = """
import time
from contactkit.forms.widget import Widget

send = Widget.send
def send_slowly(widget, content, *args):
    if content == {"busy": False}:
        time.sleep(1)
    send(widget, content, *args)
Widget.send = send_slowly
"""


def test_box_gets_the_focus_only_when_it_takes_keys(voila):
    page = voila.open(SLOW + SETUP, FORM)
    subscribe(page)
    page.get_by_label("First name").press("Enter")
    expect(box(page)).to_be_focused()
    page.keyboard.press("Space")
    expect(box(page)).to_be_checked()
    expect(save(page)).to_be_enabled()


def test_box_is_not_ticked_for_another_change(voila):
    page = voila.open(SETUP, FORM)
    subscribe(page)
    box(page).check()
    expect(save(page)).to_be_enabled()
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("First name").blur()
    expect(box(page)).to_be_checked()
    page.get_by_label("SMS consent").select_option("unsubscribed")
    expect(box(page)).to_have_count(0)
    expect(save(page)).to_be_enabled()
    subscribe(page)
    expect(box(page)).not_to_be_checked()
    expect(save(page)).to_have_attribute("aria-disabled", "true")


def test_reload_keeps_the_tick(lab):
    page = lab.open(SETUP, FORM)
    subscribe(page)
    box(page).check()
    expect(save(page)).to_be_enabled()
    lab.save(page)
    page.reload()
    expect(box(page)).to_be_checked()
    save(page).click()
    expect(result(page)).to_contain_text("updated")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_box_has_no_serious_accessibility_problem(voila, axe, theme):
    page = voila.open(SETUP, "privy.contacts.browse()")
    if theme == "dark":
        page.goto(f"{page.url}?theme=dark")
    page.get_by_role("button", name="Janet Smith").click()
    expect(page.get_by_label("First name")).to_have_value("Janet")
    subscribe(page)
    assert axe(page) == []
    save(page).click(force=True)
    expect(box(page)).to_be_focused()
    assert axe(page) == []
    page.keyboard.press("Space")
    expect(save(page)).to_be_enabled()
    page.get_by_role("button", name="Review").click()
    expect(page.locator(".ck").get_by_text("This opts in a contact who opted out.")).to_be_visible()
    assert axe(page) == []
