"""What `Plan.apply` may be asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from contactkit._http.session import Session
from contactkit._plans.progress import Progress, shown
from contactkit._plans.steps import OnConflict
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.validate import to_python

_MOST_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for, checked; a `stop_after_failures` below 1 is a share of what is sent."""

    dry_run: bool
    limit: int | None
    stop_after_failures: float | None
    concurrency: int
    on_conflict: OnConflict
    patience: float
    tell: Callable[[Progress], None] | None

    def most_failures(self, count: int) -> float:
        """How many are too many, of so many contacts that are sent."""
        most = self.stop_after_failures
        if most is None:
            return math.inf
        return max(1, math.ceil(most * count)) if isinstance(most, float) else most


def checked(
    session: Session,
    *,
    dry_run: Any = False,
    limit: Any = None,
    stop_after_failures: Any = None,
    concurrency: Any = 16,
    progress: bool | Callable[[Progress], None] = True,
    on_conflict: Any = None,
    patience: Any = None,
) -> Options:
    """The options, or InvalidInputError that says what is allowed."""
    if type(to_python(dry_run)) is not bool:
        _refuse(session, "dry_run", "must be True or False")
    if on_conflict not in (None, "refuse", "reread"):
        _refuse(session, "on_conflict", "must be 'refuse' or 'reread', or None to look at nothing")
    if not callable(progress) and type(to_python(progress)) is not bool:
        _refuse(session, "progress", "must be True or False, or take a Progress")
    tell = progress if callable(progress) else shown() if progress else None
    return Options(
        dry_run=bool(dry_run),
        limit=None if limit is None else _whole(session, "limit", limit, None),
        stop_after_failures=_failures(session, stop_after_failures),
        concurrency=_whole(session, "concurrency", concurrency, _MOST_AT_ONCE),
        on_conflict=on_conflict,
        patience=session.patience if patience is None else _seconds(session, patience),
        tell=tell,
    )


def _whole(session: Session, name: str, given: Any, most: int | None) -> int:
    value = to_python(given)
    if type(value) is not int or value < 1 or (most and value > most):
        until = f"from 1 to {most}" if most else "above 0"
        _refuse(session, name, f"must be a whole number {until}")
    return value


def _failures(session: Session, given: Any) -> float | None:
    value = to_python(given)
    if value is None or (type(value) is int and value >= 1):
        return value
    if type(value) is not float or not 0 < value < 1:
        message = "must be a whole number above 0, or a share between 0 and 1, as 0.05"
        _refuse(session, "stop_after_failures", message)
    return value


def _seconds(session: Session, given: Any) -> float:
    value = to_python(given)
    if type(value) not in (int, float) or not value >= 0:
        _refuse(session, "patience", "must be seconds, 0 or more")
    return float(value)


def _refuse(session: Session, name: str, message: str) -> NoReturn:
    where = f"{session.provider.name} apply"
    raise InvalidInputError(where, [FieldProblem(field=name, message=message)])
