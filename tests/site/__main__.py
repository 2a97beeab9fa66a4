"""`python -m tests.site FOLDER`: builds the guide, the executed notebooks and the API as a site.

Any static host serves the folder. With chromium, each page is then opened, and an error, or a
request that is not answered from the folder, ends the script with status 1.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Page, sync_playwright

from tests.site.pages import write_pages
from tests.support import browsers

CONFIG = Path(__file__).with_name("zensical.toml")


def main(folder: Path) -> None:
    """Build the site and open its pages."""
    build(folder)
    wrong = open_pages(folder)
    count = len(list(folder.glob("*.html")))
    print(*wrong, f"{count - len(wrong)} passed, {len(wrong)} failed", sep="\n")
    sys.exit(bool(wrong))


def build(folder: Path) -> None:
    """Build the site into a folder, which is replaced."""
    with tempfile.TemporaryDirectory() as scratch:
        docs = Path(scratch) / "docs"
        docs.mkdir()
        write_pages(docs)
        shutil.copy(CONFIG, scratch)
        command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
        subprocess.run(command, check=True, cwd=scratch)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(Path(scratch) / "site", folder)


def open_pages(folder: Path) -> list[str]:
    """Open each page, and return what is wrong with it."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=browsers.chromium())
        address = f"http://127.0.0.1:{server.server_port}"
        wrong: list[str] = []
        for path in sorted(folder.glob("*.html")):
            wrong += faults(browser.new_page(), f"{address}/{path.name}", address)
        browser.close()
        server.shutdown()
    return wrong


def faults(page: Page, url: str, address: str) -> list[str]:
    """Open a page; what it asks of other hosts, what is missing, and errors of its scripts."""
    wrong: list[str] = []
    page.on(
        "request",
        lambda asked: asked.url.startswith((address, "data:", "blob:")) or wrong.append(asked.url),
    )
    page.on("response", lambda answer: answer.ok or wrong.append(f"{answer.status} {answer.url}"))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(url, wait_until="networkidle")
    page.close()
    return [f"{url.removeprefix(address)}: {fault}" for fault in dict.fromkeys(wrong)]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print no line per request."""


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
