"""The site takes no wheel that Pyodide's lock file does not name, and lacks none that is needed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from tests.lite.lock import CORE, MissingWheelError, write_distribution
from tests.lite.wheels import UnknownWheelError, take_known

NAMED = "named-1.0-py3-none-any.whl"


def lock_of(content: bytes) -> dict[str, dict[str, str]]:
    return {"named": {"file_name": NAMED, "sha256": hashlib.sha256(content).hexdigest()}}


def write_carrier(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "carrier.whl", "w") as archive:
        archive.writestr(f"carrier/pyodide/{NAMED}", b"the wheel")
        archive.writestr("carrier/pyodide/other-1.0-py3-none-any.whl", b"another")
        archive.writestr("carrier/module.py", b"pass")
    return folder / "carrier.whl"


def test_only_named_wheels_are_taken(tmp_path):
    take_known(write_carrier(tmp_path), lock_of(b"the wheel"), tmp_path / "taken")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == [NAMED]


def test_wheel_with_another_sum_is_refused(tmp_path):
    with pytest.raises(UnknownWheelError, match=NAMED):
        take_known(write_carrier(tmp_path), lock_of(b"another wheel"), tmp_path / "taken")


def write_wheel(folder: Path, name: str, *needs: str) -> None:
    lines = [f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {need}" for need in needs)]
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        archive.writestr(f"{name}-1.0.dist-info/METADATA", "\n".join(lines))


@pytest.fixture
def core(tmp_path: Path) -> Path:
    folder = tmp_path / "core"
    folder.mkdir()
    for name in CORE:
        (folder / name).touch()
    (folder / "pyodide-lock.json").write_text('{"info": {"python": "3.14.0"}, "packages": {}}')
    return folder


def test_lock_names_what_a_cell_imports_and_what_that_needs(core, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    needs = ["pandas", "colorama; sys_platform == 'win32'", "rich; extra == 'demo'", "pexpect"]
    write_wheel(wheels, "contactkit", *needs)
    write_wheel(wheels, "pandas")
    write_wheel(wheels, "pexpect")
    write_distribution(core, wheels, tmp_path / "out")
    lock = json.loads((tmp_path / "out" / "pyodide-lock.json").read_text())
    assert lock["info"] == {"python": "3.14.0"} and {*lock["packages"]} == {"contactkit", "pandas"}
    entry = lock["packages"]["contactkit"]
    assert entry["depends"] == ["pandas", "matplotlib", "tzdata"]
    assert entry["imports"] == ["contactkit"]
    file = tmp_path / "out" / entry["file_name"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == entry["sha256"]


def test_missing_wheel_is_an_error(core, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    write_wheel(wheels, "contactkit", "pandas>=2.2")
    with pytest.raises(MissingWheelError, match=r"contactkit needs pandas>=2\.2"):
        write_distribution(core, wheels, tmp_path / "out")
