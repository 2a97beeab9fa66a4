"""The terms of a provider's API: rate limits, repeated writes, dry runs, and what undoing needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `requests` in `seconds`; `header` is its template, such as X-RateLimit-{}-Day."""

    requests: int
    seconds: float
    header: str = "X-RateLimit-{}"

    @cached_property
    def headers(self) -> tuple[str, str, str]:
        """The headers, in lower case, with the limit, what is left of it, and its next reset."""
        limit, left, reset = map(self.header.lower().format, ("limit", "remaining", "reset"))
        return limit, left, reset


@dataclass(frozen=True, kw_only=True)
class Idempotency:
    """The header that makes a repeated write harmless, and the form of its key.

    A key is valid for `life` seconds; the header `replayed` marks a repeated response.
    """

    header: str
    pattern: str
    longest: int
    life: float
    replayed: str


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """How to request a check without a change, and the response header that confirms it."""

    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    confirmed: str


@dataclass(frozen=True, kw_only=True)
class Undo:
    """What undoing a write needs besides its fields, and what `remains` done."""

    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    remains: str = ""
