"""Runs a command on a real terminal of 80 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from typing import Any

COLUMNS = 80


def on_a_terminal(command: Sequence[Any]) -> list[str]:
    """Every line that standard error has shown; a finished line ends in <end>."""
    ours, theirs = _open()
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        output = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    assert process.returncode == 0, output
    return output.replace("\r\n", "\r<end>").split("\r")


def answer(command: Sequence[Any], question: str, keys: str) -> tuple[int, str]:
    """The exit status and all that was shown, if these keys are typed after the question."""
    ours, theirs = _open()
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    # A session of its own, whose terminal turns Ctrl-C into a signal.
    take = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    run = f"{take}; os.execv(sys.argv[1], sys.argv[1:])"
    program = [sys.executable, "-c", run, *map(str, command)]
    with subprocess.Popen(program, start_new_session=True, **streams) as process:
        os.close(theirs)
        output = ""
        while part := _read(ours).decode():
            output += part
            if keys and output.endswith(question):
                os.write(ours, keys.encode())
                keys = ""
    os.close(ours)
    return process.returncode, output.replace("\r\n", "\n")


def _open() -> tuple[int, int]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    return ours, theirs


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other end is closed
        return b""
