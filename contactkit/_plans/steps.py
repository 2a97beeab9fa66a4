"""The steps that the flow of one contact's write yields, its settings, and its result."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from contactkit._http.response import utc
from contactkit._http.results import Row, build_row
from contactkit._http.session import Answer, Request, Session, Wait
from contactkit._journal.store import Intent
from contactkit._plans.change import PlannedWrite
from contactkit._plans.progress import Progress
from contactkit.errors import ContactKitError
from contactkit.spec.outcome import Outcome

Entry: TypeAlias = Mapping[str, Any]
OnConflict: TypeAlias = Literal["refuse", "reread"] | None
T = TypeVar("T")
TAKEN = "another process is applying it"
"""How the message of a contact begins that another process has; its outcome is skipped."""


@dataclass(frozen=True)
class AwaitSlot:
    """Wait until the next request may be sent."""


@dataclass
class JournalIntent:
    """Record a write before it is sent; the `id` is None if another process has the write."""

    intent: Intent
    id: int | None = None


Writing: TypeAlias = Generator[Request | Wait | AwaitSlot | JournalIntent, Answer, T]


class Stopped(BaseException):
    """The apply has stopped and this contact is not sent; the text says why."""


class Taken(ContactKitError):
    """Another process has this contact's row in the journal."""


@dataclass(frozen=True, kw_only=True)
class ApplySettings:
    """The options of one apply, checked; `plan` and `account` are the plan's in the journal.

    `opt_in` is the plan's own; it does not hold for noes that were deleted after
    `suppressed_since`. A `stop_after_failures` below 1 is a share of the contacts that are
    sent.
    """

    session: Session
    plan: str
    account: str
    opt_in: bool
    suppressed_since: float
    dry_run: bool
    limit: int | None
    stop_after_failures: float | None
    concurrency: int
    on_conflict: OnConflict
    patience: float
    report: Callable[[Progress], None] | None

    def most_failures(self, count: int) -> float:
        """How many failures stop an apply that sends this many contacts."""
        most = self.stop_after_failures
        if most is None:
            return math.inf
        return max(1, math.ceil(most * count)) if isinstance(most, float) else most


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingWrite:
    """One contact to write: its row in the journal, and the id of the last entry `seen` there.

    `earlier` is that entry, if it was an attempt at the same write; if it is `in_doubt` it may have
    been carried out. `keys` is the number of idempotency keys under which the row was sent.
    """

    planned: PlannedWrite
    row: int
    seen: int = 0
    earlier: Entry | None = None
    in_doubt: bool = False
    keys: int = 0


@dataclass(kw_only=True, slots=True)
class WriteResult:
    """One contact's result row, its open entry, and a reason to stop the apply, if any."""

    row: Row
    id: int | None = None
    stop: str = ""
    unanswered: bool = False


def unsent_row(session: Session, planned: PlannedWrite, outcome: Outcome, message: str) -> Row:
    """The result row of a contact without a response."""
    return build_row(
        session.provider,
        planned.operation,
        outcome,
        key=planned.key,
        changed=[*planned.changes] if outcome == Outcome.PLANNED else [],
        before=planned.before,
        message=message,
        at=utc(session.clock.now()),
    )
