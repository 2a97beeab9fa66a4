"""Runs a command on a real terminal of 80 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
from collections.abc import Sequence
from subprocess import DEVNULL
from typing import Any

from tests.support.programs import Program

COLUMNS = 80


def on_a_terminal(*arguments: Any, code: str = "") -> list[str]:
    """Every line that a program's standard error has shown; a finished line ends in <end>."""
    ours, theirs = _open()
    with Program(*arguments, code=code, stderr=theirs, stdout=DEVNULL) as process:
        os.close(theirs)
        output = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    assert process.returncode == 0, output
    return output.replace("\r\n", "\r<end>").split("\r")


def answer(arguments: Sequence[Any], question: str, keys: str) -> tuple[int | None, str]:
    """The status of `contactkit`, and all it shows, if these keys are typed at the question."""
    ours, theirs = _open()
    with Program(*arguments, stdin=theirs, stdout=theirs, stderr=theirs, terminal=True) as program:
        os.close(theirs)
        output = ""
        while part := _read(ours).decode():
            output += part
            if keys and output.endswith(question):
                os.write(ours, keys.encode())
                keys = ""
    os.close(ours)
    return program.returncode, output.replace("\r\n", "\n")


def _open() -> tuple[int, int]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    return ours, theirs


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other end is closed
        return b""
