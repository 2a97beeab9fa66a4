"""Pyodide's lock file for a set of wheels: a cell that imports one loads all that it needs."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
# They start programs or serve pages, which a browser cannot; the kernel has its own in their place.
USELESS = {"jupyterlab-widgets", "pexpect", "ptyprocess", "widgetsnbextension"}
# contactkit loads them late, so nothing in a cell names them.
LATE = ("matplotlib", "tzdata")
BROWSER = {
    "extra": "",
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "wasm32",
    "platform_python_implementation": "CPython",
    "platform_system": "Emscripten",
    "python_full_version": "3.14.0",
    "python_version": "3.14",
    "sys_platform": "emscripten",
}


class MissingWheelError(Exception):
    """A wheel needs another that is not there."""


def write_distribution(core: Path, wheels: Path, folder: Path) -> None:
    """Copy Pyodide's files and these wheels to a folder, with a lock file of just these wheels."""
    folder.mkdir(parents=True)
    for name in CORE:
        shutil.copy(core / name, folder)
    found = {wheel: _metadata(wheel) for wheel in sorted(wheels.glob("*.whl"))}
    named = {canonicalize_name(meta["Name"]): wheel for wheel, meta in found.items()}
    packages = {
        name: _entry(wheel, found[wheel], named)
        for name, wheel in named.items()
        if name not in USELESS
    }
    packages["contactkit"]["depends"] += LATE
    lock = json.loads((core / "pyodide-lock.json").read_text())
    (folder / "pyodide-lock.json").write_text(json.dumps(lock | {"packages": packages}, indent=1))
    for name in packages:
        shutil.copy(named[name], folder)


def _entry(wheel: Path, meta: Message, named: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "name": meta["Name"],
        "version": meta["Version"],
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": sorted({*_imports(wheel)}),
        "depends": sorted({*_depends(meta, named)}),
        "unvendored_tests": False,
        "shared_library": False,
    }


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = (
            name
            for name in archive.namelist()
            if name.endswith(".dist-info/METADATA") and name.count("/") == 1
        )
        return message_from_bytes(archive.read(name))


def _imports(wheel: Path) -> Iterable[str]:
    """The names of a wheel's top packages and modules."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            top, slash, _ = name.partition("/")
            if name.endswith((".py", ".so")):
                module = top if slash else top.partition(".")[0]
                if module.isidentifier():
                    yield module


def _depends(meta: Message, named: Mapping[str, Path]) -> Iterable[str]:
    """The wheels that one needs in a browser; pip evaluates the markers for its own machine."""
    for line in meta.get_all("Requires-Dist") or []:
        needed = Requirement(line)
        name = canonicalize_name(needed.name)
        if name in USELESS or (needed.marker and not needed.marker.evaluate(BROWSER)):
            continue
        if name not in named:
            raise MissingWheelError(f"{meta['Name']} needs {line}")
        yield name
