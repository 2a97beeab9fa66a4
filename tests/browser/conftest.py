"""Fixtures: one code cell or several, in Voila and in JupyterLab, seen by a real browser."""

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
    # Whatever a page asks for, by name or by number, the browser finds no other machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
LOOPBACK = re.compile(r"(data|blob|about):|(http|ws)://127\.0\.0\.1:")
# Voila's page links to these icons; its policy keeps the browser from asking for them.
KNOWN = "https://cdn.jsdelivr.net/npm/@fortawesome/fontawesome-free@"


# A module at most: while this lives, playwright's loop runs, and other tests need their own.
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
def strangers() -> list[str]:
    """The addresses off this machine that pages asked for; a test that leaves any here fails."""
    return []


@pytest.fixture
def context(chromium: Browser, strangers: list[str]) -> Iterator[BrowserContext]:
    def seen(address: str) -> None:
        if not LOOPBACK.match(address) and not address.startswith(KNOWN):
            strangers.append(address)

    context = chromium.new_context(service_workers="block")
    context.on("request", lambda request: seen(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: seen(socket.url)))
    yield context
    context.close()
    assert strangers == []


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
    """Cells as a page of Voila's."""
    front = Voila(server=voila_server, context=context)
    yield front
    front.close()


@pytest.fixture
def lab(lab_server: jupyter.Server, context: BrowserContext) -> Iterator[Lab]:
    """Cells as a notebook in JupyterLab."""
    front = Lab(server=lab_server, context=context)
    yield front
    front.close()


@pytest.fixture(params=["voila", "lab"])
def front(request: pytest.FixtureRequest) -> Voila | Lab:
    """The same cells in either front end."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def axe() -> Callable[..., list[str]]:
    """What axe-core finds serious or critical in a page, or within what a selector finds."""
    script = browsers.axe().read_text()

    def violations(page: Page, within: str = "html") -> list[str]:
        page.evaluate(script)
        found = page.evaluate("within => axe.run(within)", within)["violations"]
        return [
            f"{each['id']} ({each['impact']}): {node['html']}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    return violations
