"""What the flow of one contact's write asks of whoever drives it, and what it ends with."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, TypeVar

from contactkit._http.session import Answer, Request, Session, Wait
from contactkit._journal.store import Intent
from contactkit._plans.change import PlannedWrite

Row: TypeAlias = dict[str, Any]
Entry: TypeAlias = Mapping[str, Any]
OnConflict: TypeAlias = Literal["refuse", "reread"] | None
T = TypeVar("T")


@dataclass(frozen=True)
class AwaitSlot:
    """Wait until the next request may go."""


@dataclass
class JournalIntent:
    """Have the journal put a write down before it is sent: then it has an `id`, or is not ours."""

    intent: Intent
    id: int | None = None


Writing: TypeAlias = Generator[Request | Wait | AwaitSlot | JournalIntent, Answer, T]


class Stopped(BaseException):
    """Nothing more is to be sent, and what waits is given up; its text says why."""


@dataclass(frozen=True, kw_only=True)
class ApplySettings:
    """What all contacts of one apply share; `plan` is what the journal knows the plan by."""

    session: Session
    plan: str
    dry_run: bool
    on_conflict: OnConflict


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingWrite:
    """One contact to write: its row in the journal, and the number of the last entry `seen` there.

    `earlier` is that entry, where it was an attempt at the same; a `doubted` one may have been
    carried out, and an `open` one is the caller's to close.
    """

    planned: PlannedWrite
    row: int
    seen: int = 0
    earlier: Entry | None = None
    doubted: bool = False
    open: bool = False


@dataclass(kw_only=True, slots=True)
class WriteResult:
    """What became of a contact: its result row, its open entry, and why all others must stop."""

    row: Row
    id: int | None = None
    stop: str = ""
    lost: bool = False


def told(session: Session, planned: PlannedWrite, outcome: str, message: str) -> Row:
    """The result row of a contact that was not sent."""
    return {
        "provider": session.provider.name,
        "key": planned.key or None,
        "operation": planned.operation,
        "outcome": outcome,
        "changed": [*planned.changes] if outcome == "planned" else [],
        "before": planned.before,
        "message": message,
        "at": datetime.fromtimestamp(session.clock.now(), UTC),
    }
