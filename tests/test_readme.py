"""README and guide are true: code shows the output below it, and links lead somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from contactkit._providers import find, names
from tests.support.markdown import blocks_of, wrong_outputs

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
GUIDE = ROOT / "notebooks" / "guide"
PAGES = [ROOT / "README.md", *sorted(GUIDE.glob("*.md"))]
PROJECT = (ROOT / "pyproject.toml").read_text()
COMMANDS = [
    'python -m pip install -e ".[demo]" && contactkit demo',
    'python -m pip install -e ".[test]" && python -m pytest',
]
NO_EXTRA = {"test", "unit"}

of_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


@of_page
def test_code_shows_the_output_below_it(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert wrong_outputs(path.read_text()) == []


@of_page
def test_links_lead_to_files_of_the_project(path):
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / link).exists(), link


@of_page
def test_python_blocks_can_be_pasted(path):
    assert not any(code.startswith(">>>") for code, _ in blocks_of(path.read_text()))


def test_readme_has_at_most_180_lines_and_links_every_page_of_the_guide():
    assert len(README.splitlines()) <= 180
    for page in GUIDE.glob("*.md"):
        assert f"](notebooks/guide/{page.name})" in README


def test_site_has_every_page_and_notebook():
    navigation = (ROOT / "tests" / "site" / "zensical.toml").read_text()
    for path in (*GUIDE.glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")):
        assert f'"{path.stem}.md"' in navigation


def test_readme_opens_with_one_sentence_and_a_picture():
    sentence, picture, *_ = README.split("\n\n")
    assert sentence.count(".") == 1 and "\n" not in sentence
    assert picture.startswith("![")


def test_readme_has_two_commands():
    assert re.findall(r"^python -m pip install.*$", README, re.MULTILINE) == COMMANDS


def test_readme_lists_every_extra():
    extras = tomllib.loads(PROJECT)["project"]["optional-dependencies"]
    listed = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert set(listed) == extras.keys() - NO_EXTRA


@pytest.mark.parametrize("name", names())
def test_guide_lists_every_credential(name):
    page = (GUIDE / "accounts.md").read_text()
    for credential in find(name).credentials:
        assert f"| `{credential.name}` | `{credential.env}` |" in page


def test_guide_says_where_to_look():
    table = (GUIDE / "architecture.md").read_text().partition("## Where to look")[2]
    paths = re.findall(r"`(\w+/[\w/.]+)`", table)
    assert len(paths) > 15 and all((ROOT / "contactkit" / path).exists() for path in paths)


def test_guide_draws_every_floor():
    layers = re.search(r"layers = \[(.*?)\]", PROJECT, re.DOTALL)
    assert layers
    drawing = (GUIDE / "architecture.md").read_text()
    for module in re.findall(r"contactkit\.(\w+)", layers[1]):
        assert re.search(rf"\b{module}\b", drawing)
