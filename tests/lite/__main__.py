"""`python -m tests.lite FOLDER`: builds the site into a new folder, which any static host serves.

It needs npm. JupyterLite is installed in a virtual environment of its own, which is removed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

from tests.lite.lock import write_distribution
from tests.lite.wheels import ROOT, fetch_pyodide, fetch_wheels

# The front ends of the widgets are part of the site, and jupyter-server lists the notebooks.
TOOLS = (
    "anywidget==0.11.0",
    "jupyter-server==2.21.1",
    "jupyterlab-widgets==3.0.17",
    "jupyterlite-core==0.8.6",
    "jupyterlite-pyodide-kernel==0.8.6",
)
# A browser starts no processes, and so no cluster.
LEFT_OUT = shutil.ignore_patterns("06_fleet.ipynb")
# What the lock file does not name is not looked for elsewhere.
KERNEL = {"disablePyPIFallback": True}
CONFIG = {
    "jupyter-lite-schema-version": 0,
    "jupyter-config-data": {
        "appName": "contactkit",
        "litePluginSettings": {"@jupyterlite/pyodide-kernel-extension:kernel": KERNEL},
    },
}
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "checkForUpdates": False,
        "fetchNews": "false",
    }
}


def main(site: Path) -> None:
    """Build the site, and say how large it is and how long it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        core = fetch_pyodide(folder)
        wheels = fetch_wheels(core, folder)
        write_distribution(core, wheels, folder / "lite" / "static" / "pyodide")
        build(folder, site)
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    print(f"{site}: {size / 1e6:.0f} MB in {time.monotonic() - began:.0f} s")


def build(folder: Path, site: Path) -> None:
    """Build the site around `lite/static/pyodide` in this folder."""
    lite = folder / "lite"
    _write(lite / "jupyter-lite.json", CONFIG)
    _write(lite / "overrides.json", SETTINGS)
    contents = shutil.copytree(ROOT / "notebooks", folder / "contents", ignore=LEFT_OUT)
    shutil.copytree(ROOT / "data" / "cassettes", contents / "cassettes")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", *TOOLS], check=True)
    command = [str(programs / "jupyter-lite"), "build", "--no-sourcemaps", f"--lite-dir={lite}"]
    command += [f"--contents={contents}", f"--output-dir={site.absolute()}"]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
