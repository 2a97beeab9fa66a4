"""Which value has which pseudonym: no two have the same one, and no value is written down."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from itertools import count
from typing import TypeAlias

Candidate: TypeAlias = Callable[[bytes, int], str]


class Owners:
    """The listed pseudonyms, and their owners: hashes of the values under one key.

    Those that are `listed` at first are of an earlier run.
    """

    def __init__(self, key: bytes, listed: dict[str, str]) -> None:
        self.listed = listed
        self._touched: dict[str, str] = {}
        self._key = key
        self._earlier = {owner: pseudonym for pseudonym, owner in listed.items()}

    @property
    def has_earlier(self) -> bool:
        """Whether an earlier run has listed any."""
        return bool(self._earlier)

    def is_earlier(self, kind: str, value: str) -> bool:
        """Whether an earlier run has replaced this value."""
        return self._owner(kind, value) in self._earlier

    def take_touched(self) -> dict[str, str]:
        """Those that were used since the last call, with their owners."""
        touched, self._touched = self._touched, {}
        return touched

    def keep(self, kind: str, value: str) -> str:
        """List a value that stays as it is."""
        self._touched[value] = self.listed.setdefault(value, self._owner(kind, value))
        return value

    def assign(self, kind: str, value: str, candidate: Candidate) -> str:
        """The listed pseudonym of a value, or the first free candidate."""
        owner = self._owner(kind, value)
        pseudonym = self._earlier.get(owner)
        if pseudonym is None:
            candidates = (candidate(self._noise(kind, value, n), n) for n in count())
            free = (c for c in candidates if c and self.listed.setdefault(c, owner) == owner)
            pseudonym = next(free)
        self._touched[pseudonym] = owner
        return pseudonym

    def _owner(self, kind: str, value: str) -> str:
        return self._noise(f"owner of {kind}", value, 0)[:8].hex()

    def _noise(self, kind: str, value: str, tries: int) -> bytes:
        message = f"{kind}\0{tries}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, message, "sha256")
