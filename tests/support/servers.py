"""Voila and JupyterLab as real servers, each on a folder of its own for notebooks.

They know nothing of the person who runs the tests: no configuration, and no credential.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from contactkit.cli.lab import VOILA_SETTINGS
from tests.support.ports import free_port, wait_for

TOKEN = "browser-tests"
ROOT = ["--allow-root"] if os.name == "posix" and os.getuid() == 0 else []
# JupyterLab would ask what is new, on top of the page.
_NEWS = {"fetchNews": "false", "checkForUpdates": False}
QUIET = {"@jupyterlab/apputils-extension:notification": _NEWS}


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where it answers, and the folder that it serves."""

    address: str
    folder: Path


@contextmanager
def voila(home: Path) -> Iterator[Server]:
    """Voila, under the settings that users have it under."""
    config = {"Voila": {"tornado_settings": VOILA_SETTINGS}}
    _write(home / "config" / "voila.json", config)
    port = free_port()
    arguments = [f"--port={port}", "--Voila.ip=127.0.0.1", "--show_tracebacks=True"]
    with _served(home, port, "voila", *arguments, str(home / "notebooks")) as server:
        yield server


@contextmanager
def lab(home: Path) -> Iterator[Server]:
    """JupyterLab, whose application is exposed to the tests."""
    _write(home / "config" / "labconfig" / "default_setting_overrides.json", QUIET)
    port = free_port()
    arguments = [
        f"--port={port}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={home / 'notebooks'}",
        f"--IdentityProvider.token={TOKEN}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.extension_manager=readonly",
        *ROOT,
    ]
    with _served(home, port, "jupyterlab", *arguments) as server:
        yield server


def end_kernel(server: Server, kernel: str) -> None:
    """End one kernel of Voila's."""
    same = "0" * 32
    httpx.post(
        f"{server.address}/voila/api/shutdown/{kernel}",
        cookies={"_xsrf": same},
        headers={"X-XSRFToken": same},
        trust_env=False,
    ).raise_for_status()


def end_sessions(server: Server) -> None:
    """End all sessions of JupyterLab's: it would go on with the kernel that a path had."""
    key = {"Authorization": f"token {TOKEN}"}
    with httpx.Client(base_url=f"{server.address}/api", headers=key, trust_env=False) as client:
        for session in client.get("sessions").raise_for_status().json():
            client.delete(f"sessions/{session['id']}").raise_for_status()


@contextmanager
def _served(home: Path, port: int, module: str, *arguments: str) -> Iterator[Server]:
    folder = home / "notebooks"
    folder.mkdir()
    command = [sys.executable, "-m", module, "--no-browser", *arguments]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(home), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            wait_for(port)
            yield Server(address=f"http://127.0.0.1:{port}", folder=folder)
        finally:
            _end(process)


def _environment(home: Path) -> dict[str, str]:
    private = ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        **{name: str(home / name) for name in private},
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
