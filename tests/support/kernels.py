"""Runs cells in a kernel with settings of its own, and shows a notebook as Jupyter's tools do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

OWN_FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")


def run_cells(folder: Path, sources: Iterable[str], **options: Any) -> nbformat.NotebookNode:
    """A notebook of these cells that was run in a folder; options are those of its client."""
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, sources)])
    resources = {"metadata": {"path": str(folder)}}
    with pytest.MonkeyPatch.context() as patch:
        for name in OWN_FOLDERS:
            patch.setenv(name, str(folder / name))
        client = NotebookClient(
            notebook, kernel_name="python3", resources=resources, **{"timeout": 60, **options}
        )
        client.execute()
    return notebook


def export_html(notebook: nbformat.NotebookNode) -> str:
    """The page that nbconvert makes of the outputs."""
    page, _ = HTMLExporter(exclude_input=True).from_notebook_node(notebook)
    return page
