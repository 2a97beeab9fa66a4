"""The command line in processes of its own, forked where its packages are already imported.

Importing them takes a second. Arguments, streams, folder, environment, signals and status are those
of the installed program, which a few tests run itself.
"""

from __future__ import annotations

import fcntl
import os
import sys
import termios
import threading
import time
from collections.abc import Sequence
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import DEVNULL, PIPE, CompletedProcess
from typing import Any, TextIO

import pytest

INSTALLED = Path(sys.executable).parent / "contactkit"
MAIN = "from contactkit.cli.main import main; main()"
ROOT = Path(__file__).parents[2]
_PATIENCE = 60
# The modules of the command line itself are not among them: they look at the streams.
_IMPORTED = [
    "contactkit._client.people",
    "contactkit._client.plans",
    "contactkit._fleet.fleet",
    "contactkit.simulator.serve.banner",
    "pyarrow.parquet",
    "tests.support.programs",
    "typer",
]
_context = get_context("forkserver")
_context.set_forkserver_preload(_IMPORTED)


class Program:
    """`contactkit` or other `code` with these arguments, as `subprocess.Popen` would start it.

    On a `terminal`, which is its standard input, it is the first process of a new session.
    """

    def __init__(
        self,
        *arguments: Any,
        code: str = "",
        stdin: int = DEVNULL,
        stdout: int = PIPE,
        stderr: int = PIPE,
        terminal: bool = False,
    ) -> None:
        ends, (_, self.stdout, self.stderr) = zip(*map(_open, (stdin, stdout, stderr)), strict=True)
        _start_server()
        self._process = _context.Process(
            target=_run,
            args=([*map(str, arguments)], code, os.getcwd(), dict(os.environ), ends, terminal),
            daemon=True,
        )
        self._process.start()
        for end in ends:
            end.close()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.join(_PATIENCE)
        self._process.kill()
        self._close()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        assert self._process.pid
        os.kill(self._process.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def communicate(self, timeout: float = _PATIENCE) -> tuple[str, str]:
        """What it still writes, which is not much, until it ends or is killed."""
        killer = threading.Timer(timeout, self._process.kill)
        killer.start()
        out, err = (stream.read() if stream else "" for stream in (self.stdout, self.stderr))
        self._process.join()
        killer.cancel()
        self._close()
        return out, err

    def _close(self) -> None:
        for stream in (self.stdout, self.stderr):
            if stream:
                stream.close()


def run_program(*arguments: Any, code: str = "") -> CompletedProcess[str]:
    """The status and the output of a program."""
    with Program(*arguments, code=code) as program:
        out, err = program.communicate()
    assert program.returncode is not None
    return CompletedProcess([*arguments], program.returncode, out, err)


def _open(stream: int) -> tuple[Connection, TextIO | None]:
    """The program's end of a stream, and ours of a pipe."""
    if stream == PIPE:
        ours, theirs = os.pipe()
        return Connection(theirs), open(ours)
    return Connection(os.open(os.devnull, os.O_RDWR) if stream == DEVNULL else os.dup(stream)), None


def _start_server() -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Only the processes that it forks get `sys.path`.
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, [ROOT, *sys.path])))
        forkserver.ensure_running()


def _run(
    arguments: list[str],
    code: str,
    folder: str,
    environment: dict[str, str],
    streams: Sequence[Connection],
    terminal: bool,
) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    if terminal:
        # A session of its own, whose terminal turns Ctrl-C into a signal.
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)
    sys.argv = ["-c" if code else "contactkit", *arguments]
    exec(code or MAIN, {"__name__": "__main__"})
