"""The outcomes of a write, one a contact, and the groups of them that decide what comes next."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What happened to a contact; the `outcome` column of a result frame holds it as text.

    `refused`: the provider or contactkit said no, and nothing was written. `failed`: nothing was
    written for another reason. `unknown`: the write was sent, and its result is not known.
    """

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    PLANNED = "planned"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


OF_VERB = {
    "create": Outcome.CREATED,
    "update": Outcome.UPDATED,
    "delete": Outcome.DELETED,
}
WRITTEN = (*OF_VERB.values(),)
DONE = (*WRITTEN, Outcome.UNCHANGED)
FAILURES = (Outcome.REFUSED, Outcome.FAILED, Outcome.UNKNOWN)
OPEN = (Outcome.PLANNED, Outcome.FAILED, Outcome.UNKNOWN)
"""Outcomes after which another apply would send the write."""
