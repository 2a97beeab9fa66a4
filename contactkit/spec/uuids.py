"""Ids that are UUIDs: their form, and the one spelling in which they are sent."""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
ALLOWED = "must be a UUID, such as 6ba7b810-9dad-11d1-80b4-00c04fd430c8"


def check(value: str) -> str:
    """The value; ValueError if it is not a UUID."""
    if not _UUID.fullmatch(value):
        raise ValueError(ALLOWED)
    return value


def normalise(value: str) -> str:
    """A UUID in lower case, since capitals make no other one; ValueError if it is none."""
    return check(value).lower()
