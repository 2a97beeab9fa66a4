"""Voila and JupyterLab as a test sees them: open cells, get a page on which they have run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.support.servers import TOKEN, Server, end_kernel, end_sessions

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

# What a cell shows; a page of JupyterLab's also holds the cell's source.
OUTPUT = ".jp-OutputArea-output"

_KERNEL = "JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"
_DRAWN = """() => window.jupyterapp
    && !document.querySelector("script[type='application/vnd.voila.cell-output+json']")
    && !document.body.innerText.includes("Loading widget...")"""
_IDLE = """() => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
    return session?.isReady && session.session?.kernel?.status === "idle";
}"""
# Not awaited at once: nothing would bound that.
_RUN = """() => {
    jupyterapp.commands.execute("notebook:run-all-cells").then(() => { window.ran = true; });
}"""
_numbers = count()


def write(server: Server, cells: tuple[str, ...]) -> str:
    """A notebook of these cells; its name."""
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
    """Cells as a page of Voila's."""

    server: Server
    context: BrowserContext
    kernels: list[str] = field(default_factory=list)

    def open(self, *cells: str) -> Page:
        """A page on which these cells have run."""
        page = self.context.new_page()
        page.goto(f"{self.server.address}/voila/render/{write(self.server, cells)}")
        self.kernels.append(page.evaluate(_KERNEL))
        page.wait_for_function(_DRAWN)
        return page

    def close(self) -> None:
        """End what the test has started."""
        for kernel in self.kernels:
            end_kernel(self.server, kernel)


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Cells as a notebook in JupyterLab."""

    server: Server
    context: BrowserContext

    def open(self, *cells: str) -> Page:
        """A page on which these cells have run."""
        page = self._show(write(self.server, cells))
        page.evaluate(_RUN)
        page.wait_for_function("window.ran")
        page.wait_for_function(_DRAWN)
        return page

    def save(self, page: Page) -> dict[str, Any]:
        """Save the notebook; what the file holds."""
        page.evaluate("jupyterapp.commands.execute('docmanager:save')")
        return json.loads((self.server.folder / self._name(page)).read_text())

    def reopen_without_kernel(self, page: Page) -> Page:
        """Save the notebook, end its kernel and open it anew, where nothing has run."""
        self.save(page)
        name = self._name(page)
        page.close()
        end_sessions(self.server)
        again = self._show(name)
        again.wait_for_function(_DRAWN)
        return again

    def close(self) -> None:
        """End what the test has started."""
        end_sessions(self.server)

    def _show(self, name: str) -> Page:
        page = self.context.new_page()
        # A workspace of its own, or it would open the notebooks of earlier tests as well.
        address = f"{self.server.address}/lab/workspaces/{next(_numbers)}/tree/{name}"
        page.goto(f"{address}?token={TOKEN}")
        page.wait_for_function(_IDLE)
        return page

    def _name(self, page: Page) -> str:
        return page.evaluate("jupyterapp.shell.currentWidget.context.path")
