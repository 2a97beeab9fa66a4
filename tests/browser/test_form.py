"""The contact form in a real browser, as its user meets it in Voila and in JupyterLab."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support import browsers
from tests.support.jupyter import OUTPUT
from tests.support.simulator_server import Served, served

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

expect = browsers.module("playwright.sync_api").expect

KEY = "cus_a1b2c3d4e5f60001"
EDIT = f"""
import contactkit as ck
simulator = ck.Simulator(contacts=8)
privy = ck.connect("privy", via=simulator)
form = privy.contacts.form("{KEY}")
form
"""
CREATE_TWELVE = """
import contactkit as ck
from IPython.display import display
sent = ck.connect("sent", base_url="{base_url}", api_key="{api_key}", rate_limit="9999/minute")
for _ in range(12):
    display(sent.contacts.form())
"""
SERVED = """
import contactkit as ck
privy = ck.connect("privy", base_url="{base_url}", token="{token}")
form = privy.contacts.form("{key}")
form
"""


@pytest.fixture
def privy() -> Iterator[Served]:
    with served("privy", "--contacts", "8") as found:
        yield found


@pytest.fixture(scope="module")
def sent() -> Iterator[Served]:
    with served("sent", "--contacts", "8") as found:
        yield found


def on(served: Served, key: str = KEY) -> str:
    """A cell with the form of a served contact."""
    return SERVED.format(base_url=served.base_url, key=key, **served.credentials)


def button(page: Page | Locator, name: str) -> Locator:
    return page.locator(".ck").get_by_role("button", name=name, exact=True)


def report(page: Page | Locator) -> Locator:
    """The result of the last write, which is folded."""
    return page.locator('[data-region="report"]')


def beside(page: Page, field: str) -> Locator:
    """Where a field's problem is shown."""
    return page.locator(f'[data-field="{field}"]').get_by_role("alert")


def test_form_is_filled_refused_corrected_reviewed_and_saved(front):
    page = front.open(EDIT)
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Phone number").fill("12")
    button(page, "Save").click()
    expect(beside(page, "phone_number")).to_contain_text("must be a phone number")
    phone = page.get_by_label("Phone number")
    expect(phone).to_be_focused()
    expect(phone).to_have_attribute("aria-invalid", "true")
    phone.fill("+12025550142")
    button(page, "Review").click()
    changes = page.get_by_role("table", name="What would change")
    expect(changes.get_by_role("row")).to_have_count(3)
    expect(changes).to_contain_text("Janet")
    expect(page.get_by_label("Request", exact=True)).to_contain_text(f"/contacts/{KEY}")
    expect(beside(page, "phone_number")).to_be_empty()
    button(page, "Save").click()
    result = report(page)
    expect(result).to_contain_text("updated")
    expect(page.get_by_label("Phone number")).not_to_be_editable()
    expect(page.get_by_label("First name")).to_have_value("Ada")
    page.get_by_text("Show code").click()
    expect(page.get_by_label("Code", exact=True)).to_contain_text("privy.contacts.update(")


def test_form_says_who_what_changed_and_why_not(front):
    page = front.open(EDIT)
    expect(page.locator(".ck-title")).to_contain_text("Janet Smith")
    expect(button(page, "Save")).to_be_disabled()
    button(page, "Save").click(force=True)
    expect(page.locator('[data-region="problems"]')).to_have_text("Nothing was changed.")
    page.get_by_label("First name").fill("Ada")
    expect(page.locator("[data-count]")).to_have_text("1 change")
    expect(page.locator(".ck-changed")).to_have_text(re.compile("First name.*changed", re.S))
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    email = page.get_by_label("Email", exact=True)
    expect(email).to_be_focused()
    expect(email).to_have_accessible_description(re.compile("^Cannot be changed: already has"))
    page.keyboard.type("x")
    expect(email).to_have_value("janet@example.com")
    expect(page.locator(".ck").get_by_text("Created at")).to_be_hidden()
    page.get_by_text("3 read-only facts").click()
    created = page.locator(".ck-facts dd").nth(1)
    here = "Jan 10, 2026, 3:00:00 AM EST (2026-01-10 08:00:00 UTC) simulated time"
    expect(created).to_have_text(here)
    page.get_by_label("First name").fill("Janet")
    expect(page.locator("[data-count]")).to_be_empty()
    expect(button(page, "Save")).to_be_disabled()


@pytest.mark.parametrize("front", ["voila", "lab"], indirect=True)
def test_fast_typing_loses_nothing(front, sent):
    page = front.open(CREATE_TWELVE.format(base_url=sent.base_url, **sent.credentials))
    forms = page.locator("form.ck")
    expect(forms).to_have_count(12)
    front_end = 5 if front.__class__.__name__ == "Lab" else 4
    typed: list[str] = []
    for speed, delay in enumerate((0, 15, 60, 150)):
        for way, press in enumerate((by_enter, by_tab_and_enter, by_mouse)):
            number = f"+1{front_end}{speed}{way}5550{100 + 3 * speed + way}"
            form = forms.nth(3 * speed + way)
            form.get_by_label("Phone number").click()
            page.keyboard.type(number, delay=delay)
            press(page, form)
            typed.append(number)
            expect(report(form)).to_contain_text("created")
    stored = {each["phone_number"] for each in sent.contacts()}
    assert len(set(typed)) == 12
    assert [each for each in typed if each not in stored] == []


def by_enter(page: Page, form: Locator) -> None:
    page.keyboard.press("Enter")


def by_tab_and_enter(page: Page, form: Locator) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def by_mouse(page: Page, form: Locator) -> None:
    form.get_by_role("button", name="Save", exact=True).click()


def test_provider_refusal_is_shown_beside_its_field(front, privy):
    key = "cus_a1b2c3d4e5f60003"
    page = front.open(on(privy, key))
    expect(page.get_by_label("Email", exact=True)).to_be_editable()
    privy.control("contacts", key=key, email="first@example.com")
    page.get_by_label("Email", exact=True).fill("second@example.com")
    button(page, "Save").click()
    expect(beside(page, "email")).not_to_be_empty()
    expect(page.locator('[data-region="problems"]')).to_contain_text("InvalidRequestError (422")
    expect(report(page)).to_contain_text("refused")
    expect(page.get_by_label("Email", exact=True)).to_have_value("second@example.com")


BROKEN = """
async def broken(*_, **__):
    raise RuntimeError("something " + "unexpected")
form._contacts.update = broken
"""


def test_bug_is_shown(front):
    page = front.open(EDIT, BROKEN)
    page.get_by_label("First name").fill("Ada")
    button(page, "Save").click()
    alert = page.locator('[data-region="problems"]')
    expect(alert).to_contain_text("RuntimeError: unexpected: something unexpected")
    alert.get_by_text("Detail").click()
    expect(alert.get_by_label("Detail")).to_contain_text("Traceback")
    expect(button(page, "Save")).to_be_enabled()


def test_slow_save_shows_progress_and_can_be_cancelled(front, privy):
    page = front.open(on(privy))
    privy.control("faults", kind="latency", times=1, seconds=120)
    page.get_by_label("First name").fill("Ada")
    button(page, "Save").click()
    expect(page.get_by_role("progressbar", name="Saving")).to_be_visible()
    expect(button(page, "Save")).to_have_attribute("aria-disabled", "true")
    expect(page.locator("[data-elapsed]")).to_have_text(re.compile("[1-9]"))
    # The read after it must not be the request that the fault delays.
    privy.wait_for_faults()
    button(page, "Cancel").click()
    expect(page.locator('[data-region="problems"]')).to_contain_text("Cancelled")
    expect(page.get_by_role("status").filter(visible=True)).to_contain_text("may have been carried")
    expect(button(page, "Save")).to_be_enabled()
    expect(report(page)).to_contain_text("unknown")


def test_save_clicked_repeatedly_sends_once(front, privy):
    page = front.open(on(privy))
    page.get_by_label("First name").fill("Ada")
    button(page, "Save").click(click_count=3, delay=0)
    expect(report(page)).to_contain_text("updated")
    writes = {each["id"]: each["writes"] for each in privy.contacts()}
    assert writes[KEY] == 1


def test_form_works_with_the_keyboard_alone(front):
    page = front.open(EDIT)
    page.get_by_label("First name").focus()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("Ada")
    _tab_to(page, "Add to Tags")
    page.keyboard.press("Enter")
    page.keyboard.type("new")
    _tab_to(page, "Yes")
    page.keyboard.press("ArrowRight")
    _tab_to(page, "Save")
    page.keyboard.press("Enter")
    result = report(page)
    expect(result).to_contain_text("first_name, tags")
    expect(page.locator('[data-region="status"]')).to_be_focused()


def _tab_to(page: Page, name: str) -> None:
    """Press Tab until something of this name, or in its group, has the keyboard."""
    for _ in range(60):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => {
                const at = document.activeElement;
                const around = at.closest("[role=radiogroup]") ?? at;
                return around.textContent.replace(/\\s+/g, " ").trim();
            }"""
        )
        if at == name or (name in at.split() and "Not set" in at):
            return
    raise AssertionError(f"Tab never came to {name}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_form_has_no_serious_accessibility_problem(voila, axe, theme):
    page = voila.open(EDIT, "privy.contacts.browse()")
    if theme == "dark":
        page.goto(f"{page.url}?theme=dark")
    page.get_by_role("button", name="Omar Haddad").wait_for()
    page.get_by_label("Phone number").first.fill("12")
    page.get_by_label("First name").fill("Ada")
    page.get_by_role("button", name="Review").click()
    expect(beside(page, "phone_number").first).not_to_be_empty()
    assert axe(page) == []
    page.get_by_label("Phone number").first.fill("")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("table", name="What would change")).to_be_visible()
    page.get_by_text("More filters").click()
    assert axe(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    expect(report(page)).to_contain_text("updated")
    assert axe(page) == []


def test_transcript_is_shown_without_a_kernel(lab):
    page = lab.open(EDIT)
    form, record = page.locator("form.ck").bounding_box(), page.locator(".ck-record").bounding_box()
    assert form and record and form["y"] < record["y"]
    page.get_by_label("First name").fill("Canaria")
    button(page, "Save").click()
    expect(report(page)).to_contain_text("updated")
    again = lab.reopen_without_kernel(page)
    record = again.locator(OUTPUT).get_by_role("table", name="What was done")
    expect(record).to_contain_text("First name: J••• → C•••")
    expect(record).to_contain_text("updated")
    expect(again.locator("form.ck")).to_have_count(0)
    expect(again.get_by_text("Error displaying widget")).to_be_hidden()
    expect(again.locator(OUTPUT).first).to_contain_text("Contact at Privy")


MANAGER = "@jupyter-widgets/jupyterlab-manager"
SAVE_STATE = f"() => jupyterapp.commands.execute('{MANAGER}:saveWidgetState')"


@pytest.mark.parametrize("state", [False, True], ids=["", "with widget state"])
def test_saved_notebook_has_no_contact_and_no_credential(lab, privy, state):
    privy.control("contacts", key=KEY, first_name="Canaria")
    page = lab.open(on(privy), "privy.contacts.browse()")
    page.get_by_role("button", name="Canaria Smith").click()
    page.get_by_label("Last name").first.fill("Warbler")
    button(page, "Save").first.click()
    expect(report(page).first).to_contain_text("updated")
    if state:
        page.evaluate(SAVE_STATE)
    saved = lab.save(page)
    if state:
        # It is a setting of the user, and this turns it off again.
        page.evaluate(SAVE_STATE)
    for cell in saved["cells"]:
        cell["source"] = ""
    assert ("widgets" in saved["metadata"]) is state
    whole = re.sub(r"\s+", " ", str(saved))
    for canary in ("Canaria", "Warbler", "janet@example.com", privy.credentials["token"]):
        assert canary not in whole


def test_form_and_browser_escape_values(front):
    bad = "<img src=x onerror=document.title='run'>"
    put = f'simulator.put("{KEY}", first_name="{bad}")'
    page = front.open(EDIT, put, f'privy.contacts.form("{KEY}")', "privy.contacts.browse()")
    expect(page.get_by_label("First name").last).to_have_value(bad)
    expect(page.get_by_role("button", name=bad)).to_be_visible()
    expect(page.locator(".ck img")).to_have_count(0)
    assert page.title() != "run"


def test_running_the_cell_again_replaces_the_form(lab):
    page = lab.open(EDIT, "from ipywidgets.widgets import widget\nlen(widget._instances)")
    count = page.locator(OUTPUT).last
    first = count.inner_text()
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(page.locator("form.ck")).to_have_count(1)
    page.wait_for_function("() => !document.body.innerText.includes('[*]')")
    assert count.inner_text() == first


def test_reload_keeps_typed_values(lab):
    page = lab.open(EDIT)
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Lovelace")
    page.get_by_label("Last name").blur()
    lab.save(page)
    page.reload()
    expect(page.get_by_label("First name")).to_have_value("Ada")
    button(page, "Review").click()
    expect(page.get_by_role("table", name="What would change")).to_contain_text("Lovelace")


def test_two_views_of_one_form_have_their_own_labels(lab):
    page = lab.open(EDIT, "form.widget")
    views = page.locator("form.ck")
    expect(views).to_have_count(2)
    views.nth(1).get_by_text("First name", exact=True).click()
    expect(views.nth(1).get_by_label("First name")).to_be_focused()


SECOND_VIEW = """
import ipywidgets
again = ipywidgets.Output()
def show_again(_, content, __):
    if content["kind"] == "typed":
        again.append_display_data(form.widget)
form.widget.on_msg(show_again)
again
"""


def test_second_view_does_not_disturb_typing_in_the_first(front):
    page = front.open(EDIT, SECOND_VIEW)
    name = page.get_by_label("First name").first
    name.fill("")
    page.keyboard.type("Ada")
    expect(page.locator("form.ck").nth(1).get_by_label("First name")).to_be_visible()
    expect(name).to_be_focused()
    expect(name).to_have_value("Ada")


def test_click_is_not_lost_when_a_line_disappears(voila):
    page = voila.open(CREATE)
    phone = page.get_by_label("Phone number")
    phone.fill("abc")
    phone.blur()
    expect(beside(page, "phone_number")).not_to_be_empty()
    phone.fill("+12125550187")
    press_slowly(page, button(page, "Save"))
    expect(report(page)).to_contain_text("created")


def test_click_is_not_lost_when_a_line_appears(voila):
    page = voila.open(EDIT)
    # Nothing is scrolled: the browser would keep what is in view in its place.
    page.set_viewport_size({"width": 1280, "height": 2000})
    page.get_by_label("Phone number").fill("abc")
    press_slowly(page, page.get_by_text("No", exact=True))
    expect(beside(page, "phone_number")).not_to_be_empty()
    expect(page.get_by_label("No", exact=True)).to_be_checked()


def press_slowly(page: Page, target: Locator) -> None:
    """Press near the upper edge of a target, and release after the form has changed."""
    box = target.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
    page.mouse.down()
    page.wait_for_timeout(400)
    page.mouse.up()


CREATE = """
import contactkit as ck
sent = ck.connect("sent", via=ck.Simulator(contacts=8))
form = sent.contacts.form()
form
"""


@pytest.mark.parametrize("key", ["Shift+Enter", "Control+Enter"])
def test_enter_with_a_modifier_neither_saves_nor_runs_the_cell(lab, key):
    page = lab.open(EDIT)
    page.get_by_label("First name").fill("Ada")
    page.keyboard.press(key)
    page.wait_for_timeout(500)
    expect(page.get_by_label("First name")).to_have_value("Ada")
    expect(report(page)).to_be_empty()


ROWS = f"""
custom, tags = {{"note": "one\\ntwo", "b": "x"}}, ["a", "t\\tt", "n\\nn"]
simulator.put("{KEY}", custom_fields=custom, tags=tags)
shown = privy.contacts.form("{KEY}")
shown
"""


def test_untouched_rows_stay_unchanged(voila):
    page = voila.open(EDIT, ROWS)
    expect(page.locator("form.ck")).to_have_count(2)
    form = page.locator("form.ck").last
    form.get_by_label("Tags", exact=True).first.locator("input").first.fill("z")
    form.get_by_label("Custom fields: value").last.fill("y")
    form.get_by_role("button", name="Review").click()
    request = form.get_by_label("Request", exact=True)
    expect(request).to_contain_text('"note": "one\\ntwo"')
    expect(request).to_contain_text('"n\\nn"')
    expect(request).to_contain_text('"b": "y"')


BIRTHDAY = """
import contactkit as ck
onboarding = ck.connect("digital_onboarding", via=ck.Simulator())
form = onboarding.contacts.form("5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b01")
form
"""


def test_incomplete_date_is_refused_and_never_sent_as_empty(lab):
    page = lab.open(BIRTHDAY)
    birthdate = page.get_by_label("Date of birth")
    was = birthdate.input_value()
    birthdate.focus()
    page.keyboard.press("Backspace")
    page.get_by_label("City").fill("Troy")
    page.get_by_label("City").blur()
    expect(beside(page, "birthdate")).to_contain_text("incomplete")
    lab.save(page)
    page.reload()
    expect(page.get_by_label("City")).to_have_value("Troy")
    expect(page.get_by_label("Date of birth")).to_have_value(was)
    button(page, "Review").click()
    changes = page.get_by_role("table", name="What would change")
    expect(changes.get_by_role("row")).to_have_count(2)


def test_dead_kernel_is_reported(lab, privy):
    page = lab.open(on(privy))
    privy.control("faults", kind="latency", times=1, seconds=60)
    page.get_by_label("First name").fill("Ada")
    button(page, "Save").click()
    expect(page.get_by_role("progressbar", name="Saving")).to_be_visible()
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    message = page.get_by_text("What was being saved may have been carried out")
    expect(message).to_be_visible(timeout=30_000)
    expect(page.get_by_role("progressbar", name="Saving")).to_have_count(0)


def test_result_does_not_take_the_focus_from_another_form(front, privy):
    two = f"other = privy.contacts.form('{KEY}')\nother"
    page = front.open(on(privy, "cus_a1b2c3d4e5f60002"), two)
    forms = page.locator("form.ck")
    expect(forms).to_have_count(2)
    privy.control("faults", kind="latency", times=1, seconds=2)
    forms.nth(0).get_by_label("First name").fill("Ada")
    button(page, "Save").nth(0).click()
    forms.nth(1).get_by_label("Last name").fill("")
    page.keyboard.type("Lovelace-Byron", delay=250)
    expect(report(forms.nth(0))).to_contain_text("updated")
    expect(forms.nth(1).get_by_label("Last name")).to_have_value("Lovelace-Byron")


def test_pick_keeps_a_form_that_is_being_typed_in(voila, privy):
    page = voila.open(on(privy), "browser = privy.contacts.browse()\nbrowser")
    page.get_by_role("button", name="Janet Smith").click()
    forms = page.get_by_role("form", name="Contact at Privy")
    expect(forms).to_have_count(2)
    form = forms.last
    expect(form.get_by_label("First name")).to_have_value("Janet")
    privy.control("faults", kind="latency", times=1, seconds=2)
    page.get_by_role("button", name="Omar Haddad").click()
    form.get_by_label("Last name").fill("")
    page.keyboard.type("Lovelace-Byron", delay=250)
    expect(page.get_by_text("unsaved changes")).to_be_visible()
    expect(form.get_by_label("First name")).to_have_value("Janet")
    expect(form.get_by_label("Last name")).to_have_value("Lovelace-Byron")


def test_save_keeps_the_focus_and_blocks_typing(voila, privy):
    page = voila.open(on(privy))
    privy.control("faults", kind="latency", times=1, seconds=2)
    name = page.get_by_label("First name")
    name.fill("Ada")
    name.press("Enter")
    expect(page.get_by_role("progressbar", name="Saving")).to_be_visible()
    expect(name).to_be_focused()
    page.keyboard.type("m")
    expect(name).to_have_value("Ada")
    expect(page.locator('[data-region="status"]')).to_be_focused()
