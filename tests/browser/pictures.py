"""Takes the README's pictures of the form, a plan's view and the dashboard.

Run it by hand: `python -m tests.browser.pictures`. The form and the plan are cells in JupyterLab,
the dashboard is a page of Voila.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.support import browsers
from tests.support.jupyter import Lab, Voila, lab, voila

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "data" / "pictures"
KEY = "cus_a1b2c3d4e5f60001"
FORM = f"""\
import contactkit as ck

privy = ck.connect("privy", via=ck.Simulator(contacts=200))
privy.contacts.form("{KEY}")"""
PLAN = """\
import contactkit as ck

privy = ck.connect("privy", via=ck.Simulator(contacts=200))
before = privy.contacts.list()
edited = before.head(90).assign(sms_consent="unsubscribed")
privy.contacts.plan(edited, before).view()"""


def main() -> None:
    """Take all pictures."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=browsers.chromium())
        with lab(Path(folder) / "lab") as server, context(browser, 1080, 1020) as pages:
            form(Lab(server=server, context=pages).open(FORM))
            plan(Lab(server=server, context=pages).open(PLAN))
        with voila(Path(folder) / "voila") as server, context(browser, 1200, 1000) as pages:
            dashboard(Voila(server=server, context=pages).open)
        browser.close()


@contextmanager
def context(browser: Browser, width: int, height: int) -> Iterator[BrowserContext]:
    """Pages of one size."""
    context = browser.new_context(viewport={"width": width, "height": height})
    yield context
    context.close()


def form(page: Page) -> None:
    """A form in a notebook, with a problem beside a field."""
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    page.get_by_label("First name").fill("Janette")
    page.get_by_label("Phone number").fill("555 0142")
    page.get_by_role("button", name="Review").click()
    page.locator('[data-field="phone_number"]').get_by_text("must be").wait_for()
    page.locator(".jp-Cell").first.evaluate("cell => cell.scrollIntoView()")
    take(page, "form")


def plan(page: Page) -> None:
    """A plan in a notebook, before it is applied."""
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    page.get_by_role("table", name="Cells that differ").wait_for()
    page.locator(".jp-Cell").first.evaluate("cell => cell.scrollIntoView()")
    take(page, "plan")


def dashboard(open_page: Callable[..., Page]) -> None:
    """The dashboard: a person who said no, and further down a contact with a change."""
    cells = json.loads((ROOT / "notebooks" / "dashboard.ipynb").read_text())["cells"]
    page = open_page(*("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))
    page.get_by_role("button", name="denied at sent, still sent to by privy").click()
    page.locator('[data-region="people"] button.ck-key').first.click()
    page.get_by_role("form", name="Consent at all sources").evaluate(
        "node => node.scrollIntoView()"
    )
    take(page, "dashboard")
    page.get_by_label("Provider", exact=True).select_option("Privy")
    page.locator(".ck-contacts .ck-key:visible").first.click()
    page.get_by_label("First name").fill("Priyanka")
    page.get_by_label("First name").blur()
    page.get_by_label("Provider", exact=True).evaluate("node => node.scrollIntoView()")
    take(page, "contacts")


def take(page: Page, name: str) -> None:
    """Take a picture once nothing moves."""
    page.wait_for_timeout(500)
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled", caret="hide")


if __name__ == "__main__":
    main()
