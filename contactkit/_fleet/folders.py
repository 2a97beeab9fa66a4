"""Whether processes see one folder: what the first of them notes in it, all others read."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

from contactkit._frames.paths import reason_of
from contactkit.errors import ConfigurationError

ELSEWHERE = "is not the folder that the call began in: give one that all workers share"
_ID = "_folder"
_PATIENCE, _NAP = 5.0, 0.01


def identify(folder: Path) -> str:
    """What identifies a folder, on every machine that sees it; it is made if there is none."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder}: cannot be written: {reason_of(error)}"
        raise ConfigurationError(message) from None
    return note_once(folder / _ID, uuid.uuid4().hex)


def is_folder(folder: Path, id: str) -> bool:
    """Whether this process sees the folder with this id."""
    try:
        return (folder / _ID).read_text() == id
    except OSError:
        return False


def note_once(file: Path, text: str) -> str:
    """Note a text in a new file, or read what another process has noted there.

    ConfigurationError if the file cannot be made.
    """
    try:
        _write_once(file, text)
    except FileExistsError:
        return _read_noted(file)
    except OSError as error:
        message = f"{file}: cannot be written: {reason_of(error)}"
        raise ConfigurationError(message) from None
    return text


def _write_once(file: Path, text: str) -> None:
    """Write a new file at once: an empty one, as on a full disk, would be in everyone's way."""
    part = file.with_name(f"{file.name}-{uuid.uuid4().hex}")
    try:
        _write_new(part, text)
        try:
            file.hardlink_to(part)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):
            # Not every disk has links, and a browser has none.
            _write_new(file, text)
    finally:
        part.unlink(missing_ok=True)


def _write_new(file: Path, text: str) -> None:
    with open(file, "x", opener=_open_private) as opened:
        opened.write(text)


def _open_private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _read_noted(file: Path) -> str:
    until = time.monotonic() + _PATIENCE
    while not (text := _read(file)):
        # Another process is about to write it, unless it was killed.
        if time.monotonic() > until:
            raise ConfigurationError(f"{file}: is empty: remove it")
        time.sleep(_NAP)
    return text


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "is not text"
        raise ConfigurationError(f"{file}: cannot be read: {reason}: remove it") from None
