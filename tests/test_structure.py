"""What the tree itself promises: exports, floors, names, and how little an import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import contactkit as ck
from contactkit._providers import names
from tests.support.sockets import saying, talking

PACKAGE = Path(ck.__file__).parent
ROOT = PACKAGE.parent
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
KNOWS_PROVIDERS = {
    "cli/demo.py",
    *(f"{where}/{n}.py" for n in names() for where in ("_providers", "simulator/rules")),
    *(f"_providers/{n}/__init__.py" for n in names()),
}


def test_every_public_name_is_there_and_sorted():
    assert ck.__all__ == sorted(ck.__all__, key=lambda name: (not name.isupper(), name))
    for name in ck.__all__:
        assert getattr(ck, name) is not None
    assert set(ck.__all__) <= set(dir(ck))


def test_the_names_that_a_checker_sees_are_the_names_that_a_program_gets():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    seen = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("contactkit.")
        for alias in node.names
    }
    assert seen == set(ck.__all__)


def test_no_module_hides_a_public_name():
    assert not {path.stem for path in PACKAGE.iterdir()} & set(ck.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = ck.nothing_like_it


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_importing_contactkit_loads_nothing_heavy():
    code = "import sys, contactkit; print(*sys.modules)"
    loaded = {name.partition(".")[0] for name in run(code).split()}
    assert "contactkit" in loaded
    assert not loaded & {
        "pandas",
        "numpy",
        "httpx",
        "aiohttp",
        "ipywidgets",
        "pydantic",
        "respx",
        "tqdm",
        "matplotlib",
    }


def test_aiohttp_is_loaded_when_the_awaiting_door_first_sends():
    code = """
import asyncio, sys, contactkit as ck
simulated = ck.connect("sent", via=ck.Simulator())
asyncio.run(simulated.aio.contacts.list())
client = ck.connect("sent", api_key="k", base_url="http://127.0.0.1:PORT")
for call in (client.contacts.list, lambda: asyncio.run(client.aio.contacts.list())):
    try:
        call()
    except ck.AuthenticationError:
        print("aiohttp" in sys.modules)
"""
    refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}"
    with talking(saying(refusal)) as port:
        found = run(code.replace("PORT", str(port)))
    assert found.split() == ["False", "True"]


def test_errors_can_be_caught_without_loading_pandas():
    code = "import sys, contactkit as ck; ck.NotFoundError; print('pandas' in sys.modules)"
    assert run(code).strip() == "False"


def test_the_floors_hold():
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("module", [each for each in MODULES if each not in KNOWS_PROVIDERS])
def test_no_provider_is_known_by_name_but_in_its_own_files(module):
    tree = ast.parse((PACKAGE / module).read_text())
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert not strings & {"sent", "privy", "sendblue", "digital_onboarding"}


@pytest.mark.parametrize(
    "package",
    sorted(path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("*/__init__.py")),
)
def test_every_package_has_its_tests(package):
    assert list((ROOT / "tests" / package.lstrip("_")).rglob("test_*.py"))


def test_the_root_has_three_modules():
    assert {path.name for path in PACKAGE.glob("*.py")} == {
        "__init__.py",
        "_redact.py",
        "errors.py",
    }


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is(module):
    assert ast.get_docstring(ast.parse((PACKAGE / module).read_text()))
