"""The notebooks in JupyterLab and the dashboard in Voila, on loopback only.

Both run in this process and end with it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from contactkit.errors import ConfigurationError

_PACKAGE = Path(__file__).parents[1]
_DASHBOARD = "dashboard.ipynb"
_COPY = "contactkit-notebooks"
_LOOPBACK = "127.0.0.1"
_ADDRESS = re.compile(r"--?([\w.]+\.)?ip(=(?P<value>.*))?")
# Voila's page loads icons from a CDN. With this policy the browser loads only from Voila.
_POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
VOILA_SETTINGS = {"headers": {"Content-Security-Policy": _POLICY}}
# Ctrl-C ends it without a confirmation.
_ANSWER = "--ServerApp.answer_yes=True"
# A closed page cannot end its kernel, because Voila's server refuses that request.
_CULLING = "--MappingKernelManager.cull_idle_timeout=300"


def open_lab(arguments: Sequence[str]) -> NoReturn:
    """Run JupyterLab on the notebooks until Ctrl-C; the arguments are passed on."""
    passed = _passed_on(arguments)
    program = _program("jupyterlab.labapp", "LabApp")
    ours = (f"--ServerApp.root_dir={_folder()}", f"--ServerApp.ip={_LOOPBACK}", _ANSWER)
    _run(program, *ours, *passed)


def serve_dashboard(arguments: Sequence[str]) -> NoReturn:
    """Serve the dashboard with Voila until Ctrl-C; the arguments are passed on."""
    passed = _passed_on(arguments)
    program = _program("voila.app", "Voila")
    ours = (f"--Voila.notebook_path={_home() / _DASHBOARD}", f"--Voila.ip={_LOOPBACK}", _CULLING)
    _run(program, *ours, *passed, tornado_settings=VOILA_SETTINGS)


def _run(program: Any, *arguments: str, **settings: object) -> NoReturn:
    program.launch_instance(list(arguments), **settings)
    sys.stdout.flush()
    sys.stderr.flush()
    # An aborted request leaves a thread in JupyterLab that would block a normal exit.
    os._exit(0)


def _passed_on(arguments: Sequence[str]) -> list[str]:
    addresses = [match for text in arguments if (match := _ADDRESS.fullmatch(text))]
    for address in addresses:
        if address["value"] != _LOOPBACK:
            raise ConfigurationError(f"the address is always {_LOOPBACK}; leave out {address[0]}")
    redundant = {address[0] for address in addresses}
    return [text for text in arguments if text not in redundant]


def _program(module: str, name: str) -> Any:
    try:
        # Voila does not install the kernel that the notebooks use.
        import_module("ipykernel")
        return getattr(import_module(module), name)
    except ImportError:
        raise ConfigurationError(
            'the notebooks need their extra: python -m pip install "contactkit[lab]"'
        ) from None


def _home() -> Path:
    """The notebooks in the package of a wheel, or at the top of a checkout."""
    homes = (_PACKAGE / "notebooks", _PACKAGE.parent / "notebooks")
    home = next((path for path in homes if (path / _DASHBOARD).is_file()), None)
    if home is None:
        raise ConfigurationError(f"the notebooks are missing; they should be in {homes[0]}")
    return home


def _folder() -> Path:
    """The folder to edit notebooks in: the checkout's, or a copy of the wheel's."""
    home = _home()
    if home.parent != _PACKAGE:
        return home
    folder = Path.cwd() / _COPY
    try:
        copied = _copy(home, folder)
    except OSError as error:
        raise ConfigurationError(f"cannot copy the notebooks: {error}") from None
    if copied:
        print(f"notebooks copied to {folder}: {copied}", flush=True)
    return folder


def _copy(home: Path, folder: Path) -> int:
    """Copy the files that are missing; returns how many."""
    places = {file: folder / file.relative_to(home) for file in home.rglob("*") if file.is_file()}
    new = {file: place for file, place in places.items() if not place.exists()}
    for file, place in new.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return len(new)
