"""The JupyterLite site in a real browser: notebooks, a form, plans, a fleet, and no other host.

`python -m tests.lite FOLDER` builds it; then
`CONTACTKIT_SITE=FOLDER python -m pytest -n0 -s tests/browser/check_site.py`, which prints times.
"""

from __future__ import annotations

import gzip
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import browsers
from tests.support.jupyter import IDLE, RUN

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

expect = browsers.module("playwright.sync_api").expect

# A kernel starts in a quarter of a minute; on a busy machine in three.
PATIENCE = 400_000
LARGEST_VISIT = 45e6
# Each test has contacts of its own, so that their order does not matter.
CLIENT = """\
privy = ck.connect("privy", via=ck.Simulator(contacts=200, seed=7))
people = privy.contacts.list(email_consent="subscribed").head(9)
"""
APPLY = f"""{CLIENT}
plan = privy.contacts.plan(people.assign(tags=[["texted"]] * len(people)), people)
result = plan.apply()
undone = plan.undo().apply()
print("app" + "lied", *result["outcome"].unique(), *undone["outcome"].unique())
"""
FORM = f'{CLIENT}privy.contacts.form("cus_a1b2c3d4e5f60001")'
VIEW = f"{CLIENT}privy.contacts.plan(people.assign(last_name='Warbler'), people).view()"
FLEET = """\
fleet = ck.fleet(
    {
        "acme": {"provider": "sent", "via": ck.Simulator(contacts=5)},
        "birch": {"provider": "privy", "via": ck.Simulator(contacts=5)},
    }
)
print("one account af" + "ter the other" in repr(fleet), *fleet.check().frame["outcome"])
print(*fleet.export("people").failed()["message"])
"""
WRONG = "privy.contacts.get('nope')"
LIVE = "ck.connect('sent', api_key='key')"

CELLS = "jupyterapp.shell.currentWidget.content.model.toJSON().cells"
ADD = """source => {
    const { content } = jupyterapp.shell.currentWidget;
    const at = content.model.cells.length;
    content.model.sharedModel.insertCell(at, { cell_type: "code", source });
    content.activeCellIndex = at;
    window.ran = false;
    jupyterapp.commands.execute("notebook:run-cell").then(() => { window.ran = true; });
}"""


class Files(SimpleHTTPRequestHandler):
    """Serves the site and counts what a static host would send compressed."""

    sent: dict[str, int]

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        file = Path(self.translate_path(self.path.partition("?")[0]))
        if file.is_file() and str(file) not in self.sent:
            self.sent[str(file)] = len(gzip.compress(file.read_bytes(), 6))
        super().do_GET()


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[str, dict[str, int]]]:
    """The address of the served site, and the compressed size of each file that was sent."""
    sent: dict[str, int] = {}
    served = type("Served", (Files,), {"sent": sent})
    folder = os.environ["CONTACTKIT_SITE"]
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(served, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", sent
    server.shutdown()
    thread.join()
    server.server_close()


def expose(route: Route) -> None:
    """Let the page's settings expose its application, as the other servers of these tests do."""
    response = route.fetch()
    settings: dict[str, Any] = response.json()
    settings["jupyter-config-data"]["exposeAppInBrowser"] = True
    route.fulfill(response=response, json=settings)


@pytest.fixture(scope="module")
def foreign() -> list[str]:
    """The addresses on other hosts that the page asked for."""
    return []


@contextmanager
def open_notebook(chromium: Browser, address: str, foreign: list[str], name: str) -> Iterator[Page]:
    """A page with a notebook, all of whose cells have run."""
    context = chromium.new_context()
    local = ("data:", "blob:", address)
    context.on(
        "request", lambda request: request.url.startswith(local) or foreign.append(request.url)
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.route("**/lab/jupyter-lite.json*", expose)
    began = time.monotonic()
    page.goto(f"{address}/lab/index.html?path={name}")
    page.wait_for_function(IDLE)
    print(f"{name}: kernel ready after {time.monotonic() - began:.0f} s")
    page.evaluate(RUN)
    page.wait_for_function("window.ran")
    print(f"{name}: done after {time.monotonic() - began:.0f} s")
    yield page
    context.close()


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    """The cells of the tour once they have run, without those of these tests."""
    return []


@pytest.fixture(scope="module")
def tour(
    chromium: Browser,
    site: tuple[str, dict[str, int]],
    foreign: list[str],
    cells: list[dict[str, Any]],
) -> Iterator[Page]:
    """The tour, all of whose cells have run."""
    address, _ = site
    with open_notebook(chromium, address, foreign, "00_tour.ipynb") as page:
        cells += page.evaluate(CELLS)
        yield page


def run(page: Page, source: str) -> str:
    """Run one more cell, and return the text of its output."""
    page.evaluate(ADD, source)
    page.wait_for_function("window.ran")
    texts = []
    for output in page.evaluate(CELLS)[-1]["outputs"]:
        texts += [output.get("text", ""), *output.get("traceback", [])]
    return "".join("".join(text) for text in texts)


def check_cells(cells: list[dict[str, Any]]) -> None:
    """All cells have run, without an error or a warning."""
    ran = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(ran) > 10 and all(cell["execution_count"] for cell in ran)
    outputs = [output for cell in ran for output in cell["outputs"]]
    assert not [each for each in outputs if each["output_type"] == "error"]
    assert not [each for each in outputs if each.get("name") == "stderr"]


def test_tour_runs_without_an_error_or_a_warning(tour, cells):
    check_cells(cells)


def test_first_visit_is_small(tour, site):
    _, sent = site
    print(f"{len(sent)} files, {sum(sent.values()) / 1e6:.1f} MB compressed")
    assert 0 < sum(sent.values()) <= LARGEST_VISIT


def test_plan_is_applied_and_undone_in_a_cell(tour):
    assert run(tour, APPLY).startswith("applied updated")


def test_form_is_saved(tour):
    run(tour, FORM)
    form = tour.locator(".ck").last
    form.get_by_role("textbox", name="Last name").fill("Warbler")
    form.get_by_role("button", name=re.compile("^Save")).click()
    expect(form.get_by_role("status").filter(has_text="Updated")).to_be_visible(timeout=PATIENCE)
    assert "Warbler" in run(tour, "print(*privy.contacts.get('cus_a1b2c3d4e5f60001').last_name)")


def test_plan_view_is_applied(tour):
    run(tour, VIEW)
    view = tour.locator(".ck").last
    view.get_by_role("button", name=re.compile("^Apply")).click()
    expect(view.get_by_role("status").filter(has_text="9 updated")).to_be_visible(timeout=PATIENCE)
    assert "Warbler" in run(tour, "print(*privy.contacts.get(people.id[3]).last_name)")


def test_fleet_does_one_account_after_the_other(tour):
    checked, exported = run(tour, FLEET).splitlines()
    assert checked == "True done done"
    assert exported.count("contactkit[parquet]") == 2


def test_error_shows_no_insides_and_a_live_client_is_refused(tour):
    shown = run(tour, WRONG)
    assert "404" in shown and "site-packages/contactkit" not in shown
    assert "via=contactkit.Simulator()" in run(tour, LIVE)


def test_consent_runs_without_an_error_or_a_warning(chromium, site, foreign):
    address, _ = site
    with open_notebook(chromium, address, foreign, "05_consent.ipynb") as page:
        check_cells(page.evaluate(CELLS))


def test_other_hosts_are_never_asked(tour, foreign):
    assert foreign == []
