"""A form, a plan view and `show` in marimo and in Notebook 7."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support import browsers, jupyter
from tests.support.marimo import marimo

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

expect = browsers.module("playwright.sync_api").expect

# In marimo a name without an underscore belongs to one cell.
CONNECT = """import contactkit as _ck
_privy = _ck.connect("privy", via=_ck.Simulator(contacts=25))
"""
FORM = f'{CONNECT}_privy.contacts.form("cus_a1b2c3d4e5f60001")'
PLAN = f"""{CONNECT}_people = _privy.contacts.list().head(3)
_privy.contacts.plan(_people.assign(last_name="Warbler"), _people).view()"""
SHOW = f"{CONNECT}_ck.show(_privy.contacts.list())"

Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def marimo_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    browsers.module("marimo")
    with marimo(tmp_path_factory.mktemp("marimo"), FORM, PLAN, SHOW) as address:
        yield address


@pytest.fixture(scope="module")
def notebook_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[jupyter.Server]:
    browsers.module("notebook")
    with jupyter.notebook(tmp_path_factory.mktemp("notebook")) as server:
        yield server


@pytest.fixture(params=["marimo", "notebook"])
def front(request: pytest.FixtureRequest, context: BrowserContext) -> Iterator[Open]:
    """Opens a page on which these cells have run; at marimo the others have, too."""
    if request.param == "notebook":
        server = request.getfixturevalue("notebook_server")
        lab = jupyter.Lab(server=server, context=context, path="notebooks/{name}")
        yield lab.open
        lab.close()
    else:
        page = context.new_page()
        page.goto(request.getfixturevalue("marimo_address"))
        yield lambda *_: page


def test_form_is_saved_and_plan_is_applied(front):
    page = front(FORM, PLAN)
    form = page.locator(".ck", has=page.get_by_role("button", name=re.compile("^Save")))
    form.get_by_role("textbox", name="Last name").fill("Warbler")
    form.get_by_role("button", name=re.compile("^Save")).click()
    expect(form.get_by_role("status").filter(has_text="Updated")).to_be_visible()
    expect(form.get_by_role("textbox", name="Last name")).to_have_value("Warbler")
    page.get_by_role("button", name=re.compile("^Apply")).click()
    expect(page.get_by_role("status").filter(has_text="3 updated", visible=True)).to_be_visible()


def test_shown_frame_opens_one_page_at_a_time(front):
    page = front(SHOW)
    cell = page.get_by_role("cell", name="janet@example.com")
    expect(cell).to_be_visible()
    assert cell.evaluate("cell => getComputedStyle(cell).textAlign") == "left"
    page.get_by_text("Rows 21 to 25").click()
    expect(page.get_by_role("cell", name="janet@example.com")).to_have_count(0)
    page.get_by_text("Rows 1 to 20").click()
    expect(cell).to_be_visible()
