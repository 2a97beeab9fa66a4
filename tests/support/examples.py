"""How many examples a property is tried with."""

from __future__ import annotations

import os

FACTOR = float(os.environ.get("CONTACTKIT_EXAMPLES", "0.25"))


def examples(all: int) -> int:
    """A part of them, as CONTACTKIT_EXAMPLES says: a quarter without it, 1 in `.ci/run`."""
    return max(3, round(all * FACTOR))
