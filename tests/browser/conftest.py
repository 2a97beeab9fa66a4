"""Fixtures: cells in Voila and in JupyterLab, opened by a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support import browsers, jupyter
from tests.support.jupyter import Lab, Voila

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # The browser finds no other machine, by name or by number.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
LOOPBACK = re.compile(r"(data|blob|about):|(http|ws)://127\.0\.0\.1:")
# Voila's page links to these icons, and its policy keeps the browser from loading them.
VOILA_ICONS = "https://cdn.jsdelivr.net/npm/@fortawesome/fontawesome-free@"


# At most for a module: meanwhile playwright's loop runs, and other tests need their own.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path, api = browsers.chromium(), browsers.module("playwright.sync_api")
    # A busy machine is not a bug.
    api.expect.set_options(timeout=30_000)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def foreign_addresses() -> list[str]:
    """The addresses on other machines that pages requested; a test that leaves one fails."""
    return []


@pytest.fixture
def context(chromium: Browser, foreign_addresses: list[str]) -> Iterator[BrowserContext]:
    def check(address: str) -> None:
        if not LOOPBACK.match(address) and not address.startswith(VOILA_ICONS):
            foreign_addresses.append(address)

    context = chromium.new_context(service_workers="block", timezone_id="America/New_York")
    context.on("request", lambda request: check(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: check(socket.url)))
    yield context
    context.close()
    assert foreign_addresses == []


@pytest.fixture(scope="session")
def voila_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[jupyter.Server]:
    browsers.module("voila")
    with jupyter.voila(tmp_path_factory.mktemp("voila")) as server:
        yield server


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[jupyter.Server]:
    browsers.module("jupyterlab")
    with jupyter.lab(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def voila(voila_server: jupyter.Server, context: BrowserContext) -> Iterator[Voila]:
    """Opens cells as a page of Voila."""
    front = Voila(server=voila_server, context=context)
    yield front
    front.close()


@pytest.fixture
def lab(lab_server: jupyter.Server, context: BrowserContext) -> Iterator[Lab]:
    """Opens cells as a notebook in JupyterLab."""
    front = Lab(server=lab_server, context=context)
    yield front
    front.close()


@pytest.fixture(params=["voila", "lab"])
def front(request: pytest.FixtureRequest) -> Voila | Lab:
    """Opens cells in each front end."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def axe() -> Callable[..., list[str]]:
    """The serious and critical problems that axe-core finds in a page or a part of it."""
    script = browsers.axe().read_text()

    def problems_of(page: Page, within: str = "html") -> list[str]:
        page.evaluate(script)
        violations = page.evaluate("within => axe.run(within)", within)["violations"]
        return [
            f"{violation['id']} ({violation['impact']}): {node['html']}"
            for violation in violations
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

    return problems_of
