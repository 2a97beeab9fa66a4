"""Looks at a path before anything is opened: only a regular file is read or replaced.

A pipe would wait for ever, and opening a device can change it. Whatever is wrong with a path is an
OSError here, even where Python raises ValueError, and each caller raises its own error from it.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def status_of(path: str | Path) -> os.stat_result | None:
    """The status of whatever is at a path, None for nothing; OSError if nothing can be there."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
    except ValueError:
        message = "has a character that no path can have"
        raise OSError(errno.EINVAL, message, str(path)) from None


def has_file(path: str | Path) -> bool:
    """Whether a regular file is at a path; OSError if anything else is, or if nothing can be."""
    status = status_of(path)
    if status is None:
        return False
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "is not a regular file", str(path))
    return True


def is_folder(path: str | Path) -> bool:
    """Whether a folder is at a path; OSError if nothing can be."""
    status = status_of(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def check_file(path: str | Path) -> None:
    """Raise OSError unless a regular file is at this path."""
    if not has_file(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def reason_of(error: Exception) -> str:
    """What is wrong with a file, without its path."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
