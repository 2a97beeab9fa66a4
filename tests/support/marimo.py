"""marimo, served from a file, without the settings of the machine's user."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent

from tests.support.jupyter import ROOT_FOLDER
from tests.support.sockets import free_port, wait_for

CELL = """
@app.cell
def _():
{body}
    return
"""


@contextmanager
def marimo(home: Path, *cells: str) -> Iterator[str]:
    """Serve these cells, which share nothing, as an app; its address."""
    file, port = home / "app.py", free_port()
    body = "".join(CELL.format(body=indent(cell, "    ")) for cell in cells)
    file.write_text(f"import marimo\n\napp = marimo.App()\n{body}")
    command = [sys.executable, "-m", "marimo", "run", str(file), "--headless", "--no-token"]
    own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    # It imports the contactkit that is tested, installed or not.
    environment = {**os.environ, **own, "PYTHONPATH": str(ROOT_FOLDER)}
    with (
        (home / "log").open("wb") as log,
        subprocess.Popen(
            [*command, "--host=127.0.0.1", f"--port={port}"],
            cwd=home,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
