"""The README is true: its code prints the output shown, and its tables are complete."""

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


def test_readme_code_prints_the_output_shown():
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README", "README.md", 0)
    failures: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=failures.append)
    assert result.attempted > 8
    assert result.failed == 0, "".join(failures)


def test_readme_opens_with_one_sentence_and_two_commands():
    first, *rest = README.split("\n\n")
    assert first.count(".") == 1 and "\n" not in first
    assert [block.splitlines()[1] for block in rest[:2]] == COMMANDS


@pytest.mark.parametrize("name", names())
def test_readme_lists_every_credential(name):
    provider = find(name)
    for credential in provider.credentials:
        assert f"| `{credential.name}` | `{credential.env}` |" in README


def test_readme_draws_every_floor():
    contracts = (ROOT / "pyproject.toml").read_text()
    layers = re.search(r"layers = \[(.*?)\]", contracts, re.DOTALL)
    assert layers
    drawing = README[README.index("## Architecture") :]
    for module in re.findall(r"contactkit\.(\w+)", layers[1]):
        assert re.search(rf"\b{module}\b", drawing)
