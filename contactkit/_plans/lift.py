"""What lifts a no that was carried from other contacts: only what `people` can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from contactkit._plans.change import PlannedWrite
from contactkit.errors import FieldProblem
from contactkit.spec.provider import JSON


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
