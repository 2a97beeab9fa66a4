"""What lifts a no that was carried from other contacts: only what `people` can show, for a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from contactkit._plans.change import PlannedWrite
from contactkit._plans.resume import undone_name
from contactkit.errors import ConfigurationError, FieldProblem
from contactkit.spec.provider import JSON

if TYPE_CHECKING:
    from contactkit._plans.plan import Plan

_LONGEST = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Lifting:
    """The part of a write that may be undone, by the proofs `given`, and why the rest stays."""

    changes: Mapping[str, JSON]
    given: tuple[Mapping[str, JSON], ...] = ()
    problems: tuple[FieldProblem, ...] = ()


class Grounds(Protocol):
    """Decides what of a no that was carried to a contact may be lifted."""

    def lift(self, write: PlannedWrite) -> Lifting:
        """What of this write may be undone."""
        ...


def check_lift(plan: Plan) -> None:
    """ConfigurationError for a plan that lifts noes if there may be newer ones by now.

    It is then old, or the journal no longer has what it undoes: it may have been applied before.
    """
    if not any(c.watched and c.opts_in(plan.provider) for c in plan.contacts):
        return
    age = datetime.fromtimestamp(plan.now(), UTC) - plan.created
    if age < timedelta(0):
        why = "was made in the future, by this machine's clock"
    elif age > _LONGEST:
        why = "was made over a day ago"
    elif not plan.session.plan_journal.accounts(undone_name(plan.name), plan.session.base_url):
        why = "undoes what the journal no longer has"
    else:
        return
    message = "undo again, since somebody may have said no since"
    raise ConfigurationError(f"the plan opts people in, and {why}: {message}")
