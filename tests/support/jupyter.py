"""Voila, JupyterLab and Notebook, served from a folder of notebooks and opened in a browser.

The servers have no configuration and no credential of the machine's user.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from contactkit.cli.lab import VOILA_SETTINGS
from tests.support.sockets import free_port, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

TOKEN = "browser-tests"
ROOT_FOLDER = Path(__file__).parents[2]
ROOT = ["--allow-root"] if os.name == "posix" and os.getuid() == 0 else []
# JupyterLab would cover the page with a question about news.
_NEWS = {"fetchNews": "false", "checkForUpdates": False}
QUIET = {"@jupyterlab/apputils-extension:notification": _NEWS}

# The output of a cell; a page of JupyterLab also holds its source.
OUTPUT = ".jp-OutputArea-output"

_KERNEL = "JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"
_DRAWN = """() => window.jupyterapp
    && !document.querySelector("script[type='application/vnd.voila.cell-output+json']")
    && !document.body.innerText.includes("Loading widget...")"""
IDLE = """() => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
    return session?.isReady && session.session?.kernel?.status === "idle";
}"""
# Not awaited here, where nothing limits the wait.
RUN = """() => {
    jupyterapp.commands.execute("notebook:run-all-cells").then(() => { window.ran = true; });
}"""
_numbers = count()


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server: its address and the folder that it serves."""

    address: str
    folder: Path


@contextmanager
def voila(home: Path) -> Iterator[Server]:
    """Serve Voila with the settings that users have."""
    config = {"Voila": {"tornado_settings": VOILA_SETTINGS}}
    _write(home / "config" / "voila.json", config)
    port = free_port()
    arguments = [f"--port={port}", "--Voila.ip=127.0.0.1", "--show_tracebacks=True"]
    with _serve(home, port, "voila", *arguments, str(home / "notebooks")) as server:
        yield server


@contextmanager
def lab(home: Path, module: str = "jupyterlab", *options: str) -> Iterator[Server]:
    """Serve JupyterLab with its application exposed to the tests."""
    _write(home / "config" / "labconfig" / "default_setting_overrides.json", QUIET)
    port = free_port()
    arguments = [
        f"--port={port}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={home / 'notebooks'}",
        f"--IdentityProvider.token={TOKEN}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.extension_manager=readonly",
        *options,
        *ROOT,
    ]
    with _serve(home, port, module, *arguments) as server:
        yield server


@contextmanager
def notebook(home: Path) -> Iterator[Server]:
    """The same for Notebook 7, which shows one notebook a page."""
    with lab(home, "notebook", "--JupyterNotebookApp.expose_app_in_browser=True") as server:
        yield server


def end_kernel(server: Server, kernel: str) -> None:
    """End a kernel of Voila."""
    same = "0" * 32
    httpx.post(
        f"{server.address}/voila/api/shutdown/{kernel}",
        cookies={"_xsrf": same},
        headers={"X-XSRFToken": same},
        trust_env=False,
    ).raise_for_status()


def end_sessions(server: Server) -> None:
    """End all sessions of JupyterLab, so that no path keeps its kernel."""
    key = {"Authorization": f"token {TOKEN}"}
    with httpx.Client(base_url=f"{server.address}/api", headers=key, trust_env=False) as client:
        for session in client.get("sessions").raise_for_status().json():
            client.delete(f"sessions/{session['id']}").raise_for_status()


@contextmanager
def _serve(home: Path, port: int, module: str, *arguments: str) -> Iterator[Server]:
    folder = home / "notebooks"
    folder.mkdir()
    command = [sys.executable, "-m", module, "--no-browser", *arguments]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(home), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            wait_for(port)
            yield Server(address=f"http://127.0.0.1:{port}", folder=folder)
        finally:
            _end(process)


def _environment(home: Path) -> dict[str, str]:
    private = ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        # The kernels import the contactkit that is tested, installed or not.
        "PYTHONPATH": str(ROOT_FOLDER),
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        **{name: str(home / name) for name in private},
        # A checkout that is not installed.
        **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))


def write(server: Server, cells: tuple[str, ...]) -> str:
    """Write a notebook of these cells and return its name."""
    blank = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": [{**blank, "id": f"cell-{n}", "source": cell} for n, cell in enumerate(cells)],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    name = f"{next(_numbers)}.ipynb"
    (server.folder / name).write_text(json.dumps(notebook))
    return name


@dataclass(frozen=True, kw_only=True)
class Voila:
    """Opens cells as a page of Voila."""

    server: Server
    context: BrowserContext
    kernels: list[str] = field(default_factory=list)

    def open(self, *cells: str) -> Page:
        """Open a page on which these cells have run."""
        page = self.context.new_page()
        page.goto(f"{self.server.address}/voila/render/{write(self.server, cells)}")
        self.kernels.append(page.evaluate(_KERNEL))
        page.wait_for_function(_DRAWN)
        return page

    def close(self) -> None:
        """End the kernels that were started."""
        for kernel in self.kernels:
            end_kernel(self.server, kernel)


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Opens cells as a notebook in JupyterLab."""

    server: Server
    context: BrowserContext
    # A new workspace: another would open the notebooks of earlier tests, too.
    path: str = "lab/workspaces/{number}/tree/{name}"

    def open(self, *cells: str) -> Page:
        """Open a page on which these cells have run."""
        page = self._show(write(self.server, cells))
        page.evaluate(RUN)
        page.wait_for_function("window.ran")
        page.wait_for_function(_DRAWN)
        return page

    def save(self, page: Page) -> dict[str, Any]:
        """Save the notebook and return the content of its file."""
        page.evaluate("jupyterapp.commands.execute('docmanager:save')")
        return json.loads((self.server.folder / self._name(page)).read_text())

    def reopen_without_kernel(self, page: Page) -> Page:
        """Save the notebook, end its kernel and open it again without one."""
        self.save(page)
        name = self._name(page)
        page.close()
        end_sessions(self.server)
        again = self._show(name)
        again.wait_for_function(_DRAWN)
        return again

    def close(self) -> None:
        """End the kernels that were started."""
        end_sessions(self.server)

    def _show(self, name: str) -> Page:
        page = self.context.new_page()
        path = self.path.format(number=next(_numbers), name=name)
        page.goto(f"{self.server.address}/{path}?token={TOKEN}")
        page.wait_for_function(IDLE)
        return page

    def _name(self, page: Page) -> str:
        return page.evaluate("jupyterapp.shell.currentWidget.context.path")
