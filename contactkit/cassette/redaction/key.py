"""The pseudonym key, which belongs to the user and is in no recording.

It is the environment variable CONTACTKIT_PSEUDONYM_KEY, which a team may share, or a file in the
user's configuration folder, created with the first recording.
"""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

import platformdirs

from contactkit.errors import ConfigurationError

VARIABLE = "CONTACTKIT_PSEUDONYM_KEY"
_SHORTEST = 16


def pseudonym_key() -> bytes | None:
    """The key; None if there is none yet."""
    if text := os.environ.get(VARIABLE, ""):
        return _check(text, f"the environment variable {VARIABLE}")
    try:
        return _check(_file().read_text("ascii").strip(), str(_file()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{_file()} cannot be read: {type(error).__name__}") from None


def ensure_pseudonym_key() -> bytes:
    """The key; if there is none, it is created, readable only by the user."""
    key = pseudonym_key()
    if key is not None:
        return key
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        # The file is complete before it gets its name; of two concurrent ones the first stays.
        opened, name = tempfile.mkstemp(dir=_file().parent)
        with os.fdopen(opened, "w") as file:
            file.write(secrets.token_hex(32))
        with suppress(FileExistsError):
            os.link(name, _file())
        os.unlink(name)
    except OSError as error:
        message = f"{_file()} cannot be created ({type(error).__name__}); or set {VARIABLE}"
        raise ConfigurationError(message) from None
    return ensure_pseudonym_key()


def fingerprint(key: bytes) -> str:
    """A short digest that distinguishes keys and does not reveal them."""
    return hmac.digest(key, b"contactkit cassette", "sha256")[:4].hex()


def _file() -> Path:
    return platformdirs.user_config_path("contactkit") / "pseudonym.key"


def _check(text: str, source: str) -> bytes:
    if len(text) < _SHORTEST:
        raise ConfigurationError(f"{source} must have at least {_SHORTEST} characters")
    return text.encode()
