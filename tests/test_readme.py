"""The README says what is so: its code runs with the output it shows, and its tables are whole."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from contactkit._providers import find, names

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = [
    'python -m pip install -e ".[demo]" && contactkit demo',
    'python -m pip install -e ".[test]" && python -m pytest',
]


def test_the_code_runs_with_the_output_it_shows():
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README", "README.md", 0)
    found: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=found.append)
    assert result.attempted > 8
    assert result.failed == 0, "".join(found)


def test_it_opens_with_one_sentence_and_the_two_commands():
    first, *rest = README.split("\n\n")
    assert first.count(".") == 1 and "\n" not in first
    assert [block.splitlines()[1] for block in rest[:2]] == COMMANDS


@pytest.mark.parametrize("name", names())
def test_every_credential_is_listed(name):
    provider = find(name)
    for each in provider.credentials:
        assert f"| `{each.name}` | `{each.env}` |" in README


def test_every_floor_is_drawn():
    contracts = (ROOT / "pyproject.toml").read_text()
    layers = re.search(r"layers = \[(.*?)\]", contracts, re.DOTALL)
    assert layers
    drawn = README[README.index("## Architecture") :]
    for module in re.findall(r"contactkit\.(\w+)", layers[1]):
        assert re.search(rf"\b{module}\b", drawn)
