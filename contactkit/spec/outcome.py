"""The outcomes of a write, one per contact, and the groups that decide what comes next."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What happened to a contact: the values of a result frame's `outcome` column.

    `refused`: the provider or contactkit refused, and nothing was written. `failed`: nothing was
    written for another reason. `unknown`: the write was sent, but its result is not known.
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


OF_VERB = {"create": Outcome.CREATED, "update": Outcome.UPDATED, "delete": Outcome.DELETED}
WRITTEN = (*OF_VERB.values(),)
DONE = (*WRITTEN, Outcome.UNCHANGED)
FAILURES = (Outcome.REFUSED, Outcome.FAILED, Outcome.UNKNOWN)
OPEN = (Outcome.PLANNED, Outcome.FAILED, Outcome.UNKNOWN)
"""Outcomes after which another apply would send the write."""
