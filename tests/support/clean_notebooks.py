"""Notebooks as they are committed: nothing in them that a run or a machine has left.

`python tests/support/clean_notebooks.py` makes them so, and test_notebooks.py refuses any other.
"""

from __future__ import annotations

from pathlib import Path

import nbformat

FOLDER = Path(__file__).parents[2] / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def cleaned(text: str) -> str:
    """A notebook without outputs, run counts and widget state; of its metadata, only the tags."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = {name: cell.metadata[name] for name in cell.metadata.keys() & {"tags"}}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(notebook) + "\n"


if __name__ == "__main__":
    for path in FOLDER.glob("*.ipynb"):
        path.write_text(cleaned(path.read_text(encoding="utf-8")), encoding="utf-8")
