"""Cleans notebooks: takes out outputs, run counts and whatever a machine has added.

`python tests/support/clean_notebooks.py` cleans them all; test_notebooks.py accepts no other.
"""

from __future__ import annotations

from pathlib import Path

import nbformat

FOLDER = Path(__file__).parents[2] / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def clean(text: str) -> str:
    """Take out outputs, run counts and widget state; of the metadata, keep only the tags."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = {name: cell.metadata[name] for name in cell.metadata.keys() & {"tags"}}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(notebook) + "\n"


if __name__ == "__main__":
    for path in FOLDER.glob("*.ipynb"):
        path.write_text(clean(path.read_text(encoding="utf-8")), encoding="utf-8")
