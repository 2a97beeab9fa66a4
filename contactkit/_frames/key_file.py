"""A secret key of the user's own in a file that only they can read."""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from contactkit._frames.paths import check_file
from contactkit.errors import ConfigurationError

_SHORTEST = 16


class KeyFile:
    """The key in one file, readable only by the user; an error advises the `remedy`, if any."""

    def __init__(self, path: Path, remedy: str = "") -> None:
        self.path = path
        self._remedy = remedy

    def read(self) -> bytes | None:
        """The key; None if there is no file."""
        try:
            check_file(self.path)
            return check_key(self.path.read_text("ascii").strip(), str(self.path))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            why = f"{self.path} cannot be read: {type(error).__name__}"
            raise ConfigurationError(why) from None

    def ensure(self) -> bytes:
        """The key; if there is none, it is created."""
        return self.read() or self._create(secrets.token_hex(32).encode())

    def keep(self, key: bytes) -> None:
        """Save this key; ConfigurationError if the file has another one."""
        if (self.read() or self._create(key)) != key:
            raise ConfigurationError(f"{self.path} has another key; it is not replaced")

    def _create(self, key: bytes) -> bytes:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # The file is complete before it gets its name; of two concurrent ones the first stays.
            # A browser's file system has no links, and nothing else writes to it.
            opened, name = tempfile.mkstemp(dir=self.path.parent)
            with os.fdopen(opened, "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                getattr(os, "link", os.rename)(name, self.path)
            Path(name).unlink(missing_ok=True)
        except OSError as error:
            why = f"{self.path} cannot be created ({type(error).__name__})"
            message = f"{why}; {self._remedy}" if self._remedy else why
            raise ConfigurationError(message) from None
        return self.ensure()


def check_key(text: str, source: str) -> bytes:
    """A key as bytes; ConfigurationError if it is too short."""
    if len(text) < _SHORTEST:
        raise ConfigurationError(f"{source} must have at least {_SHORTEST} characters")
    return text.encode()


def fingerprint(key: bytes, purpose: str) -> str:
    """A short digest that distinguishes keys and does not reveal them."""
    return hmac.digest(key, purpose.encode(), "sha256")[:4].hex()
