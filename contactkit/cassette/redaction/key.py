"""The pseudonym key, which belongs to the user and is in no recording.

It is the environment variable CONTACTKIT_PSEUDONYM_KEY, which a team may share, or a file in the
user's configuration folder, created with the first recording.
"""

from __future__ import annotations

import os

import platformdirs

from contactkit._frames import key_file
from contactkit._frames.key_file import KeyFile, check_key

VARIABLE = "CONTACTKIT_PSEUDONYM_KEY"


def pseudonym_key() -> bytes | None:
    """The key; None if there is none yet."""
    return _shared_key() or _file().read()


def ensure_pseudonym_key() -> bytes:
    """The key; if there is none, it is created, readable only by the user."""
    return _shared_key() or _file().ensure()


def fingerprint(key: bytes) -> str:
    """A short digest that distinguishes keys and does not reveal them."""
    return key_file.fingerprint(key, "contactkit cassette")


def _shared_key() -> bytes | None:
    text = os.environ.get(VARIABLE, "")
    return check_key(text, f"the environment variable {VARIABLE}") if text else None


def _file() -> KeyFile:
    path = platformdirs.user_config_path("contactkit") / "pseudonym.key"
    return KeyFile(path, f"or set {VARIABLE}")
