"""The notebooks in JupyterLab and the dashboard in Voila, on loopback only.

Both run in this very process, so that its end is theirs. What a notebook holds is not known here.
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
# Voila's page asks a CDN for icons. Under this policy the browser asks nobody but Voila.
_POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
VOILA_SETTINGS = {"headers": {"Content-Security-Policy": _POLICY}}
# Ctrl-C is the answer, not a question.
_ANSWER = "--ServerApp.answer_yes=True"
# A page that is closed cannot end its kernel, for Voila's server refuses to hear of it.
_CULLING = "--MappingKernelManager.cull_idle_timeout=300"


def open_lab(arguments: Sequence[str]) -> NoReturn:
    """Run JupyterLab on the notebooks until Ctrl-C; the arguments are handed on to it."""
    passed = _handed_on(arguments)
    program = _program("jupyterlab.labapp", "LabApp")
    ours = (f"--ServerApp.root_dir={_folder()}", f"--ServerApp.ip={_LOOPBACK}", _ANSWER)
    _run(program, *ours, *passed)


def serve_dashboard(arguments: Sequence[str]) -> NoReturn:
    """Serve the dashboard with Voila until Ctrl-C; the arguments are handed on to it."""
    passed = _handed_on(arguments)
    program = _program("voila.app", "Voila")
    ours = (f"--Voila.notebook_path={_home() / _DASHBOARD}", f"--Voila.ip={_LOOPBACK}", _CULLING)
    _run(program, *ours, *passed, tornado_settings=VOILA_SETTINGS)


def _run(program: Any, *arguments: str, **settings: object) -> NoReturn:
    program.launch_instance(list(arguments), **settings)
    sys.stdout.flush()
    sys.stderr.flush()
    # A request that is cut short leaves JupyterLab a thread, for which exiting would wait for ever.
    os._exit(0)


def _handed_on(arguments: Sequence[str]) -> list[str]:
    addresses = [found for each in arguments if (found := _ADDRESS.fullmatch(each))]
    for found in addresses:
        if found["value"] != _LOOPBACK:
            raise ConfigurationError(f"the address is always {_LOOPBACK}: leave out {found[0]}")
    given = {found[0] for found in addresses}
    return [each for each in arguments if each not in given]


def _program(module: str, name: str) -> Any:
    try:
        # Voila does not bring the kernel that the notebooks run in.
        import_module("ipykernel")
        return getattr(import_module(module), name)
    except ImportError:
        raise ConfigurationError(
            'the notebooks need their extra: python -m pip install "contactkit[lab]"'
        ) from None


def _home() -> Path:
    """The notebooks beside this file in a wheel, or at the top of a checkout."""
    homes = (_PACKAGE / "notebooks", _PACKAGE.parent / "notebooks")
    found = next((home for home in homes if (home / _DASHBOARD).is_file()), None)
    if found is None:
        raise ConfigurationError(f"the notebooks are missing: looked for {homes[0]}")
    return found


def _folder() -> Path:
    """Where the notebooks may be changed: the checkout's own, or a copy of the wheel's."""
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
    """Copy what is not there yet; how many files that were."""
    places = {file: folder / file.relative_to(home) for file in home.rglob("*") if file.is_file()}
    new = {file: place for file, place in places.items() if not place.exists()}
    for file, place in new.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return len(new)
