"""Checks the package as a whole: exports, floors, tests of every package, imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import contactkit as ck
from contactkit._providers import names
from tests.support.sockets import answering, listening

PACKAGE = Path(ck.__file__).parent
ROOT = PACKAGE.parent
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
PACKAGES = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
KNOWS_PROVIDERS = {
    "cli/demo.py",
    *(f"simulator/rules/{n}.py" for n in names()),
    *(f"_providers/{n}/__init__.py" for n in names()),
}


def test_public_names_exist_and_are_sorted():
    assert ck.__all__ == sorted(ck.__all__, key=lambda name: (not name.isupper(), name))
    for name in ck.__all__:
        assert getattr(ck, name) is not None
    assert set(ck.__all__) <= set(dir(ck))


def test_type_checker_sees_the_public_names():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("contactkit.")
        for alias in node.names
    }
    assert imported == set(ck.__all__)


def test_no_module_hides_a_public_name():
    assert not {path.stem for path in PACKAGE.iterdir()} & set(ck.__all__)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = ck.nothing_like_it


def run(code: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return finished.stdout


def test_import_loads_no_heavy_package():
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


def test_aiohttp_is_loaded_by_the_first_request_of_an_async_client():
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
    with listening(answering(refusal)) as port:
        printed = run(code.replace("PORT", str(port)))
    assert printed.split() == ["False", "True"]


def test_errors_are_imported_without_pandas():
    code = "import sys, contactkit as ck; ck.NotFoundError; print('pandas' in sys.modules)"
    assert run(code).strip() == "False"


def test_floors_import_only_downwards():
    finished = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout
    assert "0 broken" in finished.stdout


def test_provider_names_are_only_in_provider_files():
    for module in {*MODULES} - KNOWS_PROVIDERS:
        tree = ast.parse((PACKAGE / module).read_text())
        strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not strings & {*names()}, module


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_has_its_tests(package):
    assert list((ROOT / "tests" / package.lstrip("_")).rglob("test_*.py"))


def test_every_package_is_on_one_of_ten_floors():
    contract = (ROOT / "pyproject.toml").read_text().partition("layers = [")[2].partition("]")[0]
    floors = contract.strip().splitlines()
    assert len(floors) == 10
    named = set(re.findall(r"contactkit\.(\w+)", contract))
    assert named == {*PACKAGES, "errors"}


def test_root_has_two_modules():
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "errors.py"}


def test_every_module_has_a_docstring():
    for module in MODULES:
        assert ast.get_docstring(ast.parse((PACKAGE / module).read_text())), module
