"""The pages of the site in Markdown: README, guide, executed notebooks and the public names."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import contactkit

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
REPOSITORY_PAGES = ("CHANGELOG.md", "CONTRIBUTING.md")
# On the site all pages are in one folder.
_MOVED = re.compile(r"\]\((?:\.\./)*(?:notebooks/)?(?:guide/)?([\w-]+)\.(?:md|ipynb)\b")
_PICTURES = re.compile(r"\]\((?:\.\./)*data/pictures/")


def write_pages(folder: Path) -> None:
    """Write all pages, and what they show, into an empty folder."""
    shutil.copytree(ROOT / "data" / "pictures", folder / "pictures")
    shutil.copy(ROOT / "LICENSE", folder / "license.md")
    for page in REPOSITORY_PAGES:
        _write(folder / page, (ROOT / page).read_text())
    _write(folder / "index.md", (ROOT / "README.md").read_text())
    for page in (NOTEBOOKS / "guide").glob("*.md"):
        _write(folder / page.name, page.read_text())
    _execute_notebooks(folder)
    (folder / "api.md").write_text(api())


def _write(path: Path, text: str) -> None:
    text = _PICTURES.sub("](pictures/", _MOVED.sub(r"](\1.md", text))
    path.write_text(text.replace("](LICENSE)", "](license.md)"))


def _execute_notebooks(folder: Path) -> None:
    notebooks = [str(path) for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    command = ["nbconvert", "--execute", "--to", "markdown", "--output-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "jupyter", *command, *notebooks], check=True)


def api() -> str:
    """A page with the docstring of every public name."""
    names = "\n\n".join(f"::: contactkit.{name}" for name in contactkit.__all__)
    return f"# API\n\n{names}\n"
